package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// The names of the session's cookie. The prefix makes browsers take it over
// TLS only, from this very host, for all of its paths.
const (
	cookieName       = "prepay"
	secureCookieName = "__Host-prepay"
)

// newSessions returns the manager of browsers' sessions. How long they hold
// is the store's decision alone; the cookie ends with the browser.
func newSessions(s *Store, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store, m.Codec, m.HashTokenInStore = sessionStore{s}, sessionCodec{}, true
	m.Lifetime = SessionLife
	m.Cookie.Name, m.Cookie.Secure, m.Cookie.Persist = cookieName, secure, false
	m.Cookie.HttpOnly, m.Cookie.SameSite, m.Cookie.Path = true, http.SameSiteLaxMode, "/"
	if secure {
		m.Cookie.Name = secureCookieName
	}
	return m
}

// sessionCodec writes what a session carries as JSON: text by name.
type sessionCodec struct{}

// Encode implements scs.Codec. The deadline is the store's to keep.
func (sessionCodec) Encode(_ time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(values)
}

// Decode implements scs.Codec.
func (sessionCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	values := make(map[string]any)
	err := json.Unmarshal(b, &values)
	return time.Time{}, values, err
}

// beginning is the key of the Identity, in the context of the one Commit that
// begins a session.
type beginning struct{}

// errNoContext is for what scs only calls for stores without contexts.
var errNoContext = errors.New("access: sessions need a context")

// sessionStore is the store as scs sees it. Tokens come to it hashed.
type sessionStore struct{ *Store }

var _ scs.CtxStore = sessionStore{}

func parseDigest(token string) (d digest, err error) {
	if len(token) != secretLength-len(KeyPrefix) {
		return d, errSession()
	}
	return d, d.UnmarshalText([]byte(token))
}

// FindCtx implements scs.CtxStore.
func (s sessionStore) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	hash, err := parseDigest(token)
	if err != nil {
		return nil, false, err
	}
	x, p := s.find(hash, true)
	if p == nil || x.Program {
		return nil, false, nil
	}
	return x.Data, true, nil
}

// CommitCtx implements scs.CtxStore. It begins a session where the context has
// an identity; else it changes what a session carries that still holds: one
// that ended meanwhile is not brought back.
func (s sessionStore) CommitCtx(ctx context.Context, token string, data []byte, _ time.Time) error {
	hash, err := parseDigest(token)
	if err != nil {
		return err
	}
	if id, ok := ctx.Value(beginning{}).(*Identity); ok {
		return s.begin(id, hash, false, data, By{Address: addressText(callerOf(ctx).address)})
	}
	return s.carry(hash, data)
}

// DeleteCtx implements scs.CtxStore.
func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	hash, err := parseDigest(token)
	if err != nil {
		return err
	}
	return s.end(hash, RequestedBy(ctx))
}

// Find, Commit and Delete implement scs.Store, which scs does not call.
func (sessionStore) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (sessionStore) Commit(string, []byte, time.Time) error { return errNoContext }
func (sessionStore) Delete(string) error                    { return errNoContext }

// carry changes what a session carries.
func (s *Store) carry(hash digest, data []byte) error {
	if len(data) > MaxSessionData {
		return refuse(CodeLimit, "The session carries too much.")
	}
	return s.change(func(c *change) error {
		x := s.sessions[hash]
		if x == nil || s.principal(x, c.now) == nil {
			return errSession()
		}
		changed := *x
		changed.Data = data
		return c.putSession(&changed)
	})
}

// hashed is a browser's token as it is kept; scs hashes so, too.
func hashed(token string) string {
	d := digest(sha256.Sum256([]byte(token)))
	return base64.RawURLEncoding.EncodeToString(d[:])
}
