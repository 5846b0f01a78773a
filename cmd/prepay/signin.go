package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/mailer"
)

// signInFlags say how people and programs prove who they are.
type signInFlags struct {
	HTTPURL        string   `name:"http-url" group:"HTTP" help:"Address that browsers see, where it is not --http-listen; for links." env:"PREPAY_HTTP_URL" placeholder:"https://…"`
	SecureCookies  bool     `name:"http-secure-cookies" group:"HTTP" help:"A proxy before this serves HTTPS: browsers send the session over HTTPS alone." env:"PREPAY_HTTP_SECURE_COOKIES"`
	TrustedProxies []string `name:"http-trusted-proxies" group:"HTTP" help:"Networks of proxies whose X-Forwarded-For is believed." env:"PREPAY_HTTP_TRUSTED_PROXIES" placeholder:"10.0.0.0/8"`
	TrustedOrigins []string `name:"http-trusted-origins" group:"HTTP" help:"Other sites whose pages may send requests with the session of a browser." env:"PREPAY_HTTP_TRUSTED_ORIGINS" placeholder:"https://…"`

	OIDCIssuer        string `name:"oidc-issuer" group:"Sign-in" help:"People sign in at this identity provider, too (OpenID Connect)." env:"PREPAY_OIDC_ISSUER" placeholder:"https://…"`
	OIDCClientID      string `name:"oidc-client-id" group:"Sign-in" help:"Client id there." env:"PREPAY_OIDC_CLIENT_ID" placeholder:"ID"`
	OIDCClientSecret  string `name:"oidc-client-secret" group:"Sign-in" help:"Client secret there; none for a public client." env:"PREPAY_OIDC_CLIENT_SECRET" placeholder:"SECRET" secret:""`
	OIDCRedirectURL   string `name:"oidc-redirect-url" group:"Sign-in" help:"This server's /oidc/callback as browsers see it." env:"PREPAY_OIDC_REDIRECT_URL" placeholder:"https://…/oidc/callback"`
	OIDCRoleClaim     string `name:"oidc-role-claim" group:"Sign-in" help:"Claim with the role." default:"prepay_role" env:"PREPAY_OIDC_ROLE_CLAIM"`
	OIDCPartnersClaim string `name:"oidc-partners-claim" group:"Sign-in" help:"Claim with a partner's accounts." default:"prepay_partners" env:"PREPAY_OIDC_PARTNERS_CLAIM"`
	OIDCAudience      string `name:"oidc-audience" group:"Sign-in" help:"What bearer tokens must be for; default the client id." env:"PREPAY_OIDC_AUDIENCE" placeholder:"ID"`
}

// check refuses what can't work.
func (f *signInFlags) check() error {
	_, proxies := f.proxies()
	_, provider := f.provider(nil, nil)
	var address error
	if u, err := url.Parse(f.HTTPURL); f.HTTPURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || strings.Trim(u.Path, "/") != "") {
		address = fmt.Errorf("--http-url: %.80q is no address: write it like https://prepay.example.com", f.HTTPURL)
	}
	return errors.Join(proxies, provider, address)
}

// proxies are the networks of trusted proxies; a single address is its own.
func (f *signInFlags) proxies() (all []netip.Prefix, err error) {
	for _, text := range f.TrustedProxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("--http-trusted-proxies: %.60q is not a network: write it like 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		all = append(all, prefix)
	}
	return all, nil
}

// provider is the identity provider; nil without one.
func (f *signInFlags) provider(clock func() time.Time, log *zap.Logger) (*access.Provider, error) {
	if f.OIDCIssuer == "" {
		if f.OIDCClientID != "" || f.OIDCClientSecret != "" || f.OIDCRedirectURL != "" || f.OIDCAudience != "" {
			return nil, errors.New("--oidc-issuer: name the identity provider, or leave its other settings out")
		}
		return nil, nil
	}
	p, err := access.NewProvider(access.ProviderOptions{
		Issuer: f.OIDCIssuer, ClientID: f.OIDCClientID, ClientSecret: f.OIDCClientSecret, RedirectURL: f.OIDCRedirectURL,
		RoleClaim: f.OIDCRoleClaim, PartnersClaim: f.OIDCPartnersClaim, Audience: f.OIDCAudience, Clock: clock, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("--oidc-…: %w", err)
	}
	return p, nil
}

// authenticator finds out who makes a request.
func (s *server) authenticator() (*access.Authenticator, error) {
	log := s.log.Named("access")
	proxies, err := s.settings.proxies()
	if err != nil {
		return nil, err
	}
	provider, err := s.settings.provider(s.globals.Now, log)
	if err != nil {
		return nil, err
	}
	a, err := access.NewAuthenticator(s.access, access.AuthenticatorOptions{
		Secure: s.settings.SecureCookies || s.settings.HTTPCert != "" || strings.HasPrefix(s.settings.HTTPURL, "https://"), TrustedProxies: proxies, TrustedOrigins: s.settings.TrustedOrigins,
		Provider: provider, Refuse: s.refuse, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("--http-trusted-origins: %w", err)
	}
	return a, nil
}

// refuse answers a request whose key, session or origin is refused: with a page
// for a browser, else as the API does.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	program := r.Header.Get("X-API-Key") != "" || r.Header.Get("Authorization") != ""
	if program || strings.HasPrefix(r.URL.Path, httpapi.Prefix+"/") {
		httpapi.Refuse(w, r, err)
		return
	}
	s.pages.Refuse(w, r, err)
}

// links makes the links of invitations and resets, and mails them where mails
// are set up.
func (s *server) links() (*access.Links, error) {
	l := &access.Links{Base: s.publicURL, Logger: s.log.Named("access")}
	transport, err := s.settings.transport()
	if err != nil || transport == nil {
		return l, err
	}
	l.Mail = func(ctx context.Context, m *mailer.Mail) error {
		session, err := transport.Open(ctx)
		if err != nil {
			return err
		}
		defer session.Close()
		return session.Send(m)
	}
	return l, nil
}

// sendReset mails the link of a reset; nil where mails are off.
func (s *server) sendReset(l *access.Links) func(context.Context, *access.User, string) {
	if l.Mail == nil {
		return nil
	}
	return func(ctx context.Context, u *access.User, token string) { l.Reset(ctx, u, token, s.access.Now()) }
}

// publicURL is the address that browsers see, once it is served.
func (s *server) publicURL() string {
	if s.settings.HTTPURL != "" {
		return strings.TrimRight(s.settings.HTTPURL, "/")
	}
	return s.httpURL()
}
