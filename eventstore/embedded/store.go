// Package embedded keeps prepay's event log in one folder of the local disk,
// on Pebble.
//
// One goroutine writes. It takes all appends that wait, checks each, puts
// them into one batch, syncs that once and answers all of them. Every append
// is one record of the log, whole or absent, besides one small index entry
// for its stream. Events are numbered from 1 without a gap, and the number is
// both halves of a Position.
//
// Readers see nothing that is not yet synced. They read a page at a time and
// hold no resource of the store while their caller works.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"prepayledger/eventstore"
)

// Store is an event log in a folder. It implements eventstore.Store.
type Store struct {
	dir  string
	opts Options
	log  *zap.Logger
	db   *pebble.DB
	lock *pebble.Lock
	id   uuid.UUID

	// durable is the number of the newest event that is synced.
	durable  atomic.Uint64
	arrived  signal
	recent   recent
	requests requests
	counts   counters

	queue chan *request
	// closing is closed when Close begins, drained when the writer has ended.
	closing, drained chan struct{}
	closeOnce        sync.Once
	closeErr         error

	// failure is why the store no longer writes; nil while it does. stopped is
	// closed when it is set.
	failure atomic.Pointer[error]
	stopped chan struct{}
	// opened says that Open has succeeded.
	opened atomic.Bool
	// applying says that Pebble writes a batch or changes log files.
	applying atomic.Bool
	// wedged is closed when Pebble cannot even be closed any more.
	wedged    chan struct{}
	wedgeOnce sync.Once

	// gate keeps the database open while a reader uses it.
	gate sync.RWMutex
}

var _ eventstore.Store = (*Store)(nil)

// Open opens the log in folder dir and creates it where there is none. It
// answers ErrLocked when the log is open already, here or in another process,
// and ErrCorrupt when what it checks at once (the log's format, its last
// append) is damaged.
func Open(dir string, opts Options) (*Store, error) {
	// A path that is spelled in another way must meet the same lock.
	if opts.FS == nil {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("event log %s: %w", dir, err)
		}
		dir = abs
	}
	asked := opts.FS
	opts = opts.withDefaults()
	if err := opts.FS.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("%w: cannot create the folder of the event log: %w", eventstore.ErrUnavailable, err)
	}
	if asked == nil {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return nil, fmt.Errorf("event log %s: %w", dir, err)
		}
		dir = real
	}
	s := &Store{
		dir:     dir,
		opts:    opts,
		log:     opts.Logger,
		queue:   make(chan *request, opts.QueueAppends),
		closing: make(chan struct{}),
		drained: make(chan struct{}),
		stopped: make(chan struct{}),
		wedged:  make(chan struct{}),
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	s.opened.Store(true)
	s.log.Info("event log open", zap.String("folder", dir), zap.Stringer("id", s.id), zap.Uint64("events", s.durable.Load()))
	go s.write()
	return s, nil
}

// open takes the lock, opens the database and checks what it holds.
func (s *Store) open() (err error) {
	if s.lock, err = pebble.LockDirectory(s.dir, s.opts.FS); err != nil {
		return lockError(s.dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.lock.Close())
		}
	}()
	if err := s.checkFolder(); err != nil {
		return err
	}
	if s.db, err = pebble.Open(s.dir, s.pebbleOptions(s.lock)); err != nil {
		return readError(err, "opening the event log in %s", s.dir)
	}
	if err = s.check(); err == nil {
		err = s.failed()
	}
	if err != nil {
		return errors.Join(err, s.db.Close())
	}
	s.keepHead(s.durable.Load())
	return nil
}

// lockError tells a held lock from a folder that cannot be used.
func lockError(dir string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%w: cannot lock the folder of the event log: %w", eventstore.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: the event log in %s is in use; stop the other process or talk to it instead: %w",
		eventstore.ErrLocked, dir, err)
}

// Last implements eventstore.Store.
func (s *Store) Last(ctx context.Context) (eventstore.Position, error) {
	if err := ctx.Err(); err != nil {
		return eventstore.Start, err
	}
	if s.isClosing() {
		return eventstore.Start, eventstore.ErrClosed
	}
	return position(s.durable.Load()), nil
}

// ID is the log's own, given when it was created: it tells a log from another
// that was put in its place.
func (s *Store) ID() uuid.UUID { return s.id }

// Close implements eventstore.Store. Appends that the writer has taken are
// finished, the others refused.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		select {
		case <-s.drained:
			s.closeErr = s.closeDB()
		case <-s.wedged:
			s.closeErr = s.stuck()
		}
	})
	return s.closeErr
}

// closeDB writes the memtable out first: what was closed in order then stands
// in tables with checksums, and no tail of a write-ahead log matters.
func (s *Store) closeDB() error {
	if s.isWedged() {
		return s.stuck()
	}
	s.gate.Lock() // the last readers leave; none enters once closing is closed
	defer s.gate.Unlock()
	if s.failed() == nil {
		flushed := make(chan error, 1)
		s.applying.Store(true)
		go func() { flushed <- s.db.Flush() }()
		select {
		case err := <-flushed:
			if err != nil {
				s.fail(err)
			}
		case <-s.wedged:
		}
		s.applying.Store(false)
	}
	if s.isWedged() {
		return s.stuck()
	}
	failed := s.failed()
	if failed == nil {
		s.keepHead(s.durable.Load())
	}
	err := errors.Join(s.db.Close(), s.lock.Close())
	if err != nil && failed == nil {
		return fmt.Errorf("closing the event log in %s: %w", s.dir, err)
	}
	// After a failed write, closing fails too; Append has said why.
	return nil
}

func (s *Store) isWedged() bool {
	select {
	case <-s.wedged:
		return true
	default:
		return false
	}
}

// stuck is the error of a Close that cannot close the database.
func (s *Store) stuck() error {
	return fmt.Errorf("%w; the folder stays locked until this process ends", s.failed())
}

// enter keeps the database open until leave.
func (s *Store) enter() error {
	s.gate.RLock()
	if s.isClosing() {
		s.gate.RUnlock()
		return eventstore.ErrClosed
	}
	return nil
}

func (s *Store) leave() { s.gate.RUnlock() }

func (s *Store) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// fail ends writing for good, for the first reason given.
func (s *Store) fail(cause error) {
	err := fmt.Errorf("%w: the event log in %s takes no more writes until it is opened again, because writing failed (%w); check the disk",
		eventstore.ErrUnavailable, s.dir, cause)
	if s.failure.CompareAndSwap(nil, &err) {
		close(s.stopped)
		s.log.Error("event log stops writing", zap.String("folder", s.dir), zap.Error(cause))
	}
}

// wedge ends writing for good and gives the database up.
func (s *Store) wedge(cause error) {
	s.fail(cause)
	s.wedgeOnce.Do(func() { close(s.wedged) })
}

// failed is why the store no longer writes; nil while it does.
func (s *Store) failed() error {
	if p := s.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// signal wakes all who wait for the next appends.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// next is closed at the next wake.
func (g *signal) next() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ch == nil {
		g.ch = make(chan struct{})
	}
	return g.ch
}

func (g *signal) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ch != nil {
		close(g.ch)
		g.ch = nil
	}
}
