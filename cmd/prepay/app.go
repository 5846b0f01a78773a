package main

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
	logFolder   = "log"
	viewsFolder = "views"
	indexFolder = "index"
	// lockFile is held by the process that has the folder.
	lockFile = "LOCK"
)

// appOptions say how a data folder is opened.
type appOptions struct {
	// eventStore is the connection string of the event store that keeps the
	// log; empty for the one in the folder.
	eventStore string
	// empty refuses a log that has events.
	empty bool
	// provider is the provider's name in R21's text; empty is the default.
	provider string
	// tracer shows decisions in traces; nil is none.
	tracer trace.Tracer
	// processor takes card payments; nil is the simulated one.
	processor payments.Processor
	// wrap puts something around the store; nil is nothing.
	wrap func(eventstore.Store) eventstore.Store

	clock  func() time.Time
	ids    func() uuid.UUID
	exact  bool
	logger *zap.Logger
}

// app is an open data folder: the event log, its read models and the ledger.
type app struct {
	lock   io.Closer
	store  eventstore.Store
	views  *views
	ledger *ledger.Ledger
}

// openApp opens a data folder, making it where there is none. The read models
// are where the log ends when it returns.
func openApp(ctx context.Context, dataDir string, o appOptions) (_ *app, err error) {
	a := &app{}
	defer func() {
		if err != nil {
			_ = a.Close()
		}
	}()
	if a.lock, err = lockData(dataDir); err != nil {
		return a, err
	}
	if a.store, err = openStore(dataDir, o.eventStore, o.logger); err != nil {
		return a, err
	}
	if o.wrap != nil {
		a.store = o.wrap(a.store)
	}
	last, err := a.store.Last(ctx)
	if err != nil {
		return a, err
	}
	if o.empty && last != eventstore.Start {
		return a, errNotEmpty
	}
	c := codec.New()
	if a.views, err = openViews(ctx, dataDir, a.store, c, o.logger); err != nil {
		return a, err
	}
	a.views.engine.Start()
	if err := a.views.engine.CatchUp(ctx); err != nil {
		return a, err
	}
	a.ledger, err = ledger.Open(ctx, a.store, a.views, c, ledger.Options{
		Clock: o.clock, IDs: o.ids, Processor: o.processor, Exact: o.exact, Provider: o.provider, Tracer: o.tracer, Logger: o.logger,
	})
	return a, err
}

// errNotEmpty says that a log has events where there must be none.
var errNotEmpty = errors.New("the event store has events already: this starts with an empty one")

// lockData makes the data folder and keeps other processes out of it.
func lockData(dataDir string) (io.Closer, error) {
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

// openStore opens the event store: that of the connection string, else the one
// in the data folder.
func openStore(dataDir, connection string, logger *zap.Logger) (eventstore.Store, error) {
	if connection != "" {
		store, err := esdb.Open(connection, esdb.Options{Logger: logger})
		if err != nil {
			return nil, fmt.Errorf("--eventstore: %w", err)
		}
		return store, nil
	}
	store, err := embedded.Open(filepath.Join(dataDir, logFolder), embedded.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	return store, nil
}

// errViews says that what is rebuilt from the log can't be opened.
var errViews = errors.New("the read models can't be opened")

func openViews(ctx context.Context, dataDir string, store eventstore.Store, c *codec.Codec, logger *zap.Logger) (*views, error) {
	v := newViews(store, c)
	var err error
	if v.index, err = chargeindex.Open(ctx, filepath.Join(dataDir, indexFolder)); err != nil {
		return nil, fmt.Errorf("%w: %w", errViews, err)
	}
	v.engine, err = projections.Open(ctx, filepath.Join(dataDir, viewsFolder), store, c, v.models(),
		[]projections.Sink{v.index}, projections.Options{Logger: logger})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errViews, err), v.index.Close())
	}
	return v, nil
}

// deleteViews deletes all that is rebuilt from the log.
func deleteViews(dataDir string) error {
	return errors.Join(os.RemoveAll(filepath.Join(dataDir, viewsFolder)), os.RemoveAll(filepath.Join(dataDir, indexFolder)))
}

// Close closes the ledger first, the log last. A second Close does nothing.
func (a *app) Close() error {
	var errs []error
	if a.ledger != nil {
		a.ledger.Close()
	}
	if a.views != nil {
		errs = append(errs, a.views.engine.Close(), a.views.index.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	*a = app{}
	return errors.Join(errs...)
}
