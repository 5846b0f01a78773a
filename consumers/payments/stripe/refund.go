package stripe

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	api "github.com/stripe/stripe-go/v84"

	"prepayledger/consumers/payments"
)

// PayOut implements payments.Driver. The refunds of the payment are read
// first: that is never out of date, so it also guards against keys that
// Stripe has forgotten.
func (d *Driver) PayOut(ctx context.Context, p payments.Payout) (payments.Outcome, bool, error) {
	if !isID(p.PaymentRef, "pi_") {
		return failed(payments.CodePaymentUnknown)
	}
	units, err := minor(p.Amount, p.Currency)
	if err != nil {
		return failed(payments.CodeAmount)
	}
	made, err := d.refunds(ctx, p.PaymentRef)
	if err != nil {
		return unknown(err)
	}
	for _, r := range made {
		if r.Metadata[metaRefund] != p.RefundID {
			continue
		}
		if o, known := refundOutcome(r); !known || o.Succeeded || attemptOf(r) == p.Attempt {
			return o, known, nil
		}
	}
	create := &api.RefundCreateParams{Amount: api.Int64(units), PaymentIntent: api.String(p.PaymentRef), Reason: api.String("requested_by_customer")}
	create.AddMetadata(metaPartner, p.PartnerID)
	create.AddMetadata(metaRecharge, p.RechargeID)
	create.AddMetadata(metaRefund, p.RefundID)
	create.AddMetadata(metaAttempt, strconv.Itoa(p.Attempt))
	create.SetIdempotencyKey(refundKey(p))
	r, err := d.client.V1Refunds.Create(ctx, create)
	var e *api.Error
	switch {
	case errors.As(err, &e) && final(e):
		return failed(refundCode(e))
	case err != nil:
		return unknown(err)
	}
	o, known := refundOutcome(r)
	return o, known, nil
}

// refundKey is the refund id; an attempt after a failure that is known has its
// number behind it: under the same key Stripe only repeats the failure.
func refundKey(p payments.Payout) string {
	if p.Attempt <= 1 {
		return p.RefundID
	}
	return fmt.Sprintf("%s-%d", p.RefundID, p.Attempt)
}

// refunds reads all refunds of a payment.
func (d *Driver) refunds(ctx context.Context, paymentRef string) (all []*api.Refund, err error) {
	list := &api.RefundListParams{PaymentIntent: api.String(paymentRef)}
	list.Limit = api.Int64(pageSize)
	for r, err := range d.client.V1Refunds.List(ctx, list) {
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// refundOutcome tells how a refund ended; false while it is on its way.
func refundOutcome(r *api.Refund) (payments.Outcome, bool) {
	switch r.Status {
	case api.RefundStatusSucceeded:
		return payments.Outcome{Succeeded: true, Reference: r.ID}, true
	case api.RefundStatusFailed, api.RefundStatusCanceled:
		code := string(r.FailureReason)
		if code == "" {
			code = payments.CodeRejected
		}
		return payments.Outcome{Code: code, Reference: r.ID}, true
	default:
		return payments.Outcome{}, false
	}
}

func attemptOf(r *api.Refund) int {
	n, err := strconv.Atoi(r.Metadata[metaAttempt])
	if err != nil {
		return 1
	}
	return n
}

// refundCode is Stripe's own code: Finance looks it up there.
func refundCode(e *api.Error) string {
	if e.Code == "" {
		return payments.CodeRejected
	}
	return string(e.Code)
}
