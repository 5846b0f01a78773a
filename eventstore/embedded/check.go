package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"prepayledger/eventstore"
)

// formatVersion is the version of keys.go and record.go that this package
// writes and reads.
const formatVersion = 1

// checkFolder refuses a folder that holds pieces of a log but not the file
// that says which: Pebble would begin a new log over them. A folder in which a
// crash stopped Pebble from creating its first manifest holds no piece of a log
// yet, and is begun anew.
func (s *Store) checkFolder() error {
	desc, err := pebble.Peek(s.dir, s.opts.FS)
	if err != nil {
		return readError(err, "folder %s", s.dir)
	}
	if desc.Exists {
		_, err := s.opts.FS.Stat(desc.ManifestFilename)
		if !errors.Is(err, fs.ErrNotExist) {
			return nil // what is wrong with it, if anything is, opening says
		}
	}
	names, err := s.opts.FS.List(s.dir)
	if err != nil {
		return readError(err, "folder %s", s.dir)
	}
	for _, name := range names {
		switch filepath.Ext(name) {
		case ".sst", ".log", ".blob":
			return damage("folder %s holds %s but its manifest is missing", s.dir, name)
		}
		if name == headFile {
			return damage("folder %s held a log once, but its manifest is missing", s.dir)
		}
	}
	return s.forgetManifest(names)
}

// manifestMarker begins the names of the files by which Pebble says which
// manifest is its own. It writes one before the manifest's own name in the
// folder is sure to be on disk; its write-ahead log comes after both.
const manifestMarker = "marker.manifest."

// forgetManifest removes the markers of a manifest that never came to be.
func (s *Store) forgetManifest(names []string) error {
	for _, name := range names {
		if !strings.HasPrefix(name, manifestMarker) {
			continue
		}
		if err := s.opts.FS.Remove(s.opts.FS.PathJoin(s.dir, name)); err != nil {
			return fmt.Errorf("%w: cannot begin the event log in %s anew: %w", eventstore.ErrUnavailable, s.dir, err)
		}
	}
	return nil
}

// check reads the format, the last append and the seams of the tables, and
// learns where the log ends.
func (s *Store) check() error {
	end, err := s.lastRecord()
	if err != nil {
		return err
	}
	if err := s.checkFormat(end); err != nil {
		return err
	}
	if err := s.checkHead(end); err != nil {
		return err
	}
	s.durable.Store(end)
	return s.checkSeams()
}

// checkSeams looks at the numbering where each table of the log begins. Pebble
// takes a damaged manifest for one that ends there, and then misses the tables
// it names later: that shows as a gap before the table or write-ahead log that
// follows. It costs one short read for each table, whatever their size.
func (s *Store) checkSeams() error {
	levels, err := s.db.SSTables()
	if err != nil {
		return readError(err, "tables of the log in %s", s.dir)
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{logPrefix}, UpperBound: []byte{logPrefix + 1}})
	if err != nil {
		return readError(err, "tables of the log in %s", s.dir)
	}
	defer it.Close()
	if it.First() {
		if first, ok := parseLogKey(it.Key()); !ok || first != 1 {
			return damage("the log begins with key %x, not with event 1", it.Key())
		}
	}
	for _, tables := range levels {
		for _, table := range tables {
			first, ok := parseLogKey(table.Smallest.UserKey)
			if !ok {
				continue
			}
			if err := checkSeam(it, first); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSeam looks whether the append before the one at number first ends
// there.
func checkSeam(it *pebble.Iterator, first uint64) error {
	before, count := uint64(0), 1
	if it.SeekLT(appendLogKey(nil, first)) {
		var rec record
		var err error
		if before, err = openAt(it, &rec); err != nil {
			return err
		}
		count = rec.count
	} else if err := it.Error(); err != nil {
		return readError(err, "append before %s", position(first))
	}
	if next := before + uint64(count); next != first {
		return damage("events %s to %s are missing", position(next), position(first-1))
	}
	return nil
}

// openAt opens the record that the iterator is at and returns its number.
func openAt(it *pebble.Iterator, rec *record) (uint64, error) {
	first, ok := parseLogKey(it.Key())
	if !ok {
		return 0, damage("key %x in the log", it.Key())
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, readError(err, "append at %s", position(first))
	}
	if err := rec.open(first, value); err != nil {
		return 0, damage("append at %s: %w", position(first), err)
	}
	return first, nil
}

// checkFormat reads the format key, or writes it into an empty log.
func (s *Store) checkFormat(end uint64) error {
	value, closer, err := s.db.Get(formatKey)
	switch {
	case isNotFound(err) && end == 0:
		return s.writeFormat()
	case isNotFound(err):
		return damage("folder %s: the log's format is missing", s.dir)
	case err != nil:
		return readError(err, "format of the log in %s", s.dir)
	}
	defer closer.Close()
	version, n := binary.Uvarint(value)
	if n <= 0 || version == formatVersion && len(value) != n+idBytes {
		return damage("folder %s: the log's format %x", s.dir, value)
	}
	if version != formatVersion {
		return readError(errNewer, "the log in %s has format %d, this program reads %d", s.dir, version, formatVersion)
	}
	s.id = uuid.UUID(value[n:])
	return nil
}

// writeFormat begins a new log.
func (s *Store) writeFormat() error {
	s.id = uuid.New()
	value := append(binary.AppendUvarint(nil, formatVersion), s.id[:]...)
	if err := s.db.Set(formatKey, value, pebble.Sync); err != nil {
		return readError(err, "beginning the log in %s", s.dir)
	}
	return s.failed()
}

// lastRecord checks the newest append and its index entry, and returns the
// number of its last event; 0 for an empty log.
func (s *Store) lastRecord() (uint64, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{logPrefix}, UpperBound: []byte{logPrefix + 1}})
	if err != nil {
		return 0, readError(err, "end of the log in %s", s.dir)
	}
	defer it.Close()
	if !it.Last() {
		if err := it.Error(); err != nil {
			return 0, readError(err, "end of the log in %s", s.dir)
		}
		return 0, nil
	}
	var rec record
	first, err := openAt(it, &rec)
	if err != nil {
		return 0, err
	}
	return first + uint64(rec.count) - 1, s.checkIndex(&rec)
}

// checkIndex compares a record with its index entry.
func (s *Store) checkIndex(rec *record) error {
	value, closer, err := s.db.Get(appendIndexKey(nil, rec.stream, rec.revision))
	if isNotFound(err) {
		return damage("append at %s: stream %s has no index entry for revision %d", position(rec.first), rec.stream, rec.revision)
	}
	if err != nil {
		return readError(err, "index of stream %s at revision %d", rec.stream, rec.revision)
	}
	defer closer.Close()
	e := indexEntry{revision: rec.revision}
	if !e.parseIndexValue(value) || e.first != rec.first || e.count != rec.count {
		return damage("append at %s: the index entry of stream %s for revision %d differs", position(rec.first), rec.stream, rec.revision)
	}
	return nil
}

// errNewer refuses a log of another format.
var errNewer = errors.New("other format of the log")
