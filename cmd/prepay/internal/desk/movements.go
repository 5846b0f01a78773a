package desk

import (
	"fmt"
	"time"

	"prepayledger/consumers/payments"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections/activity"
)

// MaxMovements is how many movements a page of the list has at most
// (movements).
const MaxMovements = 200

// MovementLine is something by which the balance changed, beside conversations.
type MovementLine struct {
	Revision eventstore.Revision `json:"revision"`
	At       time.Time           `json:"at"`
	// Label says what it is, Detail what it is about.
	Label  string       `json:"label"`
	Detail string       `json:"detail,omitempty"`
	Amount money.Amount `json:"amount"`
}

// Movements lists what changed an account's balance before a revision, beside
// conversations: the newest first. Before 0 begins with the newest.
func (d *Desk) Movements(partner string, before eventstore.Revision, limit int) ([]MovementLine, error) {
	if !d.Ledger.Exists(partner) {
		return nil, unknown(partner)
	}
	if limit <= 0 || limit > MaxMovements {
		limit = MaxMovements
	}
	entries, err := d.Views.Activity.Movements(partner, before, limit)
	lines := make([]MovementLine, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		label, detail := MovementWords(e)
		lines = append(lines, MovementLine{Revision: e.Revision, At: e.At, Label: label, Detail: detail, Amount: e.Effect})
	}
	return lines, err
}

// MovementWords says in plain words what an entry is, and what it is about.
func MovementWords(e *activity.Entry) (label, detail string) {
	switch e.Type {
	case domain.TypeAccountOpened:
		return "Carried over at opening", ""
	case domain.TypeRechargeSucceeded:
		return "Card payment", e.Reference
	case domain.TypePaymentConfirmed:
		return "Payment received", "reference " + e.Reference
	case domain.TypeReconciliationAdjusted:
		return "Month-end difference", "Meta's invoice for " + e.Reference
	case domain.TypeChargeCorrected:
		return "Charge taken back", e.Reference
	case domain.TypeRefundIssued:
		return "Refund", e.Note
	case domain.TypeRefundCancelled:
		return "Refund cancelled", e.Note
	case domain.TypeRefundPaidOut:
		return "Refund paid out", e.Reference
	case domain.TypeRechargeReversed:
		return "Card payment taken back by the bank", e.Reference
	case domain.TypeRechargeReinstated:
		return "Card payment given back by the bank", e.Reference
	default:
		return e.Type, e.Reference
	}
}

// RechargeReasonWords says why a card was charged.
func RechargeReasonWords(r domain.RechargeReason) string {
	switch r {
	case domain.RechargeInitial:
		return "less than the contract's minimum remained at the opening"
	case domain.RechargeThreshold:
		return "the balance fell below the threshold"
	case domain.RechargeAmountDue:
		return "the balance was zero or below"
	case domain.RechargeManual:
		return "funds added by hand"
	default:
		return string(r)
	}
}

// RechargeStatusWords says how a card payment ended, and what to do where it
// failed.
func RechargeStatusWords(status domain.RechargeStatus, code string) (label, advice string) {
	switch status {
	case domain.RechargeIsInFlight:
		return "In progress", "The bank has not answered yet; it is asked again by itself, and the card is never charged twice."
	case domain.RechargeIsCredited:
		return "Credited", ""
	case domain.RechargeIsFailed:
		return "Failed", payments.Advice(code)
	case domain.RechargeIsReversed:
		return "Taken back by the bank", "The bank took the payment back: talk to the bank, or pay the amount that is due in another way."
	default:
		return string(status), ""
	}
}

// CardWords names a card for people: a processor's references say nothing.
func CardWords(card string) string {
	switch {
	case card == "":
		return "none"
	case len(card) > len("sim_") && card[:len("sim_")] == "sim_":
		return "simulated card (" + card + ")"
	default:
		const shown = 4
		tail := card
		if len(card) > shown {
			tail = card[len(card)-shown:]
		}
		return fmt.Sprintf("card registered with the payment provider (…%s)", tail)
	}
}

// RechargeReasonNow says why a card would be charged at once.
func RechargeReasonNow(r domain.RechargeReason) string {
	switch r {
	case domain.RechargeInitial:
		return "the balance is below the contract's minimum of the opening"
	case domain.RechargeThreshold:
		return "the balance is below the threshold"
	case domain.RechargeAmountDue:
		return "the balance is zero or below"
	default:
		return RechargeReasonWords(r)
	}
}
