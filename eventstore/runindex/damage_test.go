package runindex

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// damagedIndex makes an index of one run of 300 entries and returns its
// directory and the run's file.
func damagedIndex(t *testing.T) (dir, file string) {
	dir = t.TempDir()
	x := open(t, dir, Options{TableEntries: 1000, MaxRunEntries: 1 << 20})
	insert(t, x, 0, 300)
	closeIndex(t, x)
	names, err := runFiles(dir)
	if err != nil || len(names) != 1 {
		t.Fatalf("%v, %v; want one run", names, err)
	}
	return dir, filepath.Join(dir, names[0])
}

// readAll opens the index and looks every key up.
func readAll(t *testing.T, dir string) error {
	x, err := Open(context.Background(), dir, Options{TableEntries: 1000, MaxRunEntries: 1 << 20})
	if err != nil {
		return err
	}
	defer closeIndex(t, x)
	for i := range uint64(300) {
		got, err := x.Lookup(context.Background(), nil, keyNumber(i))
		if err != nil {
			return err
		}
		if len(got) != 1 {
			t.Fatalf("key %d: %v, and no error", i, got)
		}
	}
	return nil
}

// mustBeDamaged checks the error and that it says what to do.
func mustBeDamaged(t *testing.T, err error, file, what string) {
	t.Helper()
	var damaged *DamagedError
	if !errors.Is(err, ErrDamaged) || !errors.As(err, &damaged) {
		t.Fatalf("%s: %v, want ErrDamaged", what, err)
	}
	if damaged.File != filepath.Base(file) || !strings.Contains(err.Error(), "delete the folder "+filepath.Dir(file)) {
		t.Fatalf("%s: %v, want it to name %s and the way out", what, err, file)
	}
}

func TestEveryDamagedByteIsFound(t *testing.T) {
	dir, file := damagedIndex(t)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := readAll(t, dir); err != nil {
		t.Fatalf("undamaged: %v", err)
	}
	damage := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		mustBeDamaged(t, readAll(t, dir), file, what)
	}
	for at := 0; at < len(whole); at += 61 {
		damage("a flipped bit", flip(whole, at))
	}
	for at := len(whole) - footerBytes - 200; at < len(whole); at++ {
		damage("a flipped bit of filter or footer", flip(whole, at))
	}
	for _, size := range []int{0, 1, footerBytes, pageBytes, len(whole) - 1} {
		damage("a shortened file", whole[:size])
	}
	damage("a longer file", append(whole[:len(whole):len(whole)], 0))
	swapped := append(append([]byte(nil), whole[pageBytes:2*pageBytes]...), whole[:pageBytes]...)
	damage("swapped pages", append(swapped, whole[2*pageBytes:]...))
}

func flip(data []byte, at int) []byte {
	data = append([]byte(nil), data...)
	data[at] ^= 4
	return data
}

func TestMissingRunIsDamage(t *testing.T) {
	dir, file := damagedIndex(t)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	mustBeDamaged(t, readAll(t, dir), file, "missing run")
}

func TestForeignRunIsDamage(t *testing.T) {
	dir, file := damagedIndex(t)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	x := open(t, dir, Options{TableEntries: 1000, MaxRunEntries: 1 << 20})
	insert(t, x, 300, 600)
	closeIndex(t, x)
	other := filepath.Join(dir, runName(2))
	if _, err := os.Stat(other); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, data, 0o644); err != nil {
		t.Fatal(err)
	}
	mustBeDamaged(t, readAll(t, dir), other, "a copy of another run")
}

func TestDamagedManifest(t *testing.T) {
	dir, _ := damagedIndex(t)
	file := filepath.Join(dir, manifestName)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		if err := os.WriteFile(file, flip(whole, at), 0o644); err != nil {
			t.Fatal(err)
		}
		mustBeDamaged(t, readAll(t, dir), file, "a flipped bit")
		if err := os.WriteFile(file, whole[:at], 0o644); err != nil {
			t.Fatal(err)
		}
		mustBeDamaged(t, readAll(t, dir), file, "a shortened manifest")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	mustBeDamaged(t, readAll(t, dir), file, "a missing manifest")
	if err := writeManifest(dir, manifest{Version: manifestVersion + 1}, (*os.File).Sync); err != nil {
		t.Fatal(err)
	}
	mustBeDamaged(t, readAll(t, dir), file, "a newer version")
}

func TestLeftoversOfACrashAreDeleted(t *testing.T) {
	dir, _ := damagedIndex(t)
	junk := []string{filepath.Join(dir, runName(99)), filepath.Join(dir, manifestTemp)}
	for _, name := range junk {
		if err := os.WriteFile(name, []byte("half a fi"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := readAll(t, dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range junk {
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

// TestMergeStopsAtDamage: damage isn't copied into a new run under a good
// checksum, and Put says so.
func TestMergeStopsAtDamage(t *testing.T) {
	dir, file := damagedIndex(t)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, flip(data, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	x := open(t, dir, Options{TableEntries: 1000, FanIn: 2, MaxRunEntries: 1 << 20})
	insert(t, x, 300, 600)
	flush(t, x) // now two runs are to be merged
	x.mu.Lock()
	for x.failure == nil {
		if err := x.wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	x.mu.Unlock()
	mustBeDamaged(t, x.Put(context.Background(), entry(1, 1, 0, 1)), file, "Put after the merge")
	mustBeDamaged(t, x.Close(), file, "Close after the merge")
	names, err := runFiles(dir)
	if err != nil || len(names) != 2 {
		t.Fatalf("%v, %v; want the two inputs", names, err)
	}
}
