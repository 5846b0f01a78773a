package ledger

import (
	"context"
	"time"

	"prepayledger/consumers/payments"
	"prepayledger/domain"
)

// withPayments gives a command the card payments that it is about (R36).
func (l *Ledger) withPayments(ctx context.Context, partnerID string, cmd domain.Command) (domain.Command, error) {
	find := func(id string) ([]domain.Payment, error) {
		if err := l.Settle(ctx); err != nil {
			return nil, err
		}
		return l.views.Payments(ctx, partnerID, id)
	}
	var err error
	switch c := cmd.(type) {
	case *domain.Refund:
		if !c.Payout && c.RechargeID == "" {
			return cmd, nil
		}
		full := *c
		full.Payments, err = find(c.RechargeID)
		return &full, err
	case *domain.RecordRechargeReversed:
		full := *c
		full.Payments, err = find(c.RechargeID)
		return &full, err
	case *domain.RecordRechargeReinstated:
		full := *c
		full.Payments, err = find(c.RechargeID)
		return &full, err
	default:
		return cmd, nil
	}
}

// doWithPayment gives a command that is about one payment. The payment is looked
// up before the decision; one that is credited in between is looked up again:
// the rules would refuse it for good.
func (l *Ledger) doWithPayment(ctx context.Context, partnerID string, c Command) error {
	err := l.do(ctx, partnerID, c)
	if domain.RejectionCode(err) != domain.UnknownRecharge {
		return err
	}
	var again error
	if c.Do, again = l.withPayments(ctx, partnerID, c.Do); again != nil {
		return again
	}
	return l.do(ctx, partnerID, c)
}

// payout asks the processor how the refund that is on its way ended (R36); a
// processor that does not pay out by itself leaves it to the payment manager.
func (l *Ledger) payout(ctx context.Context, s *state, now time.Time) (domain.Command, error) {
	p, ok := l.opts.Processor.(payments.Payer)
	if !ok || len(s.Refunds) == 0 {
		return nil, nil
	}
	r := s.PendingRefund()
	if r == nil {
		return nil, nil
	}
	o, known, err := p.PayOut(ctx, payments.PayoutOf(s.PartnerID, s.Currency, r), now)
	if err != nil || !known {
		return nil, err
	}
	if o.Succeeded {
		return &domain.RecordRefundPaidOut{RefundID: r.RefundID, ProcessorRef: o.Reference}, nil
	}
	return &domain.RecordRefundFailed{RefundID: r.RefundID, Attempt: r.Attempt, Code: o.Code}, nil
}
