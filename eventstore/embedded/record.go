package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"

	"prepayledger/eventstore"
)

// A record holds the events of one append:
//
//	checksum  8 bytes little endian (see sealRecord)
//	created   8 bytes little endian, nanoseconds since 1970 UTC
//	stream    length, bytes
//	revision  of the first event
//	count     of events
//	types     count, then length and bytes of each
//	events    id (16 bytes), index of the type, length and bytes of data,
//	          length and bytes of metadata
//
// Lengths, counts, indexes and the revision are unsigned varints. The number
// of the first event is in the key and goes into the checksum, so that a
// record in the wrong place is found too.
const (
	checksumBytes = 8
	headerBytes   = checksumBytes + 8
	idBytes       = 16

	// typeSearch is how many of the newest types of a record are searched
	// for an event's type before it is written again.
	typeSearch = 16
	// recordOverhead is a guess of a record's bytes besides those of its
	// events, eventOverhead of an event's besides its data and metadata.
	recordOverhead = 128
	eventOverhead  = idBytes + 8
)

// errRecord is what a record of wrong form is refused with, before its place
// is added.
var errRecord = errors.New("record of wrong form")

// encodeRecord writes an append into buf, all but the header, which
// sealRecord fills in.
func encodeRecord(buf []byte, stream string, first eventstore.Revision, events []eventstore.Event) []byte {
	buf = append(buf[:0], make([]byte, headerBytes)...)
	buf = appendString(buf, stream)
	buf = binary.AppendUvarint(buf, uint64(first))
	buf = binary.AppendUvarint(buf, uint64(len(events)))

	var room [typeSearch]string
	types := room[:0]
	for i := range events {
		if t := events[i].Type; typeIndex(types, t) < 0 {
			types = append(types, t)
		}
	}
	buf = binary.AppendUvarint(buf, uint64(len(types)))
	for _, t := range types {
		buf = appendString(buf, t)
	}
	// The same searches over the same growing list find the same places.
	seen := 0
	for i := range events {
		e := &events[i]
		at := typeIndex(types[:seen], e.Type)
		if at < 0 {
			at = seen
			seen++
		}
		buf = append(buf, e.ID[:]...)
		buf = binary.AppendUvarint(buf, uint64(at))
		buf = binary.AppendUvarint(buf, uint64(len(e.Data)))
		buf = append(buf, e.Data...)
		buf = binary.AppendUvarint(buf, uint64(len(e.Metadata)))
		buf = append(buf, e.Metadata...)
	}
	return buf
}

// recordSize guesses how many bytes an append takes.
func recordSize(stream string, events []eventstore.Event) int {
	size := recordOverhead + len(stream)
	for i := range events {
		size += eventOverhead + len(events[i].Data) + len(events[i].Metadata)
	}
	return size
}

func appendString(buf []byte, s string) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(s)))
	return append(buf, s...)
}

// typeIndex finds a type among the newest typeSearch of types; -1 if absent.
func typeIndex(types []string, t string) int {
	for i := len(types) - 1; i >= 0 && i >= len(types)-typeSearch; i-- {
		if types[i] == t {
			return i
		}
	}
	return -1
}

// bodySum is the checksum of all that an encoded record holds after its
// header.
func bodySum(rec []byte) uint64 { return xxhash.Sum64(rec[headerBytes:]) }

// sealRecord fills in the header of an encoded record whose first event has
// number first.
func sealRecord(rec []byte, first, body uint64, created time.Time) {
	binary.LittleEndian.PutUint64(rec[checksumBytes:], uint64(created.UnixNano()))
	binary.LittleEndian.PutUint64(rec, recordSum(rec, first, body))
}

// recordSum joins the checksum of the body with the number of the first
// event and the instant of creation.
func recordSum(rec []byte, first, body uint64) uint64 {
	var head [24]byte
	binary.LittleEndian.PutUint64(head[:], first)
	copy(head[8:16], rec[checksumBytes:headerBytes])
	binary.LittleEndian.PutUint64(head[16:], body)
	return xxhash.Sum64(head[:])
}

// record is one append being read. It serves many in turn, so that its
// slices are made once.
type record struct {
	names interner

	first    uint64
	created  time.Time
	stream   string
	revision eventstore.Revision
	count    int

	types []string
	rest  []byte
	taken int
}

// open checks value, the record whose first event has number first, and
// stands before its first event. The events that follow share value's memory.
func (r *record) open(first uint64, value []byte) error {
	if len(value) < headerBytes {
		return fmt.Errorf("%w: %d bytes", errRecord, len(value))
	}
	if binary.LittleEndian.Uint64(value) != recordSum(value, first, bodySum(value)) {
		return fmt.Errorf("%w: checksum differs", errRecord)
	}
	created := int64(binary.LittleEndian.Uint64(value[checksumBytes:]))
	r.first, r.created, r.rest, r.taken = first, time.Unix(0, created).UTC(), value[headerBytes:], 0
	r.types = r.types[:0]

	name, ok1 := r.bytes()
	revision, ok2 := r.uvarint()
	count, ok3 := r.uvarint()
	types, ok4 := r.uvarint()
	if !ok1 || !ok2 || !ok3 || !ok4 || revision > uint64(eventstore.End)-1 ||
		count == 0 || count > eventstore.MaxEventsPerAppend || types > count {
		return fmt.Errorf("%w: head", errRecord)
	}
	if r.stream != string(name) {
		r.stream = r.names.of(name)
	}
	r.revision, r.count = eventstore.Revision(revision), int(count)
	for range types {
		t, ok := r.bytes()
		if !ok {
			return fmt.Errorf("%w: types", errRecord)
		}
		r.types = append(r.types, r.names.of(t))
	}
	return nil
}

// next yields the events of the record in order; false after the last.
func (r *record) next(e *eventstore.Recorded) (bool, error) {
	if r.taken == r.count {
		if len(r.rest) != 0 {
			return false, fmt.Errorf("%w: %d bytes too many", errRecord, len(r.rest))
		}
		return false, nil
	}
	if len(r.rest) < idBytes {
		return false, fmt.Errorf("%w: event %d", errRecord, r.taken)
	}
	e.ID = uuid.UUID(r.rest[:idBytes])
	r.rest = r.rest[idBytes:]
	at, ok1 := r.uvarint()
	data, ok2 := r.bytes()
	metadata, ok3 := r.bytes()
	if !ok1 || !ok2 || !ok3 || at >= uint64(len(r.types)) {
		return false, fmt.Errorf("%w: event %d", errRecord, r.taken)
	}
	e.Type, e.Data, e.Metadata = r.types[at], data, metadata
	e.Stream = r.stream
	e.Revision = r.revision + eventstore.Revision(r.taken)
	e.Position = position(r.first + uint64(r.taken))
	e.Created = r.created
	r.taken++
	return true, nil
}

func (r *record) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		return 0, false
	}
	r.rest = r.rest[n:]
	return v, true
}

// bytes reads a length and that many bytes; the result cannot grow into what
// follows it.
func (r *record) bytes() ([]byte, bool) {
	n, ok := r.uvarint()
	if !ok || n > uint64(len(r.rest)) {
		return nil, false
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b, true
}

// position is the place of the event with number n.
func position(n uint64) eventstore.Position {
	return eventstore.Position{Commit: n, Prepare: n}
}

// number is the number of the last event at or before p.
func number(p eventstore.Position) uint64 {
	if p.Prepare < p.Commit {
		return p.Commit - 1
	}
	return p.Commit
}

// maxNames bounds how many strings an interner keeps.
const maxNames = 8192

// interner makes equal names share one string, so that a reader does not
// allocate one for each event. It forgets all when it is full.
type interner struct{ names map[string]string }

func (in *interner) of(b []byte) string {
	if s, ok := in.names[string(b)]; ok {
		return s
	}
	if in.names == nil || len(in.names) >= maxNames {
		in.names = make(map[string]string)
	}
	s := string(b)
	in.names[s] = s
	return s
}
