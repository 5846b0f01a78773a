package access

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"go.uber.org/zap"
	"golang.org/x/oauth2"
)

// Claims of the identity provider's tokens, unless told otherwise.
const (
	DefaultRoleClaim     = "prepay_role"
	DefaultPartnersClaim = "prepay_partners"
)

const (
	// providerTimeout is how long one question to the identity provider may
	// take (time).
	providerTimeout = 10 * time.Second
	// providerRetry is for how long a provider that did not answer is not asked
	// again (time).
	providerRetry = 5 * time.Second
	// maxSubject is how long a subject may be that names an actor (bytes).
	maxSubject = 128
)

// algorithms are those that tokens may be signed with: none that takes a secret
// of both sides, and not none.
func algorithms() []string {
	return []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
}

// ProviderOptions name an identity provider (OpenID Connect).
type ProviderOptions struct {
	// Issuer is its address, exactly as its tokens say it.
	Issuer string
	// ClientID and ClientSecret are what it knows prepay by. Without a secret
	// prepay is a public client; PKCE is used in both cases.
	ClientID     string
	ClientSecret string
	// RedirectURL is prepay's /oidc/callback, as browsers see it.
	RedirectURL string
	// RoleClaim names the claim with the role, or a list with one of our roles
	// in it. Empty is DefaultRoleClaim.
	RoleClaim string
	// PartnersClaim names the claim with a partner's accounts: a list, or text
	// with spaces or commas between them. Empty is DefaultPartnersClaim.
	PartnersClaim string
	// Audience is what bearer tokens must be for. Empty is the ClientID.
	Audience string
	// Scopes are asked for beside openid; nil is email and profile.
	Scopes []string
	// Client makes the requests; nil is one with a timeout.
	Client *http.Client
	// Clock is the time; nil is time.Now.
	Clock func() time.Time
	// Logger gets why the provider can't be used; nil is none.
	Logger *zap.Logger
}

// Provider signs people in who have an account at an identity provider, and
// reads its tokens. It is found when it is first needed: one that is down does
// not keep the ledger from running.
type Provider struct {
	opts ProviderOptions

	mu     sync.Mutex
	found  *discovered
	failed time.Time
	err    error
}

// discovered is what the provider says about itself.
type discovered struct {
	oauth  oauth2.Config
	signIn *oidc.IDTokenVerifier
	bearer *oidc.IDTokenVerifier
}

// NewProvider refuses options that can't be right.
func NewProvider(o ProviderOptions) (*Provider, error) {
	for _, a := range [][2]string{{"issuer", o.Issuer}, {"redirect URL", o.RedirectURL}} {
		u, err := url.Parse(a[1])
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, u.Hostname())) {
			return nil, fmt.Errorf("the %s of the identity provider is %q: give an https:// address", a[0], a[1])
		}
	}
	if o.ClientID == "" {
		return nil, errors.New("the identity provider needs a client id")
	}
	defaultTo(&o.RoleClaim, DefaultRoleClaim)
	defaultTo(&o.PartnersClaim, DefaultPartnersClaim)
	defaultTo(&o.Audience, o.ClientID)
	if o.Scopes == nil {
		o.Scopes = []string{"email", "profile"}
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: providerTimeout}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	return &Provider{opts: o}, nil
}

func defaultTo(text *string, value string) {
	if *text == "" {
		*text = value
	}
}

// discover finds the provider, once.
func (p *Provider) discover() (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.err != nil && p.opts.Clock().Sub(p.failed) < providerRetry {
		return nil, p.err
	}
	// What it keeps asks for new keys with the same client, for as long as the
	// process runs: no request's context.
	ctx := oidc.ClientContext(context.Background(), p.opts.Client)
	provider, err := oidc.NewProvider(ctx, p.opts.Issuer)
	if err != nil {
		p.opts.Logger.Warn("the identity provider can't be used", zap.String("issuer", p.opts.Issuer), zap.Error(err))
		p.failed, p.err = p.opts.Clock(), refuse(CodeProvider, "The identity provider can't be reached at this moment: try again in a minute.")
		return nil, p.err
	}
	verifier := func(audience string) *oidc.IDTokenVerifier {
		return provider.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: algorithms(), Now: p.opts.Clock})
	}
	p.found = &discovered{
		oauth: oauth2.Config{
			ClientID: p.opts.ClientID, ClientSecret: p.opts.ClientSecret, RedirectURL: p.opts.RedirectURL, Endpoint: provider.Endpoint(),
			Scopes: append([]string{oidc.ScopeOpenID}, p.opts.Scopes...),
		},
		signIn: verifier(p.opts.ClientID), bearer: verifier(p.opts.Audience),
	}
	return p.found, nil
}

// begin returns where a browser is sent to sign in, and what it has to bring
// back.
func (p *Provider) begin(next string) (string, *flow, error) {
	d, err := p.discover()
	if err != nil {
		return "", nil, err
	}
	state, _ := newSecret("")
	nonce, _ := newSecret("")
	x := &flow{State: state, Nonce: nonce, Verifier: oauth2.GenerateVerifier(), Next: LocalPath(next), Expires: p.opts.Clock().Add(flowLife)}
	return d.oauth.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(x.Verifier)), x, nil
}

// finish takes what a browser brings back from the provider.
func (p *Provider) finish(ctx context.Context, x *flow, answer url.Values) (*Principal, error) {
	d, err := p.discover()
	if err != nil {
		return nil, err
	}
	if x == nil || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(x.State)) != 1 {
		return nil, p.no("the sign-in was not begun in this browser, or took too long", nil)
	}
	if reason := answer.Get("error"); reason != "" {
		return nil, p.no("the provider refused: "+reason, nil)
	}
	// RFC 9207: an answer of another provider, where both are used.
	if issuer := answer.Get("iss"); issuer != "" && issuer != p.opts.Issuer {
		return nil, p.no("another provider answered", nil)
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.opts.Client), providerTimeout)
	defer cancel()
	token, err := d.oauth.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(x.Verifier))
	if err != nil {
		return nil, p.no("the code was not taken", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := d.signIn.Verify(ctx, raw)
	if err != nil {
		return nil, p.no("the id token is not right", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(x.Nonce)) != 1 {
		return nil, p.no("the id token is of another sign-in", nil)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, p.no("the access token is of another sign-in", err)
		}
	}
	return p.principal(id)
}

// no refuses a sign-in; why in detail is for the log.
func (p *Provider) no(why string, err error) error {
	p.opts.Logger.Warn("a sign-in at the identity provider was refused", zap.String("why", why), zap.Error(err))
	return refuse(CodeSignIn, "Signing in at the identity provider did not work (%.200s): begin again.", why)
}

// Token returns whose a bearer token of the provider is, or a refusal.
func (p *Provider) Token(ctx context.Context, raw string) (*Principal, error) {
	d, err := p.discover()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, providerTimeout)
	defer cancel()
	token, err := d.bearer.Verify(ctx, raw)
	if err != nil {
		return nil, errCredential()
	}
	who, err := p.principal(token)
	if err != nil {
		return nil, errCredential()
	}
	return who, nil
}

// providerSpace is the name space of the ids of who signs in at a provider.
func providerSpace() uuid.UUID { return uuid.MustParse("8f7f2d6e-6b0c-5f0e-9c0e-6a7c1f0f9d52") }

// principal is who a token is about, with what it says that they may.
func (p *Provider) principal(token *oidc.IDToken) (*Principal, error) {
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return nil, p.no("the token can't be read", err)
	}
	if token.Subject == "" {
		return nil, p.no("the token says nobody", nil)
	}
	var roles []Role
	for _, text := range texts(claims[p.opts.RoleClaim]) {
		if r := Role(text); slices.Contains(Roles(), r) && !slices.Contains(roles, r) {
			roles = append(roles, r)
		}
	}
	if len(roles) != 1 {
		return nil, p.no(fmt.Sprintf("the claim %s has %d of our roles: it needs one", p.opts.RoleClaim, len(roles)), nil)
	}
	var partners []string
	if roles[0] == RolePartner {
		partners = texts(claims[p.opts.PartnersClaim])
	}
	partners, err := checkRole(roles[0], partners)
	if err != nil {
		return nil, p.no(fmt.Sprintf("the claim %s names no partner accounts", p.opts.PartnersClaim), err)
	}
	id := uuid.NewSHA1(providerSpace(), []byte(p.opts.Issuer+"\x00"+token.Subject)).String()
	return &Principal{Kind: KindUser, ID: id, Name: nameOf(claims, token.Subject, id), Role: roles[0], Partners: partners}, nil
}

// nameOf is how events name who signed in at the provider: by an e-mail address
// that the provider vouches for, else by the subject. Somebody must not become
// somebody else by what they write into their profile.
func nameOf(claims map[string]json.RawMessage, subject, id string) string {
	var email string
	if string(claims["email_verified"]) == "true" && json.Unmarshal(claims["email"], &email) == nil {
		if email = normal(email); checkEmail(email) == nil {
			return email
		}
	}
	plain := func(r rune) bool { return r > ' ' && r < 0x7f }
	if len(subject) > maxSubject || strings.ContainsFunc(subject, func(r rune) bool { return !plain(r) }) {
		subject = id
	}
	return "oidc/" + subject
}

// texts reads a claim that is text or a list of texts; anything else is none.
func texts(claim json.RawMessage) []string {
	var list []string
	if json.Unmarshal(claim, &list) == nil {
		return list
	}
	var text string
	if json.Unmarshal(claim, &text) != nil {
		return nil
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}

// SignInAtProvider sends a browser to the identity provider. The parameter
// next is where it goes on afterwards, on this site.
func (a *Authenticator) SignInAtProvider(w http.ResponseWriter, r *http.Request) {
	if a.opts.Provider == nil {
		a.refuse(w, r, errNoProvider())
		return
	}
	to, x, err := a.opts.Provider.begin(r.URL.Query().Get("next"))
	if err == nil {
		err = a.flows.begin(w, x)
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// BackFromProvider takes a browser that comes back from the identity provider,
// and begins its session.
func (a *Authenticator) BackFromProvider(w http.ResponseWriter, r *http.Request) {
	if a.opts.Provider == nil {
		a.refuse(w, r, errNoProvider())
		return
	}
	x := a.flows.finish(w, r, a.store.now())
	who, err := a.opts.Provider.finish(r.Context(), x, r.URL.Query())
	if err == nil {
		err = a.StartSession(w, r, &Identity{Principal: who})
	} else if errors.Is(err, Refused(CodeSignIn)) {
		err = firstOf(a.store.logFailure(LogEntry{
			Action: ActionSignInFailed, Detail: "at the identity provider", Address: addressText(callerOf(r.Context()).address),
		}), err)
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	http.Redirect(w, r, x.Next, http.StatusSeeOther)
}

func errNoProvider() error {
	return refuse(CodeUnknown, "No identity provider is set up: sign in with a password.")
}

// HasProvider reports whether people may sign in at an identity provider.
func (a *Authenticator) HasProvider() bool { return a.opts.Provider != nil }
