package decider

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"prepayledger/eventstore"
)

// batch is the work on some commands of one stream.
type batch[S, C, E, O any] struct {
	engine   *Engine[S, C, E, O]
	stream   *stream[S, C, O]
	commands []C
	outcomes []*O
	// decided is how many commands are decided, their events pending or on
	// disk; durable is how many are on disk with all that they raised.
	decided, durable int
	// pending are encoded events that wait for their append.
	pending []eventstore.Event
	bytes   int
}

// work decides all commands; after a conflict those that are not durable are
// decided again on the state as it is then.
func (b *batch[S, C, E, O]) work(ctx context.Context) error {
	var conflict error
	for attempt := range MaxAttempts {
		if attempt > 0 {
			if err := backOff(ctx, attempt); err != nil {
				return err
			}
		}
		err := b.attempt(ctx)
		if !errors.Is(err, eventstore.ErrWrongRevision) {
			return err
		}
		conflict = err
		b.stream.loaded, b.stream.polite = false, politeBatches
		b.pending, b.bytes = nil, 0
	}
	return fmt.Errorf("%w: %w", ErrContention, conflict)
}

// backOff waits a random time that doubles with every conflict: two writers
// that keep step would refuse each other for ever.
func backOff(ctx context.Context, attempt int) error {
	const enough = 16 // doublings, far beyond maxBackOff
	longest := min(minBackOff<<min(attempt, enough), maxBackOff)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", eventstore.ErrClosed, ctx.Err())
	}
}

func (b *batch[S, C, E, O]) attempt(ctx context.Context) error {
	s, spec := b.stream, &b.engine.spec
	if !s.loaded {
		if err := b.load(ctx); err != nil {
			return err
		}
	}
	if spec.Prepare != nil {
		if err := spec.Prepare(ctx, s.name, s.state, b.commands[b.durable:]); err != nil {
			return err
		}
	}
	for b.decided = b.durable; b.decided < len(b.commands); {
		i := b.decided
		if err := b.interject(ctx, b.commands[i]); err != nil {
			return err
		}
		outcome, barrier, err := b.decide(ctx, b.commands[i])
		if err != nil {
			return err
		}
		*b.outcomes[i] = outcome
		b.decided++
		if barrier {
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
	}
	if err := b.interject(ctx, b.commands[len(b.commands)-1]); err != nil {
		return err
	}
	return b.flush(ctx)
}

// interject works what must come before the command.
func (b *batch[S, C, E, O]) interject(ctx context.Context, c C) error {
	s, spec := b.stream, &b.engine.spec
	if spec.Before == nil {
		return nil
	}
	for range maxInterjections {
		next, ok, err := spec.Before(ctx, s.name, s.state, c)
		if err != nil || !ok {
			return err
		}
		_, barrier, err := b.decide(ctx, next)
		if err != nil {
			return err
		}
		if barrier {
			if err := b.flush(ctx); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("stream %s: more than %d commands fell due before one", s.name, maxInterjections)
}

// decide decides one command and adds what it raised to the pending append.
// It reports whether that must be on disk before anything else.
func (b *batch[S, C, E, O]) decide(ctx context.Context, c C) (outcome O, barrier bool, err error) {
	s, spec := b.stream, &b.engine.spec
	events, outcome, err := spec.Decide(s.state, c)
	if err != nil || len(events) == 0 {
		return outcome, false, err
	}
	before := len(b.pending)
	if b.pending, err = spec.Encode(b.pending, s.state, c, events); err != nil {
		return outcome, false, err
	}
	size := 0
	for i := before; i < len(b.pending); i++ {
		size += len(b.pending[i].Data) + len(b.pending[i].Metadata) + len(b.pending[i].Type)
	}
	if before > 0 && b.bytes+size > MaxAppendBytes {
		// A decision is one append: what came before goes first.
		own := append([]eventstore.Event(nil), b.pending[before:]...)
		b.pending = b.pending[:before]
		if err := b.flush(ctx); err != nil {
			return outcome, false, err
		}
		b.pending = own
	}
	b.bytes += size
	for _, e := range events {
		if err := spec.Evolve(s.state, e); err != nil {
			return outcome, false, err
		}
	}
	return outcome, spec.Barrier != nil && spec.Barrier(events), nil
}

// flush appends what is pending; then all decided commands are durable.
func (b *batch[S, C, E, O]) flush(ctx context.Context) error {
	if len(b.pending) > 0 {
		at, err := Append(ctx, b.engine.store, b.stream.name, b.stream.revision, b.pending)
		if err != nil {
			return err
		}
		b.stream.revision = at.LastRevision
		b.pending, b.bytes = b.pending[:0], 0
		if b.engine.spec.Appended != nil {
			b.engine.spec.Appended(b.stream.state, at)
		}
	}
	b.durable = b.decided
	return nil
}

// load folds the stream into a state.
func (b *batch[S, C, E, O]) load(ctx context.Context) error {
	s, spec := b.stream, &b.engine.spec
	state, revision, err := spec.Load(ctx, s.name)
	if err != nil {
		return fmt.Errorf("load %s: %w", s.name, err)
	}
	for r, err := range b.engine.store.ReadStream(ctx, s.name, revision+1, eventstore.Forwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			break
		}
		if err != nil {
			return fmt.Errorf("load %s: %w", s.name, err)
		}
		if err := spec.Fold(ctx, state, r); err != nil {
			return fmt.Errorf("load %s, revision %d: %w", s.name, r.Revision, err)
		}
		revision = r.Revision
	}
	s.state, s.revision, s.loaded = state, revision, true
	return nil
}
