package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/payments"
	"prepayledger/consumers/payments/manager"
	"prepayledger/consumers/payments/natspay"
	"prepayledger/consumers/payments/stripe"
)

// The ways to take card payments.
const (
	paySimulated = "simulated"
	payStripe    = "stripe"
	payNATS      = "nats"
)

// stripeWebhook and cardDone are the paths that Stripe calls, and leads back
// to.
const (
	stripeWebhook = "/webhooks/stripe"
	cardDone      = "/card/done"
)

// stripeFlags say how to use Stripe.
type stripeFlags struct {
	StripeKey string `name:"stripe-key" group:"Payments" help:"Secret key of Stripe." env:"PREPAY_STRIPE_KEY" placeholder:"sk_…" secret:""`
	PublicURL string `name:"public-url" group:"Payments" help:"Address under which browsers and Stripe reach this server." env:"PREPAY_PUBLIC_URL" placeholder:"https://…"`
	StripeURL string `name:"stripe-url" group:"Payments" help:"Another Stripe, for tests." env:"PREPAY_STRIPE_URL" hidden:""`
}

func (f *stripeFlags) driver(clock func() time.Time) *stripe.Driver {
	return stripe.New(stripe.Options{Key: f.StripeKey, URL: f.StripeURL, Clock: clock})
}

// cardDone is where a page of Stripe's leads back to.
func (f *stripeFlags) cardDone() string { return strings.TrimSuffix(f.PublicURL, "/") + cardDone }

// check refuses what can't work.
func (f *stripeFlags) check() error {
	var problems []error
	if !strings.HasPrefix(f.StripeKey, "sk_") && !strings.HasPrefix(f.StripeKey, "rk_") {
		problems = append(problems, errors.New("--stripe-key: give Stripe's secret key, sk_… or rk_…"))
	}
	if u, err := url.Parse(f.PublicURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		problems = append(problems, fmt.Errorf("--public-url: %q is not an address like https://prepay.example", f.PublicURL))
	}
	return errors.Join(problems...)
}

// paymentFlags are what prepay serve is told of payments.
type paymentFlags struct {
	stripeFlags
	StripeWebhookSecret string `name:"stripe-webhook-secret" group:"Payments" help:"Signing secret of Stripe's webhook endpoint, PUBLIC-URL/webhooks/stripe." env:"PREPAY_STRIPE_WEBHOOK_SECRET" placeholder:"whsec_…" secret:""`
}

// check refuses what can't work with a way to take payments.
func (f *paymentFlags) check(way string) error {
	if way != payStripe {
		return nil
	}
	err := f.stripeFlags.check()
	if !strings.HasPrefix(f.StripeWebhookSecret, "whsec_") {
		err = errors.Join(err, errors.New("--stripe-webhook-secret: give the signing secret of the endpoint, whsec_…: without it nobody tells of payments that banks take back"))
	}
	return err
}

// processor is what a ledger asks of a way to take payments: outside of prepay
// serve nothing is asked of a real one, its payments wait.
func processor(way string) payments.Processor {
	switch way {
	case payStripe:
		return payments.Deferred{Driver: stripe.New(stripe.Options{})}
	case payNATS:
		return payments.Deferred{Driver: natspay.New(nil)}
	default:
		return payments.Simulated{}
	}
}

// startPayments has payments taken by a real processor, if one is set, and
// returns what its webhooks go to; nil for none.
func (s *server) startPayments(ctx context.Context) http.Handler {
	var driver payments.Driver
	var bank *stripe.Driver
	switch s.globals.Payments {
	case payStripe:
		bank = s.settings.driver(s.globals.Now)
		driver = bank
	case payNATS:
		driver = natspay.New(s.conn)
	default:
		return nil
	}
	log := s.log.Named("payments")
	m := manager.New(s.app.Ledger, s.app.Views.Accounts, driver, manager.Options{Logger: log})
	s.run(ctx, "payments", m.Run)
	s.watchPayments(m)
	if bank == nil {
		s.run(ctx, "payment outcomes", func(ctx context.Context) error { return natspay.Serve(ctx, s.conn, m, log) })
		return nil
	}
	hooks := &stripe.Webhook{Driver: bank, Sink: m, Secret: s.settings.StripeWebhookSecret, Logger: log}
	s.run(ctx, "disputes", hooks.Run)
	return hooks
}

// cardLink makes pages on which cards are saved; nil where cards are not saved
// at Stripe.
func (s *server) cardLink() func(ctx context.Context, partnerID, card string) (string, error) {
	if s.globals.Payments != payStripe {
		return nil
	}
	driver := s.settings.driver(s.globals.Now)
	return func(ctx context.Context, partnerID, card string) (string, error) {
		return driver.CardLink(ctx, partnerID, card, s.settings.cardDone())
	}
}

// cardHint says what the reference of a card looks like, where it is written.
func (s *server) cardHint() string {
	if s.globals.Payments == payNATS {
		return "The card processor's reference of the card, never a card number."
	}
	return "No real bank is connected: sim_ok is always charged, sim_declined never."
}

// watchPayments shows what is not known yet.
func (s *server) watchPayments(m *manager.Manager) {
	gauge := func(name, help string, value func(manager.Status) float64) {
		s.telemetry.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(m.Status()) }))
	}
	gauge("prepay_payments_in_flight", "Card payments and payouts without outcome.", func(s manager.Status) float64 { return float64(s.InFlight) })
	gauge("prepay_payments_unknown", "Those of them for which the processor was asked in vain.", func(s manager.Status) float64 { return float64(s.Unknown) })
	gauge("prepay_payments_unknown_seconds", "For how long the oldest of them is unknown.", func(s manager.Status) float64 { return s.OldestUnknown.Seconds() })
	gauge("prepay_refunds_failed", "Refunds whose last attempt failed.", func(s manager.Status) float64 { return float64(s.FailedRefunds) })
	gauge("prepay_payments_refused", "Outcomes since the start that the ledger did not take: look at each.", func(s manager.Status) float64 { return float64(s.Refused) })
}

// routePayments adds the paths of payments. Stripe signs what it sends, and the
// page that it leads back to says thank you and nothing else.
func routePayments(r *routes, webhooks http.Handler) {
	if webhooks == nil {
		return
	}
	r.add(http.MethodPost, stripeWebhook, access.Rule{Anyone: true}, webhooks)
	r.add(http.MethodGet, cardDone, access.Rule{Anyone: true}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "Thank you. A card that was saved is registered now; you can close this page.\n")
	}))
}

// accountCardLinkCmd makes a page on which a partner saves a card.
type accountCardLinkCmd struct {
	Partner  string `arg:"" help:"Partner id."`
	Customer string `help:"The partner's customer at Stripe, where there is one; the first half of a card CUSTOMER/METHOD." placeholder:"cus_…"`
	stripeFlags
}

// Help implements kong.HelpProvider.
func (*accountCardLinkCmd) Help() string {
	return `Makes a page of Stripe's on which the partner saves a card, and prints its
address: send it to the partner; it works for a day. Card numbers stay with
Stripe. A running prepay serve registers the card once it is saved.

  prepay account card-link PA-1001 --stripe-key sk_… --public-url https://prepay.example`
}

// Run runs the command.
func (c *accountCardLinkCmd) Run(ctx context.Context, g *globals) error {
	if err := c.check(); err != nil {
		return err
	}
	address, err := c.driver(g.Now).CardLink(ctx, c.Partner, c.Customer, c.cardDone())
	if err != nil {
		return err
	}
	return g.print(map[string]string{"partner_id": c.Partner, "url": address}, func(w io.Writer) { fmt.Fprintln(w, address) })
}
