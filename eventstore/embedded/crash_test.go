package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"prepayledger/eventstore"
)

// crashDir is the folder of the log in the file systems of these tests.
const crashDir = "log"

// seeded makes a generator whose seed the test's output names.
func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// crashFS is a file system in memory that can be copied as a power failure
// would leave it. MemFS itself dead-locks when a copy is asked for in the
// middle of the calls below, which take its lock twice.
type crashFS struct {
	*vfs.MemFS
	twice sync.RWMutex
}

func newCrashFS() *crashFS { return &crashFS{MemFS: vfs.NewCrashableMem()} }

// crash copies what is synced and, of what is not, about the given share in
// percent.
func (c *crashFS) crash(unsynced int, rng *rand.Rand) *crashFS {
	cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced}
	if unsynced > 0 {
		cfg.RNG = rand.New(rand.NewPCG(rng.Uint64(), 0))
	}
	c.twice.Lock()
	defer c.twice.Unlock()
	return &crashFS{MemFS: c.MemFS.CrashClone(cfg)}
}

func (c *crashFS) Lock(name string) (io.Closer, error) {
	c.twice.RLock()
	defer c.twice.RUnlock()
	return c.MemFS.Lock(name)
}

func (c *crashFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	c.twice.RLock()
	defer c.twice.RUnlock()
	return c.MemFS.ReuseForWrite(old, name, category)
}

func (c *crashFS) Link(old, name string) error {
	c.twice.RLock()
	defer c.twice.RUnlock()
	return c.MemFS.Link(old, name)
}

// ledger is what a test knows of a log: every append that was tried, and
// which were acknowledged. A stream's appends are tried in order.
type ledger struct {
	mu     sync.Mutex
	tried  map[string][][]eventstore.Event
	acked  map[string]int // how many of a stream's appends
	events atomic.Int64
}

func newLedger() *ledger {
	return &ledger{tried: map[string][][]eventstore.Event{}, acked: map[string]int{}}
}

func (l *ledger) try(stream string, es []eventstore.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried[stream] = append(l.tried[stream], es)
}

func (l *ledger) ack(stream string, n int) {
	l.events.Add(int64(n))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[stream]++
}

// acknowledged is a copy of what was acknowledged up to now.
func (l *ledger) acknowledged() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.acked)
}

// check compares a log with what was acknowledged before it crashed, and
// returns how many appends of each stream it holds.
func (l *ledger) check(t *testing.T, s *Store, acked map[string]int) map[string]int {
	t.Helper()
	report, err := s.Verify(context.Background())
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	read := map[string][]eventstore.Recorded{}
	number := uint64(0)
	for e, err := range s.ReadAll(context.Background(), eventstore.Start) {
		if err != nil {
			t.Fatalf("ReadAll: %v", err)
		}
		if number++; e.Position != position(number) {
			t.Fatalf("event %d stands at %s", number, e.Position)
		}
		read[e.Stream] = append(read[e.Stream], e)
	}
	if report.Events != number {
		t.Fatalf("Verify counted %d events, ReadAll %d", report.Events, number)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	held := map[string]int{}
	for stream, tried := range l.tried {
		held[stream] = whole(t, stream, tried, read[stream])
		if held[stream] < acked[stream] {
			t.Fatalf("stream %s: %d appends are there, %d were acknowledged", stream, held[stream], acked[stream])
		}
		delete(read, stream)
	}
	if len(read) > 0 {
		t.Fatalf("streams that nobody wrote: %v", slices.Collect(maps.Keys(read)))
	}
	return held
}

// whole counts the appends that a stream holds, each exactly as it was tried.
func whole(t *testing.T, stream string, tried [][]eventstore.Event, got []eventstore.Recorded) int {
	t.Helper()
	n := 0
	for ; len(got) > 0; n++ {
		if n == len(tried) || len(got) < len(tried[n]) {
			t.Fatalf("stream %s holds %d events that are no whole append (its append %d)", stream, len(got), n)
		}
		for i, want := range tried[n] {
			e := got[i]
			if e.ID != want.ID || e.Type != want.Type || string(e.Data) != string(want.Data) || string(e.Metadata) != string(want.Metadata) {
				t.Fatalf("stream %s, revision %d: %+v, want %+v", stream, e.Revision, e.Event, want)
			}
		}
		got = got[len(tried[n]):]
	}
	return n
}

// cutTo forgets the appends that a crash took with it.
func (l *ledger) cutTo(held map[string]int) {
	for stream, n := range held {
		l.tried[stream], l.acked[stream] = l.tried[stream][:n], n
	}
}

// someEvents makes n events of up to size bytes.
func someEvents(rng *rand.Rand, n, size int) []eventstore.Event {
	es := make([]eventstore.Event, n)
	for i := range es {
		data := make([]byte, rng.IntN(size+1))
		for j := range data {
			data[j] = byte(rng.Uint32())
		}
		es[i] = eventstore.Event{ID: uuid.New(), Type: fmt.Sprint("T", rng.IntN(4)), Data: data, Metadata: data[:len(data)/3]}
	}
	return es
}

// load writes from several goroutines until a store refuses or ctx ends, and
// returns a function that waits for them.
func (l *ledger) load(ctx context.Context, s *Store, rng *rand.Rand, writers int) (wait func()) {
	var wg sync.WaitGroup
	for w := range writers {
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		stream := fmt.Sprint("account-", w)
		l.mu.Lock()
		expected := eventstore.NoStream
		for _, es := range l.tried[stream] {
			expected += eventstore.Revision(len(es))
		}
		l.mu.Unlock()
		wg.Go(func() {
			for ctx.Err() == nil {
				es := someEvents(own, 1+own.IntN(5), 2000)
				l.try(stream, es)
				a, err := s.Append(context.Background(), stream, expected, es)
				if err != nil {
					return
				}
				expected = a.LastRevision
				l.ack(stream, len(es))
			}
		})
	}
	return wg.Wait
}

// waitFor returns once the ledger has acknowledged n more events.
func (l *ledger) waitFor(t *testing.T, s *Store, n int64) {
	t.Helper()
	sub, err := s.SubscribeAll(t.Context(), position(s.durable.Load()))
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	for n > 0 {
		m, err := sub.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == eventstore.EventMessage {
			n--
		}
	}
}

func openFS(t *testing.T, fs vfs.FS, opts Options) *Store {
	t.Helper()
	opts.FS = fs
	s, err := Open(crashDir, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return s
}

// TestCrash takes the file system as it would be after a power failure, at
// random moments under load, with a random part of what was not synced, and
// goes on from there: for several generations.
func TestCrash(t *testing.T) {
	const runs, generations, crashes = 4, 5, 3
	for run := range runs {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			rng := seeded(t)
			opts := Options{MemTableBytes: 64 << 10 << rng.IntN(5)}
			fs, l := newCrashFS(), newLedger()
			for range generations {
				s := openFS(t, fs, opts)
				l.cutTo(l.check(t, s, l.acknowledged()))
				var clone *crashFS
				var acked map[string]int
				for range crashes {
					ctx, stop := context.WithCancel(context.Background())
					wait := l.load(ctx, s, rng, 6)
					l.waitFor(t, s, 1+rng.Int64N(300))
					acked = l.acknowledged()
					clone = fs.crash(rng.IntN(101), rng)
					stop()
					wait()
					after := openFS(t, clone.crash(0, nil), opts)
					l.check(t, after, acked)
					closeStore(t, after)
				}
				closeStore(t, s)
				// The generation that goes on knows what the crash left.
				l.mu.Lock()
				l.acked = acked
				l.mu.Unlock()
				fs = clone
			}
			s := openFS(t, fs, opts)
			l.check(t, s, l.acknowledged())
			closeStore(t, s)
		})
	}
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// TestCrashInOpen crashes while a log is begun: what is left opens again.
func TestCrashInOpen(t *testing.T) {
	rng := seeded(t)
	for range 50 {
		fs := newCrashFS()
		var opened atomic.Bool
		clones := make(chan *crashFS, 1)
		go func() {
			var clone *crashFS
			for n := rng.IntN(2000); !opened.Load() && n >= 0; n-- {
				clone = fs.crash(50, rng)
			}
			clones <- clone
		}()
		s := openFS(t, fs, Options{})
		opened.Store(true)
		closeStore(t, s)
		if clone := <-clones; clone != nil {
			s := openFS(t, clone, Options{})
			l := newLedger()
			l.check(t, s, nil)
			closeStore(t, s)
		}
	}
}

// TestTornTail cuts the write-ahead log of a crashed store at every kind of
// place: the log then ends at a whole append, and goes on from there.
func TestTornTail(t *testing.T) {
	rng := seeded(t)
	fs, l := newCrashFS(), newLedger()
	s := openFS(t, fs, Options{})
	for i := range 60 {
		stream := fmt.Sprint("account-", i%3)
		es := someEvents(rng, 1+rng.IntN(4), 700)
		expected := eventstore.NoStream
		for _, old := range l.tried[stream] {
			expected += eventstore.Revision(len(old))
		}
		l.try(stream, es)
		if _, err := s.Append(t.Context(), stream, expected, es); err != nil {
			t.Fatal(err)
		}
	}
	crashed := fs.crash(0, nil)
	closeStore(t, s)
	wal := onlyFile(t, crashed, ".log")
	data := content(t, crashed, wal)
	ends := map[uint64]bool{}
	for cut := range 150 {
		size := rng.IntN(len(data) + 1)
		if cut < 40 {
			size = len(data) - cut // the last bytes, one by one
		}
		torn := crashed.crash(0, nil)
		overwrite(t, torn, wal, data[:size])
		s := openFS(t, torn, Options{})
		l.check(t, s, nil)
		ends[s.durable.Load()] = true
		goOn(t, s)
		closeStore(t, s)
	}
	if len(ends) < 10 {
		t.Fatalf("cuts at 150 places left only %d different logs", len(ends))
	}
}

// goOn appends to a log and reads it back.
func goOn(t *testing.T, s *Store) {
	t.Helper()
	es := benchEvents(3)
	if _, err := s.Append(t.Context(), "account-after", eventstore.NoStream, es); err != nil {
		t.Fatalf("Append after the crash: %v", err)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Fatalf("Verify after going on: %v", err)
	}
}

// onlyFile is the newest file of the log's folder with the extension.
func onlyFile(t *testing.T, fs vfs.FS, ext string) string {
	t.Helper()
	names, err := fs.List(crashDir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range slices.Backward(names) {
		if fs.PathBase(name) != "" && len(name) > len(ext) && name[len(name)-len(ext):] == ext {
			return fs.PathJoin(crashDir, name)
		}
	}
	t.Fatalf("no %s among %v", ext, names)
	return ""
}

func content(t *testing.T, fs *crashFS, name string) []byte {
	t.Helper()
	data, err := fs.UnsafeGetFileDataBuffer(name)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(data)
}

// overwrite replaces a file.
func overwrite(t *testing.T, fs vfs.FS, name string, data []byte) {
	t.Helper()
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(slices.Clone(data)) // MemFS may scribble over it
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}
