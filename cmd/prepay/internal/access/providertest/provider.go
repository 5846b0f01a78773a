// Package providertest is an identity provider (OpenID Connect) for tests: it
// discovers, authorizes, checks PKCE, gives tokens signed with RS256 and
// publishes its keys, as a real one does. Nobody types a password: whoever
// comes is signed in as the person that the test set.
package providertest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// keyBits is the size of its key: small, to be quick.
const keyBits = 2048

// Provider is a running identity provider.
type Provider struct {
	// URL is its issuer.
	URL string
	// ClientID and ClientSecret are what it knows its one client by.
	ClientID, ClientSecret string
	// RedirectURL is where it sends browsers back; another is refused.
	RedirectURL string

	mu     sync.Mutex
	key    *rsa.PrivateKey
	kid    string
	codes  map[string]grant
	claims map[string]any
	change func(map[string]any)
	forge  func(map[string]any) string
	down   bool
	clock  func() time.Time
}

// grant is what a code stands for.
type grant struct{ challenge, nonce, redirect string }

// Start starts one, which ends with the test.
func Start(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{ClientID: "prepay", ClientSecret: "a secret of both", codes: make(map[string]grant), clock: time.Now}
	p.NewKey()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		down := p.down
		p.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// NewKey makes it sign with another key from now on.
func (p *Provider) NewKey() {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.kid = key, random()
}

// SignedIn sets who is signed in: the claims, sub among them.
func (p *Provider) SignedIn(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims = claims
}

// Change has the claims of tokens changed before they are signed; nil is not.
func (p *Provider) Change(f func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change = f
}

// Forge has tokens made by f; nil is not.
func (p *Provider) Forge(f func(claims map[string]any) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forge = f
}

// Down has it answer nothing but errors.
func (p *Provider) Down(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Clock sets its time.
func (p *Provider) Clock(clock func() time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock = clock
}

// Token signs claims, completed with issuer, audience and times where they are
// missing.
func (p *Provider) Token(claims map[string]any) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sign(p.complete(claims))
}

func (p *Provider) complete(claims map[string]any) map[string]any {
	all := map[string]any{"iss": p.URL, "aud": p.ClientID, "iat": p.clock().Unix(), "exp": p.clock().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	return all
}

func (p *Provider) sign(claims map[string]any) string {
	if p.forge != nil {
		return p.forge(claims)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.kid}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err)
	}
	return text
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: p.kid, Algorithm: "RS256", Use: "sig"}}})
}

// authorize sends the browser back with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	switch {
	case q.Get("client_id") != p.ClientID || q.Get("redirect_uri") != p.RedirectURL:
		http.Error(w, "unknown client or redirect", http.StatusBadRequest) // never redirect there
		return
	case q.Get("response_type") != "code" || !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		p.back(w, r, url.Values{"error": {"invalid_request"}, "state": {q.Get("state")}})
		return
	case q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "":
		p.back(w, r, url.Values{"error": {"invalid_request"}, "state": {q.Get("state")}})
		return
	case p.claims == nil:
		p.back(w, r, url.Values{"error": {"access_denied"}, "state": {q.Get("state")}})
		return
	}
	code := random()
	p.codes[code] = grant{challenge: q.Get("code_challenge"), nonce: q.Get("nonce"), redirect: q.Get("redirect_uri")}
	p.back(w, r, url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}})
}

func (p *Provider) back(w http.ResponseWriter, r *http.Request, answer url.Values) {
	http.Redirect(w, r, p.RedirectURL+"?"+answer.Encode(), http.StatusFound)
}

// token gives tokens for a code, once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	id, secret, ok := r.BasicAuth()
	if ok {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.ClientID || secret != p.ClientSecret {
		write(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	g, ok := p.codes[code]
	delete(p.codes, code)
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != g.redirect ||
		base64.RawURLEncoding.EncodeToString(challenge[:]) != g.challenge {
		write(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := p.complete(p.claims)
	claims["nonce"] = g.nonce
	if p.change != nil {
		p.change(claims)
	}
	write(w, http.StatusOK, map[string]any{"access_token": random(), "token_type": "Bearer", "expires_in": 3600, "id_token": p.sign(claims)})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func random() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
