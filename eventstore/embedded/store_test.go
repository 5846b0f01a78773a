package embedded

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"prepayledger/eventstore"
)

// TestCreated: the instant is the clock's, in UTC, and kept to the
// nanosecond.
func TestCreated(t *testing.T) {
	at := time.Date(2026, 10, 3, 14, 30, 0, 123456789, time.FixedZone("", 7200))
	fs := newCrashFS()
	s := openFS(t, fs, Options{Clock: func() time.Time { return at }})
	fillSome(t, s, 2)
	closeStore(t, s)
	s = openFS(t, fs, Options{})
	defer closeStore(t, s)
	all, err := readAll(s)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d events, %v", len(all), err)
	}
	for _, e := range all {
		if e.Created != at.UTC() {
			t.Fatalf("created %v, want %v", e.Created, at.UTC())
		}
	}
}

// TestNumbering: positions are the numbers 1, 2, 3, …, over reopening too.
func TestNumbering(t *testing.T) {
	fs := newCrashFS()
	s := openFS(t, fs, Options{})
	id := s.ID()
	fillSome(t, s, 7)
	closeStore(t, s)
	s = openFS(t, fs, Options{})
	defer closeStore(t, s)
	if s.ID() != id {
		t.Fatalf("the log's id is %s, was %s", s.ID(), id)
	}
	a, err := s.Append(t.Context(), "other", eventstore.NoStream, benchEvents(3))
	if err != nil || a.Position != position(10) {
		t.Fatalf("Append: %+v, %v, want position 10", a, err)
	}
	all, err := readAll(s)
	for i, e := range all {
		if e.Position != position(uint64(i)+1) {
			t.Fatalf("event %d stands at %s", i, e.Position)
		}
	}
	report, verr := s.Verify(t.Context())
	if want := (Report{Last: position(10), Events: 10, Appends: 8, Streams: 2}); err != nil || verr != nil || report != want {
		t.Fatalf("Verify: %+v, %v, %v, want %+v", report, verr, err, want)
	}
	// A position of another form lies between two numbers.
	n := 0
	for e, err := range s.ReadAll(t.Context(), eventstore.Position{Commit: 9, Prepare: 8}) {
		if err != nil || e.Position.Commit != uint64(9+n) {
			t.Fatalf("after 9/8: %+v, %v", e, err)
		}
		n++
	}
	if n != 2 {
		t.Fatalf("after 9/8: %d events, want 2", n)
	}
}

// TestReadAllReachesTheNewest: what was appended before the reading came to
// the end belongs to it.
func TestReadAllReachesTheNewest(t *testing.T) {
	s := openFS(t, newCrashFS(), Options{})
	defer closeStore(t, s)
	fillSome(t, s, 3)
	const total = 50
	n := 0
	for _, err := range s.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n <= total-3 {
			if _, err := s.Append(t.Context(), "account", eventstore.Revision(n+1), benchEvents(1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n != total {
		t.Fatalf("%d events, want %d", n, total)
	}
}

// TestGrouping: appends that wait together are synced together.
func TestGrouping(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	const writers, appends = 64, 30
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i, e := range benchEvents(appends) {
				if _, err := s.Append(context.Background(), e.ID.String(), eventstore.NoStream, []eventstore.Event{e}); err != nil {
					t.Errorf("append %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	stats, err := s.Stats()
	if err != nil || stats.Appends != writers*appends || stats.Events != writers*appends {
		t.Fatalf("Stats: %+v, %v", stats, err)
	}
	if stats.Syncs == 0 || stats.Syncs > stats.Appends/4 {
		t.Fatalf("%d appends of %d writers took %d syncs", stats.Appends, writers, stats.Syncs)
	}
	if stats.DiskBytes == 0 || stats.WrittenBytes == 0 || stats.MemoryBytes == 0 {
		t.Fatalf("Stats: %+v", stats)
	}
}

// TestOtherFormat: a log of another version is refused with what it has.
func TestOtherFormat(t *testing.T) {
	fs := newCrashFS()
	s := openFS(t, fs, Options{})
	if err := s.db.Set(formatKey, []byte{formatVersion + 1, 1, 2, 3}, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	_, err := Open(crashDir, Options{FS: fs})
	if err == nil || errors.Is(err, eventstore.ErrCorrupt) || !strings.Contains(err.Error(), "format 2") {
		t.Fatalf("Open of a newer log: %v", err)
	}
}
