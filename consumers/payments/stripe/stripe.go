// Package stripe takes card payments and pays refunds out through Stripe: off
// session, with cards that their holders saved on a page of Stripe's. It never
// sees a card number.
//
// Each payment is a PaymentIntent under the recharge id as idempotency key. A
// failure is told only when its PaymentIntent is cancelled: it can't succeed
// later. Everything else is unknown, and asked for again (R16).
package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	api "github.com/stripe/stripe-go/v84"

	"prepayledger/consumers/payments"
	"prepayledger/domain"
)

const (
	// keyLifetime is how long Stripe surely keeps an idempotency key, less an
	// hour (time): later the payment is looked for before it is asked for.
	keyLifetime = 23 * time.Hour
	// requestTimeout bounds one request (time).
	requestTimeout = 50 * time.Second
	// pageSize is how many refunds are read at a time.
	pageSize = 100
)

// What prepay writes on Stripe's objects.
const (
	metaPartner  = "partner_id"
	metaRecharge = "recharge_id"
	metaRefund   = "refund_id"
	metaAttempt  = "attempt"
)

// Options of a Driver.
type Options struct {
	// Key is the secret key, such as sk_live_…: never logged.
	Key string
	// URL is where Stripe is; empty is the real one. Tests put their own here.
	URL string
	// Clock is for the age of idempotency keys; nil is time.Now.
	Clock func() time.Time
}

// Driver is a payments.Driver.
type Driver struct {
	client *api.Client
	clock  func() time.Time
}

var _ payments.Driver = (*Driver)(nil)

// New returns a driver; it connects with the first request.
func New(opts Options) *Driver {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	conf := &api.BackendConfig{
		HTTPClient:        &http.Client{Timeout: requestTimeout},
		MaxNetworkRetries: api.Int64(0), // the manager asks again
		LeveledLogger:     &api.LeveledLogger{Level: api.LevelNull},
		EnableTelemetry:   api.Bool(false),
	}
	if opts.URL != "" {
		conf.URL = api.String(opts.URL)
	}
	return &Driver{client: api.NewClient(opts.Key, api.WithBackends(api.NewBackendsWithConfig(conf))), clock: opts.Clock}
}

// Name implements payments.Driver.
func (*Driver) Name() string { return "stripe" }

// CheckCard implements payments.Driver.
func (*Driver) CheckCard(card string) error {
	customer, method := divide(card)
	if !isID(method, "pm_") || customer != "" && !isID(customer, "cus_") {
		return fmt.Errorf("card %.80q is not a saved payment method of Stripe, cus_…/pm_… or pm_…: register one with prepay account card-link", card)
	}
	return nil
}

// divide takes CUSTOMER/METHOD apart.
func divide(card string) (customer, method string) {
	if before, after, found := strings.Cut(card, "/"); found {
		return before, after
	}
	return "", card
}

// isID says that a text looks like one of Stripe's ids.
func isID(text, prefix string) bool {
	rest, found := strings.CutPrefix(text, prefix)
	return found && rest != "" && len(text) <= 255 && !strings.ContainsFunc(rest, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_'
	})
}

// Charge implements payments.Driver.
func (d *Driver) Charge(ctx context.Context, partnerID string, r *domain.RechargeRequested) (payments.Outcome, bool, error) {
	units, err := minor(r.CardTotal, r.Currency)
	if err != nil {
		return failed(payments.CodeAmount)
	}
	if d.clock().Sub(r.RequestedAt) > keyLifetime {
		if pi, err := d.find(ctx, r.RechargeID); err != nil || pi != nil {
			return d.settleOr(ctx, pi, err)
		}
	}
	customer, method := divide(r.Card)
	p := &api.PaymentIntentCreateParams{
		Amount: api.Int64(units), Currency: api.String(strings.ToLower(string(r.Currency))), PaymentMethod: api.String(method),
		Confirm: api.Bool(true), OffSession: api.Bool(true), ErrorOnRequiresAction: api.Bool(true), PaymentMethodTypes: []*string{api.String("card")},
		Description: api.String("Prepayment " + r.RechargeID),
	}
	if customer != "" {
		p.Customer = api.String(customer)
	}
	p.AddMetadata(metaPartner, partnerID)
	p.AddMetadata(metaRecharge, r.RechargeID)
	p.SetIdempotencyKey(r.RechargeID)
	pi, err := d.client.V1PaymentIntents.Create(ctx, p)
	if err == nil {
		return d.settle(ctx, pi)
	}
	return d.problem(ctx, err)
}

func (d *Driver) settleOr(ctx context.Context, pi *api.PaymentIntent, err error) (payments.Outcome, bool, error) {
	if err != nil {
		return unknown(err)
	}
	return d.settle(ctx, pi)
}

// find looks for the payment of a recharge; nil where there is none.
func (d *Driver) find(ctx context.Context, rechargeID string) (*api.PaymentIntent, error) {
	query := fmt.Sprintf("metadata['%s']:'%s'", metaRecharge, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(rechargeID))
	var found *api.PaymentIntent
	for pi, err := range d.client.V1PaymentIntents.Search(ctx, &api.PaymentIntentSearchParams{SearchParams: api.SearchParams{Query: query}}) {
		if err != nil {
			return nil, err
		}
		if found == nil || pi.Status == api.PaymentIntentStatusSucceeded {
			found = pi
		}
	}
	return found, nil
}

func unknown(err error) (payments.Outcome, bool, error) { return payments.Outcome{}, false, err }

func failed(code string) (payments.Outcome, bool, error) {
	return payments.Outcome{Code: code}, true, nil
}

// settle tells how a payment ended, as it is now. One that has failed is
// cancelled first, so that it can't succeed any more.
func (d *Driver) settle(ctx context.Context, pi *api.PaymentIntent) (payments.Outcome, bool, error) {
	if pi.Status == api.PaymentIntentStatusSucceeded {
		return payments.Outcome{Succeeded: true, Reference: pi.ID}, true, nil
	}
	// What was answered may be the repetition of an old answer.
	pi, err := d.client.V1PaymentIntents.Retrieve(ctx, pi.ID, nil)
	if err != nil {
		return unknown(err)
	}
	switch pi.Status {
	case api.PaymentIntentStatusSucceeded:
		return payments.Outcome{Succeeded: true, Reference: pi.ID}, true, nil
	case api.PaymentIntentStatusCanceled:
		return failed(codeOf(pi.LastPaymentError))
	case api.PaymentIntentStatusRequiresPaymentMethod, api.PaymentIntentStatusRequiresAction, api.PaymentIntentStatusRequiresConfirmation:
		code := codeOf(pi.LastPaymentError)
		cancelled, err := d.client.V1PaymentIntents.Cancel(ctx, pi.ID, nil)
		if err != nil || cancelled.Status != api.PaymentIntentStatusCanceled {
			return unknown(err) // it may have succeeded just now
		}
		return failed(code)
	default: // it is being worked
		return unknown(nil)
	}
}

// problem is what follows from an error of creating a payment.
func (d *Driver) problem(ctx context.Context, err error) (payments.Outcome, bool, error) {
	var e *api.Error
	if !errors.As(err, &e) {
		return unknown(err)
	}
	if e.PaymentIntent != nil && e.PaymentIntent.ID != "" {
		return d.settle(ctx, e.PaymentIntent)
	}
	if !final(e) {
		return unknown(err)
	}
	return failed(codeOf(e))
}

// final says that the request was refused for good, before anything was made.
func final(e *api.Error) bool {
	switch {
	case e.Type == api.ErrorTypeIdempotency || e.Code == api.ErrorCodeIdempotencyKeyInUse || e.Code == api.ErrorCodeLockTimeout:
		return false
	default:
		return e.HTTPStatusCode == http.StatusBadRequest || e.HTTPStatusCode == http.StatusPaymentRequired || e.HTTPStatusCode == http.StatusNotFound
	}
}

// codeOf puts Stripe's error into one of ours.
func codeOf(e *api.Error) string {
	if e == nil {
		return payments.CodeDeclined
	}
	switch {
	case e.DeclineCode == api.DeclineCodeInsufficientFunds || e.Code == "insufficient_funds":
		return payments.CodeInsufficientFunds
	case e.Code == api.ErrorCodeExpiredCard || e.DeclineCode == api.DeclineCodeExpiredCard:
		return payments.CodeExpiredCard
	case e.Code == api.ErrorCodeAuthenticationRequired || e.DeclineCode == api.DeclineCodeAuthenticationRequired || e.Code == api.ErrorCodePaymentIntentAuthenticationFailure:
		return payments.CodeAuthentication
	case e.Code == api.ErrorCodeProcessingError || e.DeclineCode == api.DeclineCodeProcessingError:
		return payments.CodeProcessing
	case e.Code == api.ErrorCodeResourceMissing || e.Code == "payment_method_unactivated" || e.Code == api.ErrorCodePaymentMethodUnexpectedState:
		return payments.CodeCardUnknown
	case e.Code == api.ErrorCodeAmountTooLarge || e.Code == api.ErrorCodeAmountTooSmall || e.Code == api.ErrorCodeParameterInvalidInteger:
		return payments.CodeAmount
	case e.Type == api.ErrorTypeInvalidRequest:
		return payments.CodeRejected
	default:
		return payments.CodeDeclined
	}
}
