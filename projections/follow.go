package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"prepayledger/domain"
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
	// DefaultLinger is how long a fact waits at most once the models are where
	// the log ends: 1 s.
	DefaultLinger = time.Second
	// applyAfter is how long a fact waits at most for others before models have
	// it in memory, once they are where the log ends: 2 ms.
	applyAfter = 2 * time.Millisecond
	// maxUncommitted is how many facts wait at most: about a second of work,
	// which is done again after a crash.
	maxUncommitted = 524_288
	// maxKeptBytes is how many bytes of events other than charges wait at
	// most: of charges models keep sums, of others all.
	maxKeptBytes = 32 << 20
	// batchesAhead is how many batches are decoded before they are applied.
	batchesAhead = 16
)

// Bounds of subscribing again where the store dropped the subscription or can't
// be reached: three minutes with DefaultRetryPause.
const (
	// DefaultRetryPause is the first pause; it doubles each time.
	DefaultRetryPause = 100 * time.Millisecond
	// maxRetryPause is the longest pause, in first pauses.
	maxRetryPause = 50
	// maxRetries is how often it is tried again in a row without an event.
	maxRetries = 40
)

// work is a batch of facts on its way to the models; commit says that it, and
// all before it, must be committed.
type work struct {
	facts  []Fact
	commit bool
}

// follow applies what comes, over as many subscriptions as it takes.
func (e *Engine) follow(ctx context.Context) error {
	at := e.Position()
	pause := e.retryPause
	for tries := 0; ; tries++ {
		from := at
		err := e.subscribe(ctx, &at)
		if !errors.Is(err, eventstore.ErrDropped) && !errors.Is(err, eventstore.ErrUnavailable) {
			return err
		}
		if from.Before(at) {
			tries, pause = 0, e.retryPause
		}
		if tries == maxRetries {
			return err
		}
		e.log.Warn("read models subscribe again", zap.Stringer("after", at), zap.Error(err))
		select {
		case <-time.After(pause):
			pause = min(2*pause, maxRetryPause*e.retryPause)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// subscribe applies what comes after the position, as far as one subscription
// brings it; at is how far that is. What was applied is committed.
func (e *Engine) subscribe(ctx context.Context, at *eventstore.Position) error {
	ctx, cancel := context.WithCancel(ctx)
	subscription, err := e.store.SubscribeAll(ctx, *at)
	if err != nil {
		cancel()
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
	defer func() { // the decoder has ended when this function returns
		cancel()
		for range batches {
		}
	}()
	for b := range batches {
		if err := e.take(ctx, b, at); err != nil {
			return err
		}
		if b.facts != nil {
			clear(b.facts)
			free <- b.facts[:0]
		}
	}
	err = <-failed
	if failed := e.take(ctx, work{commit: true}, at); failed != nil {
		return failed
	}
	return err
}

// take applies a batch and commits, if that is its turn.
func (e *Engine) take(ctx context.Context, b work, at *eventstore.Position) error {
	if len(b.facts) > 0 {
		if err := e.apply(ctx, b.facts, e.models, e.sinks); err != nil {
			return err
		}
		*at = b.facts[len(b.facts)-1].Position
		indexed := *at // readers keep the pointer
		e.indexed.Store(&indexed)
	}
	if !b.commit || !e.Position().Before(*at) {
		return nil
	}
	if err := e.flush(e.models, *at); err != nil {
		return err
	}
	committed := *at
	e.announce(&committed, nil)
	return nil
}

// pending is what was decoded and is not committed yet.
type pending struct {
	facts     int
	keptBytes int
	since     time.Time // of the first fact
}

func (p *pending) add(f *Fact) {
	if p.facts == 0 {
		p.since = time.Now()
	}
	p.facts++
	if _, charge := f.Event.(*domain.ConversationCharged); !charge {
		p.keptBytes += len(f.Data)
	}
}

// full says that it must be committed.
func (p *pending) full() bool { return p.facts >= maxUncommitted || p.keptBytes >= maxKeptBytes }

// decode fills batches: one goes when it is full, and when facts must be
// committed because they are many, old, or waited for. Where an event can't be
// read, those before it go.
func (e *Engine) decode(ctx context.Context, s eventstore.Subscription, free <-chan []Fact, batches chan<- work) error {
	var facts []Fact
	var waiting pending
	var first time.Time // when the first of facts came
	patience := &patience{parent: ctx, engine: e}
	defer patience.end()
	caughtUp := false
	for {
		var m eventstore.Message
		var err error
		switch {
		case !caughtUp || waiting.facts == 0:
			m, err = s.Next(ctx)
		case len(facts) > 0 && first.Add(applyAfter).Before(waiting.since.Add(e.linger)):
			m, err = patience.next(s, first.Add(applyAfter), paused)
		default:
			m, err = patience.next(s, waiting.since.Add(e.linger), lingered)
		}
		if err == nil && m.Kind == eventstore.EventMessage {
			if facts == nil {
				select {
				case facts = <-free:
					first = time.Now()
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if facts, err = e.add(facts, m.Event); err == nil {
				waiting.add(&facts[len(facts)-1])
			}
		}
		switch m.Kind {
		case eventstore.CaughtUpMessage, lingered, paused:
			caughtUp = true
		case eventstore.EventMessage:
			// Live ones come singly; in a catch-up batches fill before time is up.
			caughtUp = caughtUp && len(facts) < MaxBatchFacts
		}
		commit := m.Kind == lingered || waiting.full() || len(facts) == MaxBatchFacts && e.waiting.Load() > 0
		if len(facts) == MaxBatchFacts || commit || err != nil || m.Kind == paused {
			select {
			case batches <- work{facts, commit}:
				facts = nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
		if commit {
			waiting = pending{}
		}
	}
}

// Messages that the engine makes for itself.
const (
	// lingered says that facts must be committed.
	lingered eventstore.MessageKind = -1 - iota
	// paused says that facts must be applied.
	paused
)

// patience bounds the waiting for messages. A bound serves all calls with the
// same instant: there is one for a batch, not one for a message.
type patience struct {
	parent context.Context
	engine *Engine
	until  time.Time
	ctx    context.Context
	cancel context.CancelFunc
}

// next returns the next message, or after the instant one of the kind. It
// waits for none when somebody waits for the models.
func (p *patience) next(s eventstore.Subscription, until time.Time, late eventstore.MessageKind) (eventstore.Message, error) {
	if p.ctx == nil || p.ctx.Err() != nil || !p.until.Equal(until) {
		p.end()
		ctx, cancel := context.WithDeadline(p.parent, until)
		p.until, p.ctx, p.cancel = until, ctx, cancel
		p.engine.hurry.Store(&cancel)
	}
	if p.engine.waiting.Load() > 0 {
		return eventstore.Message{Kind: lingered}, nil
	}
	m, err := s.Next(p.ctx)
	if err != nil && p.ctx.Err() != nil && p.parent.Err() == nil {
		return eventstore.Message{Kind: late}, nil
	}
	return m, err
}

func (p *patience) end() {
	p.engine.hurry.Store(nil)
	if p.cancel != nil {
		p.cancel()
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

// Indexed is how far all sinks have come; they may be ahead of the models.
func (e *Engine) Indexed() eventstore.Position { return *e.indexed.Load() }

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
