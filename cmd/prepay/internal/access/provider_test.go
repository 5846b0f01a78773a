package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"prepayledger/cmd/prepay/internal/access/providertest"
)

// signInSite is a site with an identity provider.
func signInSite(t *testing.T, change func(*ProviderOptions)) (*site, *providertest.Provider) {
	t.Helper()
	idp := providertest.Start(t)
	idp.SignedIn(map[string]any{"sub": "42", "email": "Ana@Example.com", "email_verified": true, "prepay_role": "finance"})
	// The site's address is known only once it runs, so it is set afterwards.
	o := ProviderOptions{Issuer: idp.URL, ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, RedirectURL: "http://localhost/oidc/callback"}
	if change != nil {
		change(&o)
	}
	p, err := NewProvider(o)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, AuthenticatorOptions{Provider: p})
	p.opts.RedirectURL = s.url + "/oidc/callback"
	p.opts.Clock = func() time.Time { return s.now }
	idp.RedirectURL = p.opts.RedirectURL
	idp.Clock(p.opts.Clock)
	return s, idp
}

func TestProviderSignIn(t *testing.T) {
	s, _ := signInSite(t, nil)
	b := s.browser()
	if status, text := b.do("GET", "/oidc/sign-in?next=/whoami", nil); status != 200 || text != "finance:ana@example.com" {
		t.Fatal(status, text)
	}
	b.is("finance:ana@example.com")
	if e := s.newest(); e.Action != ActionSignedIn || e.Actor != "finance:ana@example.com" || e.Address != "127.0.0.1" {
		t.Errorf("logged %+v", e)
	}
	for _, c := range b.cookies() {
		if strings.HasSuffix(c.Name, "-flow") {
			t.Error("the flow's cookie is left")
		}
	}
	s.bench.again()
}

func TestProviderRoles(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any
		actor  string // empty is refused
	}{
		"a list":               {map[string]any{"prepay_role": []string{"users", "auditor"}}, "auditor:oidc/42"},
		"partner":              {map[string]any{"prepay_role": "partner", "prepay_partners": []string{"PA-1", "PA-2"}}, "partner:oidc/42"},
		"partner as text":      {map[string]any{"prepay_role": "partner", "prepay_partners": "PA-1, PA-2"}, "partner:oidc/42"},
		"no role":              {map[string]any{}, ""},
		"no role of ours":      {map[string]any{"prepay_role": "root"}, ""},
		"two roles":            {map[string]any{"prepay_role": []string{"finance", "admin"}}, ""},
		"no text":              {map[string]any{"prepay_role": 7}, ""},
		"partner of nothing":   {map[string]any{"prepay_role": "partner"}, ""},
		"not verified":         {map[string]any{"prepay_role": "finance", "email": "ana@example.com"}, "finance:oidc/42"},
		"verified says no":     {map[string]any{"prepay_role": "finance", "email": "ana@example.com", "email_verified": false}, "finance:oidc/42"},
		"verified but a trick": {map[string]any{"prepay_role": "finance", "email": "key/ana@example.com", "email_verified": true}, "finance:oidc/42"},
		"nobody":               {map[string]any{"sub": "", "prepay_role": "finance"}, ""},
	} {
		s, idp := signInSite(t, nil)
		claims := map[string]any{"sub": "42"}
		for k, v := range c.claims {
			claims[k] = v
		}
		idp.SignedIn(claims)
		b := s.browser()
		status, text := b.do("GET", "/oidc/sign-in?next=/whoami", nil)
		switch {
		case c.actor != "" && (status != 200 || text != c.actor):
			t.Errorf("%s: %d %s", name, status, text)
		case c.actor == "" && status != http.StatusUnauthorized:
			t.Errorf("%s: taken for %d %s", name, status, text)
		}
		if c.actor == "" {
			b.is("")
		}
	}
}

// TestProviderForgeries refuses tokens that are not what they should be.
func TestProviderForgeries(t *testing.T) {
	unsigned := func(claims map[string]any) string {
		body, _ := json.Marshal(claims)
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
	}
	symmetric := func(claims map[string]any) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte("a secret of both, that is long enough")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	other := providertest.Start(t)
	for name, c := range map[string]struct {
		change func(map[string]any)
		forge  func(map[string]any) string
	}{
		"another nonce":    {change: func(c map[string]any) { c["nonce"] = "x" }},
		"no nonce":         {change: func(c map[string]any) { delete(c, "nonce") }},
		"another audience": {change: func(c map[string]any) { c["aud"] = "shop" }},
		"another issuer":   {change: func(c map[string]any) { c["iss"] = other.URL }},
		"expired":          {change: func(c map[string]any) { c["exp"] = c["iat"].(int64) - 1 }},
		"never expires":    {change: func(c map[string]any) { delete(c, "exp") }},
		"not yet":          {change: func(c map[string]any) { c["nbf"] = c["exp"] }},
		"no signature":     {forge: unsigned},
		"a shared secret":  {forge: symmetric},
		"another's key":    {forge: other.Token},
		"no token":         {forge: func(map[string]any) string { return "" }},
	} {
		s, idp := signInSite(t, nil)
		idp.Change(c.change)
		idp.Forge(c.forge)
		b := s.browser()
		status, text := b.do("GET", "/oidc/sign-in", nil)
		if status != http.StatusUnauthorized || !strings.Contains(text, string(CodeSignIn)) {
			t.Errorf("%s: %d %s", name, status, text)
		}
		b.is("")
		if e := s.newest(); e.Action != ActionSignInFailed {
			t.Errorf("%s: logged %+v", name, e)
		}
		idp.Change(nil)
		idp.Forge(nil)
		if status, _ := b.do("GET", "/oidc/sign-in?next=/whoami", nil); status != 200 {
			t.Errorf("%s: does not work without it: %d", name, status)
		}
	}
}

// stop makes a browser stay where the provider would send it back, and returns
// that address.
func (b *browser) stop(path string) *url.URL {
	b.t.Helper()
	var back *url.URL
	b.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/oidc/callback" {
			back = r.URL
			return http.ErrUseLastResponse
		}
		return nil
	}
	b.do("GET", path, nil)
	b.client.CheckRedirect = nil
	if back == nil {
		b.t.Fatal("the provider did not send it back")
	}
	return back
}

func TestProviderAnswers(t *testing.T) {
	t.Run("count once", func(t *testing.T) {
		s, _ := signInSite(t, nil)
		b := s.browser()
		back := b.stop("/oidc/sign-in?next=/whoami")
		if status, _ := b.do("GET", back.String(), nil); status != 200 {
			t.Fatal(status)
		}
		other := s.browser()
		other.stop("/oidc/sign-in") // has a flow of its own
		status, text := other.do("GET", back.String(), nil)
		refused(t, status, text, CodeSignIn)
		status, text = b.do("GET", back.String(), nil)
		refused(t, status, text, CodeSignIn)
	})
	t.Run("count only in the browser that began", func(t *testing.T) {
		s, _ := signInSite(t, nil)
		attacker, victim := s.browser(), s.browser()
		back := attacker.stop("/oidc/sign-in")
		status, text := victim.do("GET", back.String(), nil)
		refused(t, status, text, CodeSignIn)
		victim.is("")
	})
	t.Run("need the state, the code and its verifier", func(t *testing.T) {
		for name, change := range map[string]func(url.Values){
			"another state":    func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) },
			"no state":         func(q url.Values) { q.Del("state") },
			"another code":     func(q url.Values) { q.Set("code", "x") },
			"no code":          func(q url.Values) { q.Del("code") },
			"an error":         func(q url.Values) { q.Set("error", "access_denied") },
			"another provider": func(q url.Values) { q.Set("iss", "https://evil.example") },
		} {
			s, _ := signInSite(t, nil)
			b := s.browser()
			back := b.stop("/oidc/sign-in")
			q := back.Query()
			change(q)
			status, text := b.do("GET", "/oidc/callback?"+q.Encode(), nil)
			if status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", name, status, text)
			}
			b.is("")
		}
		// The code of one flow in another: PKCE refuses it.
		s, _ := signInSite(t, nil)
		one, two := s.browser(), s.browser()
		stolen, back := one.stop("/oidc/sign-in"), two.stop("/oidc/sign-in")
		q := back.Query()
		q.Set("code", stolen.Query().Get("code"))
		status, text := two.do("GET", "/oidc/callback?"+q.Encode(), nil)
		refused(t, status, text, CodeSignIn)
	})
	t.Run("come in time", func(t *testing.T) {
		s, _ := signInSite(t, nil)
		b := s.browser()
		back := b.stop("/oidc/sign-in")
		s.now = s.now.Add(flowLife)
		status, text := b.do("GET", back.String(), nil)
		refused(t, status, text, CodeSignIn)
	})
	t.Run("may be a refusal", func(t *testing.T) {
		s, idp := signInSite(t, nil)
		idp.SignedIn(nil)
		status, text := s.browser().do("GET", "/oidc/sign-in", nil)
		refused(t, status, text, CodeSignIn)
	})
}

func TestProviderDown(t *testing.T) {
	s, idp := signInSite(t, nil)
	idp.Down(true)
	b := s.browser()
	status, text := b.do("GET", "/oidc/sign-in", nil)
	refused(t, status, text, CodeProvider)
	status, text = b.do("GET", "/whoami", nil, "Authorization", "Bearer "+idp.Token(map[string]any{"sub": "42", "prepay_role": "finance"}))
	refused(t, status, text, CodeProvider)
	idp.Down(false)
	status, text = b.do("GET", "/oidc/sign-in", nil) // it is not asked again at once
	refused(t, status, text, CodeProvider)
	s.now = s.now.Add(providerRetry)
	if status, text = b.do("GET", "/oidc/sign-in?next=/whoami", nil); status != 200 || text != "finance:ana@example.com" {
		t.Fatal(status, text)
	}
}

func TestProviderTokens(t *testing.T) {
	s, idp := signInSite(t, func(o *ProviderOptions) { o.Audience = "https://prepay.example" })
	good := map[string]any{"sub": "gateway", "aud": "https://prepay.example", "prepay_role": "service"}
	with := func(name string, value any) map[string]any {
		changed := map[string]any{name: value}
		for k, v := range good {
			if k != name {
				changed[k] = v
			}
		}
		return changed
	}
	ask := func(token string) (int, string) {
		return s.browser().do("GET", "/whoami", nil, "Authorization", "Bearer "+token)
	}
	if status, text := ask(idp.Token(good)); status != 200 || text != "service:oidc/gateway" {
		t.Fatal(status, text)
	}
	other := providertest.Start(t)
	for name, token := range map[string]string{
		"another audience": idp.Token(with("aud", idp.ClientID)),
		"another issuer":   idp.Token(with("iss", "https://evil.example")),
		"expired":          idp.Token(with("exp", s.now.Unix()-1)),
		"no role":          idp.Token(with("prepay_role", "")),
		"another's key":    other.Token(with("iss", idp.URL)),
		"cut off":          strings.TrimRight(idp.Token(good), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
	} {
		status, text := ask(token)
		if status != http.StatusUnauthorized || !strings.Contains(text, string(CodeCredential)) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	idp.NewKey() // it is asked for the new one
	if status, text := ask(idp.Token(good)); status != 200 {
		t.Errorf("after a change of keys: %d %s", status, text)
	}
	// Who sends many wrong ones can't have the provider asked any more.
	for range addressFailures {
		ask("a.b.c")
	}
	status, text := ask(idp.Token(good))
	refused(t, status, text, CodeTooMany)
}

func TestProviderOptionsRefused(t *testing.T) {
	good := ProviderOptions{Issuer: "https://id.example", ClientID: "prepay", RedirectURL: "https://prepay.example/oidc/callback"}
	if _, err := NewProvider(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ProviderOptions){
		"no issuer":         func(o *ProviderOptions) { o.Issuer = "" },
		"issuer in clear":   func(o *ProviderOptions) { o.Issuer = "http://id.example" },
		"no client":         func(o *ProviderOptions) { o.ClientID = "" },
		"redirect in clear": func(o *ProviderOptions) { o.RedirectURL = "http://prepay.example/oidc/callback" },
	} {
		o := good
		change(&o)
		if _, err := NewProvider(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	s := newSite(t, AuthenticatorOptions{})
	for _, path := range []string{"/oidc/sign-in", "/oidc/callback"} {
		status, text := s.browser().do("GET", path, nil)
		refused(t, status, text, CodeUnknown)
	}
}

func TestLocalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/accounts/PA-1?x=1#y": "/accounts/PA-1?x=1#y", "/": "/",
		"": "/", "accounts": "/", "//evil.example": "/", "/\\evil.example": "/", "https://evil.example": "/", "/%zz": "/",
		"\\/evil.example": "/", "/\t/evil.example": "/", "javascript:alert(1)": "/", "///evil.example": "/",
	} {
		if got := LocalPath(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// TestProviderSessionEnds signs somebody out everywhere who is no user here.
func TestProviderSessionEnds(t *testing.T) {
	s, _ := signInSite(t, nil)
	b := s.browser()
	b.do("GET", "/oidc/sign-in?next=/whoami", nil)
	var p *Principal
	for _, x := range s.store().sessions {
		p = x.Principal
	}
	if err := s.EndOwnSessions(RequestedBy(context.Background()), p); err != nil {
		t.Fatal(err)
	}
	status, text := b.do("GET", "/whoami", nil)
	refused(t, status, text, CodeCredential)
}
