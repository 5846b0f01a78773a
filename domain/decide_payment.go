package domain

import (
	"fmt"
	"time"

	"prepayledger/domain/money"
)

// lowered does what follows from a decision that lowered the balance: the
// grace clock (R20) and the examination of the need (R13), on the balance
// that the whole decision leaves.
func (d *decision) lowered(before money.Amount) {
	d.grace()
	if !d.Balance.Less(before) {
		return
	}
	// R17: while a retry is planned, only the step from above zero to zero
	// or below attempts at once.
	if !d.RetryAt.IsZero() && (before.Sign() <= 0 || d.Balance.Sign() > 0) {
		return
	}
	d.examine()
}

// examine requests a recharge where there is a need and none is in flight;
// without a need it clears a planned retry (R13, R17). While blocked or
// closed nothing is requested.
func (d *decision) examine() {
	if d.InFlight != nil || d.Blocked() || d.Closed {
		return
	}
	amount, reason, need := d.need()
	if need {
		d.request(amount, reason)
	} else if !d.RetryAt.IsZero() {
		d.raise(&RetryCleared{Why: "no_need"})
	}
}

// need says what the card is to be charged now, and why (R2, R11, R12).
func (d *decision) need() (money.Amount, RechargeReason, bool) {
	decimals := d.Currency.Decimals()
	if d.InitialPending && d.Balance.Less(d.Contract.MinimumOpening) {
		return d.Contract.MinimumOpening.Sub(d.Balance).RoundUp(decimals), RechargeInitial, true
	}
	if d.Balance.Sign() <= 0 {
		amount := d.AmountDue()
		if d.Settings.AutoRecharge {
			amount = amount.Add(d.Settings.RechargeAmount)
		}
		return amount.RoundUp(decimals), RechargeAmountDue, amount.Sign() > 0
	}
	if d.Settings.AutoRecharge && d.Balance.Less(d.Settings.Threshold) {
		return d.Settings.RechargeAmount.RoundUp(decimals), RechargeThreshold, true
	}
	return money.Zero(), "", false
}

// request raises a card payment with its surcharge (R14).
func (d *decision) request(amount money.Amount, reason RechargeReason) {
	surcharge := d.Surcharge(amount)
	number := d.RechargeCount + 1
	d.raise(&RechargeRequested{
		RechargeID: fmt.Sprintf("%s-R%06d", d.PartnerID, number), Number: number, Reason: reason,
		Amount: amount, Surcharge: surcharge, SurchargePercent: d.Contract.SurchargePercent, CardTotal: amount.Add(surcharge),
		Currency: d.Currency, Card: d.Card, RequestedAt: d.meta.At,
	})
}

// Surcharge is what is added to a card payment of the amount (R14).
func (f *Funds) Surcharge(amount money.Amount) money.Amount {
	return amount.Percent(f.Contract.SurchargePercent).RoundHalfUp(f.Currency.Decimals())
}

// AddFundsRange are the limits of a payment by hand (R18).
func AddFundsRange() (lowest, highest money.Amount) {
	return money.FromInt(10), money.FromInt(100_000)
}

func (d *decision) addFunds(c *AddFunds) error {
	if c.Method != "" && c.Method != "card" {
		return Reject(PaymentMethodNotAccepted, "Funds are added by card only; %.40q is not accepted.", c.Method)
	}
	if err := positive(c.Amount); err != nil {
		return err
	}
	if c.Amount.Decimals() > d.Currency.Decimals() {
		return Reject(InvalidAmount, "%s has more than the %d decimals of %s.", c.Amount, d.Currency.Decimals(), d.Currency)
	}
	if lowest, highest := AddFundsRange(); c.Amount.Less(lowest) || highest.Less(c.Amount) {
		return Reject(AmountOutOfRange, "%s is out of range: add between %s and %s per payment.", c.Amount, lowest, highest)
	}
	if d.InFlight != nil {
		return Reject(RechargeInFlight, "Recharge %s is still in flight: wait for its outcome.", d.InFlight.RechargeID)
	}
	d.request(c.Amount, RechargeManual)
	return nil
}

// flight finds the recharge in flight that an outcome names. An outcome that
// is known already is no news: settled says so.
func (d *decision) flight(id string, as RechargeStatus) (r *RechargeRequested, settled bool, err error) {
	if d.InFlight != nil && d.InFlight.RechargeID == id {
		return d.InFlight, false, nil
	}
	if was := d.account.Recharges[id]; was == as || was == RechargeIsReversed && as == RechargeIsCredited {
		return nil, true, nil
	}
	return nil, false, Reject(UnknownRecharge, "No recharge %.64q is in flight in account %s.", id, d.PartnerID)
}

// rechargeSucceeded credits the payment and issues its invoice (R15).
func (d *decision) rechargeSucceeded(c *RecordRechargeSucceeded) error {
	r, settled, err := d.flight(c.RechargeID, RechargeIsCredited)
	if err != nil || settled {
		return err
	}
	before := d.Balance
	d.raise(&RechargeSucceeded{
		RechargeID: r.RechargeID, Amount: r.Amount, Surcharge: r.Surcharge, CardTotal: r.CardTotal, ProcessorRef: c.ProcessorRef,
	})
	d.invoice(r.RechargeID, r.Amount, r.Surcharge, r.SurchargePercent, "")
	d.raised(before)
	return nil
}

// invoice issues the next invoice (R15); why is empty for a card payment.
func (d *decision) invoice(rechargeID string, prepayment, surcharge, percent money.Amount, why InvoiceReason) {
	sequence := d.InvoiceCount + 1
	d.raise(&InvoiceIssued{
		InvoiceNumber: fmt.Sprintf("%s-%d-%06d", d.PartnerID, d.meta.At.UTC().Year(), sequence), Sequence: sequence,
		RechargeID: rechargeID, Currency: d.Currency, Prepayment: prepayment, Surcharge: surcharge,
		SurchargePercent: percent, Total: prepayment.Add(surcharge), IssuedAt: d.meta.At,
		Billing: d.Billing, TaxText: d.Contract.TaxText, TaxRate: d.Contract.TaxRate, Why: why,
	})
}

// rechargeFailed plans another attempt for an automatic one (R17).
func (d *decision) rechargeFailed(c *RecordRechargeFailed) error {
	r, settled, err := d.flight(c.RechargeID, RechargeIsFailed)
	if err != nil || settled {
		return err
	}
	e := &RechargeFailed{RechargeID: r.RechargeID, Code: c.Code}
	if r.Reason != RechargeManual && !d.Blocked() && !d.Closed {
		e.RetryAt = r.RequestedAt.Add(RetryAfter)
	}
	d.raise(e)
	return nil
}

// retry works a planned attempt, with the amount that is due by now (R17).
func (d *decision) retry() error {
	switch {
	case d.RetryAt.IsZero() || d.RetryAt.After(d.meta.At):
		// worked already, or not due: a repeated call does nothing
	case d.InFlight != nil:
		d.raise(&RetryCleared{Why: "in_flight"})
	default:
		d.examine()
	}
	return nil
}

// raised does what follows from a decision that credited: the grace clock
// (R20) and, where the contract says so, the end of an overdue block (R22). A
// credit of nothing is none.
func (d *decision) raised(before money.Amount) {
	d.grace()
	if before.Less(d.Balance) && d.OverdueBlock && d.Contract.UnblockPolicy == UnblockAutomatic && d.AmountDue().IsZero() {
		d.raise(&AccountUnblocked{Kind: KindOverdue, EffectiveAt: d.meta.At, By: "automatic"})
	}
}

// grace starts or stops the clock of R20.
func (d *decision) grace() {
	negative := d.Balance.Sign() < 0
	switch {
	case negative && d.NegativeSince.IsZero():
		d.raise(&GraceStarted{
			NegativeSince: d.meta.At,
			BlockDeadline: d.meta.At.Add(time.Duration(d.Contract.GraceDays) * Day),
		})
	case !negative && !d.NegativeSince.IsZero():
		d.raise(&GraceEnded{NegativeSince: d.NegativeSince})
	}
}

// blockOverdue blocks exactly at the deadline, also when it is recorded later
// (R20).
func (d *decision) blockOverdue(c *BlockOverdue) error {
	if d.NegativeSince.IsZero() || d.OverdueBlock || d.meta.At.Before(d.BlockDeadline) {
		return nil
	}
	d.raise(&AccountBlocked{Kind: KindOverdue, EffectiveAt: d.BlockDeadline, Text: c.Text})
	return nil
}

// confirm is Finance's confirmation (R22).
func (d *decision) confirm(c *ConfirmPayment) error {
	if err := positive(c.Amount); err != nil {
		return err
	}
	if d.InFlight != nil && c.RechargeID == d.InFlight.RechargeID && c.RechargeID != "" {
		return Reject(RechargeInFlight, "Recharge %s is still in flight: wait for its outcome.", c.RechargeID)
	}
	if d.AmountDue().IsZero() && !d.Blocked() {
		return Reject(NothingToConfirm, "Nothing is due and account %s is not blocked: there is nothing to confirm.", d.PartnerID)
	}
	if c.Reference == "" {
		return Reject(ReferenceRequired, "Give the payment's reference, such as the bank's.")
	}
	if d.account.References[c.Reference] {
		return Reject(ReferenceUsed, "Reference %.64q was confirmed before: each payment is confirmed once.", c.Reference)
	}
	status, known := d.account.Recharges[c.RechargeID]
	if c.RechargeID != "" && !known {
		return Reject(UnknownRecharge, "Account %s has no recharge %.64q.", d.PartnerID, c.RechargeID)
	}
	if err := d.actor(); err != nil {
		return err
	}
	credited := c.Amount
	if status == RechargeIsCredited {
		credited = money.Zero()
	}
	d.raise(&PaymentConfirmed{Reference: c.Reference, Amount: c.Amount, Credited: credited, RechargeID: c.RechargeID})
	d.grace()
	if d.OverdueBlock && d.AmountDue().IsZero() {
		d.raise(&AccountUnblocked{Kind: KindOverdue, EffectiveAt: d.meta.At, By: "confirmation"})
	}
	return nil
}

// block is Finance's own block (R23); a second one changes nothing.
func (d *decision) block(c *Block) error {
	if err := d.actor(); err != nil {
		return err
	}
	if c.Reason == "" {
		return Reject(ReasonRequired, "Say why the account is blocked.")
	}
	if !d.ManualBlock {
		d.raise(&AccountBlocked{Kind: KindManual, Reason: c.Reason, EffectiveAt: d.meta.At, Text: c.Text})
	}
	return nil
}

// unblock lifts Finance's own block and examines nothing (R13, R23).
func (d *decision) unblock() error {
	if !d.ManualBlock {
		return Reject(NotBlocked, "Account %s is not blocked by hand; an overdue block is lifted by confirming the payment.", d.PartnerID)
	}
	if due := d.AmountDue(); !due.IsZero() {
		return Reject(AmountDueOpen, "%s %s are due: confirm the payment first.", due, d.Currency)
	}
	if err := d.actor(); err != nil {
		return err
	}
	d.raise(&AccountUnblocked{Kind: KindManual, EffectiveAt: d.meta.At, By: "finance"})
	return nil
}
