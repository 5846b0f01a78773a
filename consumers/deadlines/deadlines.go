// Package deadlines works what falls due by itself: blocks at the end of the
// grace period, card outcomes, retries and the daily balances (R16, R17, R20,
// R33). The ledger works everything due in an account before its next command
// anyhow; this is for the accounts that get none.
package deadlines

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

const (
	// DefaultTick is the longest sleep between two looks (time): a clock that
	// was set, or a machine that slept, is noticed within it.
	DefaultTick = time.Second
	// minPause is the shortest sleep (time): views may need a moment to know
	// that an account was worked.
	minPause = 10 * time.Millisecond
	// AskAgain is how long a card payment without outcome is left alone before
	// the processor is asked again (time, R16).
	AskAgain = 10 * time.Second
	// maxBatch bounds the accounts that are worked at once.
	maxBatch = 1024
)

// Ledger works accounts.
type Ledger interface {
	// Now is the ledger's instant.
	Now() time.Time
	// AdvanceMany works everything that fell due in the accounts up to the
	// instant.
	AdvanceMany(ctx context.Context, partners []string, to time.Time) error
}

// Accounts knows what falls due.
type Accounts interface {
	// Due returns the accounts in which something fell due up to the instant,
	// those with a card payment in flight, and when the next falls due after
	// it; zero for never.
	Due(at time.Time) (due, inFlight []string, next time.Time)
}

// Options of a Runner.
type Options struct {
	// Tick is the longest sleep between two looks; 0 is DefaultTick.
	Tick time.Duration
	// Sleep waits; nil is the real time. Tests put their own here.
	Sleep func(ctx context.Context, d time.Duration) error
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// Runner works what falls due.
type Runner struct {
	ledger   Ledger
	accounts Accounts
	opts     Options
	// asked is when the processor was last asked for outcomes.
	asked time.Time
}

// New returns a runner.
func New(l Ledger, a Accounts, opts Options) *Runner {
	if opts.Tick == 0 {
		opts.Tick = DefaultTick
	}
	if opts.Sleep == nil {
		opts.Sleep = sleep
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	return &Runner{ledger: l, accounts: a, opts: opts}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run works what falls due until the context ends. A failure is logged and
// tried again at the next look.
func (r *Runner) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		next, err := r.look(ctx)
		if err != nil && ctx.Err() == nil {
			r.opts.Logger.Warn("what fell due is tried again", zap.Error(err))
		}
		pause := r.opts.Tick
		if err == nil && !next.IsZero() {
			pause = min(pause, next.Sub(r.ledger.Now()))
		}
		if err := r.opts.Sleep(ctx, max(pause, minPause)); err != nil {
			break
		}
	}
	return nil
}

// look works what is due now and returns when the next thing is.
func (r *Runner) look(ctx context.Context) (time.Time, error) {
	now := r.ledger.Now()
	due, inFlight, next := r.accounts.Due(now)
	if since := now.Sub(r.asked); since >= AskAgain || since < 0 {
		due, r.asked = append(due, inFlight...), now
	}
	var errs []error
	for len(due) > 0 {
		n := min(len(due), maxBatch)
		errs = append(errs, r.ledger.AdvanceMany(ctx, due[:n], now))
		due = due[n:]
	}
	return next, errors.Join(errs...)
}
