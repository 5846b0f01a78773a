package runindex

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	manifestName    = "MANIFEST"
	manifestTemp    = "MANIFEST.new"
	manifestVersion = 1
)

// manifest says what an index consists of. It is one line of JSON, a line
// with its CRC-32C in hex, and is replaced as a whole by renaming.
type manifest struct {
	Version int `json:"version"`
	// Checkpoint is the position that the runs are known to cover, null
	// before the first.
	Checkpoint []byte `json:"checkpoint"`
	// LastID is at least the largest id given to a run so far.
	LastID uint64 `json:"last_id"`
	// Runs from the newest to the oldest.
	Runs []manifestRun `json:"runs"`
}

type manifestRun struct {
	ID      uint64 `json:"id"`
	Entries uint64 `json:"entries"`
}

// readManifest returns the manifest of the directory, fs.ErrNotExist (as it
// comes) when there is none.
func readManifest(dir string) (m manifest, err error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return m, err
	}
	damaged := func(reason string) error {
		return &DamagedError{Dir: dir, File: manifestName, Reason: reason}
	}
	line, sum, ok := bytes.Cut(text, []byte("\n"))
	if !ok || string(sum) != fmt.Sprintf("%08x\n", checksum(line)) {
		return m, damaged("checksum does not match")
	}
	if err := json.Unmarshal(line, &m); err != nil {
		return m, damaged(err.Error())
	}
	if m.Version != manifestVersion {
		return m, damaged(fmt.Sprintf("version %d, this program reads version %d", m.Version, manifestVersion))
	}
	return m, nil
}

// writeManifest replaces the manifest, durably: the files that it names must
// be durable already.
func writeManifest(dir string, m manifest, fsync func(*os.File) error) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	text := fmt.Appendf(line, "\n%08x\n", checksum(line))
	temp := filepath.Join(dir, manifestTemp)
	f, err := os.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = fsync(f)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	// The names of new runs first, then the manifest that mentions them.
	if err := syncDir(dir, fsync); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(dir, manifestName)); err != nil {
		return err
	}
	return syncDir(dir, fsync)
}

// syncDir makes the names in the directory durable.
func syncDir(dir string, fsync func(*os.File) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(fsync(d), d.Close())
}

// runFiles returns the names of all runs in the directory.
func runFiles(dir string) ([]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if strings.HasSuffix(f.Name(), runSuffix) {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// loadManifest returns the directory's manifest, making an empty one in a
// new directory, and deletes what a crash left over.
func loadManifest(dir string, fsync func(*os.File) error) (manifest, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return manifest{}, err
	}
	names, err := runFiles(dir)
	if err != nil {
		return manifest{}, err
	}
	m, err := readManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if len(names) > 0 {
			return m, &DamagedError{Dir: dir, File: manifestName, Reason: "file is missing"}
		}
		m = manifest{Version: manifestVersion}
		return m, writeManifest(dir, m, fsync)
	}
	if err != nil {
		return m, err
	}
	return m, removeLeftovers(dir, names, m)
}

// removeLeftovers deletes the runs that the manifest doesn't name, and a
// manifest that did not come into force.
func removeLeftovers(dir string, runs []string, m manifest) error {
	used := map[string]bool{}
	for _, r := range m.Runs {
		used[runName(r.ID)] = true
	}
	leftovers := []string{manifestTemp}
	for _, name := range runs {
		if !used[name] {
			leftovers = append(leftovers, name)
		}
	}
	for _, name := range leftovers {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
