// Package notices derives from events what people should know: a low balance,
// a block, a failed card payment. What it derives is the same whenever and
// however often it is derived; an output publishes it, each notice once.
package notices

import (
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/eventstore"
)

// Kind names what a notice is about. Kinds are never renamed.
type Kind string

// The kinds of notices. One event gives at most one of each, in this order.
const (
	// LowBalance: the balance fell below the threshold of R11; once until it
	// was at or above it again.
	LowBalance Kind = "LowBalance"
	// GraceStarted: the balance is negative, the clock of R20 runs.
	GraceStarted Kind = "GraceStarted"
	// BlockTomorrow: a negative balance that stays so blocks tomorrow (R20). It
	// is told at the midnight (UTC) that leaves more than 12 and at most 36
	// hours, so once for each deadline.
	BlockTomorrow Kind = "BlockTomorrow"
	// GraceEnded: the balance is zero or above again.
	GraceEnded Kind = "GraceEnded"
	// Blocked: no channel may send any more.
	Blocked Kind = "Blocked"
	// Unblocked: no block stands any more (R23).
	Unblocked Kind = "Unblocked"
	// Recharged: a card payment was credited and invoiced (R15).
	Recharged Kind = "Recharged"
	// RechargeFailed: a card could not be charged (R15).
	RechargeFailed Kind = "RechargeFailed"
	// MonthReconciled: a month's difference to Meta's invoice was posted
	// (R24).
	MonthReconciled Kind = "MonthReconciled"
)

// Kinds returns every kind, in the order in which one event's are published.
func Kinds() []Kind {
	return []Kind{LowBalance, GraceStarted, BlockTomorrow, GraceEnded, Blocked, Unblocked, Recharged, RechargeFailed, MonthReconciled}
}

// Notice is one thing that people should know.
type Notice struct {
	// ID is the UUIDv5 of the kind in the namespace of the event's id.
	ID   uuid.UUID
	Kind Kind
	// PartnerID is whom it concerns.
	PartnerID string
	// Balance is what Data says, for the header.
	Balance string
	// OccurredAt and RecordedAt are the event's.
	OccurredAt, RecordedAt time.Time
	// Revision and Position are the event's.
	Revision eventstore.Revision
	Position eventstore.Position
	// Data is the payload: a *LowBalanceData and so on.
	Data any
}

// Common is part of every notice's payload. The figures are those that the
// event left; amounts are exact decimals in the account's currency.
type Common struct {
	// Kind names what the notice is about.
	Kind Kind `json:"kind"`
	// EventID is the event that it follows from.
	EventID uuid.UUID `json:"event_id" jsonschema:"type=string,format=uuid"`
	// PartnerID is the account.
	PartnerID string `json:"partner_id" jsonschema:"minLength=1"`
	// Currency is the account's, by ISO 4217.
	Currency string `json:"currency" jsonschema:"pattern=^[A-Z]{3}$"`
	// Balance is what is left; negative where something is due.
	Balance string `json:"balance" jsonschema:"pattern=^-?[0-9]+([.][0-9]+)?$"`
	// AmountDue is what the balance is below zero, else 0 (R19).
	AmountDue string `json:"amount_due" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
	// Threshold is the balance below which the card is charged (R11).
	Threshold string `json:"threshold" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
	// AutoRecharge says whether it is charged then.
	AutoRecharge bool `json:"auto_recharge"`
	// Standing is closed before blocked before grace (negative) before active.
	Standing string `json:"standing" jsonschema:"enum=active,enum=grace,enum=blocked,enum=closed"`
	// BlockedReason is overdue, manual or both; absent where not blocked.
	BlockedReason string `json:"blocked_reason,omitempty" jsonschema:"enum=overdue,enum=manual,enum=overdue+manual"`
	// BlockDeadline is when a balance that stays negative blocks (R20).
	BlockDeadline time.Time `json:"block_deadline,omitzero"`
	// Text says it in sentences.
	Text string `json:"text" jsonschema:"minLength=1"`
	// OccurredAt is when it happened, RecordedAt when it was recorded; UTC.
	OccurredAt time.Time `json:"occurred_at"`
	RecordedAt time.Time `json:"recorded_at"`
}

// LowBalanceData is the payload of LowBalance.
type LowBalanceData struct {
	Common
	// RechargeAmount is what the card is charged where auto-recharge is on,
	// before the surcharge (R11).
	RechargeAmount string `json:"recharge_amount" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
}

// GraceStartedData is the payload of GraceStarted; block_deadline is always
// there.
type GraceStartedData struct {
	Common
	// NegativeSince is when the balance became negative.
	NegativeSince time.Time `json:"negative_since"`
}

// BlockTomorrowData is the payload of BlockTomorrow; block_deadline is always
// there.
type BlockTomorrowData struct {
	Common
	// NegativeSince is when the balance became negative.
	NegativeSince time.Time `json:"negative_since"`
	Channels
}

// GraceEndedData is the payload of GraceEnded.
type GraceEndedData struct {
	Common
	// NegativeSince is since when the balance had been negative.
	NegativeSince time.Time `json:"negative_since"`
}

// BlockedData is the payload of Blocked.
type BlockedData struct {
	Common
	// BlockKind is overdue or manual (R23).
	BlockKind string `json:"block_kind" jsonschema:"enum=overdue,enum=manual"`
	// Reason is Finance's, of a block by hand.
	Reason string `json:"reason,omitempty"`
	// EffectiveAt is since when: of an overdue block its deadline, also where
	// it was recorded later.
	EffectiveAt time.Time `json:"effective_at"`
	// SenderText is what senders are told (R21).
	SenderText string `json:"sender_text,omitempty"`
	Channels
}

// UnblockedData is the payload of Unblocked.
type UnblockedData struct {
	Common
	// By is confirmation, automatic or finance (R22).
	By string `json:"by" jsonschema:"enum=confirmation,enum=automatic,enum=finance"`
	// EffectiveAt is since when.
	EffectiveAt time.Time `json:"effective_at"`
	Channels
}

// MaxChannels is how many affected channels a notice lists at most.
const MaxChannels = 500

// Channels are those that a block concerns: all of the account that aren't
// cancelled.
type Channels struct {
	// ChannelCount is how many they are.
	ChannelCount int `json:"channel_count" jsonschema:"minimum=0"`
	// Affected lists them by id, the first 500. It may have channels that
	// were registered right after.
	Affected []AffectedChannel `json:"affected_channels" jsonschema:"maxItems=500"`
}

// AffectedChannel is one of them.
type AffectedChannel struct {
	// ChannelID names the channel.
	ChannelID string `json:"channel_id"`
	// PhoneNumber is its number, international.
	PhoneNumber string `json:"phone_number"`
}

// Payment is a card payment in a payload.
type Payment struct {
	// RechargeID names it; it is the idempotency key at the processor.
	RechargeID string `json:"recharge_id" jsonschema:"minLength=1"`
	// Amount is what is credited, CardTotal what the card pays: with the
	// surcharge (R14).
	Amount    string `json:"amount" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
	Surcharge string `json:"surcharge" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
	CardTotal string `json:"card_total" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
}

// RechargedData is the payload of Recharged.
type RechargedData struct {
	Common
	Payment
	// InvoiceNumber is the partner's invoice for it (R15).
	InvoiceNumber string `json:"invoice_number" jsonschema:"minLength=1"`
	// SurchargePercent is what the invoice states.
	SurchargePercent string `json:"surcharge_percent" jsonschema:"pattern=^[0-9]+([.][0-9]+)?$"`
}

// RechargeFailedData is the payload of RechargeFailed. No invoice is issued
// (R15).
type RechargeFailedData struct {
	Common
	Payment
	// Reason is what led to the payment: initial, threshold, amount_due or
	// manual.
	Reason string `json:"reason" jsonschema:"enum=initial,enum=threshold,enum=amount_due,enum=manual"`
	// Code is the processor's, such as declined.
	Code string `json:"code"`
	// RetryAt is when another attempt is planned (R17); absent where none is.
	RetryAt time.Time `json:"retry_at,omitzero"`
}

// MonthReconciledData is the payload of MonthReconciled.
type MonthReconciledData struct {
	Common
	// Month is the billing month, as YYYY-MM.
	Month string `json:"month" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}$"`
	// Run counts the postings of the month, from 1.
	Run int `json:"run" jsonschema:"minimum=1"`
	// Amount is what this run posted to the balance, signed.
	Amount string `json:"amount" jsonschema:"pattern=^-?[0-9]+([.][0-9]+)?$"`
	// Charged, Invoiced and Adjusted are the month's totals after this run:
	// charged less adjusted is invoiced (R25).
	Charged  string `json:"charged" jsonschema:"pattern=^-?[0-9]+([.][0-9]+)?$"`
	Invoiced string `json:"invoiced" jsonschema:"pattern=^-?[0-9]+([.][0-9]+)?$"`
	Adjusted string `json:"adjusted" jsonschema:"pattern=^-?[0-9]+([.][0-9]+)?$"`
	// Documents are the ids of Meta's documents that decided.
	Documents []string `json:"documents,omitempty"`
}

// standing is how the account stands once the whole decision is folded: the
// events that start or stop the clock may still follow.
func standing(f *domain.Funds) domain.Standing {
	switch s := f.Standing(); {
	case s == domain.Closed || s == domain.Blocked:
		return s
	case f.Balance.Sign() < 0:
		return domain.Grace
	default:
		return domain.Active
	}
}
