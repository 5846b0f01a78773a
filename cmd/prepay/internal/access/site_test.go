package access

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// site is a server behind the middleware; /whoami says who asks.
type site struct {
	*bench
	*Authenticator
	url string
}

func newSite(t *testing.T, o AuthenticatorOptions) *site {
	t.Helper()
	s := &site{bench: newBench(t)}
	var err error
	if s.Authenticator, err = NewAuthenticator(s.bench.Store, o); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/whoami", func(w http.ResponseWriter, r *http.Request) {
		if p := From(r.Context()); p != nil {
			_, _ = io.WriteString(w, p.Actor())
		}
	})
	mux.HandleFunc("/address", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, ClientAddress(r.Context()).String())
	})
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		id, err := s.SignIn(r.Context(), r.PostFormValue("email"), r.PostFormValue("password"), ClientAddress(r.Context()))
		if err == nil {
			err = s.StartSession(w, r, id)
		}
		if err != nil {
			writeRefusal(w, r, err)
		}
	})
	mux.HandleFunc("POST /sign-out", func(w http.ResponseWriter, r *http.Request) {
		if err := s.EndSession(w, r); err != nil {
			writeRefusal(w, r, err)
		}
	})
	mux.HandleFunc("POST /keep", func(w http.ResponseWriter, r *http.Request) {
		if err := s.Keep(r.Context(), "said", r.PostFormValue("text")); err != nil {
			writeRefusal(w, r, err)
		}
	})
	mux.HandleFunc("POST /take", func(w http.ResponseWriter, r *http.Request) {
		text, err := s.Take(r.Context(), "said")
		if err != nil {
			writeRefusal(w, r, err)
			return
		}
		_, _ = io.WriteString(w, text)
	})
	mux.HandleFunc("GET /oidc/sign-in", s.SignInAtProvider)
	mux.HandleFunc("GET /oidc/callback", s.BackFromProvider)
	server := httptest.NewServer(s.Middleware(mux))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// Store is the bench's, also after it was opened again.
func (s *site) store() *Store { return s.bench.Store }

// browser is one browser with its cookies.
type browser struct {
	t      *testing.T
	site   *site
	client *http.Client
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, site: s, client: &http.Client{Jar: jar}}
}

// do makes a request; header is names and values in turn.
func (b *browser) do(method, path string, form url.Values, header ...string) (status int, text string) {
	b.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = b.site.url + path
	}
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (b *browser) signIn(email, password string) int {
	b.t.Helper()
	status, _ := b.do("POST", "/sign-in", url.Values{"email": {email}, "password": {password}})
	return status
}

// is checks who the browser is taken for; empty is nobody.
func (b *browser) is(want string) {
	b.t.Helper()
	if status, text := b.do("GET", "/whoami", nil); status != http.StatusOK || text != want {
		b.t.Fatalf("taken for %d %q, want %q", status, text, want)
	}
}

// cookies are what the browser would send.
func (b *browser) cookies() []*http.Cookie {
	u, _ := url.Parse(b.site.url)
	return b.client.Jar.Cookies(u)
}

// refused checks that the answer is a problem with a code.
func refused(t *testing.T, status int, text string, code Code) {
	t.Helper()
	var p struct{ Code Code }
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Code != code || status != code.Status() {
		t.Fatalf("answered %d %s, want %s", status, text, code)
	}
}
