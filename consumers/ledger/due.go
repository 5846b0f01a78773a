package ledger

import (
	"context"
	"time"

	"prepayledger/domain"
	"prepayledger/eventstore/decider"
)

// Actors of what the ledger does by itself.
const (
	actorDeadlines = "system:deadlines"
	actorPayments  = "system:payments"
)

// before returns what must be worked in an account before a command: what
// fell due, and the outcome of a card payment, in the order of R20.
func (l *Ledger) before(ctx context.Context, _ string, s *state, c Command) (Command, bool, error) {
	if c.At.IsZero() || !s.Opened {
		return Command{}, false, nil
	}
	if paid, err := l.payout(ctx, s, c.At); err != nil || paid != nil {
		return l.own(paid, actorPayments, c.At, c.At), err == nil, err
	}
	if s.InFlight == nil && c.At.Before(s.NextDueAt()) {
		return Command{}, false, nil
	}
	due := s.NextDue(BlockedText(l.opts.Provider))
	if due.At.After(c.At) {
		due.Command = nil
	}
	outcome, at, err := l.outcome(ctx, s, c.At)
	if err != nil {
		return Command{}, false, err
	}
	switch {
	case outcome != nil && (due.Command == nil || at.Before(due.At) || at.Equal(due.At) && due.AfterOutcome):
		return l.own(outcome, actorPayments, at, c.At), true, nil
	case due.Command != nil:
		return l.own(due.Command, actorDeadlines, due.At, c.At), true, nil
	default:
		return Command{}, false, nil
	}
}

// outcome asks the processor how the payment in flight ended.
func (l *Ledger) outcome(ctx context.Context, s *state, now time.Time) (domain.Command, time.Time, error) {
	if s.InFlight == nil {
		return nil, time.Time{}, nil
	}
	o, known, err := l.opts.Processor.Charge(ctx, s.InFlight, now)
	if err != nil || !known {
		return nil, time.Time{}, err
	}
	if o.At.IsZero() {
		o.At = now
	}
	if o.Succeeded {
		return &domain.RecordRechargeSucceeded{RechargeID: s.InFlight.RechargeID, ProcessorRef: o.Reference}, o.At, nil
	}
	return &domain.RecordRechargeFailed{RechargeID: s.InFlight.RechargeID, Code: o.Code}, o.At, nil
}

// own makes a command of the ledger's own: at its instant in exact time, else
// now.
func (l *Ledger) own(c domain.Command, actor string, at, now time.Time) Command {
	if !l.opts.Exact {
		at = now
	}
	return Command{Meta: domain.Meta{CommandID: l.opts.IDs(), At: at, Actor: actor}, Do: c}
}

// advance is a command that changes nothing: what is due before it is worked.
type advance struct{}

// CommandName implements domain.Command.
func (advance) CommandName() string { return "Advance" }

// Advance works everything that fell due in the account up to the instant.
func (l *Ledger) Advance(ctx context.Context, partnerID string, to time.Time) error {
	if !l.Exists(partnerID) {
		return nil
	}
	_, err := l.engine.Do(ctx, AccountStream(partnerID), Command{Meta: domain.Meta{At: to}, Do: advance{}})
	return err
}

// AdvanceMany works everything that fell due in accounts up to the instant,
// beside each other. A failure of one does not keep the others from being
// worked; the first is returned.
func (l *Ledger) AdvanceMany(ctx context.Context, partners []string, to time.Time) error {
	var calls []*decider.Call[Command, Result]
	for _, p := range partners {
		if l.Exists(p) {
			calls = append(calls, l.engine.Submit(AccountStream(p), []Command{{Meta: domain.Meta{At: to}, Do: advance{}}}))
		}
	}
	var failed error
	for _, c := range calls {
		if _, err := c.Wait(ctx); err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

// AdvanceAll works everything that fell due in all accounts up to now, account
// after account.
func (l *Ledger) AdvanceAll(ctx context.Context) error {
	now := l.Now()
	partners, err := l.views.Partners(ctx)
	if err != nil {
		return err
	}
	for _, p := range partners {
		if err := l.Advance(ctx, p, now); err != nil {
			return err
		}
	}
	return nil
}
