package main

import (
	"errors"
	"net/http"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/httpapi"
)

// metaWebhook is where Meta sends webhooks to.
const metaWebhook = "/webhooks/meta"

// metaFlags say how webhooks of Meta are known.
type metaFlags struct {
	MetaAppSecret string `name:"meta-app-secret" group:"HTTP" help:"App secret by which Meta signs webhooks; turns on POST /webhooks/meta." env:"PREPAY_META_APP_SECRET" placeholder:"SECRET" secret:""`
	// MetaFormerSecret lets the secret be changed without losing a webhook.
	MetaFormerSecret string `name:"meta-former-app-secret" group:"HTTP" help:"The former app secret, while it is being changed." env:"PREPAY_META_FORMER_APP_SECRET" placeholder:"SECRET" secret:""`
	MetaVerifyToken  string `name:"meta-verify-token" group:"HTTP" help:"Token that Meta says when it verifies the address; turns on GET /webhooks/meta." env:"PREPAY_META_VERIFY_TOKEN" placeholder:"TOKEN" secret:""`
}

// check refuses what can't work.
func (f *metaFlags) check() error {
	if f.MetaFormerSecret != "" && f.MetaAppSecret == "" {
		return errors.New("--meta-former-app-secret: it is for use beside --meta-app-secret")
	}
	return nil
}

// endpoint are the options of the endpoint.
func (f *metaFlags) endpoint() (o httpapi.MetaOptions) {
	o.VerifyToken = f.MetaVerifyToken
	for _, secret := range []string{f.MetaAppSecret, f.MetaFormerSecret} {
		if secret != "" {
			o.AppSecrets = append(o.AppSecrets, secret)
		}
	}
	return o
}

// routeMeta adds the routes of Meta's webhooks. Their signature says who sends
// them.
func (s *server) routeMeta(r *routes) {
	o := s.settings.endpoint()
	o.Logger = s.log.Named("meta")
	m := httpapi.NewMeta(s.app.Ledger, o)
	r.add(http.MethodGet, metaWebhook, access.Rule{Anyone: true}, http.HandlerFunc(m.Verify))
	r.add(http.MethodPost, metaWebhook, access.Rule{Anyone: true}, http.HandlerFunc(m.Receive))
}
