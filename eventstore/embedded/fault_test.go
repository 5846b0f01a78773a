package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"prepayledger/eventstore"
)

var errDisk = errors.New("disk broke")

// faults lets operations on files fail once it is armed, and counts syncs of
// the write-ahead log that are tried from then on.
type faults struct {
	armed atomic.Bool
	// match chooses the operations that fail.
	match func(errorfs.Op) bool
	syncs atomic.Int64
}

// String implements errorfs.Injector.
func (f *faults) String() string { return "faults" }

// MaybeError implements errorfs.Injector.
func (f *faults) MaybeError(op errorfs.Op) error {
	if !f.armed.Load() {
		return nil
	}
	if isSync(op) && isWAL(op) {
		f.syncs.Add(1)
	}
	if f.match(op) {
		return errDisk
	}
	return nil
}

func isSync(op errorfs.Op) bool {
	return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
}

func isWAL(op errorfs.Op) bool { return strings.HasSuffix(op.Path, ".log") }

// TestWALFails: after a write or sync of the write-ahead log that failed, the
// outcome is unknown, nothing more is written or synced, and readers go on
// with what was acknowledged.
func TestWALFails(t *testing.T) {
	for name, match := range map[string]func(errorfs.Op) bool{
		"sync":  func(op errorfs.Op) bool { return isWAL(op) && isSync(op) },
		"write": func(op errorfs.Op) bool { return isWAL(op) && op.Kind == errorfs.OpFileWrite },
	} {
		t.Run(name, func(t *testing.T) {
			mem := newCrashFS()
			f := &faults{match: match}
			s := openFS(t, errorfs.Wrap(mem, f), Options{})
			before := benchEvents(3)
			if _, err := s.Append(t.Context(), "account", eventstore.NoStream, before); err != nil {
				t.Fatal(err)
			}
			sub, err := s.SubscribeAll(t.Context(), eventstore.Start)
			if err != nil {
				t.Fatal(err)
			}
			f.armed.Store(true)
			lost := benchEvents(2)
			if _, err := s.Append(t.Context(), "account", 2, lost); !errors.Is(err, eventstore.ErrOutcomeUnknown) || !errors.Is(err, errDisk) {
				t.Fatalf("Append whose sync fails: %v, want unknown outcome", err)
			}
			f.armed.Store(false) // a disk that recovers changes nothing
			checkStopped(t, s)
			checkHolds(t, s, before)
			for range before {
				if m, err := sub.Next(t.Context()); err != nil || m.Kind != eventstore.EventMessage {
					t.Fatalf("subscription: %+v, %v", m, err)
				}
			}
			if m, err := sub.Next(t.Context()); err != nil || m.Kind != eventstore.CaughtUpMessage {
				t.Fatalf("subscription after what is durable: %+v, %v", m, err)
			}
			f.armed.Store(true)
			if n := f.syncs.Load(); name == "sync" && n != 1 {
				t.Fatalf("%d syncs were tried, want the one that failed", n)
			}
			closeFailed(t, s)
			if n := f.syncs.Load(); n > 1 {
				t.Fatalf("the sync was tried again: %d", n)
			}
			after := openFS(t, mem.crash(0, nil), Options{})
			checkHolds(t, after, before)
			if _, err := after.Append(t.Context(), "account", 2, lost); err != nil {
				t.Fatalf("Append after opening again: %v", err)
			}
			closeStore(t, after)
		})
	}
}

// checkStopped asks for what a store says that no longer writes.
func checkStopped(t *testing.T, s *Store) {
	t.Helper()
	for range 3 {
		_, err := s.Append(t.Context(), "account-new", eventstore.NoStream, benchEvents(1))
		if !errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrOutcomeUnknown) {
			t.Fatalf("Append after a failed write: %v, want unavailable", err)
		}
		if !strings.Contains(err.Error(), "no more writes") || !strings.Contains(err.Error(), "check the disk") {
			t.Fatalf("the error does not say what to do: %v", err)
		}
	}
}

// checkHolds compares the log's only stream, read in every way.
func checkHolds(t *testing.T, s *Store, want []eventstore.Event) {
	t.Helper()
	if got := s.durable.Load(); got != uint64(len(want)) {
		t.Fatalf("the log has %d events, want %d", got, len(want))
	}
	all, err := readAll(s)
	if err != nil || len(all) != len(want) {
		t.Fatalf("ReadAll: %d events, %v, want %d", len(all), err, len(want))
	}
	n := 0
	for e, err := range s.ReadStream(t.Context(), "account", 0, eventstore.Forwards) {
		if err != nil || n == len(want) || e.ID != want[n].ID {
			t.Fatalf("stream, event %d: %+v, %v", n, e, err)
		}
		n++
	}
	for e, err := range s.ReadStream(t.Context(), "account", eventstore.End, eventstore.Backwards) {
		if n--; err != nil || n < 0 || e.ID != want[n].ID {
			t.Fatalf("stream backwards, event %d: %+v, %v", n, e, err)
		}
	}
	if n != 0 {
		t.Fatalf("stream: %d events differ forwards and backwards", n)
	}
}

func readAll(s *Store) ([]eventstore.Recorded, error) {
	var all []eventstore.Recorded
	for e, err := range s.ReadAll(context.Background(), eventstore.Start) {
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
	return all, nil
}

// TestWALFailsUnderLoad: with many appends under way, every one that was
// acknowledged before the failure is there after it.
func TestWALFailsUnderLoad(t *testing.T) {
	rng := seeded(t)
	for range 10 {
		mem, l := newCrashFS(), newLedger()
		f := &faults{match: func(op errorfs.Op) bool { return isWAL(op) && isSync(op) }}
		s := openFS(t, errorfs.Wrap(mem, f), Options{})
		wait := l.load(t.Context(), s, rng, 8)
		l.waitFor(t, s, 1+rng.Int64N(300))
		f.armed.Store(true)
		wait() // every writer is refused
		checkStopped(t, s)
		after := openFS(t, mem.crash(rng.IntN(101), rng), Options{})
		l.check(t, after, l.acknowledged())
		closeStore(t, after)
		closeFailed(t, s)
	}
}

// TestNextLogFails: when the next file of the write-ahead log cannot be begun,
// callers are answered, readers go on and the folder stays locked.
func TestNextLogFails(t *testing.T) {
	var s *Store
	for name, match := range map[string]func(errorfs.Op) bool{
		"create": func(op errorfs.Op) bool {
			return isWAL(op) && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite)
		},
		"folder": func(op errorfs.Op) bool { return op.Path == crashDir && isSync(op) },
		"sync of the one before": func(op errorfs.Op) bool {
			return isWAL(op) && isSync(op) && s.applying.Load()
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem := newCrashFS()
			f := &faults{match: match}
			disk := errorfs.Wrap(mem, f)
			s = openFS(t, disk, Options{})
			f.armed.Store(true)
			var stored []eventstore.Event
			var err error
			for err == nil {
				es := benchEvents(100)
				if _, err = s.Append(t.Context(), "account", eventstore.Revision(len(stored)-1), es); err == nil {
					stored = append(stored, es...)
				}
			}
			if !errors.Is(err, eventstore.ErrOutcomeUnknown) || !errors.Is(err, errDisk) {
				t.Fatalf("Append: %v, want unknown outcome", err)
			}
			checkStopped(t, s)
			checkHolds(t, s, stored)
			if err := s.Close(); err == nil || !strings.Contains(err.Error(), "stays locked") {
				t.Fatalf("Close: %v, want that the folder stays locked", err)
			}
			if _, err := Open(crashDir, Options{FS: disk}); !errors.Is(err, eventstore.ErrLocked) {
				t.Fatalf("Open: %v, want locked", err)
			}
			after := openFS(t, mem.crash(0, nil), Options{})
			checkHolds(t, after, stored)
			closeStore(t, after)
		})
	}
}

// TestSeams: a gap at the beginning of a table is found.
func TestSeams(t *testing.T) {
	s := openFS(t, newCrashFS(), Options{})
	defer closeStore(t, s)
	fillSome(t, s, 5)
	if err := s.db.Delete(appendLogKey(nil, 3), nil); err != nil {
		t.Fatal(err)
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{logPrefix}, UpperBound: []byte{logPrefix + 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for first, want := range map[uint64]bool{1: false, 2: false, 4: true, 5: false} {
		err := checkSeam(it, first)
		if got := errors.Is(err, eventstore.ErrCorrupt); got != want {
			t.Errorf("seam at %d: %v, want damage: %v", first, err, want)
		}
	}
}

// TestManifestFails: when Pebble cannot record its tables the store stops
// writing, and loses nothing.
func TestManifestFails(t *testing.T) {
	rng := seeded(t)
	mem, l := newCrashFS(), newLedger()
	f := &faults{match: func(op errorfs.Op) bool { return strings.Contains(op.Path, "MANIFEST") && isSync(op) }}
	s := openFS(t, errorfs.Wrap(mem, f), Options{MemTableBytes: 128 << 10})
	wait := l.load(t.Context(), s, rng, 4)
	l.waitFor(t, s, 100)
	f.armed.Store(true)
	wait()
	checkStopped(t, s)
	after := openFS(t, mem.crash(50, rng), Options{})
	l.check(t, after, l.acknowledged())
	closeStore(t, after)
	closeFailed(t, s)
}

// closeFailed closes a store that has stopped writing: it comes back, and if
// it cannot close the database it says so.
func closeFailed(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil && !strings.Contains(err.Error(), "stays locked") {
		t.Fatalf("Close after a failed write: %v", err)
	}
	if _, err := s.Last(t.Context()); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("Last after Close: %v", err)
	}
	if _, err := readAll(s); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("ReadAll after Close: %v", err)
	}
}

// fullFS is a file system with little room.
type fullFS struct {
	vfs.FS
	free atomic.Uint64
}

func (f *fullFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: f.free.Load()}, nil
}

// TestDiskNearlyFull: appends are refused before the disk is full, and taken
// again when there is room.
func TestDiskNearlyFull(t *testing.T) {
	disk := &fullFS{FS: vfs.NewMem()}
	disk.free.Store(1 << 30)
	s := openFS(t, disk, Options{MinFreeBytes: 1 << 20})
	defer closeStore(t, s)
	es := someEvents(rand.New(rand.NewPCG(1, 1)), 200, 5000)
	appended, refused := 0, 0
	expected := eventstore.NoStream
	try := func() error {
		a, err := s.Append(t.Context(), "account", expected, es)
		if err == nil {
			expected = a.LastRevision
			for i := range es {
				es[i].ID[0]++
			}
			appended++
		}
		return err
	}
	if err := try(); err != nil {
		t.Fatal(err)
	}
	disk.free.Store(1<<20 - 1)
	for range 100 {
		if err := try(); err != nil {
			if !errors.Is(err, eventstore.ErrUnavailable) || !strings.Contains(err.Error(), "make room") {
				t.Fatalf("Append on a full disk: %v", err)
			}
			refused++
		}
	}
	if refused == 0 {
		t.Fatalf("%d appends were taken on a full disk", appended)
	}
	disk.free.Store(1 << 20)
	if err := try(); err != nil {
		t.Fatalf("Append after there is room again: %v", err)
	}
	if got := s.durable.Load(); got != uint64(appended*len(es)) {
		t.Fatalf("%d events, %d appends were taken", got, appended)
	}
}

// TestLocked: a log is open once, however its folder is spelled.
func TestLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, spelled := range []string{dir, dir + "/", filepath.Join(dir, "..", "log"), link} {
		_, err := Open(spelled, Options{})
		if !errors.Is(err, eventstore.ErrLocked) || !strings.Contains(err.Error(), "in use") {
			t.Fatalf("Open(%s) of an open log: %v, want locked", spelled, err)
		}
	}
	if _, err := s.Append(t.Context(), "account", eventstore.NoStream, benchEvents(1)); err != nil {
		t.Fatalf("Append after others were locked out: %v", err)
	}
	closeStore(t, s)
	s, err = Open(link, Options{})
	if err != nil {
		t.Fatalf("Open after Close: %v", err)
	}
	closeStore(t, s)
}

// TestFolderUnusable: what is no lock is not called one.
func TestFolderUnusable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(file, "log"), Options{}); err == nil || errors.Is(err, eventstore.ErrLocked) {
		t.Fatalf("Open below a file: %v", err)
	}
}

// TestDamage flips bytes all over the files of a closed log. What is read
// then without an error is what was written; damage is never skipped.
func TestDamage(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	s, err := Open(dir, Options{MemTableBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 20_000, 20)
	closeStore(t, s)
	s, want := contents(t, dir)
	closeStore(t, s)

	found := map[string]int{}
	const rounds = 60
	for round := range rounds {
		copied := filepath.Join(t.TempDir(), "log")
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		kind := "*"
		if round%2 == 0 {
			kind = "*.sst"
		}
		name := flip(t, rng, copied, kind)
		found[kind+" "+damaged(t, copied, name, want)]++
		if err := os.RemoveAll(copied); err != nil {
			t.Fatal(err)
		}
	}
	// A few bytes of a table are read by nobody; the other files are mostly
	// left over from before.
	t.Log(found)
	if n := found["*.sst unharmed"]; n > rounds/8 {
		t.Fatalf("of %d damages of tables %d were not found: %v", rounds/2, n, found)
	}
}

// contents opens a log and reads all of it.
func contents(t *testing.T, dir string) (*Store, []eventstore.Recorded) {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := readAll(s)
	if err != nil {
		t.Fatal(err)
	}
	return s, all
}

// flip changes up to 8 bytes at one place of a file whose name is like
// pattern.
func flip(t *testing.T, rng *rand.Rand, dir, pattern string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	names := slices.DeleteFunc(all, func(name string) bool {
		info, err := os.Stat(name)
		return err != nil || info.Size() == 0
	})
	name := names[rng.IntN(len(names))]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at := rng.IntN(len(data))
	for i := at; i < min(len(data), at+1+rng.IntN(8)); i++ {
		data[i] ^= byte(1 + rng.IntN(255))
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// damaged opens and reads a damaged log and says where it was found out, or
// that everything is as it was.
func damaged(t *testing.T, dir, name string, want []eventstore.Recorded) string {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		return "found by Open"
	}
	defer s.Close()
	_, verified := s.Verify(t.Context())
	all, read := readAll(s)
	for i, e := range all {
		if !sameRecorded(e, want[i]) {
			t.Fatalf("%s damaged: event %d reads %+v, want %+v", name, i, e, want[i])
		}
	}
	streams := readStreams(t, s, name, want)
	switch {
	case read != nil:
		if !errors.Is(read, eventstore.ErrCorrupt) || !errors.Is(verified, eventstore.ErrCorrupt) {
			t.Fatalf("%s damaged: ReadAll %v, Verify %v, want damage", name, read, verified)
		}
		return "found by ReadAll"
	case len(all) != len(want):
		t.Fatalf("%s damaged: %d of %d events are left and nobody says so", name, len(all), len(want))
	case streams != nil || verified != nil:
		if !errors.Is(verified, eventstore.ErrCorrupt) {
			t.Fatalf("%s damaged: streams %v, Verify %v, want damage", name, streams, verified)
		}
		return "found in the index"
	}
	return "unharmed"
}

// readStreams reads every stream and returns the first error.
func readStreams(t *testing.T, s *Store, name string, want []eventstore.Recorded) error {
	t.Helper()
	byStream := map[string][]eventstore.Recorded{}
	for _, e := range want {
		byStream[e.Stream] = append(byStream[e.Stream], e)
	}
	var failed error
	for stream, want := range byStream {
		n := 0
		for e, err := range s.ReadStream(t.Context(), stream, 0, eventstore.Forwards) {
			if err != nil {
				if !errors.Is(err, eventstore.ErrCorrupt) && !errors.Is(err, eventstore.ErrStreamNotFound) {
					t.Fatalf("%s damaged: stream %s: %v, want damage", name, stream, err)
				}
				failed = err
				break
			}
			if !sameRecorded(e, want[n]) {
				t.Fatalf("%s damaged: stream %s, event %d reads %+v, want %+v", name, stream, n, e, want[n])
			}
			n++
		}
		if failed == nil && n < len(want) {
			failed = fmt.Errorf("stream %s is short: %d of %d", stream, n, len(want))
		}
	}
	return failed
}

func sameRecorded(a, b eventstore.Recorded) bool {
	return a.ID == b.ID && a.Type == b.Type && a.Stream == b.Stream && a.Revision == b.Revision && a.Position == b.Position &&
		a.Created.Equal(b.Created) && bytes.Equal(a.Data, b.Data) && bytes.Equal(a.Metadata, b.Metadata)
}

// TestDamagedWAL flips bytes in the write-ahead log of a crashed store, not
// at its very end: that is no torn tail, and the log does not open.
func TestDamagedWAL(t *testing.T) {
	rng := seeded(t)
	mem := newCrashFS()
	s := openFS(t, mem, Options{})
	fillSome(t, s, 60)
	crashed := mem.crash(0, nil)
	closeStore(t, s)
	wal := onlyFile(t, crashed, ".log")
	data := content(t, crashed, wal)
	if err := checkTail(crashed, wal); err != nil {
		t.Fatalf("a sound write-ahead log: %v", err)
	}
	for range 100 {
		harmed := crashed.crash(0, nil)
		bad := slices.Clone(data)
		bad[rng.IntN(len(bad)*9/10)] ^= byte(1 + rng.IntN(255))
		overwrite(t, harmed, wal, bad)
		s, err := Open(crashDir, Options{FS: harmed})
		if err == nil {
			t.Errorf("a damaged write-ahead log opens, with %d events", s.durable.Load())
			closeStore(t, s)
		} else if !errors.Is(err, eventstore.ErrCorrupt) || !strings.Contains(err.Error(), crashDir) {
			t.Fatalf("Open: %v, want damage", err)
		}
	}
}

// fillSome stores n appends of one event.
func fillSome(t *testing.T, s *Store, n int) {
	t.Helper()
	for i, e := range benchEvents(n) {
		if _, err := s.Append(t.Context(), "account", eventstore.Revision(i-1), []eventstore.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamageNamesThePlace changes the database below the store.
func TestDamageNamesThePlace(t *testing.T) {
	get := func(s *Store, key []byte) []byte {
		value, closer, err := s.db.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		defer closer.Close()
		return bytes.Clone(value)
	}
	// The log holds 5 appends of one event in stream "account".
	tests := map[string]struct {
		harm func(s *Store) error
		// place is in the error of Verify; the reads say where they fail.
		place          string
		all, fwd, bwd  bool
		foundByOpenToo bool
	}{
		"record changed": {func(s *Store) error {
			rec := get(s, appendLogKey(nil, 3))
			rec[len(rec)-1] ^= 1
			return s.db.Set(appendLogKey(nil, 3), rec, nil)
		}, "3/3", true, true, true, false},
		"record in another's place": {func(s *Store) error {
			return s.db.Set(appendLogKey(nil, 3), get(s, appendLogKey(nil, 2)), nil)
		}, "3/3", true, true, true, false},
		"record lost": {func(s *Store) error {
			return s.db.Delete(appendLogKey(nil, 3), nil)
		}, "3/3", true, true, true, false},
		"first record lost": {func(s *Store) error {
			return s.db.Delete(appendLogKey(nil, 1), nil)
		}, "1/1", true, true, true, true},
		"last record lost": {func(s *Store) error {
			return s.db.Delete(appendLogKey(nil, 5), nil)
		}, "5/5", true, true, true, false},
		"record cut": {func(s *Store) error {
			return s.db.Set(appendLogKey(nil, 4), get(s, appendLogKey(nil, 4))[:7], nil)
		}, "4/4", true, true, true, false},
		"index entry lost": {func(s *Store) error {
			return s.db.Delete(appendIndexKey(nil, "account", 2), nil)
		}, "stream account", false, true, true, false},
		"index entry elsewhere": {func(s *Store) error {
			return s.db.Set(appendIndexKey(nil, "account", 2), appendIndexValue(nil, 2, 1), nil)
		}, "stream account", false, true, true, false},
		"index entry of wrong form": {func(s *Store) error {
			return s.db.Set(appendIndexKey(nil, "account", 2), []byte{0x80}, nil)
		}, "stream account", false, true, true, false},
		"index entry too many": {func(s *Store) error {
			return s.db.Set(appendIndexKey(nil, "ghost", 0), appendIndexValue(nil, 2, 1), nil)
		}, "index", false, false, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open(dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			fillSome(t, s, 5)
			if err := tt.harm(s); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Verify(t.Context()); !errors.Is(err, eventstore.ErrCorrupt) || !strings.Contains(err.Error(), tt.place) {
				t.Errorf("Verify: %v, want damage at %s", err, tt.place)
			}
			for what, read := range map[string]struct {
				want bool
				err  error
			}{
				"ReadAll":   {tt.all, lastError(s.ReadAll(t.Context(), eventstore.Start))},
				"forwards":  {tt.fwd, lastError(s.ReadStream(t.Context(), "account", 0, eventstore.Forwards))},
				"backwards": {tt.bwd, lastError(s.ReadStream(t.Context(), "account", eventstore.End, eventstore.Backwards))},
			} {
				if got := errors.Is(read.err, eventstore.ErrCorrupt); got != read.want {
					t.Errorf("%s: %v, want damage: %v", what, read.err, read.want)
				}
			}
			closeStore(t, s)
			s, err = Open(dir, Options{})
			if err == nil {
				closeStore(t, s)
			}
			if tt.foundByOpenToo && !errors.Is(err, eventstore.ErrCorrupt) {
				t.Errorf("Open: %v, want damage", err)
			}
		})
	}
}

func lastError(seq func(func(eventstore.Recorded, error) bool)) error {
	var last error
	for _, err := range seq {
		last = err
	}
	return last
}

// TestForeignFolder: a folder that holds something else is not taken over.
func TestForeignFolder(t *testing.T) {
	dir := t.TempDir()
	db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("Lxxxxxxxx"), []byte("something else"), pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, eventstore.ErrCorrupt) {
		t.Fatalf("Open of a foreign database: %v, want damage", err)
	}
}

// TestManifestLost: a folder with tables but without the file that names them
// is damage, not an empty log.
func TestManifestLost(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fillSome(t, s, 5)
	closeStore(t, s)
	markers, err := filepath.Glob(filepath.Join(dir, "marker.manifest*"))
	if err != nil || len(markers) == 0 {
		t.Fatalf("markers %v, %v", markers, err)
	}
	for _, name := range markers {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, eventstore.ErrCorrupt) {
		t.Fatalf("Open without a manifest: %v, want damage", err)
	}
}
