package payments

import (
	"context"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Payout is a refund that the processor is to pay (R36).
type Payout struct {
	PartnerID string
	// RefundID is the idempotency key, together with Attempt: an attempt
	// after a failure that is known is another one, counted from 1.
	RefundID string
	Attempt  int
	// RechargeID and PaymentRef name the card payment that it goes back from.
	RechargeID string
	PaymentRef string
	Card       string
	Amount     money.Amount
	Currency   money.Currency
}

// PayoutOf is the payout of a refund.
func PayoutOf(partnerID string, currency money.Currency, r *domain.RefundState) Payout {
	return Payout{
		PartnerID: partnerID, RefundID: r.RefundID, Attempt: r.Attempt, RechargeID: r.RechargeID, PaymentRef: r.PaymentRef,
		Card: r.Card, Amount: r.Amount, Currency: currency,
	}
}

// Payer is a Processor that also pays refunds out, without waiting (R36).
type Payer interface {
	// PayOut pays a refund out, or asks again how that ended; as Charge does.
	PayOut(ctx context.Context, p Payout, now time.Time) (Outcome, bool, error)
}

// Driver takes and pays back money at a real processor. Its calls may take
// long and may fail: an error, like false, is an outcome that is not known
// yet, and the call is repeated until it is (R16). It is safe for concurrent
// use.
type Driver interface {
	// Name is the driver's, for logs and metrics.
	Name() string
	// CheckCard refuses a card reference that it can't charge, with a
	// sentence that says what is accepted.
	CheckCard(card string) error
	// Charge takes a card payment, or asks how it ended; the recharge id is
	// the idempotency key. A failure that it reports is final: the payment
	// can't succeed later.
	Charge(ctx context.Context, partnerID string, r *domain.RechargeRequested) (Outcome, bool, error)
	// PayOut pays a refund out, or asks how that ended.
	PayOut(ctx context.Context, p Payout) (Outcome, bool, error)
}

// Deferred is the Processor of a ledger whose payments a manager takes: it
// knows no outcome, so that no decision ever waits for a processor.
type Deferred struct{ Driver Driver }

// Charge implements Processor.
func (Deferred) Charge(context.Context, *domain.RechargeRequested, time.Time) (Outcome, bool, error) {
	return Outcome{}, false, nil
}

// CheckCard implements Processor.
func (d Deferred) CheckCard(card string) error { return d.Driver.CheckCard(card) }
