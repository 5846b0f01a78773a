package runindex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
)

// checkpoint is a position of the log in the order of the Commits.
type checkpoint struct {
	number   uint64
	position []byte
}

// Index is an open index. Its methods may be called from several goroutines.
type Index struct {
	dir  string
	opts Options

	// disk serialises what changes the set of runs: writing the manifest
	// and installing what it says. Taken before mu.
	disk   sync.Mutex
	lastID uint64 // guarded by disk

	// mu guards what follows. Nothing is read from or written to a file
	// while it is held.
	mu     sync.RWMutex
	active *table // takes Puts
	sealed *table // full, being written to a run; nil when none is
	spare  *table // becomes the next active; nil while it is not clean yet
	runs   []*run // newest first; replaced as a whole
	// filters are those of runs, in one piece of memory for the lookups.
	filters []filter

	committed checkpoint // last Commit
	durable   checkpoint // in the manifest
	failure   error      // wraps ErrFailed; no more writing
	closed    bool       // no more calls
	drained   bool       // nothing more will be sealed
	// changed is closed, and replaced, when one of the above changes, except
	// for what is in active.
	changed chan struct{}
	stats   Stats
	touched uint64 // takes what table.touch returns

	background sync.WaitGroup
	stopMerges context.CancelFunc
	questions  sync.Pool // *question
}

// Open opens the index in the directory, making it where there is none. The
// user then puts again what the log holds after Checkpoint. It reads the
// filters (15 bits an entry) and nothing else of the entries. Files of an
// earlier crash are deleted. Errors: ErrDamaged, ErrInvalid for the options.
func Open(ctx context.Context, dir string, opts Options) (*Index, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	m, err := loadManifest(dir, opts.fsync)
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	x := &Index{dir: dir, opts: opts, lastID: m.LastID, changed: make(chan struct{})}
	x.questions.New = func() any { return new(question) }
	x.durable.position = m.Checkpoint
	x.committed = x.durable
	if err := x.load(ctx, m); err != nil {
		x.free()
		return nil, fmt.Errorf("open index: %w", err)
	}
	merges, stop := context.WithCancel(context.Background())
	x.stopMerges = stop
	x.background.Go(x.sealTables)
	x.background.Go(func() { x.mergeRuns(merges) })
	return x, nil
}

// load opens the runs and makes the tables.
func (x *Index) load(ctx context.Context, m manifest) (err error) {
	for _, r := range m.Runs {
		if err := ctx.Err(); err != nil {
			return err
		}
		opened, err := openRun(x.dir, r.ID, r.Entries)
		if err != nil {
			return err
		}
		x.setRuns(append(x.runs, opened))
	}
	if x.active, err = newTable(x.opts.TableEntries); err != nil {
		return err
	}
	x.spare, err = newTable(x.opts.TableEntries)
	return err
}

// free gives back all that the index holds.
func (x *Index) free() {
	for _, r := range x.runs {
		r.unref()
	}
	for _, t := range []*table{x.active, x.sealed, x.spare} {
		if t != nil {
			release(t.mem)
		}
	}
	x.setRuns(nil)
	x.active, x.sealed, x.spare = nil, nil, nil
}

// setRuns replaces the runs. mu is held, but for Open.
func (x *Index) setRuns(runs []*run) {
	filters := make([]filter, len(runs))
	for i, r := range runs {
		filters[i] = r.filter
	}
	x.runs, x.filters = runs, filters
}

// Checkpoint returns the position that is durable: after a crash the index
// would open there. It is nil before the first. Right after Open the user
// replays the log from it.
func (x *Index) Checkpoint() []byte {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return bytes.Clone(x.durable.position)
}

// Commit says that all Puts that have returned correspond to this position
// of the log. It costs no I/O: the position becomes durable when the table
// is sealed, by being full, by Flush or by Close. Errors: ErrInvalid for
// more than MaxCheckpointBytes, ErrClosed.
func (x *Index) Commit(position []byte) error {
	if len(position) > MaxCheckpointBytes {
		return fmt.Errorf("%w: checkpoint of %d bytes, at most %d", ErrInvalid, len(position), MaxCheckpointBytes)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return ErrClosed
	}
	x.committed = checkpoint{number: x.committed.number + 1, position: bytes.Clone(position)}
	return nil
}

// Flush makes all that was put and committed so far durable. It is for
// bounding the replay of a log in which few events concern the index.
// Errors: ErrFailed, ErrClosed, the context's.
func (x *Index) Flush(ctx context.Context) error {
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return ErrClosed
	}
	target, err := x.drain(ctx)
	x.mu.Unlock()
	if err != nil {
		return err
	}
	return x.saveCheckpoint(target)
}

// Close makes all that was put and committed durable, as Flush does, and
// ends the index. A merge in progress is given up. Calls that come later
// return ErrClosed.
func (x *Index) Close() error {
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return ErrClosed
	}
	x.closed = true
	x.notify() // a seal that waits for merges waits no longer
	x.stopMerges()
	target, err := x.drain(context.Background())
	x.drained = true
	x.notify()
	x.mu.Unlock()
	if err == nil {
		err = x.saveCheckpoint(target)
	}
	x.background.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.free()
	return err
}

// drain seals the active table and waits until no table is left unsealed. It
// returns the checkpoint that is thereby covered. mu is held, except while
// waiting.
func (x *Index) drain(ctx context.Context) (checkpoint, error) {
	target := x.committed
	for x.failure == nil && x.active != nil && x.active.count > 0 && !x.rotate() {
		if err := x.wait(ctx); err != nil {
			return target, err
		}
		target = x.committed
	}
	for x.failure == nil && x.sealed != nil {
		if err := x.wait(ctx); err != nil {
			return target, err
		}
	}
	if x.active == nil { // closed meanwhile, which drained it
		return target, ErrClosed
	}
	return target, x.failure
}

// rotate hands the active table over for sealing; false when the one before
// it is not done yet. mu is held.
func (x *Index) rotate() bool {
	if x.sealed != nil || x.spare == nil {
		return false
	}
	x.active.checkpoint = x.committed
	x.sealed, x.active, x.spare = x.active, x.spare, nil
	x.notify()
	return true
}

// saveCheckpoint makes the checkpoint durable by itself, where a seal has
// not done it.
func (x *Index) saveCheckpoint(target checkpoint) error {
	x.disk.Lock()
	defer x.disk.Unlock()
	x.mu.RLock()
	runs, done := x.runs, x.durable.number >= target.number || x.active == nil
	x.mu.RUnlock()
	if done {
		return nil
	}
	return x.install(runs, target, nil)
}

// install writes the manifest and makes what it says the index's state;
// change may alter more of the state along with it. disk is held.
func (x *Index) install(runs []*run, covered checkpoint, change func()) error {
	m := manifest{Version: manifestVersion, Checkpoint: covered.position, LastID: x.lastID}
	for _, r := range runs {
		m.Runs = append(m.Runs, manifestRun{ID: r.id, Entries: r.entries})
	}
	if err := writeManifest(x.dir, m, x.opts.fsync); err != nil {
		return x.fail(err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.setRuns(runs)
	x.durable = covered
	if change != nil {
		change()
	}
	x.notify()
	return nil
}

// fail records the first failure to write, after which nothing is written
// any more: an fsync that failed once cannot be trusted the second time.
func (x *Index) fail(cause error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failure == nil {
		x.failure = fmt.Errorf("%w: %w", ErrFailed, cause)
		if errors.Is(cause, ErrDamaged) {
			x.failure = cause
		}
		x.notify()
	}
	return x.failure
}

// notify wakes all who wait for a change. mu is held.
func (x *Index) notify() {
	close(x.changed)
	x.changed = make(chan struct{})
}

// wait releases mu until something changes or the context ends.
func (x *Index) wait(ctx context.Context) error {
	changed := x.changed
	x.mu.Unlock()
	defer x.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newRun creates the file of another run.
func (x *Index) newRun(atMost uint64) (*runWriter, error) {
	x.disk.Lock()
	x.lastID++
	id := x.lastID
	x.disk.Unlock()
	return newRunWriter(x.dir, id, atMost, x.opts.fsync)
}
