package access

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"

	"prepayledger/eventstore"
)

// Folder is where access lies in a data folder.
const Folder = "access"

// Options say how a store is opened.
type Options struct {
	// Clock is the time; nil is time.Now.
	Clock func() time.Time
	// Logger gets what operators should see; nil is none.
	Logger *zap.Logger

	// params are those of passwords; tests make them cheap.
	params *argon2id.Params
	// fs is where files are; tests cut its power.
	fs vfs.FS
}

// Store keeps who has access: users, keys, sessions, and a log of what was done
// about them. Nothing of it is in the event log, which is served and never
// forgets; nothing of it can be rebuilt from there. Every change is on disk
// before it is answered. It is for concurrent use.
type Store struct {
	clock     func() time.Time
	logger    *zap.Logger
	passwords *passwords
	guard     *guard

	// write is held by one change at a time, over its fsync.
	write    sync.Mutex
	db       *pebble.DB // nil once closed
	lockFile *pebble.Lock
	next     uint64 // the sequence of the next entry of the log
	failures failureLimit

	// mu guards what is in memory, which is all but the log. It is never held
	// over I/O, so that who is looked up does not wait for the disk. What the
	// maps point to is never changed, but replaced.
	mu       sync.RWMutex
	users    map[string]*userRecord // by id
	emails   map[string]*userRecord
	links    map[digest]*userRecord
	keys     map[string]*keyRecord // by id
	names    map[string]*keyRecord
	secrets  map[digest]*credential
	sessions map[digest]*session
	owned    map[string]map[digest]*session // sessions by the id of whose they are

	stop    context.CancelFunc
	stopped chan struct{}
}

// The first bytes of keys in the database. They are followed by an id, a
// digest or a sequence.
const (
	userPrefix    = 'u'
	keyPrefix     = 'k'
	sessionPrefix = 's'
	logPrefix     = 'l'
)

var (
	// versionKey holds the version of what is stored.
	versionKey = []byte("version")
	version    = []byte("1")
)

var (
	errClosed = errors.New("access: the store is closed")
	// errNothing ends a change that has nothing to write.
	errNothing = errors.New("nothing to change")
)

// Open opens the store in a folder, making it where there is none. A folder
// that another process has is eventstore.ErrLocked.
func Open(dir string, o Options) (_ *Store, err error) {
	s := &Store{
		clock: o.Clock, logger: o.Logger, guard: newGuard(),
		users: make(map[string]*userRecord), emails: make(map[string]*userRecord), links: make(map[digest]*userRecord),
		keys: make(map[string]*keyRecord), names: make(map[string]*keyRecord), secrets: make(map[digest]*credential),
		sessions: make(map[digest]*session), owned: make(map[string]map[digest]*session),
		stopped: make(chan struct{}),
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.logger == nil {
		s.logger = zap.NewNop()
	}
	params := passwordParams()
	if o.params != nil {
		params = *o.params
	}
	if s.passwords, err = newPasswords(params); err != nil {
		return nil, err
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
	if err := s.open(dir, o.fs); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.keepTidy(ctx)
	return s, nil
}

// OpenData opens the store of a data folder.
func OpenData(dataDir string, o Options) (*Store, error) {
	return Open(filepath.Join(dataDir, Folder), o)
}

func (s *Store) open(dir string, files vfs.FS) (err error) {
	if err := files.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("access: %w", err)
	}
	lock, err := pebble.LockDirectory(dir, files)
	var file *os.PathError
	if errors.As(err, &file) {
		return fmt.Errorf("access: %w", err)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", eventstore.ErrLocked, dir, err)
	}
	db, err := pebble.Open(dir, &pebble.Options{FS: files, Logger: quiet{s.logger}, Lock: lock})
	if err != nil {
		return errors.Join(fmt.Errorf("access in %s can't be opened: %w", dir, err), lock.Close())
	}
	s.db = db
	if err := s.load(); err != nil {
		return errors.Join(fmt.Errorf("access in %s can't be read: %w", dir, err), db.Close(), lock.Close())
	}
	s.lockFile = lock
	return nil
}

// load reads everything into memory but the log, of which the end is found.
func (s *Store) load() error {
	v, closer, err := s.db.Get(versionKey)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		if err := s.db.Set(versionKey, version, pebble.Sync); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		known := string(v) == string(version)
		if err := closer.Close(); err != nil {
			return err
		}
		if !known {
			return errors.New("it was written by a newer prepay: use that")
		}
	}
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		if it.Key()[0] == logPrefix {
			it.SeekGE([]byte{logPrefix + 1})
			it.Prev()
			s.next = binary.BigEndian.Uint64(it.Key()[1:])
			continue
		}
		if err := s.loadRecord(it.Key(), it.Value()); err != nil {
			return errors.Join(fmt.Errorf("record %q: %w", it.Key(), err), it.Close())
		}
	}
	s.next++
	return it.Close()
}

func (s *Store) loadRecord(key, value []byte) error {
	switch key[0] {
	case userPrefix:
		u := &userRecord{}
		if err := json.Unmarshal(value, u); err != nil {
			return err
		}
		s.keepUser(u)
	case keyPrefix:
		k := &keyRecord{used: new(atomic.Int64)}
		if err := json.Unmarshal(value, k); err != nil {
			return err
		}
		k.used.Store(minuteOf(k.LastUsed))
		s.keepKey(k)
	case sessionPrefix:
		x := &session{used: new(atomic.Int64)}
		if err := json.Unmarshal(value, x); err != nil {
			return err
		}
		x.used.Store(minuteOf(x.Used))
		s.keepSession(x)
	}
	return nil
}

// Close writes down what was used when, and closes the store.
func (s *Store) Close() error {
	s.stop()
	<-s.stopped
	s.write.Lock()
	defer s.write.Unlock()
	if s.db == nil {
		return nil
	}
	err := errors.Join(s.db.Flush(), s.db.Close(), s.lockFile.Close())
	s.db = nil
	return err
}

// change is what is written at once: records, and the entries of the log that
// say who did it.
type change struct {
	store *Store
	now   time.Time
	batch *pebble.Batch
	next  uint64
	apply []func()
}

// change makes a change, on disk and then in memory, or nothing of it. work
// runs while no other change does.
func (s *Store) change(work func(*change) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.db == nil {
		return errClosed
	}
	c := &change{store: s, now: s.now(), batch: s.db.NewBatch(), next: s.next}
	if err := work(c); err != nil {
		if errors.Is(err, errNothing) {
			err = nil
		}
		return errors.Join(err, c.batch.Close())
	}
	if err := c.batch.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("access can't be written: %w", err)
	}
	s.next = c.next
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range c.apply {
		f()
	}
	return nil
}

// now is the time as it is kept.
func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Millisecond) }

// Now is the time by the clock of the store.
func (s *Store) Now() time.Time { return s.now() }

// put writes a record.
func (c *change) put(key []byte, record any) error {
	b, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return c.batch.Set(key, b, nil)
}

// log writes an entry of the log.
func (c *change) log(e LogEntry) error {
	e.Sequence, e.At = c.next, c.now
	c.next++
	return c.put(logKey(e.Sequence), e)
}

// keepTidy tidies now and then, and at the end.
func (s *Store) keepTidy(ctx context.Context) {
	defer close(s.stopped)
	ticker := time.NewTicker(tidyEvery)
	defer ticker.Stop()
	for done := false; !done; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			done = true
		}
		if err := s.tidy(); err != nil {
			s.logger.Error("access: what was used can't be written down", zap.Error(err))
		}
	}
}

// tidy writes down which keys and sessions were used, and deletes sessions that
// ended by themselves.
func (s *Store) tidy() error {
	s.guard.tidy(s.now())
	return s.change(func(c *change) error {
		if err := errors.Join(c.noteKeys(), c.noteSessions()); err != nil {
			return err
		}
		if c.batch.Empty() {
			return errNothing
		}
		return nil
	})
}

// quiet keeps Pebble's chatter out and passes its errors on.
type quiet struct{ log *zap.Logger }

func (quiet) Infof(string, ...any)           {}
func (q quiet) Errorf(f string, args ...any) { q.log.Sugar().Errorf(f, args...) }
func (q quiet) Fatalf(f string, args ...any) { q.log.Sugar().Panicf(f, args...) }

// minuteOf is a time as last uses are held; 0 is never.
func minuteOf(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix() / int64(usePrecision/time.Second)
}

// timeOf is minuteOf's other way.
func timeOf(minute int64) *time.Time {
	if minute == 0 {
		return nil
	}
	t := time.Unix(minute*int64(usePrecision/time.Second), 0).UTC()
	return &t
}
