package journal

import "prepayledger/domain"

// bookPayback books what goes back (R32, R36).
func (p *partner) bookPayback(x *entry, e domain.Event) bool {
	switch e := e.(type) {
	case *domain.RechargeReversed:
		p.surcharges[e.RechargeID] = e.Surcharge
		x.move(PrepaymentLiability, CardClearing, e.Amount).move(SurchargeRevenue, CardClearing, e.Surcharge)
	case *domain.RechargeReinstated:
		x.move(CardClearing, PrepaymentLiability, e.Amount).move(CardClearing, SurchargeRevenue, p.surcharges[e.RechargeID])
		delete(p.surcharges, e.RechargeID)
	case *domain.RefundIssued:
		if !e.Payout { // paid by hand: no event will tell when
			x.move(PrepaymentLiability, Bank, e.Amount)
			break
		}
		p.refunds[e.RefundID] = refund{amount: e.Amount}
		x.move(PrepaymentLiability, RefundsPayable, e.Amount)
	case *domain.RefundPaidOut:
		p.paidOut(x, e)
	case *domain.RefundFailed:
		r := p.refunds[e.RefundID]
		if r.paid { // the bank sent it back to the processor
			x.move(CardClearing, RefundsPayable, r.amount)
		}
		r.paid = false
		p.refunds[e.RefundID] = r
	case *domain.RefundCancelled:
		r := p.refunds[e.RefundID]
		r.cancelled, r.paid = true, false
		p.refunds[e.RefundID] = r
		x.move(RefundsPayable, PrepaymentLiability, e.Credited).move(RefundsPayable, CardClearing, e.Amount.Sub(e.Credited))
	default:
		return false
	}
	return true
}

// paidOut books a refund that was paid. One that had been cancelled without
// credit was booked as taken by the bank: paid after all, the bank took that
// much less, and nothing is left to book.
func (p *partner) paidOut(x *entry, e *domain.RefundPaidOut) {
	r := p.refunds[e.RefundID]
	if r.cancelled {
		x.move(PrepaymentLiability, CardClearing, e.Debited)
	} else {
		x.move(RefundsPayable, CardClearing, e.Amount)
	}
	r.paid, r.cancelled = true, false
	p.refunds[e.RefundID] = r
}
