// Package gatestate keeps the two buckets that gateways watch: what each
// channel may do (prepay_channels) and each account's figures
// (prepay_accounts). It writes what changed, never older over newer, and says
// by a heartbeat that it lives.
package gatestate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/outbound"
)

const (
	// window is how many values are on their way to NATS at once.
	window = 256
	// putWindow is how many values are written before a delivery gets its
	// turn.
	putWindow = 64
	// writeTimeout is how long NATS may take for one of them.
	writeTimeout = 5 * time.Second
	// DefaultAccountsEvery is how often an account's figures are written at
	// most. Each write costs NATS a fsync: written with every batch, those of
	// many accounts would hold up the blocks.
	DefaultAccountsEvery = 500 * time.Millisecond
	// maxConflicts bounds how often one value is written again because
	// somebody else wrote its key.
	maxConflicts = 5
)

// Options of a Writer.
type Options struct {
	// Accounts yields every account, for Run to bring the buckets in line at
	// the start and when they were lost; nil leaves that to Sync.
	Accounts Accounts
	// Healthy says whether changes arrive in time; while it says no, no
	// heartbeat is sent and gates grow stale. nil is always.
	Healthy func() bool
	// Provider is the provider's name in R21's text; empty is
	// gate.DefaultProvider.
	Provider string
	// Replicas of buckets that have to be made; 0 is 1.
	Replicas int
	// AccountsEvery is how often figures that changed are written while Run
	// runs; 0 is DefaultAccountsEvery.
	AccountsEvery time.Duration
	// HeartbeatEvery is 0 for gate.HeartbeatEvery; tests are quicker.
	HeartbeatEvery time.Duration
	// Clock is the heartbeat's; nil is time.Now.
	Clock func() time.Time
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// Writer is an outbound.Output and the heart of the buckets. There must be
// one per ledger; a second one does no harm but work.
type Writer struct {
	opts Options
	nc   *nats.Conn
	js   jetstream.JetStream

	mu       sync.Mutex
	channels *bucket // nil before they are loaded
	accounts *bucket
	failing  bool // the newest Deliver failed
	// lost says that a bucket was not there: what was in it lacks until the next
	// Sync, whatever was written meanwhile.
	lost bool
	// lazy says that figures wait in pending, by key, for the next flush;
	// late, that the newest flush failed.
	lazy    bool
	late    bool
	pending map[string]*account
}

var _ outbound.Output = (*Writer)(nil)

// New returns a writer on a connection, which stays the caller's.
func New(nc *nats.Conn, opts Options) (*Writer, error) {
	if opts.Healthy == nil {
		opts.Healthy = func() bool { return true }
	}
	if opts.Provider == "" {
		opts.Provider = gate.DefaultProvider
	}
	if opts.AccountsEvery == 0 {
		opts.AccountsEvery = DefaultAccountsEvery
	}
	if opts.HeartbeatEvery == 0 {
		opts.HeartbeatEvery = gate.HeartbeatEvery
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(window), jetstream.WithPublishAsyncTimeout(writeTimeout))
	if err != nil {
		return nil, fmt.Errorf("gate values: %w", err)
	}
	return &Writer{opts: opts, nc: nc, js: js, pending: map[string]*account{}}, nil
}

// Name implements outbound.Output.
func (*Writer) Name() string { return "gate" }

// Deliver implements outbound.Output: channels whose state changed, and
// accounts whose standing changed, are written at once. Other figures are
// written with them too, at most once an account; or, while Run runs and can
// bring the buckets in line after a crash, every Options.AccountsEvery.
func (w *Writer) Deliver(ctx context.Context, changes []outbound.Change) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.deliver(ctx, changes)
	w.failing = err != nil
	return err
}

func (w *Writer) deliver(ctx context.Context, changes []outbound.Change) error {
	channels, accounts := plan(changes, w.opts.Provider)
	if len(accounts) == 0 {
		return nil
	}
	if err := w.load(ctx); err != nil {
		return err
	}
	if err := w.write(ctx, ofChannels, channels); err != nil {
		return err
	}
	return w.write(ctx, ofAccounts, w.urgent(accounts))
}

// urgent returns the accounts that are to be written at once, and lets the
// others wait. The caller holds mu.
func (w *Writer) urgent(accounts []*account) (values []value) {
	for _, a := range accounts {
		if w.lazy && !a.flipped && w.accounts.slots[a.key()].standing == a.Standing {
			w.pending[a.key()] = a
			continue
		}
		delete(w.pending, a.key())
		values = append(values, a)
	}
	return values
}

// ofChannels and ofAccounts choose a bucket.
func ofChannels(w *Writer) *bucket { return w.channels }
func ofAccounts(w *Writer) *bucket { return w.accounts }

// write writes values to a bucket. The caller holds mu.
func (w *Writer) write(ctx context.Context, of func(*Writer) *bucket, values []value) error {
	err := w.load(ctx)
	if err == nil {
		err = of(w).write(ctx, w.js, values)
	}
	if errors.Is(err, errLost) {
		w.channels, w.accounts, w.lost = nil, nil, true // look again
	}
	return err
}

// put writes many values, and lets others deliver in between.
func (w *Writer) put(ctx context.Context, of func(*Writer) *bucket, values []value) error {
	for some := range slices.Chunk(values, putWindow) {
		w.mu.Lock()
		err := w.write(ctx, of, some)
		w.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// load reads what the buckets hold, once. The caller holds mu.
func (w *Writer) load(ctx context.Context) error {
	if w.channels != nil {
		return nil
	}
	channels, err := w.open(ctx, natsbus.ChannelsBucket, readChannel)
	if err != nil {
		return err
	}
	accounts, err := w.open(ctx, natsbus.AccountsBucket, readAccount)
	if err != nil {
		return err
	}
	w.channels, w.accounts = channels, accounts
	return nil
}

// open opens a bucket, makes it if it is missing, and reads its values.
func (w *Writer) open(ctx context.Context, name string, read reader) (*bucket, error) {
	kv, err := w.js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		w.opts.Logger.Info("a bucket is made", zap.String("bucket", name))
		w.lost = true
		kv, err = w.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, History: 1, Storage: jetstream.FileStorage, Replicas: max(1, w.opts.Replicas), MaxBytes: natsbus.MaxKeyValueBytes,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	b := &bucket{name: name, kv: kv, read: read, slots: map[string]slot{}}
	return b, b.load(ctx)
}
