package desk

import (
	"context"
	"fmt"
	"time"

	"prepayledger/domain"
	"prepayledger/eventstore"
	"prepayledger/projections/accounts"
)

// Live returns an account as the read models have it now. Nothing is written
// and no stream is read, so it is cheap: what falls due by itself is worked by
// prepay serve, not here.
func (d *Desk) Live(partner string) (*accounts.Account, error) {
	found, err := d.Views.Accounts.Get(partner)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, notThere(partner)
	}
	return found, nil
}

// notThere says to any caller that there is no such account.
func notThere(partner string) error {
	return domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: correct the partner id.", partner)
}

// ReachTimeout is how long a read waits for the read models to be where it asks
// them to be (time).
const ReachTimeout = 5 * time.Second

// ErrAhead says that a position lies behind the end of the log.
var ErrAhead = fmt.Errorf("%w: the log has not come to this position", eventstore.ErrInvalid)

// Reach waits until the read models are at the position at least: whoever
// wrote up to there then reads it. It errs with ErrAhead, or
// eventstore.ErrUnavailable after ReachTimeout.
func (d *Desk) Reach(ctx context.Context, at eventstore.Position) error {
	if !d.Views.Engine.Indexed().Before(at) {
		return nil
	}
	last, err := d.Store.Last(ctx)
	if err != nil {
		return err
	}
	if last.Before(at) {
		return ErrAhead
	}
	within, cancel := context.WithTimeout(ctx, ReachTimeout)
	defer cancel()
	if err := d.Views.WaitFor(within, at); err != nil {
		if ctx.Err() == nil && within.Err() != nil {
			return fmt.Errorf("%w: the read models are not at position %s yet", eventstore.ErrUnavailable, at)
		}
		return err
	}
	return nil
}
