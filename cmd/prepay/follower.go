package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"prepayledger/consumers/outbound"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/projections"
)

const (
	// restartPause is the pause before a follower that ended is started again
	// (time): until somebody mended what stopped it.
	restartPause = 10 * time.Second
	// lagTick is how often a follower's place is compared with the log's end
	// (time).
	lagTick = 500 * time.Millisecond
	// finishTimeout is how long a stop waits for a follower to come to the
	// log's end (time).
	finishTimeout = 3 * time.Second
)

// follower carries the log to one output, and starts again after what stopped
// it.
type follower struct {
	dir    string
	output outbound.Output
	store  eventstore.Store
	codec  *codec.Codec
	failed func(output string)
	// settle is for how long the receiver may lose what it took (time).
	settle time.Duration
	log    *zap.Logger

	end  context.CancelFunc
	done sync.WaitGroup
	// engine is the one that runs; nil between two.
	engine atomic.Pointer[projections.Engine]
	// from is the checkpoint from which the newest engine began; the goroutine's
	// own.
	from eventstore.Position
	// seen is a former end of the log; the goroutine's own. It outlives an engine:
	// one that is started again is as late as the one before it.
	seen eventstore.Position
	// seenAt is when seen was the log's end.
	seenAt time.Time
	// since is the instant from which on the log has events that the output
	// does not (Unix nanoseconds); 0 where it has all.
	since atomic.Int64
	// halted has why it stopped; nil while it runs.
	halted atomic.Pointer[string]
}

// start starts following in the background.
func (f *follower) start() {
	ctx, end := context.WithCancel(context.Background())
	f.end = end
	f.done.Go(func() {
		from := eventstore.Position{Commit: 1<<64 - 1}
		for {
			err := f.follow(ctx)
			if ctx.Err() != nil {
				return
			}
			f.failed(f.output.Name())
			pause := restartPause
			if errors.Is(err, outbound.ErrBehind) && from != f.from {
				pause, from = 0, f.from // once from each checkpoint: it may lie far enough back
				f.log.Warn("the receiver lost something: it is given again from the newest checkpoint", zap.Error(err))
			} else {
				text := err.Error()
				f.halted.Store(&text)
				f.log.Error("delivery stopped, it is started again", zap.Duration("in", pause), zap.Error(err))
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
		}
	})
}

// follow runs one engine until it fails or the context ends.
func (f *follower) follow(ctx context.Context) (err error) {
	f.since.CompareAndSwap(0, time.Now().UnixNano())
	out, err := outbound.Open(f.dir, []outbound.Output{f.output}, outbound.Options{Logger: f.log, Failed: f.failed, Settle: f.settle})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if f.from, err = out.Checkpoint(); err != nil {
		return err
	}
	engine, err := projections.Open(ctx, f.dir+"-engine", f.store, f.codec, nil, []projections.Sink{out}, projections.Options{Logger: f.log})
	if err != nil {
		return err
	}
	defer func() {
		f.engine.Store(nil)
		err = errors.Join(err, engine.Close())
	}()
	engine.Start()
	f.engine.Store(engine)
	for {
		if err := f.look(ctx, engine); err != nil {
			return err
		}
		select {
		case <-time.After(lagTick):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look compares the engine's place with the log's end, and with what that was
// at an earlier look; its error is what stopped the engine.
func (f *follower) look(ctx context.Context, engine *projections.Engine) error {
	if err := engine.Failed(); err != nil {
		return err
	}
	last, err := f.store.Last(ctx)
	if err != nil {
		return nil // the store says so elsewhere
	}
	switch at := engine.Indexed(); {
	case !at.Before(last):
		f.since.Store(0)
		f.halted.Store(nil)
		f.seen = eventstore.Start
	case !at.Before(f.seen):
		// What it lacks came after the end that it has reached now was seen.
		now := time.Now()
		if f.seen == eventstore.Start {
			f.seenAt = now
		}
		f.since.Store(f.seenAt.UnixNano())
		f.seen, f.seenAt = last, now
	}
	return nil
}

// behind is how old the oldest event is, about, that the output lacks; 0 where
// it has all.
func (f *follower) behind() time.Duration {
	since := f.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(time.Unix(0, since))
}

// position is how far it has come.
func (f *follower) position() eventstore.Position {
	if e := f.engine.Load(); e != nil {
		return e.Indexed()
	}
	return eventstore.Start
}

// started waits for the engine of one that is about to begin; nil where it was
// halted.
func (f *follower) started(ctx context.Context) *projections.Engine {
	for {
		if engine := f.engine.Load(); engine != nil || f.halted.Load() != nil {
			return engine
		}
		select {
		case <-time.After(lagTick / 50):
		case <-ctx.Done():
			return nil
		}
	}
}

// finish lets it come to the log's end, for a while, and ends it.
func (f *follower) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	last, err := f.store.Last(ctx)
	for err == nil { // what is left after that goes out after the next start
		engine := f.started(ctx)
		if engine == nil || engine.WaitFor(ctx, last) == nil || ctx.Err() != nil {
			break
		}
		select { // it ended: perhaps another begins
		case <-time.After(lagTick / 50):
		case <-ctx.Done():
		}
	}
	f.end()
	f.done.Wait()
}
