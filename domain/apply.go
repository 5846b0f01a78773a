package domain

import (
	"fmt"
	"time"

	"prepayledger/domain/money"
)

// Apply folds an event of the account's stream into the state. An event that
// it does not know is an error: a state that skips facts is wrong.
func (a *Account) Apply(e Event) error {
	switch e := e.(type) {
	case *ChannelRegistered:
		zone, err := LoadZone(e.TimeZone)
		if err != nil {
			return err
		}
		a.Channels[e.ChannelID] = &Channel{ChannelRegistered: *e, Zone: zone}
	case *ChannelCancelled:
		c := a.Channels[e.ChannelID]
		if c == nil {
			return fmt.Errorf("stream cancels channel %q that it never registered", e.ChannelID)
		}
		cancelled := *c
		cancelled.CancelledAt = e.CancelledAt
		a.Channels[e.ChannelID] = &cancelled
	case *ConversationCharged:
		a.openMonth(e.Month, e.Amount)
	case *ChargeCorrected:
		a.openMonth(e.Month, e.Amount.Neg())
	case *ReconciliationAdjusted:
		a.closeMonth(e)
	case *RechargeRequested:
		a.Recharges[e.RechargeID] = RechargeIsInFlight
	case *RechargeSucceeded:
		a.Recharges[e.RechargeID] = RechargeIsCredited
	case *RechargeFailed:
		a.Recharges[e.RechargeID] = RechargeIsFailed
	case *PaymentConfirmed:
		a.References[e.Reference] = true
	case *AlertSettingsChanged:
		a.Alerts = &e.Settings
	default:
		a.applyPayback(e)
	}
	return a.Funds.apply(e)
}

func (a *Account) openMonth(m Month, amount money.Amount) {
	s := a.Months[m]
	if s == nil {
		s = &MonthState{}
		a.Months[m] = s
	}
	s.Open = true
	s.Charged = s.Charged.Add(amount)
}

// closeMonth takes a posting. A charge that came between proposal and posting
// is not part of it: the month stays open for the next run (R28).
func (a *Account) closeMonth(e *ReconciliationAdjusted) {
	s := &MonthState{Run: e.Run}
	if before := a.Months[e.Month]; before != nil {
		s.Charged = before.Charged
		s.Open = before.Open && !before.Charged.Equal(e.Charged)
	}
	a.Months[e.Month] = s
}

// LoadZone returns the IANA zone, UTC for the empty name.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "UTC" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone of the IANA database", name)
	}
	return zone, nil
}

// apply folds an event into the figures.
func (f *Funds) apply(e Event) error {
	switch e := e.(type) {
	case *ConversationCharged, *ChargeCorrected, *ReconciliationAdjusted, *RechargeReversed, *RechargeReinstated, *RefundCancelled, *RefundPaidOut:
		f.Balance = f.Balance.Add(Effect(e))
	case *RefundIssued:
		f.Balance = f.Balance.Add(Effect(e))
		f.RefundCount = max(f.RefundCount, e.Number)
	case *CreditNoteIssued:
		f.CreditNoteCount = e.Sequence
	case *ConversationCounted, *ChargeQuarantined, *QuarantineReleased, *ChannelRegistered, *ChannelCancelled, *AlertSettingsChanged,
		*RefundFailed, *RefundRetried:
		// nothing of the figures changes
	case *InvoiceIssued:
		f.InvoiceCount = e.Sequence
	case *AccountOpened:
		*f = Funds{
			PartnerID: e.PartnerID, Currency: e.Currency, Contract: e.Contract, Settings: e.Settings, Card: e.Card,
			Balance: Effect(e), Opened: true, NextDaily: NextMidnight(e.OpenedAt),
			InitialPending: e.CarriedOver.Less(e.Contract.MinimumOpening),
		}
	case *ContractChanged:
		f.Contract = e.Contract
		if !f.NegativeSince.IsZero() {
			f.BlockDeadline = f.NegativeSince.Add(time.Duration(e.Contract.GraceDays) * Day)
		}
	case *BillingDetailsChanged:
		f.Billing = &e.Billing
	case *CardReplaced:
		f.Card = e.Card
	case *RechargeSettingsChanged:
		f.Settings = e.Settings
	case *BalancePublished:
		f.NextDaily = e.Day.Add(Day)
	case *AccountClosed:
		f.Closed = true
		f.RetryAt = time.Time{}
	default:
		return f.applyPayment(e)
	}
	return nil
}

// applyPayment folds the events of recharge, grace and block.
func (f *Funds) applyPayment(e Event) error {
	switch e := e.(type) {
	case *RechargeRequested:
		f.InFlight = e
		f.RechargeCount = e.Number
		if e.Reason != RechargeManual {
			f.RetryAt = time.Time{}
		}
	case *RechargeSucceeded:
		f.Balance = f.Balance.Add(Effect(e))
		f.InFlight = nil
		f.credited()
	case *RechargeFailed:
		f.InFlight = nil
		if !e.RetryAt.IsZero() {
			f.RetryAt = e.RetryAt
		}
	case *RetryCleared:
		f.RetryAt = time.Time{}
	case *PaymentConfirmed:
		if e.Credited.Sign() > 0 {
			f.Balance = f.Balance.Add(Effect(e))
			f.credited()
		}
	case *GraceStarted:
		f.NegativeSince, f.BlockDeadline = e.NegativeSince, e.BlockDeadline
	case *GraceEnded:
		f.NegativeSince, f.BlockDeadline = time.Time{}, time.Time{}
	case *AccountBlocked:
		f.setBlock(e.Kind, true)
		f.RetryAt = time.Time{} // R13: the block deletes a planned retry
	case *AccountUnblocked:
		f.setBlock(e.Kind, false)
	default:
		return fmt.Errorf("event %s does not belong in an account's stream", e.EventType())
	}
	return nil
}

// credited is what every credited payment does (R2, R17).
func (f *Funds) credited() {
	f.InitialPending = false
	f.RetryAt = time.Time{}
}

func (f *Funds) setBlock(kind BlockKind, on bool) {
	if kind == KindManual {
		f.ManualBlock = on
	} else {
		f.OverdueBlock = on
	}
}

// NextMidnight returns the first 00:00 UTC after the instant.
func NextMidnight(t time.Time) time.Time {
	return t.UTC().Truncate(Day).Add(Day)
}
