package access

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"
	"go.uber.org/zap"
)

// AuthenticatorOptions say how requests are looked at.
type AuthenticatorOptions struct {
	// Secure says that browsers reach this over TLS, here or at a proxy: the
	// cookie is sent over TLS only then.
	Secure bool
	// TrustedProxies say in X-Forwarded-For whom they speak for.
	TrustedProxies []netip.Prefix
	// TrustedOrigins are other sites whose pages may send requests with the
	// session, such as https://portal.example.com. Usually there are none.
	TrustedOrigins []string
	// Provider is the identity provider; nil is none.
	Provider *Provider
	// Refuse answers a request that was refused: a *Refusal, or a failure. nil
	// writes problem details (RFC 9457). The cookie of a session that holds no
	// more is taken back already.
	Refuse func(w http.ResponseWriter, r *http.Request, err error)
	// Logger gets failures; nil is none.
	Logger *zap.Logger
}

// Authenticator finds out who makes a request.
type Authenticator struct {
	store    *Store
	opts     AuthenticatorOptions
	sessions *scs.SessionManager
	origin   *http.CrossOriginProtection
	flows    *flows
}

// NewAuthenticator returns one for the users, keys and sessions of a store.
func NewAuthenticator(s *Store, o AuthenticatorOptions) (*Authenticator, error) {
	if o.Refuse == nil {
		o.Refuse = writeRefusal
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	a := &Authenticator{store: s, opts: o, sessions: newSessions(s, o.Secure), origin: http.NewCrossOriginProtection()}
	for _, site := range o.TrustedOrigins {
		if err := a.origin.AddTrustedOrigin(site); err != nil {
			return nil, err
		}
	}
	var err error
	a.flows, err = newFlows(o.Secure)
	return a, err
}

// Store is where users, keys and sessions are.
func (a *Authenticator) Store() *Store { return a.store }

// caller is what is known of who makes a request, beside the Principal.
type caller struct {
	address netip.Addr
	// session is that of the request; zero where it has none.
	session digest
	until   time.Time
	// key is what its API key stands for; nil where it has none.
	key *credential
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	if c == nil {
		return caller{}
	}
	return *c
}

// RequestedBy is who makes the request of a context, for the log of access.
func RequestedBy(ctx context.Context) By {
	by := By{Address: addressText(callerOf(ctx).address)}
	if p := From(ctx); p != nil {
		by.Actor = p.Actor()
	}
	return by
}

// ClientAddress is the address of who makes the request of a context; invalid
// where it is not known.
func ClientAddress(ctx context.Context) netip.Addr { return callerOf(ctx).address }

// SessionEnds is when the session of the request ends at the latest; zero for
// API keys and tokens of the identity provider.
func SessionEnds(ctx context.Context) time.Time { return callerOf(ctx).until }

// Middleware puts into the context of a request who makes it: by an API key, a
// token, or the session of a browser. A request without any goes on as nobody's,
// and the route's Rule decides; one with a wrong one is refused at once.
func (a *Authenticator) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &caller{address: clientAddress(r, a.opts.TrustedProxies)}
		ctx := context.WithValue(r.Context(), callerKey{}, c)
		var p *Principal
		var err error
		if s := sentBy(r.Header); s.kind != sentNothing {
			p, err = a.credential(ctx, s, c)
		} else {
			w.Header().Add("Vary", "Cookie")
			ctx, p, err = a.browser(ctx, w, r, c)
		}
		if err != nil {
			a.refuse(w, r.WithContext(ctx), err)
			return
		}
		if p != nil {
			ctx = With(ctx, p)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// refuse answers a request, and logs what is our own fault.
func (a *Authenticator) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *Refusal
	if !errors.As(err, &refusal) && r.Context().Err() == nil {
		a.opts.Logger.Error("who makes a request can't be found out", zap.Error(err))
	}
	a.opts.Refuse(w, r, err)
}

func errCredential() error {
	return refuse(CodeCredential, "The API key or token is wrong, expired or revoked: send another, or none.")
}

func errSession() error { return refuse(CodeCredential, "The session has ended: sign in again.") }

// credential finds whose a key or token is.
func (a *Authenticator) credential(ctx context.Context, s sent, c *caller) (*Principal, error) {
	var p *Principal
	subject := ""
	switch s.kind {
	case sentKey:
		key, holds := a.store.lookUp(s.secret)
		switch {
		case holds:
			c.key, p = key, key.principal
		case key != nil:
			subject = "key/" + key.principal.Name // it expired
		}
	case sentToken:
		p = a.program(s.secret, c)
	case sentJWT:
		var err error
		if p, err = a.jwt(ctx, s.secret, c); err != nil {
			return nil, err
		}
	}
	if p != nil {
		return p, nil
	}
	if err := a.store.guard.wrongCredential(a.store.now(), c.address); err != nil {
		return nil, err
	}
	return nil, firstOf(a.store.logFailure(LogEntry{Action: ActionCredentialWrong, Subject: subject, Address: addressText(c.address)}), errCredential())
}

// program finds whose a program's token is.
func (a *Authenticator) program(token string, c *caller) *Principal {
	hash, ok := digestOf(token, TokenPrefix)
	if !ok {
		return nil
	}
	x, p := a.store.find(hash, true)
	if p == nil || !x.Program {
		return nil
	}
	c.session, c.until = hash, x.Deadline
	return p
}

// jwt finds who has a token of the identity provider; nil where it is wrong.
func (a *Authenticator) jwt(ctx context.Context, token string, c *caller) (*Principal, error) {
	if a.opts.Provider == nil {
		return nil, nil
	}
	if err := a.store.guard.mayTry(a.store.now(), c.address); err != nil {
		return nil, err // a wrong one may make us ask the provider for new keys
	}
	p, err := a.opts.Provider.Token(ctx, token)
	if errors.Is(err, Refused(CodeCredential)) {
		return nil, nil
	}
	return p, err
}

// browser finds whose session a browser has. What changes something must come
// from a page of this site, also where nobody is signed in: another site must
// not sign somebody in as somebody else.
func (a *Authenticator) browser(ctx context.Context, w http.ResponseWriter, r *http.Request, c *caller) (context.Context, *Principal, error) {
	if err := a.origin.Check(r); err != nil {
		return ctx, nil, refuse(CodeCrossSite, "The request came from a page of another site: open the page here and try again.")
	}
	token := ""
	var p *Principal
	if cookie, err := r.Cookie(a.sessions.Cookie.Name); err == nil {
		token = cookie.Value
		hash, x := digest{}, (*session)(nil)
		if hash, err = parseDigest(hashed(token)); err == nil {
			x, p = a.store.find(hash, true)
		}
		if p == nil || x.Program {
			a.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
			return ctx, nil, errSession()
		}
		c.session, c.until = hash, x.Deadline
	}
	ctx, err := a.sessions.Load(ctx, token)
	return ctx, p, err
}

// Recheck reports whether who makes a request still has access as when it
// began; it does not count as a use. What streams for long asks now and then.
func (a *Authenticator) Recheck(ctx context.Context) bool {
	p := From(ctx)
	c := callerOf(ctx)
	switch {
	case p == nil:
		return true
	case c.session != digest{}:
		_, now := a.store.find(c.session, false)
		return now != nil
	case c.key != nil:
		return a.store.holds(c.key)
	default:
		return true // a token of the identity provider, which can't be taken back
	}
}

// StartSession begins the session of a browser, with a new token, and ends the
// one that the browser had.
func (a *Authenticator) StartSession(w http.ResponseWriter, r *http.Request, id *Identity) error {
	ctx, err := a.sessions.Load(r.Context(), "")
	if err != nil {
		return err
	}
	if err := errors.Join(a.sessions.Clear(ctx), a.sessions.RenewToken(ctx)); err != nil {
		return err
	}
	token, _, err := a.sessions.Commit(context.WithValue(ctx, beginning{}, id))
	if err != nil {
		return err
	}
	a.sessions.WriteSessionCookie(ctx, w, token, a.store.now().Add(SessionLife))
	return nil
}

// EndSession signs out: the session of the request ends, a browser's or a
// program's, and the browser's cookie is taken back. Without a session it does
// nothing.
func (a *Authenticator) EndSession(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r.Context())
	if c.session == (digest{}) {
		return nil
	}
	if err := a.store.end(c.session, RequestedBy(r.Context())); err != nil {
		return err
	}
	if sentBy(r.Header).kind == sentNothing {
		a.sessions.WriteSessionCookie(r.Context(), w, "", time.Time{})
	}
	return nil
}

// Keep has the session of a browser carry a text until Take takes it, such as
// what the next page says.
func (a *Authenticator) Keep(ctx context.Context, name, text string) error {
	a.sessions.Put(ctx, name, text)
	_, _, err := a.sessions.Commit(ctx)
	return err
}

// Take returns a text that Keep kept, once; empty is none.
func (a *Authenticator) Take(ctx context.Context, name string) (string, error) {
	if !a.sessions.Exists(ctx, name) {
		return "", nil
	}
	text := a.sessions.PopString(ctx, name)
	_, _, err := a.sessions.Commit(ctx)
	return text, err
}

// writeRefusal answers with problem details (RFC 9457).
func writeRefusal(w http.ResponseWriter, _ *http.Request, err error) {
	status, code, detail := http.StatusInternalServerError, "failed", "The ledger failed: try again, and tell its operator."
	var refusal *Refusal
	if errors.As(err, &refusal) {
		status, code, detail = refusal.Code.Status(), string(refusal.Code), refusal.Message
		if refusal.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(refusal.RetryAfter/time.Second)))
		}
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="prepay"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "urn:prepay:problem:" + code, "title": http.StatusText(status), "status": status, "code": code, "detail": detail,
	})
}
