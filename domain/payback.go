package domain

import (
	"time"

	"prepayledger/domain/money"
)

// Payment is a card payment that was credited, as its events tell. The ledger
// looks it up for the commands that need it: an account's state does not keep
// every payment for ever.
type Payment struct {
	RechargeID       string       `json:"recharge_id"`
	InvoiceNumber    string       `json:"invoice_number"`
	Amount           money.Amount `json:"amount"`
	Surcharge        money.Amount `json:"surcharge"`
	SurchargePercent money.Amount `json:"surcharge_percent"`
	ProcessorRef     string       `json:"processor_ref,omitempty"`
	Card             string       `json:"card"`
	// Billing, TaxText and TaxRate are the invoice's.
	Billing *BillingDetails `json:"billing,omitempty"`
	TaxText string          `json:"tax_text,omitempty"`
	TaxRate *money.Amount   `json:"tax_rate,omitempty"`
}

// RefundStatus is how far a refund is.
type RefundStatus string

const (
	// RefundInFlight: the processor is asked to pay it out.
	RefundInFlight RefundStatus = "in_flight"
	// RefundIsFailed: the last attempt paid nothing; tried again, or cancelled
	// by Finance.
	RefundIsFailed RefundStatus = "failed"
	// RefundIsPaid: paid out.
	RefundIsPaid RefundStatus = "paid_out"
	// RefundIsCancelled: ended without payment.
	RefundIsCancelled RefundStatus = "cancelled"
)

// RefundState is what the account knows of a refund through the processor.
type RefundState struct {
	RefundIssued
	Status RefundStatus `json:"status"`
	// Attempt counts the attempts at paying it out, from 1.
	Attempt int `json:"attempt"`
	// Code is why the last attempt failed, RetryAt from when on there is
	// another; both are empty while it has not.
	Code    string    `json:"code,omitempty"`
	RetryAt time.Time `json:"retry_at,omitzero"`
	// Credited came back to the balance when it was cancelled.
	Credited money.Amount `json:"credited,omitzero"`
	// Noted says that a credit note was issued for it.
	Noted bool `json:"noted,omitempty"`
}

// Open says that the refund may still be paid out.
func (r *RefundState) Open() bool { return r.Status == RefundInFlight || r.Status == RefundIsFailed }

// Returned is what went back of one card payment.
type Returned struct {
	// Refunded is the sum of its refunds that are not cancelled.
	Refunded money.Amount `json:"refunded"`
	// Taken is what the bank took of the balance (R36).
	Taken money.Amount `json:"taken,omitzero"`
	// Reversed says that the bank has it; Reinstated that it gave it back.
	Reversed   bool `json:"reversed,omitempty"`
	Reinstated bool `json:"reinstated,omitempty"`
}

// PendingRefund returns the first refund, by id, whose payment is to be asked
// for; nil where there is none.
func (a *Account) PendingRefund() *RefundState {
	var first *RefundState
	for id, r := range a.Refunds {
		if r.Status == RefundInFlight && (first == nil || id < first.RefundID) {
			first = r
		}
	}
	return first
}

// applyPayback folds what goes back to the card into the collections.
func (a *Account) applyPayback(e Event) {
	switch e := e.(type) {
	case *RefundIssued:
		if e.RechargeID != "" {
			r := a.returned(e.RechargeID)
			r.Refunded = r.Refunded.Add(e.Amount)
			a.Returned[e.RechargeID] = &r
		}
		if e.Payout {
			a.Refunds[e.RefundID] = &RefundState{RefundIssued: *e, Status: RefundInFlight, Attempt: 1}
		}
	case *RechargeReversed:
		a.Recharges[e.RechargeID] = RechargeIsReversed
		r := a.returned(e.RechargeID)
		r.Reversed, r.Taken = true, e.Amount
		a.Returned[e.RechargeID] = &r
	case *RechargeReinstated:
		a.Recharges[e.RechargeID] = RechargeIsCredited
		r := a.returned(e.RechargeID)
		r.Reversed, r.Reinstated, r.Taken = false, true, money.Zero()
		a.Returned[e.RechargeID] = &r
		a.refundsReinstated(e.RechargeID)
	case *CreditNoteIssued:
		a.refund(e.RefundID, func(r *RefundState) { r.Noted = true })
	case *RefundPaidOut:
		a.refund(e.RefundID, func(r *RefundState) { a.paidOut(r, e) })
	case *RefundFailed:
		a.refund(e.RefundID, func(r *RefundState) { r.Status, r.Code, r.RetryAt = RefundIsFailed, e.Code, e.RetryAt })
	case *RefundRetried:
		a.refund(e.RefundID, func(r *RefundState) {
			r.Status, r.Attempt, r.Code, r.RetryAt = RefundInFlight, e.Attempt, "", time.Time{}
		})
	case *RefundCancelled:
		a.refund(e.RefundID, func(r *RefundState) { a.cancelled(r, e) })
	}
}

// paidOut counts a cancelled refund again where it was paid after all.
func (a *Account) paidOut(r *RefundState, e *RefundPaidOut) {
	if r.Status == RefundIsCancelled {
		of := a.returned(r.RechargeID)
		of.Refunded = of.Refunded.Add(r.Amount)
		if e.Debited.IsZero() {
			of.Taken = of.Taken.Sub(r.Amount)
		}
		a.Returned[r.RechargeID] = &of
	}
	r.Status, r.Code, r.RetryAt, r.Credited = RefundIsPaid, "", time.Time{}, money.Zero()
}

// cancelled takes a refund out of what was refunded. What does not come back
// to the balance is with the bank.
func (a *Account) cancelled(r *RefundState, e *RefundCancelled) {
	of := a.returned(r.RechargeID)
	of.Refunded = of.Refunded.Sub(r.Amount)
	if e.Credited.IsZero() {
		of.Taken = of.Taken.Add(r.Amount)
	}
	a.Returned[r.RechargeID] = &of
	r.Status, r.RetryAt, r.Credited = RefundIsCancelled, time.Time{}, e.Credited
}

// refundsReinstated notes that cancelled refunds, whose money was with the
// bank, came back to the balance with the rest.
func (a *Account) refundsReinstated(rechargeID string) {
	for id, r := range a.Refunds {
		if r.RechargeID == rechargeID && r.Status == RefundIsCancelled {
			a.refund(id, func(r *RefundState) { r.Credited = r.Amount })
		}
	}
}

// returned is a copy of what went back of a payment.
func (a *Account) returned(rechargeID string) Returned {
	if r := a.Returned[rechargeID]; r != nil {
		return *r
	}
	return Returned{}
}

// refund changes a refund in a copy: states are shared.
func (a *Account) refund(id string, change func(*RefundState)) {
	if r := a.Refunds[id]; r != nil {
		changed := *r
		change(&changed)
		a.Refunds[id] = &changed
	}
}
