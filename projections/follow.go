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

// Bounds of how long facts wait for their commit: the more facts a commit
// has, the fewer writes it takes, since many of them change the same sums. Who
// waits for a position ends the waiting.
const (
	// maxLinger is how long a fact waits at most: 1 s.
	maxLinger = time.Second
	// maxUncommitted is how many facts wait at most.
	maxUncommitted = 262_144
)

const batchesAhead = 16

// work is a batch of facts on its way to the models; commit says that it, and
// all before it, must be committed.
type work struct {
	facts  []Fact
	commit bool
}

// follow applies what comes.
func (e *Engine) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	subscription, err := e.store.SubscribeAll(ctx, e.Position())
	if err != nil {
		return err
	}
	defer subscription.Close()
	batches := make(chan work, batchesAhead)
	free := make(chan []Fact, batchesAhead)
	for range batchesAhead {
		free <- make([]Fact, 0, MaxBatchFacts)
	}
	failed := make(chan error, 1)
	// Decoding and applying run beside each other.
	go func() {
		defer close(batches)
		failed <- e.decode(ctx, subscription, free, batches)
	}()
	at := e.Position()
	for b := range batches {
		if len(b.facts) > 0 {
			if err := e.apply(ctx, b.facts, e.models, e.sinks); err != nil {
				return err
			}
			at = b.facts[len(b.facts)-1].Position
		}
		if b.commit {
			if err := e.commitAt(at, e.models, e.sinks); err != nil {
				return err
			}
			committed := at // readers keep the pointer
			e.announce(&committed, nil)
		}
		if b.facts != nil {
			clear(b.facts)
			free <- b.facts[:0]
		}
	}
	return <-failed
}

// decode fills batches: one goes when it is full, and when facts must be
// committed because they are many, old, or waited for.
func (e *Engine) decode(ctx context.Context, s eventstore.Subscription, free <-chan []Fact, batches chan<- work) error {
	var facts []Fact
	var since time.Time // of the first fact that is not committed
	uncommitted, caughtUp := 0, false
	for {
		m, err := e.next(ctx, s, caughtUp && uncommitted > 0, since)
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
			}
			if uncommitted == 0 {
				since = time.Now()
			}
			if facts, err = e.add(facts, m.Event); err != nil {
				return err
			}
			uncommitted++
		}
		commit := m.Kind == lingered || uncommitted >= maxUncommitted || len(facts) == MaxBatchFacts && e.waiting.Load() > 0
		if len(facts) < MaxBatchFacts && !commit {
			continue
		}
		select {
		case batches <- work{facts, commit}:
			facts = nil
			if commit {
				uncommitted = 0
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lingered is the message that says that facts must be committed.
const lingered eventstore.MessageKind = -1

// next returns the next message. With linger, it waits for one only as long as
// facts may, and not at all when somebody waits for them.
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
