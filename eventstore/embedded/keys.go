package embedded

import (
	"encoding/binary"

	"prepayledger/eventstore"
)

// The key space of the log's Pebble. Each kind of key has its own first byte:
//
//	L <first event number, 8 bytes big endian>       -> one append (record.go)
//	M "format"                                        -> format version, store id
//	S <stream> 0x00 <first revision, 8 bytes big endian> -> index entry
//
// Stream names hold no byte below 0x20 (eventstore.ValidateStream), so that
// 0x00 ends one and 0x01 bounds it from above.
const (
	logPrefix   = 'L'
	metaPrefix  = 'M'
	indexPrefix = 'S'

	streamEnd   = 0x00
	streamBound = 0x01

	// numberBytes is the length of an event number or a revision in a key.
	numberBytes = 8
	logKeyBytes = 1 + numberBytes
)

// formatKey is where the log says which format it has.
var formatKey = []byte{metaPrefix, 'f', 'o', 'r', 'm', 'a', 't'}

// appendLogKey appends the key of the record whose first event has number n.
func appendLogKey(dst []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, logPrefix), n)
}

// parseLogKey returns the number of a record's first event.
func parseLogKey(key []byte) (uint64, bool) {
	if len(key) != logKeyBytes || key[0] != logPrefix {
		return 0, false
	}
	return binary.BigEndian.Uint64(key[1:]), true
}

// appendIndexKey appends the index key of the append that begins at rev.
func appendIndexKey(dst []byte, stream string, rev eventstore.Revision) []byte {
	dst = append(dst, indexPrefix)
	dst = append(dst, stream...)
	dst = append(dst, streamEnd)
	return binary.BigEndian.AppendUint64(dst, uint64(rev))
}

// appendIndexBound appends the key above every index key of the stream.
func appendIndexBound(dst []byte, stream string) []byte {
	dst = append(dst, indexPrefix)
	dst = append(dst, stream...)
	return append(dst, streamBound)
}

// parseIndexKey splits an index key; stream shares the key's memory.
func parseIndexKey(key []byte) (stream []byte, rev eventstore.Revision, ok bool) {
	n := len(key) - numberBytes - 1
	if n < 2 || key[0] != indexPrefix || key[n] != streamEnd {
		return nil, 0, false
	}
	r := binary.BigEndian.Uint64(key[n+1:])
	if r > uint64(eventstore.End)-1 {
		return nil, 0, false
	}
	return key[1:n], eventstore.Revision(r), true
}

// indexEntry says where an append of a stream stands in the log.
type indexEntry struct {
	// revision is that of the append's first event.
	revision eventstore.Revision
	// first is the number of the append's first event.
	first uint64
	// count is the number of events in the append.
	count int
}

// last is the revision of the append's last event.
func (e indexEntry) last() eventstore.Revision {
	return e.revision + eventstore.Revision(e.count) - 1
}

// appendIndexValue appends the value of an index entry.
func appendIndexValue(dst []byte, first uint64, count int) []byte {
	dst = binary.AppendUvarint(dst, first)
	return binary.AppendUvarint(dst, uint64(count))
}

// parseIndexValue fills in what an index entry's value says.
func (e *indexEntry) parseIndexValue(value []byte) bool {
	first, n := binary.Uvarint(value)
	if n <= 0 {
		return false
	}
	count, m := binary.Uvarint(value[n:])
	if m <= 0 || n+m != len(value) || count == 0 || count > eventstore.MaxEventsPerAppend {
		return false
	}
	e.first, e.count = first, int(count)
	return true
}
