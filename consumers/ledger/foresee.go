package ledger

import (
	"context"

	"prepayledger/domain"
)

// Foresee says which events a command would raise if it were given now, and
// records nothing: people are told what will happen before they say yes. It
// returns the *domain.Rejection that the command would meet. Between it and the
// command others may be given, so that the command's own answer is what counts.
// What needs the streams of numbers is not foreseen: that a channel's number is
// taken.
func (l *Ledger) Foresee(ctx context.Context, partnerID string, m domain.Meta, cmd domain.Command) ([]domain.Event, error) {
	l.complete(&m)
	cmd, err := l.withFacts(ctx, partnerID, cmd)
	if err != nil {
		return nil, err
	}
	if c, ok := cmd.(*domain.CorrectCharge); ok && c.Original == nil {
		full := *c
		if err := l.Settle(ctx); err != nil {
			return nil, err
		}
		if full.Original, _, err = l.views.FindCharge(ctx, partnerID, c.ChargeID); err != nil {
			return nil, err
		}
		cmd = &full
	}
	return l.would(ctx, partnerID, Command{Meta: m, Do: cmd})
}

// dry is a command that is decided and not recorded.
type dry struct {
	domain.Command
	raises func([]domain.Event)
}

// would decides a command without recording what it raises.
func (l *Ledger) would(ctx context.Context, partnerID string, c Command) ([]domain.Event, error) {
	var raised []domain.Event
	c.Once, c.Do = false, dry{c.Do, func(events []domain.Event) { raised = events }}
	results, err := l.engine.Do(ctx, AccountStream(partnerID), c)
	if err != nil {
		return nil, err // the decision may still be going on: raised is not looked at
	}
	return raised, results[0].Rejected
}

// wouldReject says what the account would answer, without recording it.
func (l *Ledger) wouldReject(ctx context.Context, partnerID string, c Command) error {
	_, err := l.would(ctx, partnerID, c)
	return err
}
