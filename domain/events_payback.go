package domain

import (
	"time"

	"prepayledger/domain/money"
)

// The names of the events by which money goes back (R32, R36).
const (
	TypeRechargeReversed   = "RechargeReversed"
	TypeRechargeReinstated = "RechargeReinstated"
	TypeRefundPaidOut      = "RefundPaidOut"
	TypeRefundFailed       = "RefundFailed"
	TypeRefundRetried      = "RefundRetried"
	TypeRefundCancelled    = "RefundCancelled"
	TypeCreditNoteIssued   = "CreditNoteIssued"
)

// RechargeReversed says that the bank took a card payment back, once per
// recharge (R36).
type RechargeReversed struct {
	RechargeID string `json:"recharge_id"`
	// Amount is by how much the balance falls: what the recharge credited,
	// less what was refunded from it.
	Amount money.Amount `json:"amount"`
	// Surcharge was taken back too; it was never part of the balance.
	Surcharge money.Amount `json:"surcharge"`
	// Reason is the bank's, such as "fraudulent".
	Reason string `json:"reason,omitempty"`
	// ProcessorRef is the processor's own, such as that of the dispute.
	ProcessorRef string `json:"processor_ref,omitempty"`
}

// RechargeReinstated says that the bank gave back what it had taken, once per
// recharge: a dispute was won. An invoice replaces the credit note (R36).
type RechargeReinstated struct {
	RechargeID string `json:"recharge_id"`
	// Amount returns to the balance.
	Amount       money.Amount `json:"amount"`
	ProcessorRef string       `json:"processor_ref,omitempty"`
}

// RefundPaidOut says that the processor paid a refund out (R36).
type RefundPaidOut struct {
	RefundID     string       `json:"refund_id"`
	Amount       money.Amount `json:"amount"`
	ProcessorRef string       `json:"processor_ref,omitempty"`
	// Debited is by how much the balance falls: the amount, where the refund
	// had been cancelled and credited back before the processor told that it
	// was paid after all; else zero.
	Debited money.Amount `json:"debited,omitzero"`
}

// RefundFailed says that an attempt at paying a refund out paid nothing. The
// money stays out of the balance until it is paid or Finance cancels (R36).
type RefundFailed struct {
	RefundID string `json:"refund_id"`
	// Attempt counts from 1.
	Attempt int    `json:"attempt"`
	Code    string `json:"code"`
	// RetryAt is from when on it is tried again.
	RetryAt time.Time `json:"retry_at"`
}

// RefundRetried starts another attempt at a refund whose last one failed. It
// stands in the log before the processor is asked: from then on the refund
// can't be cancelled (R36).
type RefundRetried struct {
	RefundID string `json:"refund_id"`
	Attempt  int    `json:"attempt"`
}

// RefundCancelled ends a refund that could not be paid out (R36).
type RefundCancelled struct {
	RefundID string       `json:"refund_id"`
	Amount   money.Amount `json:"amount"`
	// Credited returns to the balance: Amount, or 0 where the bank took the
	// card payment back meanwhile.
	Credited money.Amount `json:"credited"`
	Reason   string       `json:"reason"`
}

// CreditNoteIssued takes an invoice back, or a part of it (R36). Numbers have
// no gap per account.
type CreditNoteIssued struct {
	CreditNoteNumber string `json:"credit_note_number"`
	Sequence         int    `json:"sequence"`
	// InvoiceNumber and RechargeID say what it refers to, RefundID which
	// refund it is for; empty where the bank took the payment back.
	InvoiceNumber string         `json:"invoice_number"`
	RechargeID    string         `json:"recharge_id"`
	RefundID      string         `json:"refund_id,omitempty"`
	Currency      money.Currency `json:"currency"`
	// Prepayment and Surcharge are the note's two lines.
	Prepayment       money.Amount `json:"prepayment"`
	Surcharge        money.Amount `json:"surcharge"`
	SurchargePercent money.Amount `json:"surcharge_percent"`
	Total            money.Amount `json:"total"`
	Reason           string       `json:"reason,omitempty"`
	IssuedAt         time.Time    `json:"issued_at"`
	// Billing, TaxText and TaxRate are those of the invoice.
	Billing *BillingDetails `json:"billing,omitempty"`
	TaxText string          `json:"tax_text,omitempty"`
	TaxRate *money.Amount   `json:"tax_rate,omitempty"`
}

// EventType implements Event.
func (*RechargeReversed) EventType() string   { return TypeRechargeReversed }
func (*RechargeReinstated) EventType() string { return TypeRechargeReinstated }
func (*RefundPaidOut) EventType() string      { return TypeRefundPaidOut }
func (*RefundFailed) EventType() string       { return TypeRefundFailed }
func (*RefundRetried) EventType() string      { return TypeRefundRetried }
func (*RefundCancelled) EventType() string    { return TypeRefundCancelled }
func (*CreditNoteIssued) EventType() string   { return TypeCreditNoteIssued }
