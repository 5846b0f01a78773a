package web

import (
	"fmt"
	"time"

	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// foreseen says in sentences what a command would do by the events that it
// would raise. The account is a copy; they are folded into it.
func foreseen(a *domain.Account, events []domain.Event) ([]string, error) {
	if len(events) == 0 {
		return []string{"Nothing would change: it is like that already."}, nil
	}
	f := foreseeing{account: a, balance: a.Balance, blocked: a.Blocked()}
	for _, e := range events {
		f.event(e)
		if err := a.Apply(e); err != nil {
			return nil, err
		}
	}
	f.after()
	return f.says, nil
}

// foreseeing is one list of sentences in the making.
type foreseeing struct {
	account *domain.Account
	balance money.Amount
	blocked bool
	says    []string
}

func (f *foreseeing) say(format string, args ...any) {
	f.says = append(f.says, fmt.Sprintf(format, args...))
}

func (f *foreseeing) sum(a money.Amount) string { return plainMoney(a, f.account.Currency) }

// event says what one event means. What follows from another one by itself is
// not said twice.
func (f *foreseeing) event(e domain.Event) {
	switch e := e.(type) {
	case *domain.PaymentConfirmed:
		if e.Credited.IsZero() {
			f.say("Card payment %s is confirmed. It was credited when the card was charged, and is not credited again.", e.RechargeID)
			return
		}
		f.say("%s are credited under the reference %q, which is then used up.", f.sum(e.Credited), e.Reference)
	case *domain.AccountUnblocked:
		f.say("The %s block is lifted.", blockName(e.Kind))
	case *domain.AccountBlocked:
		f.say("All %d channels of the account stop sending at once. A payment does not lift this block: only Finance does.", f.channels())
	case *domain.GraceStarted:
		f.say("The balance becomes negative. Without payment all channels are blocked on %s.", plainTime(e.BlockDeadline))
	case *domain.GraceEnded:
		f.say("The grace period ends: nothing is due any more.")
	case *domain.RefundIssued:
		f.refund(e)
	case *domain.CreditNoteIssued:
		f.say("A credit note over %s is issued.", f.sum(e.Total))
	case *domain.ChargeCorrected:
		f.say("%s for %s in %s on %s are taken back. The charge's id stays counted: it can't be charged again.",
			f.sum(e.Amount), e.Category, e.Market, plainTime(e.OccurredAt))
	case *domain.ContractChanged:
		f.contract(&e.Contract)
	case *domain.ChannelCancelled:
		f.say("Channel %s is cancelled for ever; its number %s is free for another channel.", e.ChannelID, e.PhoneNumber)
	case *domain.AccountClosed:
		f.say("The account is closed for ever. It keeps its history; it takes no payment and no charge any more.")
	case *domain.RechargeRequested:
		f.say("The card is charged %s: %s and a surcharge of %s.", f.sum(e.CardTotal), f.sum(e.Amount), f.sum(e.Surcharge))
	case *domain.RetryCleared:
		f.say("The planned card payment does not take place.")
	}
}

func (f *foreseeing) refund(e *domain.RefundIssued) {
	if e.Payout {
		f.say("%s go back to the card of payment %s, through the card processor.", f.sum(e.Amount), e.RechargeID)
		return
	}
	f.say("%s leave the balance. Nothing is paid by this: pay it to the partner yourself.", f.sum(e.Amount))
}

// contract says which terms change.
func (f *foreseeing) contract(c *domain.Contract) {
	before := &f.account.Contract
	if !before.SurchargePercent.Equal(c.SurchargePercent) {
		f.say("Card payments requested from now on bear a surcharge of %s %% instead of %s %%.", c.SurchargePercent, before.SurchargePercent)
	}
	if before.GraceDays != c.GraceDays {
		f.say("A balance that becomes negative from now on blocks after %d days instead of %d.", c.GraceDays, before.GraceDays)
	}
	if before.UnblockPolicy != c.UnblockPolicy {
		if c.UnblockPolicy == domain.UnblockAutomatic {
			f.say("Any credit that leaves nothing due lifts an overdue block by itself.")
		} else {
			f.say("Only Finance's confirmation lifts an overdue block.")
		}
	}
	if before.TaxText != c.TaxText {
		f.say("Invoices from now on say %q of tax.", c.TaxText)
	}
	if r := c.TaxRate; r != nil && (before.TaxRate == nil || !before.TaxRate.Equal(*r)) {
		f.say("Invoices from now on state %s %% tax within their total.", *r)
	}
}

// after says how the account stands when all of it is done.
func (f *foreseeing) after() {
	a := f.account
	if !a.Balance.Equal(f.balance) {
		f.say("The balance goes from %s to %s.", f.sum(f.balance), f.sum(a.Balance))
	}
	switch {
	case f.blocked && !a.Blocked() && !a.Closed:
		f.say("%s can send again.", counted(f.channels(), "channel", "channels"))
	case f.blocked && a.Blocked() && a.AmountDue().Sign() > 0:
		f.say("The account stays blocked (%s): %s are still due.", a.BlockedReason(), f.sum(a.AmountDue()))
	case f.blocked && a.Blocked():
		f.say("The account stays blocked (%s).", a.BlockedReason())
	}
}

// channels counts those that are not cancelled.
func (f *foreseeing) channels() (n int) {
	for _, c := range f.account.Channels {
		if c.CancelledAt.IsZero() {
			n++
		}
	}
	return n
}

// blockName names a kind of block in a sentence.
func blockName(k domain.BlockKind) string {
	if k == domain.KindManual {
		return "manual"
	}
	return "overdue"
}

// counted is a number with the word for it.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// plainTime is an instant in a sentence.
func plainTime(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// plainMoney is an amount in a sentence: exact, with the currency's decimals
// at least.
func plainMoney(a money.Amount, c money.Currency) string {
	return ui.AmountText(a, c) + " " + string(c)
}
