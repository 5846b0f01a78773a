package runindex

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small makes seals and merges happen within some hundred entries, and saves
// the disk what no test could tell.
var small = Options{TableEntries: 64, FanIn: 3, MaxRunEntries: 1 << 20, MaxBacklog: 6, fsync: noSync}

func noSync(*os.File) error { return nil }

func open(tb testing.TB, dir string, opts Options) *Index {
	tb.Helper()
	x, err := Open(context.Background(), dir, opts)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

func closeIndex(tb testing.TB, x *Index) {
	tb.Helper()
	if err := x.Close(); err != nil {
		tb.Fatal(err)
	}
}

func put(tb testing.TB, x *Index, entries ...Entry) {
	tb.Helper()
	if err := x.Put(context.Background(), entries...); err != nil {
		tb.Fatal(err)
	}
}

func flush(tb testing.TB, x *Index) {
	tb.Helper()
	if err := x.Flush(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

// mustFind checks what a lookup of the key gives.
func mustFind(tb testing.TB, x *Index, key Key, want ...Entry) {
	tb.Helper()
	got, err := x.Lookup(context.Background(), nil, key)
	if err != nil {
		tb.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		tb.Fatalf("key %x: got %v, want %v", key, got, want)
	}
}

func entry(key uint64, content, slot, value uint8) Entry {
	return Entry{Key: keyNumber(key), Content: [contentBytes]byte{content}, Slot: slot, Value: value}
}

// quiet waits until nothing is left to seal or merge.
func quiet(tb testing.TB, x *Index) {
	tb.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		if x.failure != nil {
			tb.Fatal(x.failure)
		}
		if _, to := x.opts.pickMerge(x.runs); to == 0 && x.sealed == nil {
			return
		}
		if err := x.wait(context.Background()); err != nil {
			tb.Fatal(err)
		}
	}
}

func TestEmptyIndex(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // a new one, and an empty one opened again
		x := open(t, dir, small)
		mustFind(t, x, keyNumber(1))
		if c := x.Checkpoint(); c != nil {
			t.Fatalf("checkpoint %q, want none", c)
		}
		flush(t, x)
		closeIndex(t, x)
	}
}

func TestNewestOfAnIdentityWins(t *testing.T) {
	x := open(t, t.TempDir(), small)
	defer closeIndex(t, x)
	put(t, x, entry(1, 2, 0, 1), entry(1, 1, 7, 3), entry(1, 1, 0, 2), entry(2, 1, 0, 9))
	flush(t, x) // one run
	mustFind(t, x, keyNumber(1), entry(1, 1, 0, 2), entry(1, 1, 7, 3), entry(1, 2, 0, 1))
	put(t, x, entry(1, 1, 0, 5))
	mustFind(t, x, keyNumber(1), entry(1, 1, 0, 5), entry(1, 1, 7, 3), entry(1, 2, 0, 1))
	flush(t, x) // another
	put(t, x, entry(1, 1, 7, 0))
	mustFind(t, x, keyNumber(1), entry(1, 1, 0, 5), entry(1, 2, 0, 1))
	put(t, x, entry(1, 1, 7, 4))
	mustFind(t, x, keyNumber(1), entry(1, 1, 0, 5), entry(1, 1, 7, 4), entry(1, 2, 0, 1))
	mustFind(t, x, keyNumber(2), entry(2, 1, 0, 9))
	mustFind(t, x, keyNumber(3))
}

func TestMergeDropsWhatWasReplacedAndRemoved(t *testing.T) {
	x := open(t, t.TempDir(), small)
	defer closeIndex(t, x)
	for v := range uint8(3) { // three runs of one tier, then one merge
		for k := range uint64(10) {
			put(t, x, entry(k, 1, 0, v+1), entry(100+k, 1, 0, 2-v))
		}
		flush(t, x)
	}
	quiet(t, x)
	if s := x.Stats(); s.Merges != 1 || s.Runs != 1 || s.Entries != 10 {
		t.Fatalf("%+v, want one merge into a run of 10 entries", s)
	}
	for k := range uint64(10) {
		mustFind(t, x, keyNumber(k), entry(k, 1, 0, 3))
		mustFind(t, x, keyNumber(100+k))
	}
}

func TestMergeOfRemovalsAloneLeavesNoRun(t *testing.T) {
	x := open(t, t.TempDir(), small)
	defer closeIndex(t, x)
	for range 3 {
		put(t, x, entry(1, 1, 0, 0))
		flush(t, x)
	}
	quiet(t, x)
	if s := x.Stats(); s.Runs != 0 || s.Merges != 1 {
		t.Fatalf("%+v, want one merge and no run", s)
	}
	mustFind(t, x, keyNumber(1))
}

func TestShallowMergeKeepsRemovals(t *testing.T) {
	x := open(t, t.TempDir(), small)
	defer closeIndex(t, x)
	for k := range uint64(1000) {
		put(t, x, entry(k, 1, 0, 1))
	}
	flush(t, x)
	quiet(t, x)
	for k := range uint64(1000) {
		if k%5 == 0 {
			put(t, x, entry(k, 1, 0, 0))
		}
		if k%100 == 99 {
			flush(t, x)
			quiet(t, x)
		}
	}
	for k := range uint64(1000) {
		if k%5 == 0 {
			mustFind(t, x, keyNumber(k))
		} else {
			mustFind(t, x, keyNumber(k), entry(k, 1, 0, 1))
		}
	}
}

func TestLookupAllAnswersInOrder(t *testing.T) {
	x := open(t, t.TempDir(), small)
	defer closeIndex(t, x)
	var keys []Key
	for k := range uint64(1000) {
		keys = append(keys, keyNumber(k))
		if k%3 == 0 {
			put(t, x, entry(k, 1, 0, 1))
		}
	}
	next := 0
	err := x.LookupAll(context.Background(), keys, func(i int, entries []Entry) error {
		if i != next || len(entries) != 1 || entries[0].Key != keys[i] {
			t.Fatalf("key %d: %v, want one entry of key %d", i, entries, next)
		}
		next += 3
		return nil
	})
	if err != nil || next != 1002 {
		t.Fatalf("stopped before key %d: %v", next, err)
	}
	stop := errors.New("enough")
	if err := x.LookupAll(context.Background(), keys, func(int, []Entry) error { return stop }); err != stop {
		t.Fatalf("%v, want the callback's error", err)
	}
	for _, r := range x.runs {
		if n := r.refs.Load(); n != 1 {
			t.Fatalf("run has %d references after lookups that stopped early, want 1", n)
		}
	}
}

func TestCheckpointIsDurableWithTheTable(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, small)
	put(t, x, entry(1, 1, 0, 1))
	if err := x.Commit([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if c := x.Checkpoint(); c != nil {
		t.Fatalf("durable at %q before a seal", c)
	}
	flush(t, x)
	if c := string(x.Checkpoint()); c != "one" {
		t.Fatalf("durable at %q after Flush, want one", c)
	}
	if err := x.Commit([]byte("two")); err != nil { // without a Put
		t.Fatal(err)
	}
	flush(t, x)
	if c := string(x.Checkpoint()); c != "two" {
		t.Fatalf("durable at %q after Flush, want two", c)
	}
	if err := x.Commit([]byte("three")); err != nil {
		t.Fatal(err)
	}
	put(t, x, entry(2, 1, 0, 1)) // beyond the checkpoint, kept all the same
	closeIndex(t, x)
	x = open(t, dir, small)
	defer closeIndex(t, x)
	if c := string(x.Checkpoint()); c != "three" {
		t.Fatalf("opened at %q, want three", c)
	}
	mustFind(t, x, keyNumber(1), entry(1, 1, 0, 1))
	mustFind(t, x, keyNumber(2), entry(2, 1, 0, 1))
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	x := open(t, t.TempDir(), small)
	if err := x.Put(ctx, entry(1, 1, 0, 1), Entry{Value: 1}); !errors.Is(err, ErrInvalid) {
		t.Fatalf("zero key: %v", err)
	}
	mustFind(t, x, keyNumber(1)) // nothing half-applied
	mustFind(t, x, Key{})
	if err := x.Commit(make([]byte, MaxCheckpointBytes+1)); !errors.Is(err, ErrInvalid) {
		t.Fatalf("large checkpoint: %v", err)
	}
	if err := x.Commit(make([]byte, MaxCheckpointBytes)); err != nil {
		t.Fatalf("largest checkpoint: %v", err)
	}
	closeIndex(t, x)
	_, lookup := x.Lookup(ctx, nil, keyNumber(1))
	for call, err := range map[string]error{"Put": x.Put(ctx, entry(1, 1, 0, 1)), "Commit": x.Commit(nil),
		"Flush": x.Flush(ctx), "Close": x.Close(), "Lookup": lookup} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", call, err)
		}
	}
	for _, o := range []Options{{TableEntries: -1}, {FanIn: 1}, {FanIn: maxFanIn + 1}, {MaxBacklog: 2},
		{MaxRunEntries: 1000}, {TableEntries: maxTableEntries + 1}} {
		if _, err := Open(ctx, t.TempDir(), o); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestTooManyEntriesUnderOneKey(t *testing.T) {
	x := open(t, t.TempDir(), Options{TableEntries: 1000, MaxRunEntries: 1 << 20})
	defer closeIndex(t, x)
	e := entry(1, 0, 0, 1)
	for i := range MaxEntriesPerKey + 1 {
		binary.BigEndian.PutUint32(e.Content[:], uint32(i))
		put(t, x, e)
		if i != MaxEntriesPerKey-1 {
			continue
		}
		if got, err := x.Lookup(context.Background(), nil, e.Key); err != nil || len(got) != MaxEntriesPerKey {
			t.Fatalf("%d entries, %v; want %d", len(got), err, MaxEntriesPerKey)
		}
	}
	if got, err := x.Lookup(context.Background(), nil, e.Key); !errors.Is(err, ErrTooManyEntries) || len(got) != 0 {
		t.Fatalf("%d entries, %v; want ErrTooManyEntries", len(got), err)
	}
	mustFind(t, x, keyNumber(2))
}

func TestLookupOfAnUnknownKeyAllocatesNothing(t *testing.T) {
	x := open(t, t.TempDir(), Options{TableEntries: 1000, MaxRunEntries: 1 << 20})
	defer closeIndex(t, x)
	insert(t, x, 0, 5500)
	flush(t, x)
	n := uint64(1 << 40)
	if a := testing.AllocsPerRun(1000, func() {
		n++
		if _, err := x.Lookup(context.Background(), nil, keyNumber(n)); err != nil {
			t.Fatal(err)
		}
	}); a >= 1 {
		t.Fatalf("%.1f allocations per lookup", a)
	}
}

// TestCloseAmidCalls: whoever comes late is told so, nothing breaks.
func TestCloseAmidCalls(t *testing.T) {
	ctx := context.Background()
	for round := range uint64(8) {
		x := open(t, t.TempDir(), small)
		var callers sync.WaitGroup
		call := func(f func(i uint64) error) {
			callers.Go(func() {
				var err error
				for i := uint64(0); err == nil; i++ {
					err = f(i)
				}
				if !errors.Is(err, ErrClosed) {
					t.Errorf("%v, want ErrClosed", err)
				}
			})
		}
		reached := make(chan struct{})
		call(func(i uint64) error {
			if i == 50*round {
				close(reached)
			}
			return x.Put(ctx, entry(i, 1, 0, 1))
		})
		call(func(i uint64) error { return x.Put(ctx, entry(i%100, 2, 0, uint8(i))) })
		call(func(i uint64) error { _, err := x.Lookup(ctx, nil, keyNumber(i%500)); return err })
		call(func(i uint64) error { return x.Commit([]byte{byte(i)}) })
		call(func(uint64) error { return x.Flush(ctx) })
		<-reached
		closeIndex(t, x)
		callers.Wait()
		x.Checkpoint()
		if s := x.Stats(); s.Runs != 0 || s.InMemory != 0 {
			t.Errorf("after Close: %+v", s)
		}
		closeIndex(t, open(t, x.dir, small))
	}
}
