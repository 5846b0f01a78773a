package access

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSession(t *testing.T) {
	t.Run("begins with a new token and ends with signing out", func(t *testing.T) {
		s := newSite(t, AuthenticatorOptions{})
		s.user("ana@example.com", RoleFinance)
		s.user("ben@example.com", RoleAuditor)
		b := s.browser()
		b.is("")
		if status := b.signIn("ana@example.com", "wrong"); status != http.StatusUnauthorized {
			t.Fatal(status)
		}
		b.is("")
		if status := b.signIn("ana@example.com", goodPassword); status != http.StatusOK {
			t.Fatal(status)
		}
		b.is("finance:ana@example.com")
		first := b.cookies()[0].Value
		if status := b.signIn("ben@example.com", goodPassword); status != http.StatusOK {
			t.Fatal(status)
		}
		b.is("auditor:ben@example.com")
		stolen := s.browser()
		if status, text := stolen.do("GET", "/whoami", nil, "Cookie", "prepay="+first); status != http.StatusUnauthorized {
			t.Fatalf("the first session outlives the second: %d %s", status, text)
		}
		second := b.cookies()[0].Value
		if status, text := b.do("POST", "/sign-out", url.Values{}); status != http.StatusOK || len(b.cookies()) != 0 {
			t.Fatal(status, text, b.cookies())
		}
		b.is("")
		status, text := stolen.do("GET", "/whoami", nil, "Cookie", "prepay="+second)
		refused(t, status, text, CodeCredential)
		if e := s.newest(); e.Action != ActionSignedOut || e.Actor != "auditor:ben@example.com" || e.Address != "127.0.0.1" {
			t.Errorf("logged %+v", e)
		}
	})
	t.Run("can't be fixed by who chooses its token", func(t *testing.T) {
		s := newSite(t, AuthenticatorOptions{})
		s.user("ana@example.com", RoleFinance)
		b := s.browser()
		chosen := strings.Repeat("A", 43)
		status, _ := b.do("POST", "/sign-in", url.Values{"email": {"ana@example.com"}, "password": {goodPassword}}, "Cookie", "prepay="+chosen)
		if status != http.StatusUnauthorized {
			t.Fatal("a token that nobody gave goes on:", status)
		}
		b.is("") // its cookie was taken back
	})
	t.Run("survives a restart", func(t *testing.T) {
		s := newSite(t, AuthenticatorOptions{})
		s.user("ana@example.com", RoleFinance)
		b := s.browser()
		b.signIn("ana@example.com", goodPassword)
		token := b.cookies()[0].Value
		s.bench.again()
		a, err := NewAuthenticator(s.store(), AuthenticatorOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "prepay", Value: token})
		a.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if p := From(r.Context()); p == nil || p.Name != "ana@example.com" {
				t.Errorf("principal %+v", p)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	})
	t.Run("is not a program's, nor the other way", func(t *testing.T) {
		s := newSite(t, AuthenticatorOptions{})
		s.user("ana@example.com", RoleFinance)
		id, _ := s.SignIn(context.Background(), "ana@example.com", goodPassword, client)
		token, _, err := s.IssueToken(id, By{})
		if err != nil {
			t.Fatal(err)
		}
		b := s.browser()
		if status, text := b.do("GET", "/whoami", nil, "Authorization", "Bearer "+token); status != 200 || text != "finance:ana@example.com" {
			t.Fatal(status, text)
		}
		status, text := b.do("GET", "/whoami", nil, "Cookie", "prepay="+token)
		refused(t, status, text, CodeCredential)
		b.signIn("ana@example.com", goodPassword)
		status, text = s.browser().do("GET", "/whoami", nil, "Authorization", "Bearer pt_"+b.cookies()[0].Value)
		refused(t, status, text, CodeCredential)
		if status, _ = s.browser().do("POST", "/sign-out", url.Values{}, "Authorization", "Bearer "+token); status != 200 {
			t.Fatal(status)
		}
		status, text = s.browser().do("GET", "/whoami", nil, "Authorization", "Bearer "+token)
		refused(t, status, text, CodeCredential)
	})
}

func TestSessionTimes(t *testing.T) {
	for _, c := range []struct {
		role Role
		idle time.Duration
	}{{RoleFinance, SessionIdle}, {RolePartner, PartnerIdle}} {
		s := newSite(t, AuthenticatorOptions{})
		actor := string(c.role) + ":ana@example.com"
		var partners []string
		if c.role == RolePartner {
			partners = []string{"PA-1"}
		}
		s.user("ana@example.com", c.role, partners...)
		b := s.browser()
		b.signIn("ana@example.com", goodPassword)
		began := s.now
		for s.now.Add(c.idle).Before(began.Add(SessionLife)) { // used all the time
			s.now = s.now.Add(c.idle)
			b.is(actor)
		}
		s.now = began.Add(SessionLife)
		status, text := b.do("GET", "/whoami", nil)
		refused(t, status, text, CodeCredential)
		b.is("")

		b.signIn("ana@example.com", goodPassword)
		s.now = s.now.Add(c.idle + usePrecision)
		status, text = b.do("GET", "/whoami", nil)
		refused(t, status, text, CodeCredential)
		if err := s.store().tidy(); err != nil {
			t.Fatal(err)
		}
		if n := len(s.store().sessions); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	}
}

// TestSessionNotBroughtBack: what a request that takes long keeps in its
// session does not bring it back after it ended.
func TestSessionNotBroughtBack(t *testing.T) {
	s := newSite(t, AuthenticatorOptions{})
	u := s.user("ana@example.com", RoleFinance)
	b := s.browser()
	b.signIn(u.Email, goodPassword)
	if status, text := b.do("POST", "/keep", url.Values{"text": {"saved"}}); status != 200 {
		t.Fatal(status, text)
	}
	if _, text := b.do("POST", "/take", url.Values{}); text != "saved" {
		t.Fatalf("took %q", text)
	}
	if _, text := b.do("POST", "/take", url.Values{}); text != "" {
		t.Fatalf("took %q twice", text)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(b.cookies()[0])
	s.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !s.Recheck(r.Context()) {
			t.Error("has no access at first")
		}
		if _, err := s.EndSessions(context.Background(), admin, u.ID); err != nil {
			t.Fatal(err)
		}
		if s.Recheck(r.Context()) {
			t.Error("has access yet")
		}
		wantRefused(t, s.Keep(r.Context(), "said", "saved"), CodeCredential)
	})).ServeHTTP(httptest.NewRecorder(), r)
	status, text := b.do("GET", "/whoami", nil)
	refused(t, status, text, CodeCredential)
}

func TestSessionsAreFew(t *testing.T) {
	s := newSite(t, AuthenticatorOptions{})
	u := s.user("ana@example.com", RoleFinance)
	var all []*browser
	for range MaxSessions + 1 {
		s.now = s.now.Add(time.Minute)
		b := s.browser()
		b.signIn(u.Email, goodPassword)
		all = append(all, b)
		if len(all) == 2 {
			s.now = s.now.Add(time.Minute)
			all[0].is("finance:ana@example.com") // so that the second is the one not used for longest
		}
	}
	all[0].is("finance:ana@example.com")
	all[2].is("finance:ana@example.com")
	status, text := all[1].do("GET", "/whoami", nil)
	refused(t, status, text, CodeCredential)
	p := u.Principal()
	if n := len(s.Sessions(p)); n != MaxSessions {
		t.Errorf("%d sessions", n)
	}
	if err := s.EndOwnSessions(By{Actor: p.Actor()}, p); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Sessions(p)); n != 0 {
		t.Errorf("%d sessions after signing out everywhere", n)
	}
}

func TestCookie(t *testing.T) {
	for _, c := range []struct {
		secure bool
		name   string
	}{{true, "__Host-prepay"}, {false, "prepay"}} {
		s := newSite(t, AuthenticatorOptions{Secure: c.secure})
		s.user("ana@example.com", RoleFinance)
		form := url.Values{"email": {"ana@example.com"}, "password": {goodPassword}}
		res, err := http.PostForm(s.url+"/sign-in", form)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		cookies := res.Cookies()
		if len(cookies) != 1 {
			t.Fatalf("cookies %v", cookies)
		}
		k := cookies[0]
		if k.Name != c.name || k.Secure != c.secure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" || !k.Expires.IsZero() || k.MaxAge != 0 {
			t.Errorf("cookie %s", k.Raw)
		}
	}
}

func TestCrossSite(t *testing.T) {
	s := newSite(t, AuthenticatorOptions{TrustedOrigins: []string{"https://portal.example.com"}})
	s.user("ana@example.com", RoleFinance)
	_, key := s.key(NewKey{Name: "gateway", Role: RoleService})
	b := s.browser()
	b.signIn("ana@example.com", goodPassword)
	for _, header := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
	} {
		status, text := b.do("POST", "/whoami", url.Values{}, header...)
		refused(t, status, text, CodeCrossSite)
		// Nobody who is signed in: the page would sign its visitor in as somebody.
		status, text = s.browser().do("POST", "/sign-in", url.Values{"email": {"ana@example.com"}, "password": {goodPassword}}, header...)
		refused(t, status, text, CodeCrossSite)
		if status, _ := b.do("GET", "/whoami", nil, header...); status != 200 {
			t.Errorf("%v: a link from another site does not work: %d", header, status)
		}
		if status, text := s.browser().do("POST", "/whoami", url.Values{}, append(header, "X-API-Key", key)...); status != 200 || text != "service:key/gateway" {
			t.Errorf("%v: a key can be sent from anywhere: %d %s", header, status, text)
		}
	}
	for _, header := range [][]string{{}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", s.url}, {"Origin", "https://portal.example.com"}} {
		if status, text := b.do("POST", "/whoami", url.Values{}, header...); status != 200 {
			t.Errorf("%v: %d %s", header, status, text)
		}
	}
	if _, err := NewAuthenticator(s.store(), AuthenticatorOptions{TrustedOrigins: []string{"portal"}}); err == nil {
		t.Error("portal is taken for an origin")
	}
}

func TestCredentials(t *testing.T) {
	s := newSite(t, AuthenticatorOptions{})
	k, key := s.key(NewKey{Name: "gateway", Role: RoleService})
	_, revoked := s.key(NewKey{Name: "old", Role: RoleService})
	if _, err := s.RevokeKey(context.Background(), admin, "old"); err != nil {
		t.Fatal(err)
	}
	for _, header := range [][]string{{"X-API-Key", key}, {"Authorization", "Bearer " + key}, {"authorization", "bearer " + key}} {
		if status, text := s.browser().do("GET", "/whoami", nil, header...); status != 200 || text != "service:key/gateway" {
			t.Errorf("%v: %d %s", header, status, text)
		}
	}
	for _, header := range [][]string{
		{"X-API-Key", ""}, {"X-API-Key", "wrong"}, {"X-API-Key", revoked}, {"X-API-Key", "Bearer " + key},
		{"Authorization", ""}, {"Authorization", key}, {"Authorization", "Basic " + key}, {"Authorization", "Bearer  " + key},
		{"Authorization", "Bearer a.b.c"}, {"Authorization", "Bearer " + strings.Repeat("a", 20000)},
		{"X-API-Key", key, "X-API-Key", key}, {"X-API-Key", key, "Authorization", "Bearer " + key},
	} {
		status, text := s.browser().do("GET", "/whoami", nil, header...)
		refused(t, status, text, CodeCredential)
	}
	s.now = *k.ExpiresAt
	status, text := s.browser().do("GET", "/whoami", nil, "X-API-Key", key)
	refused(t, status, text, CodeCredential)
	if e := s.newest(); e.Action != ActionCredentialWrong || e.Subject != "key/gateway" {
		t.Errorf("logged %+v", e)
	}
}

// TestWrongKeysWait: who sends many wrong keys must wait; right ones work all
// the same, and so does signing in.
func TestWrongKeysWait(t *testing.T) {
	s := newSite(t, AuthenticatorOptions{})
	s.user("ana@example.com", RoleFinance)
	_, key := s.key(NewKey{Name: "gateway", Role: RoleService})
	b := s.browser()
	wrong := key[:10] + strings.Repeat("A", 36)
	for range addressFailures {
		status, text := b.do("GET", "/whoami", nil, "X-API-Key", wrong)
		refused(t, status, text, CodeCredential)
	}
	status, text := b.do("GET", "/whoami", nil, "X-API-Key", wrong)
	refused(t, status, text, CodeTooMany)
	if status, _ := b.do("GET", "/whoami", nil, "X-API-Key", key); status != 200 {
		t.Error("the right key:", status)
	}
	if status := b.signIn("ana@example.com", goodPassword); status != 200 {
		t.Error("signing in:", status)
	}
	s.now = s.now.Add(addressRefill)
	status, text = b.do("GET", "/whoami", nil, "X-API-Key", wrong)
	refused(t, status, text, CodeCredential)
}

func TestKeyRecheck(t *testing.T) {
	s := newSite(t, AuthenticatorOptions{})
	_, key := s.key(NewKey{Name: "gateway", Role: RoleService})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-API-Key", key)
	s.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := s.store().tidy(); err != nil || !s.Recheck(r.Context()) {
			t.Error("has no access at first", err)
		}
		if _, _, err := s.RotateKey(context.Background(), admin, "gateway", time.Hour); err != nil || !s.Recheck(r.Context()) {
			t.Error("has no access in the overlap", err)
		}
		s.now = s.now.Add(time.Hour)
		if s.Recheck(r.Context()) {
			t.Error("has access after the overlap")
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

func TestClientAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		trusted      []netip.Prefix
		want         string
	}{
		{"direct", "192.0.2.1:5", nil, proxies, "192.0.2.1"},
		{"who says so itself", "192.0.2.1:5", []string{"198.51.100.1"}, proxies, "192.0.2.1"},
		{"nobody is trusted", "10.0.0.1:5", []string{"198.51.100.1"}, nil, "10.0.0.1"},
		{"by a proxy", "10.0.0.1:5", []string{"198.51.100.1"}, proxies, "198.51.100.1"},
		{"by two", "10.0.0.1:5", []string{"198.51.100.1, 10.0.0.2"}, proxies, "198.51.100.1"},
		{"in two headers", "10.0.0.1:5", []string{"203.0.113.9", "198.51.100.1"}, proxies, "198.51.100.1"},
		{"who put one before", "10.0.0.1:5", []string{"127.0.0.1, 198.51.100.1"}, proxies, "198.51.100.1"},
		{"nonsense before", "10.0.0.1:5", []string{"x, 10.0.0.2"}, proxies, "10.0.0.2"},
		{"nothing", "10.0.0.1:5", nil, proxies, "10.0.0.1"},
		{"IPv6", "[2001:db8::1]:5", []string{"2001:db9::7"}, proxies, "2001:db9::7"},
		{"mapped", "[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.1"}, proxies, "198.51.100.1"},
		{"no address", "@", nil, proxies, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := clientAddress(r, c.trusted).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	s := newSite(t, AuthenticatorOptions{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	if _, text := s.browser().do("GET", "/address", nil, "X-Forwarded-For", "198.51.100.1"); text != "198.51.100.1" {
		t.Errorf("the handler sees %q", text)
	}
}

// FuzzCredentials reads any headers without taking anybody for somebody.
func FuzzCredentials(f *testing.F) {
	secret, _ := newSecret(KeyPrefix)
	for _, seed := range [][2]string{{secret, ""}, {"", "Bearer " + secret}, {"", "Bearer a.b.c"}, {secret, "Bearer x"}, {"", "Basic x"}} {
		f.Add(seed[0], seed[1], "prepay=x")
	}
	s, err := Open(f.TempDir(), Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	a, err := NewAuthenticator(s, AuthenticatorOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, token, cookie string) {
		r := httptest.NewRequest("GET", "/", nil)
		for name, value := range map[string]string{"X-Api-Key": key, "Authorization": token, "Cookie": cookie} {
			if value != "" {
				r.Header[name] = []string{value}
			}
		}
		w := httptest.NewRecorder()
		reached := false
		a.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			reached = true
			if p := From(r.Context()); p != nil {
				t.Errorf("taken for %+v", p)
			}
		})).ServeHTTP(w, r)
		if sent := key != "" || token != ""; sent && reached {
			t.Error("a wrong credential goes on as nobody's")
		}
		if !reached && w.Code != http.StatusUnauthorized && w.Code != http.StatusTooManyRequests {
			t.Errorf("answered %d", w.Code)
		}
	})
}

// BenchmarkMiddleware is what finding out who asks costs a request, with a key
// and with a browser's session; the bare handler beside it.
func BenchmarkMiddleware(b *testing.B) {
	s, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	a, err := NewAuthenticator(s, AuthenticatorOptions{})
	if err != nil {
		b.Fatal(err)
	}
	_, key, err := s.CreateKey(context.Background(), admin, NewKey{Name: "gateway", Role: RoleService})
	if err != nil {
		b.Fatal(err)
	}
	browser := httptest.NewRecorder()
	who := &Identity{Principal: &Principal{Kind: KindUser, ID: "u-1", Name: "ana@example.com", Role: RoleFinance}}
	if err := a.StartSession(browser, httptest.NewRequest("GET", "/", nil), who); err != nil {
		b.Fatal(err)
	}
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		name, header, value string
		h                   http.Handler
	}{
		{"bare", "X-API-Key", key, next},
		{"key", "X-API-Key", key, a.Middleware(next)},
		{"session", "Cookie", browser.Result().Cookies()[0].String(), a.Middleware(next)},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/v1/accounts/PA-1/balance", nil)
			r.Header.Set(c.header, c.value)
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				c.h.ServeHTTP(w, r)
				if w.Code >= 400 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
