package runindex

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// identity is what an oracle knows an entry by.
type identity struct {
	key     Key
	content [contentBytes]byte
	slot    uint8
}

// syncedFiles remembers how long each file, by path, was when it was last
// fsynced.
type syncedFiles struct {
	mu    sync.Mutex
	sizes map[string]int64
}

func (s *syncedFiles) fsync(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes[f.Name()] = info.Size()
	return nil // the tests need no disk to survive a power cut
}

// history is the oracle: the log of all Puts, and plain maps for the rest.
type history struct {
	t     *testing.T
	rng   *rand.Rand
	key   func(n uint64) Key
	opts  Options
	files *syncedFiles
	log   []Entry
	now   map[identity]uint8
}

func (h *history) randomEntry() Entry {
	return Entry{
		Key:     h.key(h.rng.Uint64N(300)),
		Content: [contentBytes]byte{uint8(h.rng.IntN(3))},
		Slot:    uint8(h.rng.IntN(2)),
		Value:   uint8(max(0, h.rng.IntN(5)-1)),
	}
}

// step does one random thing to the index.
func (h *history) step(x *Index) {
	switch h.rng.IntN(20) {
	case 0:
		h.compare(x)
	case 1:
		flush(h.t, x)
	default:
		var entries []Entry
		for range h.rng.IntN(40) {
			entries = append(entries, h.randomEntry())
		}
		put(h.t, x, entries...)
		h.log = append(h.log, entries...)
		for _, e := range entries {
			h.now[identity{e.Key, e.Content, e.Slot}] = e.Value
		}
		if h.rng.IntN(3) == 0 {
			h.commit(x)
		}
	}
}

// commit gives the length of the log as the position.
func (h *history) commit(x *Index) {
	if err := x.Commit(binary.BigEndian.AppendUint32(nil, uint32(len(h.log)))); err != nil {
		h.t.Fatal(err)
	}
}

// position reads a checkpoint back.
func position(x *Index) int {
	c := x.Checkpoint()
	if c == nil {
		return 0
	}
	return int(binary.BigEndian.Uint32(c))
}

// read returns all that the index says about every key.
func (h *history) read(x *Index) map[identity]uint8 {
	got := map[identity]uint8{}
	for n := range uint64(300) {
		key := h.key(n)
		entries, err := x.Lookup(context.Background(), nil, key)
		if err != nil {
			h.t.Fatal(err)
		}
		for i, e := range entries {
			if e.Key != key || e.Value == 0 || i > 0 && compareIdentity(entries[i-1], e) >= 0 {
				h.t.Fatalf("key %x: %v", key, entries)
			}
			got[identity{e.Key, e.Content, e.Slot}] = e.Value
		}
	}
	return got
}

// compare checks the index against the oracle.
func (h *history) compare(x *Index) {
	got := h.read(x)
	for id, want := range h.now {
		if got[id] != want {
			h.t.Fatalf("%x: value %d, want %d", id, got[id], want)
		}
		delete(got, id)
	}
	if len(got) > 0 {
		h.t.Fatalf("%d entries that were never put", len(got))
	}
}

// crash copies the directory at this moment as a crash would leave it, checks
// what opens there, replays the log and goes on with that index.
func (h *history) crash(x *Index) *Index {
	least := position(x)
	dir := h.t.TempDir()
	x.disk.Lock()
	h.copyDir(x.dir, dir)
	x.disk.Unlock()
	closeIndex(h.t, x)
	x = open(h.t, dir, h.opts)
	at := position(x)
	if at < least {
		h.t.Fatalf("opened at %d, %d was durable", at, least)
	}
	h.checkOpened(x, at)
	put(h.t, x, h.log[at:]...)
	h.commit(x)
	h.compare(x)
	return x
}

// checkOpened checks that every value is one that was right at the
// checkpoint or later.
func (h *history) checkOpened(x *Index, at int) {
	possible := map[identity]map[uint8]bool{}
	base := map[identity]uint8{}
	for _, e := range h.log[:at] {
		base[identity{e.Key, e.Content, e.Slot}] = e.Value
	}
	for _, e := range h.log {
		id := identity{e.Key, e.Content, e.Slot}
		if possible[id] == nil {
			possible[id] = map[uint8]bool{base[id]: true}
		}
	}
	for _, e := range h.log[at:] {
		possible[identity{e.Key, e.Content, e.Slot}][e.Value] = true
	}
	got := h.read(x)
	for id, values := range possible {
		if !values[got[id]] {
			h.t.Fatalf("opened at %d: %x has value %d, possible are %v", at, id, got[id], values)
		}
		delete(got, id)
	}
	if len(got) > 0 {
		h.t.Fatalf("opened with %d entries that were never put", len(got))
	}
}

// copyDir copies what is durable, and ruins what isn't.
func (h *history) copyDir(from, to string) {
	m, err := readManifest(from)
	if err != nil {
		h.t.Fatal(err)
	}
	durable := map[string]bool{manifestName: true}
	for _, r := range m.Runs {
		durable[runName(r.ID)] = true
	}
	files, err := os.ReadDir(from)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(from, f.Name()))
		if os.IsNotExist(err) {
			continue // an input of a merge that is done
		} else if err != nil {
			h.t.Fatal(err)
		}
		if !durable[f.Name()] {
			data = data[:h.rng.IntN(len(data)+1)]
			for i := range data {
				if h.rng.IntN(100) == 0 {
					data[i] ^= 0xff
				}
			}
		} else {
			h.checkSynced(from, to, f.Name(), int64(len(data)))
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), data, 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
}

// checkSynced checks that a file that counts after a crash was fsynced, and
// so its copy is.
func (h *history) checkSynced(from, to, name string, size int64) {
	if name == manifestName {
		name = manifestTemp // under which it was written
	}
	h.files.mu.Lock()
	defer h.files.mu.Unlock()
	if synced := h.files.sizes[filepath.Join(from, name)]; synced != size {
		h.t.Fatalf("%s has %d bytes, %d of them fsynced", name, size, synced)
	}
	h.files.sizes[filepath.Join(to, name)] = size
}

// TestAgainstMap runs random histories with crashes against plain maps.
func TestAgainstMap(t *testing.T) {
	for name, key := range map[string]func(uint64) Key{
		"uniform": keyNumber,
		"skewed": func(n uint64) (k Key) { // one block of the filter, one home slot
			binary.BigEndian.PutUint64(k[8:], n+1)
			return k
		},
		"clustered": func(n uint64) (k Key) { // the last home slots
			k = keyNumber(n)
			binary.BigEndian.PutUint64(k[:8], 1<<64-1-n)
			return k
		},
	} {
		t.Run(name, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			for i := range uint64(4) {
				h := &history{t: t, rng: rand.New(rand.NewPCG(seed, i)), key: key, now: map[identity]uint8{},
					files: &syncedFiles{sizes: map[string]int64{}}}
				h.opts = Options{TableEntries: 20 + h.rng.IntN(100), FanIn: 2 + h.rng.IntN(3), MaxRunEntries: 1000 + h.rng.IntN(2000), MaxBacklog: 5}
				h.opts.fsync = h.files.fsync
				h.run()
			}
		})
	}
}

func (h *history) run() {
	x := open(h.t, h.t.TempDir(), h.opts)
	for range 400 {
		h.step(x)
		switch h.rng.IntN(60) {
		case 0:
			x = h.crash(x)
		case 1:
			h.commit(x)
			closeIndex(h.t, x)
			x = open(h.t, x.dir, h.opts)
			if at := position(x); at != len(h.log) {
				h.t.Fatalf("opened at %d after Close at %d", at, len(h.log))
			}
		}
	}
	h.compare(x)
	quiet(h.t, x)
	h.compare(x)
	closeIndex(h.t, x)
}

// TestFailedSync fails the n-th fsync, for every n of a history: the index
// stops, and what was durable opens again.
func TestFailedSync(t *testing.T) {
	for n := 1; ; n++ {
		opts, calls := small, 0
		var mu sync.Mutex
		opts.fsync = func(*os.File) error {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls >= n {
				return fmt.Errorf("disk on fire")
			}
			return nil
		}
		if failAt(t, opts) {
			if n < 20 {
				t.Fatalf("the history has %d fsyncs only", n)
			}
			return
		}
	}
}

// failAt runs a history whose fsyncs fail at some point; true when none did.
func failAt(t *testing.T, opts Options) bool {
	dir := t.TempDir()
	ctx := context.Background()
	x, err := Open(ctx, dir, opts)
	if err != nil {
		return false // it failed with the first manifest
	}
	for i := uint64(0); i < 600 && err == nil; i++ {
		if err = x.Put(ctx, entry(i, 1, 0, 1)); err == nil {
			err = x.Commit(binary.BigEndian.AppendUint32(nil, uint32(i+1)))
		}
		if err == nil {
			mustFind(t, x, keyNumber(i), entry(i, 1, 0, 1))
		}
		if i%100 == 99 && err == nil {
			err = x.Flush(ctx)
		}
	}
	x.mu.RLock()
	failed := x.failure != nil
	x.mu.RUnlock()
	closed := x.Close()
	for _, err := range []error{err, closed} {
		if err != nil && (!strings.Contains(err.Error(), "disk on fire") || !bytes.Contains([]byte(err.Error()), []byte(ErrFailed.Error()))) {
			t.Fatalf("error %v, want the cause within ErrFailed", err)
		}
	}
	if failed && closed == nil {
		t.Fatal("Close says that all is durable after a failure")
	}
	opts.fsync = nil
	again := open(t, dir, opts)
	defer closeIndex(t, again)
	for i := range position(again) {
		mustFind(t, again, keyNumber(uint64(i)), entry(uint64(i), 1, 0, 1))
	}
	if closed == nil && position(again) != 600 {
		t.Fatalf("closed well, opened at %d of 600", position(again))
	}
	return closed == nil
}
