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
