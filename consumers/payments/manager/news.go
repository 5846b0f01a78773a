package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"prepayledger/consumers/payments"
	"prepayledger/domain"
)

// Actor is who tells the ledger of payments.
const Actor = "system:payments"

// namespace is the root of the command ids of what is told.
var namespace = uuid.MustParse("6f1c1f6e-3f3b-5b0e-9d1b-2f4a7c2d8e10")

// CommandID is the id of the command that tells this of a recharge or refund:
// told again, it counts once.
func CommandID(id, what string) uuid.UUID {
	return uuid.NewSHA1(namespace, []byte(id+"\x00"+what))
}

// news is a command, and what it tells in a word.
type news struct {
	what string
	cmd  domain.Command
}

func rechargeNews(id string, o payments.Outcome) news {
	if o.Succeeded {
		return news{"succeeded", &domain.RecordRechargeSucceeded{RechargeID: id, ProcessorRef: o.Reference}}
	}
	return news{"failed", &domain.RecordRechargeFailed{RechargeID: id, Code: o.Code}}
}

func refundNews(id string, attempt int, o payments.Outcome) news {
	if o.Succeeded {
		return news{fmt.Sprintf("paid out %d", attempt), &domain.RecordRefundPaidOut{RefundID: id, ProcessorRef: o.Reference}}
	}
	return news{fmt.Sprintf("failed %d", attempt), &domain.RecordRefundFailed{RefundID: id, Attempt: attempt, Code: o.Code}}
}

// tell gives the ledger the command. A rejection is final: it is counted for
// somebody to look at, and not told again.
func (m *Manager) tell(ctx context.Context, partner, id string, n news) error {
	err := m.ledger.Do(ctx, partner, domain.Meta{CommandID: CommandID(id, n.what), Actor: Actor}, n.cmd)
	return m.judge(partner, id, n, err)
}

// judge tells refusals from failures.
func (m *Manager) judge(partner, id string, n news, err error) error {
	if domain.RejectionCode(err) == "" {
		return err
	}
	m.mu.Lock()
	m.refused++
	m.mu.Unlock()
	m.opts.Logger.Error("the ledger refuses what the processor tells: compare both by hand",
		zap.String("partner_id", partner), zap.String("id", id), zap.String("told", n.what), zap.Error(err))
	return &Refused{err}
}

// Refused is an outcome that the ledger does not take, by its rules.
type Refused struct{ err error }

// Error implements error.
func (r *Refused) Error() string {
	if r.err == nil {
		return "the ledger refuses it"
	}
	return r.err.Error()
}

// Unwrap returns the rejection.
func (r *Refused) Unwrap() error { return r.err }

// RechargeOutcome takes the outcome of a card payment that the processor told
// by itself, before or after it was asked. Told twice, it counts once.
func (m *Manager) RechargeOutcome(ctx context.Context, partnerID, rechargeID string, o payments.Outcome) error {
	return m.tell(ctx, partnerID, rechargeID, rechargeNews(rechargeID, o))
}

// RefundOutcome takes the outcome of an attempt at a payout.
func (m *Manager) RefundOutcome(ctx context.Context, partnerID, refundID string, attempt int, o payments.Outcome) error {
	return m.tell(ctx, partnerID, refundID, refundNews(refundID, attempt, o))
}

// Reversed takes that the bank took a card payment back (R36). Where the
// payment's own outcome was not told yet, that is asked for first.
func (m *Manager) Reversed(ctx context.Context, partnerID, rechargeID, reference, reason string) error {
	n := news{"reversed", &domain.RecordRechargeReversed{RechargeID: rechargeID, ProcessorRef: reference, Reason: reason}}
	return m.afterOutcome(ctx, partnerID, rechargeID, n)
}

// Reinstated takes that the bank gave a card payment back that it had taken.
func (m *Manager) Reinstated(ctx context.Context, partnerID, rechargeID, reference string) error {
	n := news{"reinstated", &domain.RecordRechargeReinstated{RechargeID: rechargeID, ProcessorRef: reference}}
	return m.afterOutcome(ctx, partnerID, rechargeID, n)
}

// afterOutcome tells what can only come after the payment's own outcome.
func (m *Manager) afterOutcome(ctx context.Context, partnerID, rechargeID string, n news) error {
	meta := domain.Meta{CommandID: CommandID(rechargeID, n.what), Actor: Actor}
	if err := m.ledger.Do(ctx, partnerID, meta, n.cmd); domain.RejectionCode(err) != domain.RechargeInFlight {
		return m.judge(partnerID, rechargeID, n, err)
	}
	for _, p := range m.accounts.Pending() {
		if p.PartnerID != partnerID || p.Recharge == nil || p.Recharge.RechargeID != rechargeID {
			continue
		}
		o, known, err := m.driver.Charge(ctx, partnerID, p.Recharge)
		if err != nil {
			return err
		}
		if !known {
			return errUnknown
		}
		if err := m.RechargeOutcome(ctx, partnerID, rechargeID, o); err != nil {
			return err
		}
		return m.tell(ctx, partnerID, rechargeID, n)
	}
	return errUnknown // the views do not know it yet
}

// isRefused says that an error is final.
func isRefused(err error) bool {
	var r *Refused
	return errors.As(err, &r)
}

// CardRegistered takes a card that a partner saved at the processor. The
// reference is that of the registration: each counts once.
func (m *Manager) CardRegistered(ctx context.Context, partnerID, reference, card string) error {
	return m.tell(ctx, partnerID, reference, news{"card", &domain.ReplaceCard{Card: card}})
}
