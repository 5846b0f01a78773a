package embedded

import (
	"context"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"prepayledger/eventstore"
)

// A page is what a reader takes from the database at a time. It begins small,
// for those who want one event, and doubles.
const (
	firstPageBytes = 16 << 10
	maxPageBytes   = 1 << 20
)

// raw is a record as it was read, not yet checked.
type raw struct {
	first uint64
	value []byte
}

// pageSize is the size of a reader's next page, in bytes.
type pageSize int

func (p *pageSize) next() int {
	*p = min(max(2**p, firstPageBytes), maxPageBytes)
	return int(*p)
}

// logReader reads the log forwards. It holds a page and no resource.
type logReader struct {
	store *Store
	// live takes the newest appends from memory. Who reads to see what is on
	// disk does not.
	live bool
	// after is the number of the last event that was read.
	after uint64

	size pageSize
	page []raw
	rec  record
	// open says that rec has events left, perhaps.
	open bool
}

// next reads the next event; false at the end of what is durable.
func (r *logReader) next(e *eventstore.Recorded) (bool, error) {
	for {
		if r.open {
			more, err := r.rec.next(e)
			if err != nil {
				return false, damage("append at %s of stream %s: %w", position(r.rec.first), r.rec.stream, err)
			}
			if more && e.Position.Commit <= r.after {
				continue // the read began in the middle of an append
			}
			if more {
				r.after = e.Position.Commit
				return true, nil
			}
			r.open = false
		}
		if len(r.page) == 0 {
			if more, err := r.turn(); !more {
				return false, err
			}
		}
		if err := r.openRecord(); err != nil {
			return false, err
		}
	}
}

// openRecord takes the page's next record, which must hold the next event.
func (r *logReader) openRecord() error {
	next := r.page[0]
	r.page[0] = raw{}
	r.page = r.page[1:]
	if err := r.rec.open(next.first, next.value); err != nil {
		return damage("append at %s: %w", position(next.first), err)
	}
	if last := next.first + uint64(r.rec.count) - 1; next.first > r.after+1 || last <= r.after {
		return damage("event %s is missing: the append of stream %s beside it holds %s to %s",
			position(r.after+1), r.rec.stream, position(next.first), position(last))
	}
	r.open = true
	return nil
}

// turn reads the next page; false at the end.
func (r *logReader) turn() (bool, error) {
	end := r.store.durable.Load()
	if r.after >= end {
		return false, nil
	}
	size := r.size.next()
	if r.live {
		if r.page = r.store.recent.page(r.page[:0], r.after+1, end, size); len(r.page) > 0 {
			return true, nil
		}
	}
	var err error
	r.page, err = r.store.readPage(r.page, r.after+1, end, size)
	if err == nil && len(r.page) == 0 {
		err = damage("event %s is missing, the log ends at %s", position(r.after+1), position(end))
	}
	return err == nil, err
}

// readPage reads into page the record that holds event from, and those that
// follow up to event end, until they are size bytes.
func (s *Store) readPage(page []raw, from, end uint64, size int) ([]raw, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{logPrefix},
		UpperBound: appendLogKey(nil, end+1),
	})
	if err != nil {
		return nil, readError(err, "log after %s", position(from-1))
	}
	defer it.Close()

	page = page[:0]
	read := 0
	for ok := it.SeekLT(appendLogKey(nil, from+1)); ok && read < size; ok = it.Next() {
		first, good := parseLogKey(it.Key())
		if !good {
			return nil, damage("key %x in the log after %s", it.Key(), position(from))
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return page, readError(err, "append at %s", position(first))
		}
		page = append(page, raw{first, append([]byte(nil), value...)})
		read += len(value)
	}
	if err := it.Error(); err != nil && len(page) == 0 {
		return nil, readError(err, "append at or after %s", position(from))
	}
	return page, nil
}

// ReadAll implements eventstore.Store.
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		r := logReader{store: s, after: number(after)}
		drain(ctx, s, r.next, yield)
	}
}

// drain yields what next reads until it ends, fails or the caller has enough.
func drain(ctx context.Context, s *Store, next func(*eventstore.Recorded) (bool, error), yield func(eventstore.Recorded, error) bool) {
	var e eventstore.Recorded
	for {
		err := ctx.Err()
		if err == nil && s.isClosing() {
			err = eventstore.ErrClosed
		}
		more := false
		if err == nil {
			more, err = next(&e)
		}
		if err != nil {
			yield(eventstore.Recorded{}, err)
			return
		}
		if !more || !yield(e, nil) {
			return
		}
	}
}
