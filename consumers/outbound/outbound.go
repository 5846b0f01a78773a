// Package outbound carries what happened to others: it follows the log, folds
// the accounts on the way, and hands each event with the account before and
// after it to outputs such as a publisher.
//
// Its checkpoint and the accounts as of it are one Pebble batch, written after
// all outputs have what came before it, and only when that is a while ago
// (Options.Settle): a receiver that loses the newest of what it took gets it
// again. So after a crash outputs get events again, never too few, with the same
// figures as the first time; an output tells by itself what it has already.
package outbound

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"

	"prepayledger/domain"
	"prepayledger/eventstore"
	"prepayledger/projections"
)

// Change is an event with the account around it.
type Change struct {
	projections.Fact
	// Before and After are the account's figures around the event; zero for
	// events of other streams. What they point to must not be changed.
	Before, After domain.Funds
	// Account is the account's state at the end of the batch of changes; nil
	// for other streams. It is read only, and good until Deliver returns.
	Account *domain.Account
}

// Output takes changes to somebody.
type Output interface {
	// Name is for logs and metrics.
	Name() string
	// Deliver returns when the receiver has the changes for good. After an
	// error, and after a crash, it is given them again, perhaps beside
	// others; ErrHalt says that trying again is of no use.
	Deliver(ctx context.Context, changes []Change) error
}

// ErrHalt is wrapped by an output's error that no repetition mends.
var ErrHalt = errors.New("delivery must be mended by hand")

// ErrBehind is wrapped by an output's error where the receiver lost what it had
// taken: to be given the changes again since the newest checkpoint may mend it.
var ErrBehind = fmt.Errorf("%w: the receiver lost what it had taken", ErrHalt)

// Pauses before an output is tried again (time): they double.
const (
	firstPause = 50 * time.Millisecond
	maxPause   = 5 * time.Second
)

// Options of an Outbound.
type Options struct {
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
	// Failed is told of each failed delivery, for metrics; nil for nothing.
	Failed func(output string)
	// Settle is how long ago a delivery must be before its checkpoint is
	// written (time): longer than a receiver may lose what it took. 0 writes
	// each at once.
	Settle time.Duration
	// Clock is for Settle; nil is time.Now.
	Clock func() time.Time
}

// Outbound is a sink of a projections.Engine of its own: outputs may be slow,
// and read models must not wait for them.
type Outbound struct {
	db       *pebble.DB
	outputs  []Output
	opts     Options
	accounts map[string]*domain.Account
	dirty    map[string]bool
	changes  []Change
	// pending is a checkpoint that waits until it is settled; nil for none.
	pending *pebble.Batch
	since   time.Time
}

var _ projections.Sink = (*Outbound)(nil)

// Keys of the database.
const (
	checkpointKey = "checkpoint"
	accountPrefix = "account/"
)

// Open opens the folder in which the checkpoint and the accounts are kept. It
// can be deleted: outputs are then given the whole log again.
func Open(dir string, outputs []Output, opts Options) (*Outbound, error) {
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if opts.Failed == nil {
		opts.Failed = func(string) {}
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{opts.Logger}})
	if err != nil {
		return nil, fmt.Errorf("open outbound state: %w", err)
	}
	o := &Outbound{db: db, outputs: outputs, opts: opts, accounts: map[string]*domain.Account{}, dirty: map[string]bool{}}
	if err := o.load(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return o, nil
}

// quiet keeps Pebble's chatter out and passes its errors on.
type quiet struct{ log *zap.Logger }

func (quiet) Infof(string, ...any)           {}
func (q quiet) Errorf(f string, args ...any) { q.log.Sugar().Errorf(f, args...) }
func (q quiet) Fatalf(f string, args ...any) { q.log.Sugar().Panicf(f, args...) }

// load reads the accounts.
func (o *Outbound) load() error {
	upper := []byte(accountPrefix)
	upper[len(upper)-1]++
	it, err := o.db.NewIter(&pebble.IterOptions{LowerBound: []byte(accountPrefix), UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		a := domain.NewAccount()
		if err := errors.Join(json.Unmarshal(it.Value(), a), a.LoadZones()); err != nil {
			return errors.Join(fmt.Errorf("outbound state of %s: %w", it.Key(), err), it.Close())
		}
		o.accounts[strings.TrimPrefix(string(it.Key()), accountPrefix)] = a
	}
	return it.Close()
}

// Checkpoint implements projections.Sink.
func (o *Outbound) Checkpoint() (eventstore.Position, error) {
	value, closer, err := o.db.Get([]byte(checkpointKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return eventstore.Start, nil
	}
	if err != nil {
		return eventstore.Start, err
	}
	defer closer.Close()
	return eventstore.ParsePosition(string(bytes.Clone(value)))
}

// Apply implements projections.Sink: it returns when all outputs have the
// facts, or the context ends.
func (o *Outbound) Apply(ctx context.Context, facts []projections.Fact) error {
	changes := o.changes[:0]
	for i := range facts {
		c := Change{Fact: facts[i]}
		if c.PartnerID != "" {
			a := o.accounts[c.PartnerID]
			if a == nil {
				a = domain.NewAccount()
				o.accounts[c.PartnerID] = a
			}
			c.Account, c.Before = a, a.Funds
			if err := a.Apply(c.Event); err != nil {
				return fmt.Errorf("stream %s, revision %d: %w", c.Stream, c.Revision, err)
			}
			c.After = a.Funds
			o.dirty[c.PartnerID] = true
		}
		changes = append(changes, c)
	}
	for _, out := range o.outputs {
		if err := o.deliver(ctx, out, changes); err != nil {
			return err
		}
	}
	clear(changes)
	o.changes = changes[:0]
	return nil
}

// deliver tries an output until it has the changes. It never gives up before
// the context does: what is outside comes back some day.
func (o *Outbound) deliver(ctx context.Context, out Output, changes []Change) error {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := out.Deliver(ctx, changes)
		if err == nil {
			return nil
		}
		o.opts.Failed(out.Name())
		if errors.Is(err, ErrHalt) {
			return fmt.Errorf("%s: %w", out.Name(), err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o.opts.Logger.Warn("delivery is tried again", zap.String("output", out.Name()), zap.Duration("in", pause), zap.Error(err))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Commit implements projections.Sink: accounts and checkpoint are one batch. At
// most one waits to be settled; what comes meanwhile is part of the next.
func (o *Outbound) Commit(p eventstore.Position) error {
	now := o.opts.Clock()
	if o.pending != nil {
		if now.Sub(o.since) < o.opts.Settle {
			return nil
		}
		if err := o.write(o.pending); err != nil {
			return err
		}
		o.pending = nil
	}
	b, err := o.checkpoint(p)
	if err != nil {
		return err
	}
	if o.opts.Settle > 0 {
		o.pending, o.since = b, now
		return nil
	}
	return o.write(b)
}

func (o *Outbound) write(b *pebble.Batch) error {
	return errors.Join(b.Commit(pebble.NoSync), b.Close())
}

// checkpoint is the accounts that changed and the position, as they are now.
func (o *Outbound) checkpoint(p eventstore.Position) (*pebble.Batch, error) {
	b := o.db.NewBatch()
	for id := range o.dirty {
		text, err := json.Marshal(o.accounts[id])
		if err == nil {
			err = b.Set([]byte(accountPrefix+id), text, nil)
		}
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	if err := b.Set([]byte(checkpointKey), []byte(p.String()), nil); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	clear(o.dirty)
	return b, nil
}

// Close closes the folder; the engine must have ended. A checkpoint that is not
// settled is dropped: what came after the one before it is delivered again.
func (o *Outbound) Close() error {
	var err error
	if o.pending != nil {
		err = o.pending.Close()
	}
	return errors.Join(err, o.db.Close())
}
