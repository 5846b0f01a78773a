package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/payments"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb"
	"prepayledger/projections"
	"prepayledger/projections/chargeindex"
)

// The folders of a data folder. Everything but the log can be deleted: it is
// rebuilt from the log.
const (
	LogFolder   = "log"
	ViewsFolder = "views"
	IndexFolder = "index"
	// lockFile is held by the process that has the folder.
	lockFile = "LOCK"
)

// Options say how a data folder is opened.
type Options struct {
	// EventStore is the connection string of the event store that keeps the
	// log; empty for the one in the folder.
	EventStore string
	// Empty refuses a log that has events.
	Empty bool
	// Provider is the provider's name in R21's text; empty is the default.
	Provider string
	// Tracer shows decisions in traces; nil is none.
	Tracer trace.Tracer
	// Processor takes card payments; nil is the simulated one.
	Processor payments.Processor
	// Wrap puts something around the store; nil is nothing.
	Wrap func(eventstore.Store) eventstore.Store

	Clock  func() time.Time
	IDs    func() uuid.UUID
	Exact  bool
	Logger *zap.Logger
}

// App is an open data folder: the event log, its read models and the ledger.
type App struct {
	// Folder is the data folder.
	Folder string
	lock   io.Closer
	Store  eventstore.Store
	Views  *Views
	Ledger *ledger.Ledger
}

// Open opens a data folder, making it where there is none. The read models
// are where the log ends when it returns.
func Open(ctx context.Context, dataDir string, o Options) (_ *App, err error) {
	a := &App{Folder: dataDir}
	defer func() {
		if err != nil {
			_ = a.Close()
		}
	}()
	if a.lock, err = Lock(dataDir); err != nil {
		return a, err
	}
	if a.Store, err = OpenStore(dataDir, o.EventStore, o.Logger); err != nil {
		return a, err
	}
	if o.Wrap != nil {
		a.Store = o.Wrap(a.Store)
	}
	last, err := a.Store.Last(ctx)
	if err != nil {
		return a, err
	}
	if o.Empty && last != eventstore.Start {
		return a, ErrNotEmpty
	}
	c := codec.New()
	if a.Views, err = openViews(ctx, dataDir, a.Store, c, o.Logger); err != nil {
		return a, err
	}
	a.Views.Engine.Start()
	if err := a.Views.Engine.CatchUp(ctx); err != nil {
		return a, err
	}
	a.Ledger, err = ledger.Open(ctx, a.Store, a.Views, c, ledger.Options{
		Clock: o.Clock, IDs: o.IDs, Processor: o.Processor, Exact: o.Exact, Provider: o.Provider, Tracer: o.Tracer, Logger: o.Logger,
	})
	return a, err
}

// ErrNotEmpty says that a log has events where there must be none.
var ErrNotEmpty = errors.New("the event store has events already: this starts with an empty one")

// Lock makes the data folder and keeps other processes out of it.
func Lock(dataDir string) (io.Closer, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock, err := vfs.Default.Lock(filepath.Join(dataDir, lockFile))
	var file *os.PathError
	if errors.As(err, &file) {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", eventstore.ErrLocked, dataDir, err)
	}
	return lock, nil
}

// OpenStore opens the event store: that of the connection string, else the one
// in the data folder.
func OpenStore(dataDir, connection string, logger *zap.Logger) (eventstore.Store, error) {
	if connection != "" {
		store, err := esdb.Open(connection, esdb.Options{Logger: logger})
		if err != nil {
			return nil, fmt.Errorf("--eventstore: %w", err)
		}
		return store, nil
	}
	store, err := embedded.Open(filepath.Join(dataDir, LogFolder), embedded.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	return store, nil
}

// ErrViews says that what is rebuilt from the log can't be opened.
var ErrViews = errors.New("the read models can't be opened")

func openViews(ctx context.Context, dataDir string, store eventstore.Store, c *codec.Codec, logger *zap.Logger) (*Views, error) {
	v := NewViews(store, c)
	var err error
	if v.Index, err = chargeindex.Open(ctx, filepath.Join(dataDir, IndexFolder)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrViews, err)
	}
	v.Engine, err = projections.Open(ctx, filepath.Join(dataDir, ViewsFolder), store, c, v.Models(),
		[]projections.Sink{v.Index}, projections.Options{Logger: logger})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrViews, err), v.Index.Close())
	}
	return v, nil
}

// DeleteViews deletes all that is rebuilt from the log.
func DeleteViews(dataDir string) error {
	return errors.Join(os.RemoveAll(filepath.Join(dataDir, ViewsFolder)), os.RemoveAll(filepath.Join(dataDir, IndexFolder)))
}

// Close closes the ledger first, the log last. A second Close does nothing.
func (a *App) Close() error {
	var errs []error
	if a.Ledger != nil {
		a.Ledger.Close()
	}
	if a.Views != nil {
		errs = append(errs, a.Views.Engine.Close(), a.Views.Index.Close())
	}
	if a.Store != nil {
		errs = append(errs, a.Store.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	*a = App{}
	return errors.Join(errs...)
}
