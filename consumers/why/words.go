package why

import (
	"fmt"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// amount writes an amount for people.
func (c *collector) amount(a money.Amount) string {
	return a.Fixed(c.account.Currency.Decimals()) + " " + string(c.account.Currency)
}

// when writes an instant for people.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// run names a run of charges.
func (c *collector) run(count int, effect money.Amount) string {
	if count == 1 {
		return "A conversation cost " + c.amount(effect.Neg()) + "."
	}
	return fmt.Sprintf("%d conversations cost %s.", count, c.amount(effect.Neg()))
}

// words says in a sentence what an event is; empty where it explains nothing.
func (c *collector) words(f *Fact) string {
	switch e := f.Event.(type) {
	case *domain.ConversationCharged:
		return fmt.Sprintf("The conversation %.64q of channel %s cost %s.", e.ChargeID, e.ChannelID, c.amount(e.Amount))
	case *domain.ChargeCorrected:
		return fmt.Sprintf("The charge %.64q was taken back: %s (%s).", e.ChargeID, c.amount(e.Amount), e.Reason)
	case *domain.AccountOpened:
		return fmt.Sprintf("The account was opened with %s.", c.amount(e.CarriedOver))
	case *domain.ReconciliationAdjusted:
		return fmt.Sprintf("Meta's invoice for %s changed the balance by %s.", e.Month, c.amount(e.Amount))
	case *domain.GraceStarted:
		return fmt.Sprintf("The balance became negative; the channels are blocked at %s unless it is settled.", when(e.BlockDeadline))
	case *domain.GraceEnded:
		return "The balance is zero or above again: the clock stopped."
	case *domain.AccountBlocked:
		return c.blocked(e)
	case *domain.AccountUnblocked:
		return c.unblocked(e)
	case *domain.ContractChanged:
		return fmt.Sprintf("The contract changed: %d days of grace, unblocked by %s.", e.Contract.GraceDays, e.Contract.UnblockPolicy)
	case *domain.RechargeSettingsChanged:
		if !e.Settings.AutoRecharge {
			return "Auto-recharge was switched off."
		}
		return fmt.Sprintf("Auto-recharge is %s below %s.", c.amount(e.Settings.RechargeAmount), c.amount(e.Settings.Threshold))
	case *domain.CardReplaced:
		return "The card was replaced."
	case *domain.AccountClosed:
		return "The account was closed."
	default:
		return c.payment(f.Event)
	}
}

// payment is words for money that comes and goes.
func (c *collector) payment(e domain.Event) string {
	switch e := e.(type) {
	case *domain.RechargeRequested:
		return fmt.Sprintf("Card payment %s of %s was requested (%s).", e.RechargeID, c.amount(e.CardTotal), e.Reason)
	case *domain.RechargeSucceeded:
		return fmt.Sprintf("Card payment %s succeeded: %s credited.", e.RechargeID, c.amount(e.Amount))
	case *domain.RechargeFailed:
		retry := "no retry is planned"
		if !e.RetryAt.IsZero() {
			retry = "the next is planned for " + when(e.RetryAt)
		}
		return fmt.Sprintf("Card payment %s failed (%s); %s.", e.RechargeID, e.Code, retry)
	case *domain.RetryCleared:
		return "The planned card payment was dropped (" + e.Why + ")."
	case *domain.PaymentConfirmed:
		return fmt.Sprintf("Finance confirmed %s (reference %s): %s credited.", c.amount(e.Amount), e.Reference, c.amount(e.Credited))
	case *domain.RefundIssued:
		return fmt.Sprintf("%s were refunded (%s).", c.amount(e.Amount), e.Reason)
	case *domain.RefundCancelled:
		return fmt.Sprintf("Refund %s was cancelled: %s credited.", e.RefundID, c.amount(e.Credited))
	case *domain.RefundPaidOut:
		return fmt.Sprintf("Refund %s was paid out: %s.", e.RefundID, c.amount(e.Amount))
	case *domain.RechargeReversed:
		return fmt.Sprintf("The bank took card payment %s back: %s.", e.RechargeID, c.amount(e.Amount))
	case *domain.RechargeReinstated:
		return fmt.Sprintf("The bank gave card payment %s back: %s.", e.RechargeID, c.amount(e.Amount))
	default:
		if effect := domain.Effect(e); !effect.IsZero() {
			return fmt.Sprintf("%s changed the balance by %s.", e.EventType(), c.amount(effect))
		}
		return ""
	}
}

func (c *collector) blocked(e *domain.AccountBlocked) string {
	if e.Kind == domain.KindManual {
		return fmt.Sprintf("The channels were blocked by hand at %s: %s.", when(e.EffectiveAt), e.Reason)
	}
	return fmt.Sprintf("The grace period was over: the channels are blocked since %s.", when(e.EffectiveAt))
}

func (c *collector) unblocked(e *domain.AccountUnblocked) string {
	by := map[string]string{
		"confirmation": "because Finance confirmed that the payment was received",
		"automatic":    "because nothing was due any more, as the contract says",
		"finance":      "by Finance",
	}[e.By]
	return fmt.Sprintf("The %s block was lifted at %s, %s.", e.Kind, when(e.EffectiveAt), by)
}
