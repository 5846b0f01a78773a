package manager

import (
	"context"
	"fmt"
	"time"

	"prepayledger/consumers/payments"
	"prepayledger/domain"
	"prepayledger/projections/accounts"
)

// item is one card payment or one attempt at a payout.
type item struct {
	partner string
	// id is the recharge's or the refund's, key also tells attempts apart.
	id, key string
	// recharge is nil for a payout.
	recharge *domain.RechargeRequested
	payout   payments.Payout
	// retry says that the attempt failed, and the next is to be started.
	retry bool

	// What follows is guarded by Manager.mu.
	asking, done bool
	next         time.Time // not before
	pause        time.Duration
	vainSince    time.Time // zero until it was asked in vain
}

// itemsOf are what is on its way in an account.
func itemsOf(p accounts.Pending) (items []*item) {
	if r := p.Recharge; r != nil {
		items = append(items, &item{partner: p.PartnerID, id: r.RechargeID, key: r.RechargeID, recharge: r})
	}
	for i := range p.Refunds {
		r := &p.Refunds[i]
		it := &item{
			partner: p.PartnerID, id: r.RefundID, key: fmt.Sprintf("%s attempt %d %s", r.RefundID, r.Attempt, r.Status),
			payout: payments.PayoutOf(p.PartnerID, p.Currency, r),
		}
		if r.Status == domain.RefundIsFailed {
			it.retry, it.next = true, r.RetryAt
		}
		items = append(items, it)
	}
	return items
}

// ask asks the processor.
func (it *item) ask(ctx context.Context, d payments.Driver) (payments.Outcome, bool, error) {
	if it.recharge != nil {
		return d.Charge(ctx, it.partner, it.recharge)
	}
	return d.PayOut(ctx, it.payout)
}

// outcome is what the ledger is told.
func (it *item) outcome(o payments.Outcome) news {
	if it.recharge != nil {
		return rechargeNews(it.id, o)
	}
	return refundNews(it.id, it.payout.Attempt, o)
}

// again starts the next attempt at a payout.
func (it *item) again() news {
	return news{fmt.Sprintf("retry %d", it.payout.Attempt), &domain.RetryRefund{RefundID: it.id}}
}
