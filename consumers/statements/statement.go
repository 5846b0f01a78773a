package statements

import (
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// Kind is a kind of movement. The names are stable.
type Kind string

// The kinds, in the order of a statement.
const (
	KindCarriedOver   Kind = "carried_over"
	KindRecharges     Kind = "recharges"
	KindConfirmations Kind = "confirmed_payments"
	KindReversals     Kind = "payments_taken_back"
	KindUsage         Kind = "usage"
	KindCorrections   Kind = "corrections"
	KindAdjustments   Kind = "month_end_adjustments"
	KindRefunds       Kind = "refunds"
)

// Kinds are all kinds in order.
func Kinds() []Kind {
	return []Kind{
		KindCarriedOver, KindRecharges, KindConfirmations, KindReversals, KindUsage, KindCorrections, KindAdjustments, KindRefunds,
	}
}

// Label is the kind for people.
func (k Kind) Label() string {
	switch k {
	case KindCarriedOver:
		return "Carried over at opening"
	case KindRecharges:
		return "Funds added by card"
	case KindConfirmations:
		return "Funds added by transfer"
	case KindReversals:
		return "Card payments taken back by the bank"
	case KindUsage:
		return "Conversation charges (estimated price)"
	case KindCorrections:
		return "Charges corrected"
	case KindAdjustments:
		return "Month-end adjustments"
	case KindRefunds:
		return "Refunds"
	}
	return string(k)
}

// Movement sums one kind up.
type Movement struct {
	Kind   Kind         `json:"kind"`
	Count  int64        `json:"count"`
	Amount money.Amount `json:"amount"`
}

// Detail is a movement that is listed by itself: every one but charges.
type Detail struct {
	Kind       Kind      `json:"kind"`
	RecordedAt time.Time `json:"recorded_at"`
	// Reference is the recharge, the transfer's reference, the refund, the
	// charge or the month.
	Reference string       `json:"reference"`
	Amount    money.Amount `json:"amount"`
	// Surcharge was paid by card on top; it is not part of the balance (R14).
	Surcharge money.Amount `json:"surcharge,omitzero"`
}

// Usage is one line of the billing month's usage.
type Usage struct {
	WABAID   string `json:"waba_id"`
	Market   string `json:"market"`
	Category string `json:"category"`
	// Count and Amount are net of corrections; Free was counted at no cost.
	Count  int64        `json:"count"`
	Amount money.Amount `json:"amount"`
	Free   int64        `json:"free"`
	// Invoiced and InvoicedAmount are Meta's, once the month is posted.
	Invoiced       int64        `json:"invoiced,omitempty"`
	InvoicedAmount money.Amount `json:"invoiced_amount,omitzero"`
}

// Day is a day's usage (UTC, by when it occurred), by category.
type Day struct {
	Day      time.Time    `json:"day"`
	Category string       `json:"category"`
	Count    int64        `json:"count"`
	Amount   money.Amount `json:"amount"`
}

// Adjusted are the month's totals after its newest posting (R25).
type Adjusted struct {
	Run int `json:"run"`
	// Charged − Adjusted = Invoiced.
	Charged  money.Amount `json:"charged"`
	Invoiced money.Amount `json:"invoiced"`
	Adjusted money.Amount `json:"adjusted"`
}

// Event names an event of the range that a statement covers.
type Event struct {
	ID       uuid.UUID           `json:"id"`
	Revision eventstore.Revision `json:"revision"`
	Position string              `json:"position"`
	At       time.Time           `json:"recorded_at"`
}

// Tie says how the statement ties with the ledger.
type Tie struct {
	Stream string `json:"stream"`
	// First and Last are the first and last event of the calendar month; nil
	// where there was none. Events is how many lie between, both included.
	First  *Event `json:"first,omitempty"`
	Last   *Event `json:"last,omitempty"`
	Events int64  `json:"events"`
	// SHA256 is over the range: of each event its id (36 letters), a line
	// feed, its data as stored, a line feed.
	SHA256 string `json:"sha256"`
	// Opening plus every movement is Closing, and Closing is the balance that
	// the account's own rules fold to at the last event.
	Balances bool `json:"balances"`
}

// Statement is a partner's month.
type Statement struct {
	PartnerID string `json:"partner_id"`
	// Name is the company of the billing details; empty where there are none.
	Name     string         `json:"name,omitempty"`
	Month    domain.Month   `json:"month"`
	Currency money.Currency `json:"currency"`
	// Estimated says that the billing month is not reconciled, or has charges
	// that came later (R31).
	Estimated bool         `json:"estimated"`
	Opening   money.Amount `json:"opening_balance"`
	Movements []Movement   `json:"movements"`
	Closing   money.Amount `json:"closing_balance"`
	// Surcharges were paid by card and not credited, less those that went
	// back.
	Surcharges money.Amount `json:"surcharges"`
	Details    []Detail     `json:"details"`
	// DetailsOmitted is how many details there are beyond MaxDetails.
	DetailsOmitted int64     `json:"details_omitted,omitempty"`
	Usage          []Usage   `json:"usage"`
	UsageTotal     Usage     `json:"usage_total"`
	Days           []Day     `json:"days"`
	Adjusted       *Adjusted `json:"adjusted,omitempty"`
	// Documents are those of Meta that the month was posted with.
	Documents []reconciliation.DocumentRef `json:"documents"`
	Tie       Tie                          `json:"tie"`
}

// MaxDetails bounds the movements that are listed by themselves; the sums
// have all of them.
const MaxDetails = 10_000
