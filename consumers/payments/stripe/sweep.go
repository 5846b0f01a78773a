package stripe

import (
	"context"
	"errors"
	"time"

	api "github.com/stripe/stripe-go/v84"
	"go.uber.org/zap"

	"prepayledger/consumers/payments/manager"
)

const (
	// sweepEvery is the pause between two looks at the disputes (time).
	sweepEvery = 6 * time.Hour
	// sweepAgain is the pause after a look that failed (time).
	sweepAgain = 10 * time.Minute
	// sweepBack is how far back disputes are read (time): the longest that
	// card networks leave one open, about.
	sweepBack = 180 * 24 * time.Hour
)

// Sweep tells of all disputes of the last half year again, so that none is
// missed whose webhooks were lost. What is known already counts once.
func (h *Webhook) Sweep(ctx context.Context) error {
	list := &api.DisputeListParams{CreatedRange: &api.RangeQueryParams{GreaterThanOrEqual: h.Driver.clock().Add(-sweepBack).Unix()}}
	list.Limit = api.Int64(pageSize)
	var failures []error
	for d, err := range h.Driver.client.V1Disputes.List(ctx, list) {
		if err != nil {
			return errors.Join(append(failures, err)...)
		}
		var refused *manager.Refused
		if err := h.disputed(ctx, d); err != nil && !errors.As(err, &refused) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// Run sweeps at once and then every six hours, until the context ends.
func (h *Webhook) Run(ctx context.Context) error {
	for {
		pause := sweepEvery
		if err := h.Sweep(ctx); err != nil && ctx.Err() == nil {
			pause = sweepAgain
			if h.Logger != nil {
				h.Logger.Warn("disputes are read again", zap.Duration("in", pause), zap.Error(err))
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}
