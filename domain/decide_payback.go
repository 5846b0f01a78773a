package domain

import (
	"fmt"

	"prepayledger/domain/money"
)

// refundPayment pays credit back from a card payment (R32, R36): through the
// processor, or, where only the payment is named, by hand with a credit note.
func (d *decision) refundPayment(c *Refund) error {
	if c.Amount.Decimals() > d.Currency.Decimals() {
		return Reject(InvalidAmount, "%s has more than the %d decimals of %s.", c.Amount, d.Currency.Decimals(), d.Currency)
	}
	p, err := d.payable(c)
	if err != nil {
		return err
	}
	number := d.RefundCount + 1
	e := &RefundIssued{
		Amount: c.Amount, Reason: c.Reason, RefundID: fmt.Sprintf("%s-F%06d", d.PartnerID, number), Number: number, Payout: c.Payout,
		RechargeID: p.RechargeID, InvoiceNumber: p.InvoiceNumber, PaymentRef: p.ProcessorRef, Card: p.Card,
		Billing: p.Billing, TaxText: p.TaxText, TaxRate: p.TaxRate,
	}
	d.raise(e)
	if !c.Payout {
		d.creditNote(e, c.Amount, money.Zero(), p.SurchargePercent, c.Reason)
	}
	return nil
}

// payable finds the card payment that a refund goes back from.
func (d *decision) payable(c *Refund) (*Payment, error) {
	most := money.Zero()
	for i := range c.Payments {
		p := &c.Payments[i]
		if d.account.Recharges[p.RechargeID] != RechargeIsCredited {
			continue
		}
		left := p.Amount.Sub(d.account.returned(p.RechargeID).Refunded)
		if !left.Less(c.Amount) {
			return p, nil
		}
		if most.Less(left) {
			most = left
		}
	}
	if c.RechargeID != "" && d.account.Recharges[c.RechargeID] != RechargeIsCredited {
		return nil, Reject(UnknownRecharge, "Account %s has no credited recharge %.64q.", d.PartnerID, c.RechargeID)
	}
	return nil, Reject(RefundExceedsPayment, "A refund goes back from one card payment, and %s %s is the most that one has left: refund no more than that, and the rest by another refund.", most, d.Currency)
}

// creditNote issues the next credit note, for a refund or, where that has no
// id, for a reversal. One of nothing is none.
func (d *decision) creditNote(of *RefundIssued, prepayment, surcharge, percent money.Amount, reason string) {
	total := prepayment.Add(surcharge)
	if total.IsZero() {
		return
	}
	sequence := d.CreditNoteCount + 1
	d.raise(&CreditNoteIssued{
		CreditNoteNumber: fmt.Sprintf("%s-CN-%d-%06d", d.PartnerID, d.meta.At.UTC().Year(), sequence), Sequence: sequence,
		InvoiceNumber: of.InvoiceNumber, RechargeID: of.RechargeID, RefundID: of.RefundID, Currency: d.Currency,
		Prepayment: prepayment, Surcharge: surcharge, SurchargePercent: percent, Total: total, Reason: reason, IssuedAt: d.meta.At,
		Billing: of.Billing, TaxText: of.TaxText, TaxRate: of.TaxRate,
	})
}

// payment finds the card payment that a reversal names.
func (d *decision) payment(id string, payments []Payment) (*Payment, error) {
	if d.InFlight != nil && d.InFlight.RechargeID == id {
		return nil, Reject(RechargeInFlight, "Recharge %s is still in flight: wait for its outcome.", id)
	}
	for i := range payments {
		if payments[i].RechargeID == id {
			return &payments[i], nil
		}
	}
	return nil, Reject(UnknownRecharge, "Account %s has no credited recharge %.64q.", d.PartnerID, id)
}

// rechargeReversed lowers the balance by what the bank took of it. It examines
// nothing: charging at once a card whose holder just took the payment back
// would be the retry that R36 rules out; the next lowering examines (R13).
func (d *decision) rechargeReversed(c *RecordRechargeReversed) error {
	p, err := d.payment(c.RechargeID, c.Payments)
	if err != nil {
		return err
	}
	before := d.account.returned(p.RechargeID)
	if before.Reversed || before.Reinstated {
		return nil // once per recharge
	}
	amount := p.Amount.Sub(before.Refunded)
	d.raise(&RechargeReversed{RechargeID: p.RechargeID, Amount: amount, Surcharge: p.Surcharge, Reason: c.Reason, ProcessorRef: c.ProcessorRef})
	of := &RefundIssued{InvoiceNumber: p.InvoiceNumber, RechargeID: p.RechargeID, Billing: p.Billing, TaxText: p.TaxText, TaxRate: p.TaxRate}
	d.creditNote(of, amount, p.Surcharge, p.SurchargePercent, c.Reason)
	d.grace()
	return nil
}

// rechargeReinstated credits what the bank gave back, with an invoice in the
// place of the credit note. What was never reversed here needs nothing.
func (d *decision) rechargeReinstated(c *RecordRechargeReinstated) error {
	p, err := d.payment(c.RechargeID, c.Payments)
	if err != nil {
		return err
	}
	of := d.account.returned(p.RechargeID)
	if !of.Reversed {
		return nil
	}
	before := d.Balance
	d.raise(&RechargeReinstated{RechargeID: p.RechargeID, Amount: of.Taken, ProcessorRef: c.ProcessorRef})
	if of.Taken.Add(p.Surcharge).Sign() > 0 {
		d.invoice(p.RechargeID, of.Taken, p.Surcharge, p.SurchargePercent, InvoiceReinstated)
	}
	d.raised(before)
	return nil
}

// theRefund finds a refund through the processor.
func (d *decision) theRefund(id string) (*RefundState, error) {
	if r := d.account.Refunds[id]; r != nil {
		return r, nil
	}
	return nil, Reject(UnknownRefund, "Account %s has no refund %.64q through the processor.", d.PartnerID, id)
}

// refundPaidOut ends a refund. Where it had been cancelled, the money is gone
// all the same: what the cancellation credited is taken again (R36).
func (d *decision) refundPaidOut(c *RecordRefundPaidOut) error {
	r, err := d.theRefund(c.RefundID)
	if err != nil || r.Status == RefundIsPaid {
		return err
	}
	e := &RefundPaidOut{RefundID: r.RefundID, Amount: r.Amount, ProcessorRef: c.ProcessorRef}
	cancelled := r.Status == RefundIsCancelled
	if cancelled {
		e.Debited = r.Credited
	}
	d.raise(e)
	if !r.Noted || cancelled && !r.Credited.IsZero() {
		d.creditNote(&r.RefundIssued, r.Amount, money.Zero(), money.Zero(), r.Reason)
	}
	d.grace()
	return nil
}

// refundFailed notes that an attempt paid nothing: nothing is credited, and
// it is tried again or cancelled. An attempt that was paid may fail later,
// where the bank sends the money back to the processor.
func (d *decision) refundFailed(c *RecordRefundFailed) error {
	r, err := d.theRefund(c.RefundID)
	if err != nil {
		return err
	}
	if c.Attempt == r.Attempt && (r.Status == RefundInFlight || r.Status == RefundIsPaid) {
		d.raise(&RefundFailed{RefundID: r.RefundID, Attempt: r.Attempt, Code: c.Code, RetryAt: d.meta.At.Add(RetryAfter)})
	}
	return nil
}

// retryRefund starts the next attempt; there is none while one is in flight.
func (d *decision) retryRefund(c *RetryRefund) error {
	r, err := d.theRefund(c.RefundID)
	if err != nil {
		return err
	}
	if r.Status == RefundIsFailed {
		d.raise(&RefundRetried{RefundID: r.RefundID, Attempt: r.Attempt + 1})
	}
	return nil
}

// cancelRefund is Finance's end of a refund that failed; one in flight may
// have been paid (R36).
func (d *decision) cancelRefund(c *CancelRefund) error {
	r, err := d.theRefund(c.RefundID)
	if err != nil {
		return err
	}
	if r.Status != RefundIsFailed && r.Status != RefundIsCancelled {
		return Reject(RefundNotFailed, "Refund %s is %s: only one whose last attempt failed can be cancelled.", r.RefundID, r.Status)
	}
	if err := d.actor(); err != nil {
		return err
	}
	if c.Reason == "" {
		return Reject(ReasonRequired, "Say why the refund is cancelled.")
	}
	if r.Status == RefundIsCancelled {
		return nil
	}
	before := d.Balance
	e := &RefundCancelled{RefundID: r.RefundID, Amount: r.Amount, Credited: r.Amount, Reason: c.Reason}
	reversed := d.account.returned(r.RechargeID).Reversed
	if reversed { // the bank has it
		e.Credited = money.Zero()
	}
	d.raise(e)
	switch {
	case reversed && !r.Noted:
		d.creditNote(&r.RefundIssued, r.Amount, money.Zero(), money.Zero(), c.Reason)
	case !reversed && r.Noted:
		d.invoice(r.RechargeID, r.Amount, money.Zero(), money.Zero(), InvoiceRefundCancelled)
	}
	d.raised(before)
	return nil
}
