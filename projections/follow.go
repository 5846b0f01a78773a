package projections

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"prepayledger/eventstore"
)

// Start follows the log in the background until Close. An error stops it;
// WaitFor then returns it.
func (e *Engine) Start() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	e.mu.Lock()
	e.stop, e.done = stop, done
	e.mu.Unlock()
	go func() {
		defer close(done)
		err := e.follow(ctx)
		if ctx.Err() == nil && err != nil {
			e.log.Error("read models stopped", zap.Error(err))
		}
		e.announce(nil, fmt.Errorf("read models stopped: %w", errors.Join(err, ctx.Err())))
	}()
}

// follow applies what comes, in batches as large as what is there.
func (e *Engine) follow(ctx context.Context) error {
	subscription, err := e.store.SubscribeAll(ctx, e.Position())
	if err != nil {
		return err
	}
	defer subscription.Close()
	decoded := make(chan []Fact, 1)
	free := make(chan []Fact, 2)
	free <- make([]Fact, 0, MaxBatchFacts)
	free <- make([]Fact, 0, MaxBatchFacts)
	failed := make(chan error, 1)
	// Decoding and applying run beside each other.
	go func() {
		defer close(decoded)
		failed <- e.decode(ctx, subscription, free, decoded)
	}()
	for facts := range decoded {
		if err := e.apply(ctx, facts, e.models, e.sinks); err != nil {
			return err
		}
		at := facts[len(facts)-1].Position
		e.announce(&at, nil)
		clear(facts)
		free <- facts[:0]
	}
	return <-failed
}

// decode fills batches: a batch ends when it is full or the log is.
func (e *Engine) decode(ctx context.Context, s eventstore.Subscription, free <-chan []Fact, decoded chan<- []Fact) error {
	var facts []Fact
	for {
		m, err := s.Next(ctx)
		if err != nil {
			return err
		}
		if facts == nil && m.Kind == eventstore.EventMessage {
			select {
			case facts = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if m.Kind == eventstore.EventMessage {
			if facts, err = e.add(facts, m.Event); err != nil {
				return err
			}
		}
		if len(facts) > 0 && (len(facts) == MaxBatchFacts || m.Kind == eventstore.CaughtUpMessage) {
			select {
			case decoded <- facts:
				facts = nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// announce publishes a new position or the end of following.
func (e *Engine) announce(p *eventstore.Position, failed error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p != nil {
		e.position.Store(p)
	}
	if failed != nil {
		e.failed = failed
	}
	close(e.changed)
	e.changed = make(chan struct{})
}

// Position is how far all models have come.
func (e *Engine) Position() eventstore.Position { return *e.position.Load() }

// WaitFor waits until all models are at the position at least: read your
// writes. It returns what stopped the models, if they can't come there.
func (e *Engine) WaitFor(ctx context.Context, p eventstore.Position) error {
	for {
		e.mu.Lock()
		changed, failed := e.changed, e.failed
		e.mu.Unlock()
		if !e.Position().Before(p) {
			return nil
		}
		if failed != nil {
			return failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// CatchUp waits until all models are where the log ends now.
func (e *Engine) CatchUp(ctx context.Context) error {
	last, err := e.store.Last(ctx)
	if err != nil {
		return err
	}
	return e.WaitFor(ctx, last)
}
