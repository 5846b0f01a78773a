package embedded

import (
	"context"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"prepayledger/eventstore"
)

// entryBytes is what an index entry counts for in a page.
const entryBytes = 64

// streamReader reads one stream in one direction. It holds a page and no
// resource.
type streamReader struct {
	store  *Store
	stream string
	// next is the revision to be read next.
	next eventstore.Revision

	size pageSize
	page []streamRaw
	rec  record
	open bool
	// events are those of rec up to next, for reading backwards.
	events []eventstore.Recorded
	// ended says that no page follows.
	ended bool
	// end is the number of the newest event that was durable when the page was
	// read.
	end uint64
}

// streamRaw is a record of a stream with what the index says of it.
type streamRaw struct {
	entry indexEntry
	value []byte
}

// forwards reads the next event towards the newest; false after the last.
func (r *streamReader) forwards(e *eventstore.Recorded) (bool, error) {
	for {
		if r.open {
			more, err := r.rec.next(e)
			if err != nil {
				return false, r.damage(err)
			}
			if more && e.Revision < r.next {
				continue // the read began in the middle of an append
			}
			if more {
				r.next++
				return true, nil
			}
			r.open = false
		}
		if more, err := r.openRecord(eventstore.Forwards); !more {
			return false, err
		}
	}
}

// backwards reads the next event towards the oldest; false after the first.
func (r *streamReader) backwards(e *eventstore.Recorded) (bool, error) {
	for len(r.events) == 0 {
		if r.next < 0 {
			return false, nil
		}
		if more, err := r.openRecord(eventstore.Backwards); !more {
			return false, err
		}
		for {
			more, err := r.rec.next(e)
			if err != nil {
				return false, r.damage(err)
			}
			if !more || e.Revision > r.next {
				break
			}
			r.events = append(r.events, *e)
		}
	}
	*e = r.events[len(r.events)-1]
	r.events = r.events[:len(r.events)-1]
	r.next = e.Revision - 1
	return true, nil
}

func (r *streamReader) damage(err error) error {
	return damage("stream %s, append at %s: %w", r.stream, position(r.rec.first), err)
}

// openRecord opens the record that holds revision next; false past the end.
func (r *streamReader) openRecord(dir eventstore.Direction) (bool, error) {
	if len(r.page) == 0 {
		if more, err := r.turn(dir); !more {
			return false, err
		}
	}
	next := r.page[0]
	r.page[0] = streamRaw{}
	r.page = r.page[1:]
	if r.next == eventstore.End {
		r.next = next.entry.last()
	}
	if r.next < next.entry.revision || r.next > next.entry.last() {
		return false, r.absent()
	}
	if err := r.rec.open(next.entry.first, next.value); err != nil {
		return false, damage("stream %s, append at %s: %w", r.stream, position(next.entry.first), err)
	}
	if r.rec.stream != r.stream || r.rec.revision != next.entry.revision || r.rec.count != next.entry.count {
		return false, r.damage(fmt.Errorf("%w: it holds %d events of stream %s from revision %d, the index says %d from revision %d",
			errRecord, r.rec.count, r.rec.stream, r.rec.revision, next.entry.count, next.entry.revision))
	}
	r.open = true
	return true, nil
}

// turn reads the next page; false at the end of the stream.
func (r *streamReader) turn(dir eventstore.Direction) (bool, error) {
	if r.ended {
		return false, nil
	}
	var err error
	r.end = r.store.durable.Load()
	r.page, r.ended, err = r.store.readStreamPage(r.page, r.stream, r.next, r.end, dir, r.size.next())
	if err != nil || len(r.page) > 0 {
		return err == nil, err
	}
	return false, r.absent()
}

// absent says why revision next was not found: nil if it lies beyond the end
// as it was when the page was read. What was appended since proves nothing.
func (r *streamReader) absent() error {
	newest, err := r.store.lastDurableEntry(r.stream, r.end)
	if err != nil || newest.last() < r.next {
		return err
	}
	return damage("stream %s: revision %d is missing", r.stream, r.next)
}

// readStreamPage reads into page the record of the stream that holds revision
// from, and those beside it in the direction, until they are size bytes; none
// after event end. ended says that there are no more.
func (s *Store) readStreamPage(page []streamRaw, stream string, from eventstore.Revision, end uint64, dir eventstore.Direction, size int) (_ []streamRaw, ended bool, _ error) {
	if err := s.enter(); err != nil {
		return nil, false, err
	}
	defer s.leave()
	it, err := s.indexIter(stream)
	if err != nil {
		return nil, false, err
	}
	defer it.Close()
	logs, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{logPrefix}, UpperBound: []byte{logPrefix + 1}})
	if err != nil {
		return nil, false, readError(err, "stream %s", stream)
	}
	defer logs.Close()

	step := it.Next
	if dir == eventstore.Backwards {
		step = it.Prev
	}
	page = page[:0]
	for ok, read := seekRevision(it, stream, from), 0; ok; ok = step() {
		e, err := parseEntry(it, stream)
		if err != nil {
			return nil, false, err
		}
		if e.first > end {
			continue // not yet durable
		}
		if read >= size {
			return page, false, nil
		}
		value, err := readRecord(logs, stream, e)
		if err != nil {
			return nil, false, err
		}
		page = append(page, streamRaw{e, value})
		read += len(value) + entryBytes
	}
	if err := it.Error(); err != nil {
		return nil, false, readError(err, "index of stream %s at revision %d", stream, from)
	}
	return page, true, nil
}

// indexIter iterates over the index entries of a stream.
func (s *Store) indexIter(stream string) (*pebble.Iterator, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: appendIndexKey(nil, stream, 0),
		UpperBound: appendIndexBound(nil, stream),
	})
	if err != nil {
		return nil, readError(err, "index of stream %s", stream)
	}
	return it, nil
}

// seekRevision moves to the index entry of the append that holds revision
// from, or to the last one before it.
func seekRevision(it *pebble.Iterator, stream string, from eventstore.Revision) bool {
	switch from {
	case 0:
		return it.First()
	case eventstore.End:
		return it.Last()
	}
	return it.SeekLT(appendIndexKey(nil, stream, from+1))
}

// parseEntry reads the index entry that the iterator is at.
func parseEntry(it *pebble.Iterator, stream string) (indexEntry, error) {
	_, rev, ok := parseIndexKey(it.Key())
	if !ok {
		return indexEntry{}, damage("stream %s: index key %x", stream, it.Key())
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return indexEntry{}, readError(err, "index of stream %s at revision %d", stream, rev)
	}
	e := indexEntry{revision: rev}
	if !e.parseIndexValue(value) {
		return indexEntry{}, damage("stream %s: index entry %x for revision %d", stream, value, rev)
	}
	return e, nil
}

// readRecord copies the record that an index entry names.
func readRecord(logs *pebble.Iterator, stream string, e indexEntry) ([]byte, error) {
	if !logs.SeekGE(appendLogKey(nil, e.first)) {
		if err := logs.Error(); err != nil {
			return nil, readError(err, "stream %s, append at %s", stream, position(e.first))
		}
		return nil, damage("stream %s: the append at %s, revision %d, is missing", stream, position(e.first), e.revision)
	}
	if first, ok := parseLogKey(logs.Key()); !ok || first != e.first {
		return nil, damage("stream %s: the append at %s, revision %d, is missing", stream, position(e.first), e.revision)
	}
	value, err := logs.ValueAndErr()
	if err != nil {
		return nil, readError(err, "stream %s, append at %s", stream, position(e.first))
	}
	return append([]byte(nil), value...), nil
}

// lastIndexEntry is the newest index entry of a stream, durable or not;
// ErrStreamNotFound if there is none.
func (s *Store) lastIndexEntry(stream string) (indexEntry, error) {
	return s.lastEntry(stream, 1<<64-1)
}

// lastDurableEntry is the newest one up to event end.
func (s *Store) lastDurableEntry(stream string, end uint64) (indexEntry, error) {
	if err := s.enter(); err != nil {
		return indexEntry{}, err
	}
	defer s.leave()
	return s.lastEntry(stream, end)
}

func (s *Store) lastEntry(stream string, end uint64) (indexEntry, error) {
	it, err := s.indexIter(stream)
	if err != nil {
		return indexEntry{}, err
	}
	defer it.Close()
	for ok := it.Last(); ok; ok = it.Prev() {
		e, err := parseEntry(it, stream)
		if err != nil || e.first <= end {
			return e, err
		}
	}
	if err := it.Error(); err != nil {
		return indexEntry{}, readError(err, "index of stream %s", stream)
	}
	return indexEntry{}, fmt.Errorf("%w: %s", eventstore.ErrStreamNotFound, stream)
}

// ReadStream implements eventstore.Store.
func (s *Store) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		if err := eventstore.ValidateRead(stream, from, dir); err != nil {
			yield(eventstore.Recorded{}, err)
			return
		}
		r := streamReader{store: s, stream: stream, next: from}
		r.rec.stream = stream
		next := r.forwards
		switch {
		case dir == eventstore.Backwards:
			next = r.backwards
		case from == eventstore.End:
			r.next = eventstore.End - 1 // the same: beyond every event
		}
		drain(ctx, s, next, yield)
	}
}
