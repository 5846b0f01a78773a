// Package decider turns commands into appends: it keeps the states of streams
// in memory, decides commands one after the other, and appends what they
// raise with the expected revision.
//
// Commands of one stream that arrive while an append of it is being fsynced
// are decided together and appended together when it is done (coalescing):
// a hot stream is as fast as many cool ones. Each command is a decision of
// its own; coalescing joins appends, never decisions.
//
// After a conflict (someone else wrote) the state is loaded again and the
// commands are decided again, within MaxAttempts.
package decider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"prepayledger/eventstore"
)

// Limits of an engine.
const (
	// MaxAttempts bounds how often commands are decided because someone else
	// wrote to the stream in between.
	MaxAttempts = 200
	// MaxAppendBytes is the size at which an append is closed: 512 KiB. A
	// decision is never divided.
	MaxAppendBytes = 512 << 10
	// MaxBatchCommands bounds the commands that are decided in one go.
	MaxBatchCommands = 8192
	// MaxRepeats bounds how often an append of unknown outcome is repeated.
	MaxRepeats = 5
	// DefaultMaxStreams bounds the streams whose state is kept in memory.
	DefaultMaxStreams = 20_000
	// minBackOff and maxBackOff bound the random wait after a conflict.
	minBackOff = 500 * time.Microsecond
	maxBackOff = 10 * time.Millisecond
	// politeBatches is how many batches of a stream after a conflict are each
	// followed by a pause: without one the writer that has just written, and
	// need not read, would always be the first again.
	politeBatches = 16
	// maxIdleRunners bounds the goroutines that wait for the next stream with
	// work: their stacks have grown already, those of new ones would have to.
	maxIdleRunners = 64
	// maxInterjections bounds the commands that Before puts ahead of one.
	maxInterjections = 100_000
)

// ErrContention is returned when MaxAttempts were in vain.
var ErrContention = errors.New("too many writers at once, try again")

// Spec is what an engine has to know of its streams. S is a state (a
// pointer, changed in place by Evolve), C a command, E an event, O an
// outcome. A rejection is an outcome; errors are failures.
type Spec[S, C, E, O any] struct {
	// Load returns the state to start from and the revision of the last
	// event in it, NoStream for none. Later events are read from the store
	// and folded in.
	Load func(ctx context.Context, stream string) (S, eventstore.Revision, error)
	// Fold folds a stored event into the state.
	Fold func(ctx context.Context, s S, r eventstore.Recorded) error
	// Prepare is called before a batch is decided; nil for nothing.
	Prepare func(ctx context.Context, stream string, s S, commands []C) error
	// Before returns the command that must be worked before c, if there is
	// one. It is asked again until there is none, and once more after the
	// last command of a batch. nil for never.
	Before func(ctx context.Context, stream string, s S, c C) (C, bool, error)
	// Decide answers a command and changes nothing.
	Decide func(s S, c C) ([]E, O, error)
	// Evolve folds an event that was just decided into the state.
	Evolve func(s S, e E) error
	// Encode appends the events of one decision to dst.
	Encode func(dst []eventstore.Event, s S, c C, events []E) ([]eventstore.Event, error)
	// Barrier says that these events must be on disk before anything else
	// is asked or decided (a card must not be charged before its request is
	// durable). nil for never.
	Barrier func(events []E) bool
	// Appended tells where an append of the stream went; nil for nothing.
	Appended func(s S, at eventstore.Appended)
}

// Engine decides the commands of many streams. It is safe for concurrent use.
type Engine[S, C, E, O any] struct {
	store eventstore.Store
	spec  Spec[S, C, E, O]

	// life ends with Close: appends must not die with the caller that
	// happened to start them.
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup
	// idle hands a stream to a runner that waits; idlers counts those.
	idle   chan *stream[S, C, O]
	idlers atomic.Int64

	mu         sync.Mutex
	streams    map[string]*stream[S, C, O]
	maxStreams int
	closed     bool
}

// stream is a stream's queue and, for its runner alone, its state.
type stream[S, C, O any] struct {
	name    string
	queue   []*Call[C, O] // guarded by Engine.mu
	running bool          // guarded by Engine.mu

	state    S
	revision eventstore.Revision
	loaded   bool
	// polite is how many more batches are followed by a pause.
	polite int
}

// New returns an engine on the store.
func New[S, C, E, O any](store eventstore.Store, spec Spec[S, C, E, O]) *Engine[S, C, E, O] {
	life, end := context.WithCancel(context.Background())
	return &Engine[S, C, E, O]{
		store: store, spec: spec, life: life, end: end,
		streams: map[string]*stream[S, C, O]{}, maxStreams: DefaultMaxStreams, idle: make(chan *stream[S, C, O]),
	}
}

// Close ends the engine; commands under way fail with ErrClosed.
func (e *Engine[S, C, E, O]) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.end()
	e.work.Wait()
}

// Do decides the commands in order and returns their outcomes when everything
// that they raised is on disk. An error is a failure of all that is not on
// disk yet; a cancelled context stops the waiting, not the work.
func (e *Engine[S, C, E, O]) Do(ctx context.Context, name string, commands ...C) ([]O, error) {
	return e.Submit(name, commands).Wait(ctx)
}

// Submit queues the commands and returns at once: what is submitted for a
// stream is decided in the order of the Submits.
func (e *Engine[S, C, E, O]) Submit(name string, commands []C) *Call[C, O] {
	c := &Call[C, O]{commands: commands, outcomes: make([]O, len(commands)), done: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		c.err = eventstore.ErrClosed
		close(c.done)
		return c
	}
	s := e.streams[name]
	if s == nil {
		e.evict()
		s = &stream[S, C, O]{name: name}
		e.streams[name] = s
	}
	s.queue = append(s.queue, c)
	if !s.running {
		s.running = true
		select {
		case e.idle <- s:
		default:
			e.work.Go(func() { e.runner(s) })
		}
	}
	return c
}

// runner works one stream after the other until the engine ends, or until
// enough others wait for the next.
func (e *Engine[S, C, E, O]) runner(s *stream[S, C, O]) {
	for {
		e.run(s)
		if e.idlers.Add(1) > maxIdleRunners {
			e.idlers.Add(-1)
			return
		}
		select {
		case s = <-e.idle:
			e.idlers.Add(-1)
		case <-e.life.Done():
			return
		}
	}
}

// Call is commands on their way.
type Call[C, O any] struct {
	commands []C
	outcomes []O
	err      error
	done     chan struct{}
}

// Wait waits for the outcomes; see Do.
func (c *Call[C, O]) Wait(ctx context.Context) ([]O, error) {
	select {
	case <-c.done:
		return c.outcomes, c.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", eventstore.ErrOutcomeUnknown, ctx.Err())
	}
}

// evict forgets idle streams when there are too many. The caller holds mu.
func (e *Engine[S, C, E, O]) evict() {
	for name, s := range e.streams {
		if len(e.streams) < e.maxStreams {
			return
		}
		if !s.running {
			delete(e.streams, name)
		}
	}
}

// run works the stream's queue until it is empty.
func (e *Engine[S, C, E, O]) run(s *stream[S, C, O]) {
	for {
		e.mu.Lock()
		calls, n := s.queue, 0
		for i, c := range calls {
			if n += len(c.commands); n >= MaxBatchCommands {
				calls = calls[:i+1]
				break
			}
		}
		s.queue = s.queue[len(calls):]
		if len(calls) == 0 {
			s.queue = nil
			s.running = false
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
		e.batch(s, calls)
		for _, c := range calls {
			close(c.done)
		}
		if s.polite > 0 {
			s.polite--
			if backOff(e.life, politeBatches) != nil {
				s.polite = 0 // the engine ends
			}
		}
	}
}

// batch decides and appends a batch of calls.
func (e *Engine[S, C, E, O]) batch(s *stream[S, C, O], calls []*Call[C, O]) {
	b := batch[S, C, E, O]{engine: e, stream: s}
	for _, c := range calls {
		for i := range c.commands {
			b.commands = append(b.commands, c.commands[i])
			b.outcomes = append(b.outcomes, &c.outcomes[i])
		}
	}
	err := b.work(e.life)
	if err == nil {
		return
	}
	s.loaded = false
	n := 0
	for _, c := range calls {
		if n += len(c.commands); n > b.durable {
			c.err = err
		}
	}
}
