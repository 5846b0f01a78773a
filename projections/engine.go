// Package projections keeps the read models: it follows the log, decodes each
// event once, and hands it to every model. A model's state and its checkpoint
// are one Pebble batch, so that they can't differ; deliveries may repeat.
//
// Everything here can be deleted and is rebuilt from the log. Nothing is
// fsynced: after a crash the models go on from an earlier checkpoint.
package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// MaxBatchFacts bounds the facts that are decoded ahead in one batch.
const MaxBatchFacts = 2048

// Fact is an event as the models see it.
type Fact struct {
	eventstore.Recorded
	Meta  codec.Metadata
	Event domain.Event
	// PartnerID is set for events of account streams; empty for others.
	PartnerID string
	// Unassigned says that the event is of the quarantine of what belongs to
	// no account.
	Unassigned bool
}

// The streams whose events concern accounts.
const (
	accountPrefix    = "account-"
	unassignedStream = "quarantine-unassigned"
)

// Model is a read model. Its methods are called by one goroutine, except for
// those by which it is read.
type Model interface {
	// Name is the model's place in the database; Version changes when what it
	// keeps changes, and then it is rebuilt.
	Name() string
	Version() int
	// Load reads what the model keeps in memory.
	Load(v View) error
	// Apply takes a fact, in memory.
	Apply(f *Fact) error
	// Flush writes what Apply changed.
	Flush(v View, b *Batch) error
}

// Sink is a model with storage of its own. Its methods are called by one
// goroutine, beside those of the models.
type Sink interface {
	// Checkpoint is where its storage stands.
	Checkpoint() (eventstore.Position, error)
	// Apply takes facts; Commit says that the sink has all up to the position.
	Apply(ctx context.Context, facts []Fact) error
	Commit(p eventstore.Position) error
}

// Options of an engine.
type Options struct {
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
	// RetryPause is the first pause before the engine subscribes again to a
	// store that dropped it; 0 is DefaultRetryPause.
	RetryPause time.Duration
	// Linger is how long a fact may wait for others once the engine is where
	// the log ends; 0 is DefaultLinger.
	Linger time.Duration
}

// Engine follows a store's log.
type Engine struct {
	store  eventstore.Store
	reader *codec.Reader // of the one goroutine that decodes
	db     *pebble.DB
	models []Model
	sinks  []Sink
	log    *zap.Logger
	// retryPause is the first pause before subscribing again.
	retryPause time.Duration
	// linger is how long a fact may wait for its commit.
	linger time.Duration

	// unidentified says that the log was empty at Open; first is the id of its
	// first event from when that has come until it is written.
	unidentified bool
	first        []byte

	applied  atomic.Uint64                       // facts since Open
	position atomic.Pointer[eventstore.Position] // of the models
	indexed  atomic.Pointer[eventstore.Position] // of the sinks

	// waiting counts the callers of WaitFor; hurry ends a batch's waiting.
	waiting atomic.Int64
	hurry   atomic.Pointer[context.CancelFunc]

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when position or failed change
	failed  error
	stop    context.CancelFunc
	done    chan struct{}
}

// Open opens the models' database in the folder and brings every model and
// sink to a common position. A model whose version changed is rebuilt first,
// beside what its former version left; that is deleted when the new one has
// come as far as the others. A log that ends before what the models have seen
// yields ErrAhead, another log than they have seen ErrOtherLog.
func Open(ctx context.Context, dir string, store eventstore.Store, c *codec.Codec, models []Model, sinks []Sink, opts Options) (*Engine, error) {
	log := opts.Logger
	if log == nil {
		log = zap.NewNop()
	}
	db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{log}, MemTableSize: 16 << 20, DisableWAL: false})
	if err != nil {
		return nil, fmt.Errorf("open read models: %w", err)
	}
	if opts.RetryPause == 0 {
		opts.RetryPause = DefaultRetryPause
	}
	if opts.Linger == 0 {
		opts.Linger = DefaultLinger
	}
	e := &Engine{retryPause: opts.RetryPause, linger: opts.Linger, store: store, reader: c.NewReader(), db: db, models: models, sinks: sinks, log: log, changed: make(chan struct{})}
	err = e.identify(ctx)
	if err == nil {
		err = e.align(ctx)
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return e, nil
}

// quiet keeps Pebble's chatter out and passes its errors on.
type quiet struct{ log *zap.Logger }

func (quiet) Infof(string, ...any)           {}
func (q quiet) Errorf(f string, args ...any) { q.log.Sugar().Errorf(f, args...) }
func (q quiet) Fatalf(f string, args ...any) { q.log.Sugar().Panicf(f, args...) }

// logKey keeps which log the database belongs to: the id of its first event.
var logKey = []byte("\x00log")

// ErrOtherLog says that the models belong to another log.
var ErrOtherLog = errors.New("the read models belong to another event log")

// identify checks that the database belongs to the store's log, or notes that
// it does from now on. Positions of two logs say nothing about each other.
func (e *Engine) identify(ctx context.Context) error {
	var first []byte
	for r, err := range e.store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return err
		}
		first = r.ID[:]
		break
	}
	known, closer, err := e.db.Get(logKey)
	if errors.Is(err, pebble.ErrNotFound) {
		if first == nil {
			e.unidentified = true
			return nil
		}
		return e.db.Set(logKey, first, pebble.Sync)
	}
	if err != nil {
		return err
	}
	defer closer.Close()
	if first != nil && !bytes.Equal(known, first) {
		return fmt.Errorf("%w: name the data folder that was used with it, or delete the folder of the read models", ErrOtherLog)
	}
	return nil
}

// align loads the models and lets those that lie behind catch up, so that all
// go on from one position. The log is read once: whoever is at a position
// joins there.
func (e *Engine) align(ctx context.Context) error {
	var starts []start
	for _, m := range e.models {
		p, err := e.checkpoint(m)
		if err != nil {
			return err
		}
		if err := m.Load(e.view(m)); err != nil {
			return fmt.Errorf("load %s: %w", m.Name(), err)
		}
		starts = append(starts, start{at: p, model: m})
	}
	for _, s := range e.sinks {
		p, err := s.Checkpoint()
		if err != nil {
			return err
		}
		starts = append(starts, start{at: p, sink: s})
	}
	slices.SortStableFunc(starts, func(a, b start) int { return a.at.Compare(b.at) })
	newest := eventstore.Start
	if len(starts) > 0 {
		newest = starts[len(starts)-1].at
	}
	last, err := e.store.Last(ctx)
	if err != nil {
		return err
	}
	if last.Before(newest) {
		return fmt.Errorf("%w: the read models know the log up to %s, it ends at %s: it was replaced or lost its end; check it, then delete the folder of the read models", ErrAhead, newest, last)
	}
	var models []Model
	var sinks []Sink
	for i, s := range starts {
		if s.model != nil {
			models = append(models, s.model)
		} else {
			sinks = append(sinks, s.sink)
		}
		if i+1 < len(starts) {
			if err := e.replay(ctx, s.at, starts[i+1].at, models, sinks); err != nil {
				return err
			}
		}
	}
	e.position.Store(&newest)
	e.indexed.Store(&newest)
	return e.dropFormer()
}

// start is where a model or a sink stands at Open.
type start struct {
	at    eventstore.Position
	model Model
	sink  Sink
}

// ErrAhead says that the log ends before what the models have seen.
var ErrAhead = errors.New("the event log is shorter than its read models")

// replay brings models and sinks from a position to another.
func (e *Engine) replay(ctx context.Context, from, to eventstore.Position, models []Model, sinks []Sink) error {
	if !from.Before(to) {
		return nil
	}
	facts := make([]Fact, 0, MaxBatchFacts)
	at := from
	var waiting pending
	take := func() error {
		err := e.apply(ctx, facts, models, sinks)
		facts = facts[:0]
		if err != nil || !waiting.full() {
			return err
		}
		waiting = pending{}
		return e.flush(models, at)
	}
	for r, err := range e.store.ReadAll(ctx, from) {
		if err != nil {
			return err
		}
		if to.Before(r.Position) {
			break
		}
		if facts, err = e.add(facts, r); err != nil {
			return err
		}
		at = r.Position
		waiting.add(&facts[len(facts)-1])
		if len(facts) == MaxBatchFacts {
			if err := take(); err != nil {
				return err
			}
		}
	}
	if err := take(); err != nil {
		return err
	}
	return e.flush(models, at)
}

// add decodes an event onto the facts. One that can't be read stops
// everything: a model that skips facts is wrong.
func (e *Engine) add(facts []Fact, r eventstore.Recorded) ([]Fact, error) {
	m, err := e.reader.DecodeMetadata(r.Metadata)
	if err != nil {
		return facts, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
	}
	event, err := e.reader.Decode(r.Type, m.Version, r.Data)
	if err != nil {
		return facts, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
	}
	f := Fact{Recorded: r, Meta: m, Event: event}
	if partner, ok := strings.CutPrefix(r.Stream, accountPrefix); ok {
		f.PartnerID = partner
	} else {
		f.Unassigned = r.Stream == unassignedStream
	}
	return append(facts, f), nil
}

// apply hands facts to models and sinks, in memory. They share nothing and
// run beside each other.
func (e *Engine) apply(ctx context.Context, facts []Fact, models []Model, sinks []Sink) error {
	if len(facts) == 0 {
		return nil
	}
	if e.unidentified {
		e.unidentified, e.first = false, bytes.Clone(facts[0].ID[:])
	}
	var sunk error
	done := make(chan struct{})
	go func() {
		defer close(done)
		sunk = applySinks(ctx, facts, sinks)
	}()
	err := applyModels(facts, models)
	<-done
	e.applied.Add(uint64(len(facts)))
	return errors.Join(err, sunk)
}

// applySinks also says how far the sinks have come.
func applySinks(ctx context.Context, facts []Fact, sinks []Sink) error {
	for _, s := range sinks {
		if err := s.Apply(ctx, facts); err != nil {
			return err
		}
		if err := s.Commit(facts[len(facts)-1].Position); err != nil {
			return err
		}
	}
	return nil
}

func applyModels(facts []Fact, models []Model) error {
	for _, m := range models {
		for i := range facts {
			if err := m.Apply(&facts[i]); err != nil {
				return fmt.Errorf("%s: stream %s, revision %d: %w", m.Name(), facts[i].Stream, facts[i].Revision, err)
			}
		}
	}
	return nil
}

// flush writes the models' changes and their checkpoints as one batch; an
// engine of sinks alone notes which log it follows.
func (e *Engine) flush(models []Model, at eventstore.Position) error {
	if len(models) == 0 && e.first == nil {
		return nil
	}
	b := e.db.NewBatch()
	defer b.Close()
	if e.first != nil {
		if err := b.Set(logKey, e.first, nil); err != nil {
			return err
		}
	}
	for _, m := range models {
		if err := m.Flush(e.view(m), &Batch{batch: b, prefix: rows(place(m))}); err != nil {
			return fmt.Errorf("%s: %w", m.Name(), err)
		}
		if err := b.Set(checkpointKey(place(m)), []byte(at.String()), nil); err != nil {
			return err
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return err
	}
	e.first = nil
	return nil
}

// Failed is what stopped the engine; nil while it follows.
func (e *Engine) Failed() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failed
}

// Applied is how many events were handed to models since Open.
func (e *Engine) Applied() uint64 { return e.applied.Load() }

// Close stops following and closes the database.
func (e *Engine) Close() error {
	e.mu.Lock()
	stop, done := e.stop, e.done
	e.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
	return e.db.Close()
}
