package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	api "github.com/stripe/stripe-go/v84"
	"github.com/stripe/stripe-go/v84/webhook"
	"go.uber.org/zap"

	"prepayledger/consumers/payments"
	"prepayledger/consumers/payments/manager"
)

// MaxWebhookBytes bounds a webhook's body: 512 KiB.
const MaxWebhookBytes = 512 << 10

// Sink takes what Stripe tells; a manager is one. What is told again counts
// once.
type Sink interface {
	RechargeOutcome(ctx context.Context, partnerID, rechargeID string, o payments.Outcome) error
	RefundOutcome(ctx context.Context, partnerID, refundID string, attempt int, o payments.Outcome) error
	Reversed(ctx context.Context, partnerID, rechargeID, reference, reason string) error
	Reinstated(ctx context.Context, partnerID, rechargeID, reference string) error
	CardRegistered(ctx context.Context, partnerID, reference, card string) error
}

// Webhook takes Stripe's webhooks. An event is answered with 200 once the
// ledger has what it says on disk; with 503 Stripe sends it again. Events are
// never believed further than their objects' ids and signed metadata: what
// they are about is read from Stripe, so their order does not matter.
type Webhook struct {
	Driver *Driver
	Sink   Sink
	// Secret is the endpoint's signing secret, whsec_….
	Secret string
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// ServeHTTP implements http.Handler.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	log := h.Logger
	if log == nil {
		log = zap.NewNop()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxWebhookBytes))
	if err != nil {
		http.Error(w, "the body is too long or breaks off", http.StatusRequestEntityTooLarge)
		return
	}
	event, err := webhook.ConstructEventWithOptions(body, r.Header.Get("Stripe-Signature"), h.Secret, webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
	if err != nil {
		log.Warn("a webhook without Stripe's signature was turned away", zap.Error(err))
		http.Error(w, "the signature is wrong or too old", http.StatusBadRequest)
		return
	}
	err = h.take(r.Context(), &event, log)
	var refused *manager.Refused
	switch {
	case errors.As(err, &refused): // told to the operator; again would not help
	case err != nil:
		log.Warn("a webhook is to be sent again", zap.String("event", event.ID), zap.String("type", string(event.Type)), zap.Error(err))
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// object is what is read of an event's object.
type object struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Status        string            `json:"status"`
	Mode          string            `json:"mode"`
	Metadata      map[string]string `json:"metadata"`
	PaymentIntent string            `json:"payment_intent"`
	SetupIntent   string            `json:"setup_intent"`
}

func (h *Webhook) take(ctx context.Context, event *api.Event, log *zap.Logger) error {
	var o object
	if event.Data == nil || json.Unmarshal(event.Data.Raw, &o) != nil {
		return nil // nothing that concerns the ledger
	}
	switch event.Type {
	case "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled":
		return h.payment(ctx, &o)
	case "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated":
		return h.dispute(ctx, o.ID)
	case "charge.refunded", "charge.refund.updated", "refund.created", "refund.updated", "refund.failed":
		return h.refunds(ctx, o.PaymentIntent, log)
	case "checkout.session.completed":
		return h.card(ctx, &o)
	default:
		return nil
	}
}

// payment tells how a payment ended.
func (h *Webhook) payment(ctx context.Context, o *object) error {
	if o.Metadata[metaRecharge] == "" || o.Metadata[metaPartner] == "" {
		return nil // not ours
	}
	outcome, known, err := h.Driver.settle(ctx, &api.PaymentIntent{ID: o.ID, Status: api.PaymentIntentStatus(o.Status)})
	if err != nil || !known {
		return err
	}
	return h.Sink.RechargeOutcome(ctx, o.Metadata[metaPartner], o.Metadata[metaRecharge], outcome)
}

func (h *Webhook) dispute(ctx context.Context, id string) error {
	d, err := h.Driver.client.V1Disputes.Retrieve(ctx, id, nil)
	if err != nil {
		return err
	}
	return h.disputed(ctx, d)
}

// disputed tells what the bank took back, or gave back, as it is now.
func (h *Webhook) disputed(ctx context.Context, d *api.Dispute) error {
	if d.PaymentIntent == nil {
		return nil
	}
	pi, err := h.Driver.client.V1PaymentIntents.Retrieve(ctx, d.PaymentIntent.ID, nil)
	if err != nil {
		return err
	}
	partner, recharge := pi.Metadata[metaPartner], pi.Metadata[metaRecharge]
	if partner == "" || recharge == "" {
		return nil
	}
	switch d.Status {
	case api.DisputeStatusNeedsResponse, api.DisputeStatusUnderReview, api.DisputeStatusLost:
		return h.Sink.Reversed(ctx, partner, recharge, d.ID, string(d.Reason))
	case api.DisputeStatusWon:
		return h.Sink.Reinstated(ctx, partner, recharge, d.ID)
	default: // an inquiry: no money moved
		return nil
	}
}

// refunds tells how the refunds of a payment stand.
func (h *Webhook) refunds(ctx context.Context, paymentIntent string, log *zap.Logger) error {
	if paymentIntent == "" {
		return nil
	}
	all, err := h.Driver.refunds(ctx, paymentIntent)
	if err != nil {
		return err
	}
	var failures []error
	for _, r := range all {
		if r.Metadata[metaRefund] == "" || r.Metadata[metaPartner] == "" {
			log.Error("a refund was made at Stripe by hand: record it with prepay account refund --recharge, if it is of a recharge",
				zap.String("refund", r.ID), zap.String("payment", paymentIntent))
			continue
		}
		o, known := refundOutcome(r)
		if !known {
			continue
		}
		if err := h.Sink.RefundOutcome(ctx, r.Metadata[metaPartner], r.Metadata[metaRefund], attemptOf(r), o); err != nil {
			failures = append(failures, fmt.Errorf("refund %s: %w", r.ID, err))
		}
	}
	return errors.Join(failures...)
}

// card registers the card that was saved.
func (h *Webhook) card(ctx context.Context, o *object) error {
	partner := o.Metadata[metaPartner]
	if o.Mode != "setup" || partner == "" || o.SetupIntent == "" {
		return nil
	}
	card, err := h.Driver.savedCard(ctx, o.SetupIntent)
	if err != nil {
		return err
	}
	return h.Sink.CardRegistered(ctx, partner, o.ID, card)
}
