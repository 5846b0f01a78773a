package embedded

import (
	"encoding/binary"
	"errors"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
)

// formatVersion is the version of keys.go and record.go that this package
// writes and reads.
const formatVersion = 1

// checkFolder refuses a folder that holds pieces of a log but not the file
// that says which: Pebble would begin a new log over them.
func (s *Store) checkFolder() error {
	desc, err := pebble.Peek(s.dir, s.opts.FS)
	if err != nil {
		return readError(err, "folder %s", s.dir)
	}
	if desc.Exists {
		return nil
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
	}
	return nil
}

// check reads the format and the last append, and learns where the log ends.
func (s *Store) check() error {
	end, err := s.lastRecord()
	if err != nil {
		return err
	}
	if err := s.checkFormat(end); err != nil {
		return err
	}
	s.durable.Store(end)
	return nil
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
	first, ok := parseLogKey(it.Key())
	if !ok {
		return 0, damage("key %x at the end of the log", it.Key())
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, readError(err, "append at %s", position(first))
	}
	var rec record
	if err := rec.open(first, value); err != nil {
		return 0, damage("append at %s: %w", position(first), err)
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
