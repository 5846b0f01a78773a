package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"prepayledger/eventstore"
)

// TestManifestSeam damages eight bytes at every place of a log's manifest:
// whatever Pebble makes of it, no event goes missing in silence.
func TestManifestSeam(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{MemTableBytes: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	const events = 4_000
	fill(t, s, events, 20)
	closeStore(t, s)
	manifests, _ := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
	name := manifests[len(manifests)-1]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := 0; at < len(data); at += 3 {
		copied := filepath.Join(t.TempDir(), "log")
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		damaged := append([]byte(nil), data...)
		for i := at; i < min(len(damaged), at+8); i++ {
			damaged[i] ^= 0xa5
		}
		if err := os.WriteFile(filepath.Join(copied, filepath.Base(name)), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(copied, Options{})
		if err != nil {
			if errors.Is(err, eventstore.ErrCorrupt) {
				refused++
			}
			continue
		}
		if all, err := readAll(s); err == nil && len(all) != events {
			t.Errorf("byte %d: %d of %d events are missing in silence", at, events-len(all), events)
		}
		closeStore(t, s)
	}
	if refused == 0 {
		t.Error("no damage was named as such: the test proves nothing")
	}
}

// TestCrashedCreation: a crash while a log is created may leave a marker whose
// manifest never reached the disk. That folder is begun anew; one that shows
// any sign of a log is refused, whatever else is missing.
func TestCrashedCreation(t *testing.T) {
	folder := func(t *testing.T, keep ...string) string {
		dir := t.TempDir()
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		fillSome(t, s, 10)
		closeStore(t, s)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			kept := false
			for _, pattern := range keep {
				match, _ := filepath.Match(pattern, e.Name())
				kept = kept || match
			}
			if !kept {
				if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
					t.Fatal(err)
				}
			}
		}
		return dir
	}
	dir := folder(t, "marker.*", "OPTIONS-*", "LOCK")
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatalf("a folder without any log: %v", err)
	}
	fillSome(t, s, 10)
	closeStore(t, s)
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatalf("again: %v", err)
	}
	if all, err := readAll(s); err != nil || len(all) != 10 {
		t.Errorf("%d events, %v", len(all), err)
	}
	closeStore(t, s)
	for _, sign := range []string{"*.sst", "*.log", "HEAD"} {
		if _, err := Open(folder(t, "marker.*", sign), Options{}); !errors.Is(err, eventstore.ErrCorrupt) {
			t.Errorf("a folder with %s and no manifest: %v", sign, err)
		}
	}
}
