package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// flowLife is how long somebody may take at the identity provider (time).
const flowLife = 10 * time.Minute

// flow is a sign-in at the identity provider that is under way. It lies in a
// cookie, encrypted: who begins a million of them takes no memory here.
type flow struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	Next     string    `json:"next"`
	Expires  time.Time `json:"expires"`
}

// flows keeps them. Its key is the process's own: after a restart people begin
// anew.
type flows struct {
	aead   cipher.AEAD
	secure bool
}

func newFlows(secure bool) (*flows, error) {
	var key [32]byte
	rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &flows{aead: aead, secure: secure}, err
}

func (f *flows) cookie(value string, age int) *http.Cookie {
	name := cookieName + "-flow"
	if f.secure {
		name = secureCookieName + "-flow"
	}
	return &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: age, Secure: f.secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, // the provider's redirect back is a navigation, which brings it
	}
}

// begin has the browser keep a flow.
func (f *flows) begin(w http.ResponseWriter, x *flow) error {
	text, err := json.Marshal(x)
	if err != nil {
		return err
	}
	sealed := f.aead.Seal(nil, nil, text, nil)
	http.SetCookie(w, f.cookie(base64.RawURLEncoding.EncodeToString(sealed), int(flowLife/time.Second)))
	return nil
}

// finish returns the flow that the browser kept, and has it kept no more; nil
// where there is none that holds.
func (f *flows) finish(w http.ResponseWriter, r *http.Request, now time.Time) *flow {
	cookie, err := r.Cookie(f.cookie("", 0).Name)
	if err != nil {
		return nil
	}
	http.SetCookie(w, f.cookie("", -1))
	sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return nil
	}
	text, err := f.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil
	}
	x := &flow{}
	if json.Unmarshal(text, x) != nil || !now.Before(x.Expires) {
		return nil
	}
	return x
}

// LocalPath returns a path of this site to go on with after signing in, and /
// for anything else: a link to the sign-in must not lead elsewhere.
func LocalPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}
