package domain

import "prepayledger/domain/money"

// Effect is by how much an event changes the balance; zero for events that
// don't. Account.Apply and every statement of movements take it from here.
func Effect(e Event) money.Amount {
	switch e := e.(type) {
	case *AccountOpened:
		return e.CarriedOver
	case *ConversationCharged:
		return e.Amount.Neg()
	case *ChargeCorrected:
		return e.Amount
	case *RechargeSucceeded:
		return e.Amount
	case *PaymentConfirmed:
		return e.Credited
	case *ReconciliationAdjusted:
		return e.Amount
	case *RefundIssued:
		return e.Amount.Neg()
	case *RechargeReversed:
		return e.Amount.Neg()
	case *RechargeReinstated:
		return e.Amount
	case *RefundCancelled:
		return e.Credited
	case *RefundPaidOut:
		return e.Debited.Neg()
	default:
		return money.Zero()
	}
}
