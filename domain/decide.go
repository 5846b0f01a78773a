package domain

import (
	"time"

	"prepayledger/domain/money"
)

// Outcome is what a command came to, for whoever asked.
type Outcome struct {
	// Charge says what became of a charge; empty for other commands.
	Charge ChargeResult
	// Reason is why it is in quarantine.
	Reason Reason
	// New is false for a quarantined charge that was in quarantine with the
	// same content before: it is not a second entry (R10).
	New bool
}

// ChargeResult says what became of a charge.
type ChargeResult string

const (
	// ChargeDeducted: deducted from the balance.
	ChargeDeducted ChargeResult = "charged"
	// ChargeFree: counted, not charged (R7).
	ChargeFree ChargeResult = "free"
	// ChargeDuplicate: counted before with the same content (R8).
	ChargeDuplicate ChargeResult = "duplicate"
	// ChargeQuarantinedResult: set aside (R10).
	ChargeQuarantinedResult ChargeResult = "quarantined"
)

// Decide answers a command: with the events of one atomic append (none where
// nothing is to be done), or with a *Rejection. It changes nothing.
func Decide(a *Account, facts Facts, m Meta, cmd Command) ([]Event, Outcome, error) {
	d := decision{Funds: a.Funds, account: a, facts: facts, meta: m}
	if c, ok := cmd.(*Charge); ok {
		outcome := d.charge(c)
		return d.events, outcome, nil
	}
	if err := d.command(cmd); err != nil {
		return nil, Outcome{}, err
	}
	return d.events, Outcome{}, nil
}

// decision is one decision in the making: a working copy of the figures and
// the events raised so far.
type decision struct {
	Funds
	account *Account
	facts   Facts
	meta    Meta
	events  []Event
}

// raise adds an event and folds it into the working copy. Every event raised
// here is one that apply knows.
func (d *decision) raise(e Event) {
	if err := d.apply(e); err != nil {
		panic("domain: raised an event that it can't apply: " + err.Error())
	}
	d.events = append(d.events, e)
}

func (d *decision) command(cmd Command) error {
	if !d.Opened && !worksOnNone(cmd) {
		return Reject(UnknownAccount, "There is no such partner account: open it first or correct the partner id.")
	}
	if d.Closed && !worksOnClosed(cmd) {
		return Reject(AccountIsClosed, "Account %s is closed: nothing more can be done with it.", d.PartnerID)
	}
	before := d.Balance
	switch c := cmd.(type) {
	case *OpenAccount:
		return d.openAccount(c)
	case *ChangeContract:
		return d.changeContract(c)
	case *ChangeBillingDetails:
		return d.changeBilling(c)
	case *RegisterChannel:
		return d.registerChannel(c)
	case *CancelChannel:
		return d.cancelChannel(c)
	case *ChangeRechargeSettings:
		return d.changeSettings(c)
	case *ReplaceCard:
		return d.replaceCard(c)
	case *AddFunds:
		return d.addFunds(c)
	case *RecordRechargeSucceeded:
		return d.rechargeSucceeded(c)
	case *RecordRechargeFailed:
		return d.rechargeFailed(c)
	case *RetryRecharge:
		return d.retry()
	case *BlockOverdue:
		return d.blockOverdue(c)
	case *PublishBalance:
		return d.publish(c)
	case *ConfirmPayment:
		return d.confirm(c)
	case *Block:
		return d.block(c)
	case *Unblock:
		return d.unblock()
	case *AdjustReconciliation:
		return d.adjust(c, before)
	case *CorrectCharge:
		return d.correct(c)
	case *ReleaseQuarantined:
		return d.release(c)
	case *Refund:
		return d.refund(c)
	case *RecordRechargeReversed:
		return d.rechargeReversed(c)
	case *RecordRechargeReinstated:
		return d.rechargeReinstated(c)
	case *RecordRefundPaidOut:
		return d.refundPaidOut(c)
	case *RecordRefundFailed:
		return d.refundFailed(c)
	case *RetryRefund:
		return d.retryRefund(c)
	case *CancelRefund:
		return d.cancelRefund(c)
	case *CloseAccount:
		return d.close()
	case *ChangeAlertSettings:
		return d.changeAlerts(c)
	case *Transfer:
		return Reject(TransferNotSupported, "Funds never move between accounts: the partner funds each account separately.")
	case *ChargeLicenceFee:
		return Reject(NotCoveredByPrepayment, "The licence fee is charged to the card, not to the prepaid balance.")
	default:
		return Reject(InvalidSetting, "This version does not know the command %s.", cmd.CommandName())
	}
}

// worksOnNone names what works where no account is open: opening one, and the
// quarantine of what belongs to none.
func worksOnNone(cmd Command) bool {
	switch cmd.(type) {
	case *OpenAccount, *ReleaseQuarantined:
		return true
	}
	return false
}

// worksOnClosed names what a closed account still takes: outcomes of what was
// begun before, another attempt at a refund that the bank sent back (R36: else
// nothing could ever pay it out), its daily balance, and Meta's word about its
// months.
func worksOnClosed(cmd Command) bool {
	switch cmd.(type) {
	case *RecordRechargeSucceeded, *RecordRechargeFailed, *PublishBalance, *AdjustReconciliation, *ReleaseQuarantined, *OpenAccount,
		*RecordRechargeReversed, *RecordRechargeReinstated, *RecordRefundPaidOut, *RecordRefundFailed, *RetryRefund:
		return true
	default:
		return false
	}
}

// Due says what falls due in an account by its own rules, and when (R20).
type Due struct {
	// At is the instant; zero when nothing will ever be due.
	At time.Time
	// Command works it.
	Command Command
	// AfterOutcome says that the outcome of a card payment at the same
	// instant comes first: a deadline of no grace (R20). Retries and daily
	// balances come after outcomes anyway.
	AfterOutcome bool
}

// NextDue returns the next thing to fall due. Of several at one instant it is
// the first in the order of R20: block deadline, (card outcomes,) retry,
// daily balance.
func (a *Account) NextDue(blockedText string) Due {
	var next Due
	if !a.Opened {
		return next
	}
	if !a.NegativeSince.IsZero() && !a.OverdueBlock && !a.Closed {
		next = Due{At: a.BlockDeadline, Command: &BlockOverdue{Text: blockedText}, AfterOutcome: !a.BlockDeadline.After(a.NegativeSince)}
	}
	if !a.RetryAt.IsZero() && (next.At.IsZero() || a.RetryAt.Before(next.At)) {
		next = Due{At: a.RetryAt, Command: &RetryRecharge{}, AfterOutcome: true}
	}
	if next.At.IsZero() || a.NextDaily.Before(next.At) {
		next = Due{At: a.NextDaily, Command: &PublishBalance{Day: a.NextDaily}, AfterOutcome: true}
	}
	return next
}

// NextDueAt is the instant of NextDue, cheaply.
func (f *Funds) NextDueAt() time.Time {
	at := f.NextDaily
	if !f.RetryAt.IsZero() && f.RetryAt.Before(at) {
		at = f.RetryAt
	}
	if !f.NegativeSince.IsZero() && !f.OverdueBlock && !f.Closed && f.BlockDeadline.Before(at) {
		at = f.BlockDeadline
	}
	return at
}

// positive rejects what is not a positive amount.
func positive(a money.Amount) error {
	if a.Sign() <= 0 {
		return Reject(InvalidAmount, "%s is not a positive amount.", a)
	}
	return nil
}

// actor rejects a command of which nobody takes responsibility.
func (d *decision) actor() error {
	if d.meta.Actor == "" {
		return Reject(ActorRequired, "Say who does this (actor), such as finance:ana.")
	}
	return nil
}
