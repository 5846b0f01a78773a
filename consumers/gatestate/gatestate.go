// Package gatestate keeps the two buckets that gateways watch: what each
// channel may do (prepay_channels) and each account's figures
// (prepay_accounts). It writes what changed, never older over newer, and says
// by a heartbeat that it lives.
package gatestate

import (
	"context"
	"errors"
	"fmt"
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
	// writeTimeout is how long NATS may take for one of them.
	writeTimeout = 10 * time.Second
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
	return &Writer{opts: opts, nc: nc, js: js}, nil
}

// Name implements outbound.Output.
func (*Writer) Name() string { return "gate" }

// Deliver implements outbound.Output: at most one write per account and per
// channel that the changes touch, channels first.
func (w *Writer) Deliver(ctx context.Context, changes []outbound.Change) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.deliver(ctx, changes)
	w.failing = err != nil
	if errors.Is(err, errLost) {
		w.channels, w.accounts = nil, nil
	}
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
	if err := w.channels.write(ctx, w.js, channels); err != nil {
		return err
	}
	return w.accounts.write(ctx, w.js, accounts)
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
