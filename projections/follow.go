package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Bounds of how long facts wait for company: a larger batch writes a sum once
// that many facts change. Who waits for a position ends the waiting.
const (
	// maxLinger is how long the first fact of a batch waits at most.
	maxLinger = 50 * time.Millisecond
	// enoughFacts is when a batch goes as soon as the log is read to its end.
	enoughFacts = MaxBatchFacts / 2
)

// decode fills batches. A batch goes when it is full, or when the log is read
// to its end and it is large enough, old enough, or waited for.
func (e *Engine) decode(ctx context.Context, s eventstore.Subscription, free <-chan []Fact, decoded chan<- []Fact) error {
	var facts []Fact
	var since time.Time
	caughtUp := false
	for {
		m, err := e.next(ctx, s, caughtUp && len(facts) > 0, since)
		if err != nil {
			return err
		}
		caughtUp = m.Kind == eventstore.CaughtUpMessage || m.Kind == lingered
		if m.Kind == eventstore.EventMessage {
			if facts == nil {
				select {
				case facts = <-free:
				case <-ctx.Done():
					return ctx.Err()
				}
				since = time.Now()
			}
			if facts, err = e.add(facts, m.Event); err != nil {
				return err
			}
		}
		if len(facts) == MaxBatchFacts || m.Kind == lingered || caughtUp && len(facts) >= enoughFacts {
			select {
			case decoded <- facts:
				facts = nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// lingered is the message that says that a batch must go.
const lingered eventstore.MessageKind = -1

// next returns the next message. With linger, it waits for one only as long as
// a batch may, and not at all when somebody waits for its facts.
func (e *Engine) next(ctx context.Context, s eventstore.Subscription, linger bool, since time.Time) (eventstore.Message, error) {
	if !linger {
		return s.Next(ctx)
	}
	short, cancel := context.WithDeadline(ctx, since.Add(maxLinger))
	defer cancel()
	e.hurry.Store(&cancel)
	defer e.hurry.Store(nil)
	if e.waiting.Load() > 0 {
		return eventstore.Message{Kind: lingered}, nil
	}
	m, err := s.Next(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return eventstore.Message{Kind: lingered}, nil
	}
	return m, err
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
	if !e.Position().Before(p) {
		return nil
	}
	e.waiting.Add(1)
	defer e.waiting.Add(-1)
	if hurry := e.hurry.Load(); hurry != nil {
		(*hurry)()
	}
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
