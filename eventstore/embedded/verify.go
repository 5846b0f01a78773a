package embedded

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"prepayledger/eventstore"
)

// entriesPerPage is how many index entries Verify takes at a time.
const entriesPerPage = 4096

// Report is what Verify found whole.
type Report struct {
	// Last is the position up to which the log was verified.
	Last eventstore.Position
	// Events, Appends and Streams count what the log holds up to there.
	Events, Appends, Streams uint64
}

// Verify reads the whole log up to its end as it was at the call, while the
// store may go on working: the checksum and form of every append, the global
// numbering, the index of the streams against the log, the revisions of every
// stream. It returns at the first damage (ErrCorrupt, which names the place).
func (s *Store) Verify(ctx context.Context) (Report, error) {
	if s.isClosing() {
		return Report{}, eventstore.ErrClosed
	}
	v := verifier{store: s, end: s.durable.Load()}
	err := v.log(ctx)
	if err == nil {
		err = v.index(ctx)
	}
	return Report{position(v.events), v.events, v.appends, v.streams}, err
}

// verifier compares the log with the index, each read once. Every append has
// its own entry in the index, and the index has no more entries than the log
// has appends: so both say the same.
type verifier struct {
	store *Store
	// end is the number of the last event to be verified.
	end uint64

	events, appends, streams uint64

	entries uint64
	// stream and next are where the reading of the index stands.
	stream string
	next   eventstore.Revision
}

// log reads every append and looks it up in the index.
func (v *verifier) log(ctx context.Context) error {
	r := logReader{store: v.store}
	var e eventstore.Recorded
	for r.after < v.end {
		if err := ctx.Err(); err != nil {
			return err
		}
		more, err := r.next(&e)
		if err != nil {
			return err
		}
		if !more {
			return damage("the log ends after %s, expected is %s", position(r.after), position(v.end))
		}
		v.events++
		if r.rec.taken == 1 {
			v.appends++
			if err := v.indexed(&r.rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexed compares a record with its index entry.
func (v *verifier) indexed(rec *record) error {
	if err := v.store.enter(); err != nil {
		return err
	}
	defer v.store.leave()
	return v.store.checkIndex(rec)
}

// index reads every index entry.
func (v *verifier) index(ctx context.Context) error {
	from := []byte{indexPrefix}
	for from != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if from, err = v.indexPage(from); err != nil {
			return err
		}
	}
	if v.entries != v.appends {
		return damage("the index of the streams has %d entries, the log has %d appends", v.entries, v.appends)
	}
	return nil
}

// indexPage reads a page of the index from key from and returns the key at
// which the next page begins; nil at the end.
func (v *verifier) indexPage(from []byte) ([]byte, error) {
	if err := v.store.enter(); err != nil {
		return nil, err
	}
	defer v.store.leave()
	it, err := v.store.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: []byte{indexPrefix + 1}})
	if err != nil {
		return nil, readError(err, "index of the streams after %q", from[1:])
	}
	defer it.Close()
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n == entriesPerPage {
			return append([]byte(nil), it.Key()...), nil
		}
		n++
		if err := v.entry(it); err != nil {
			return nil, err
		}
	}
	if err := it.Error(); err != nil {
		return nil, readError(err, "index of the streams after %q", from[1:])
	}
	return nil, nil
}

// entry checks that an index entry continues its stream.
func (v *verifier) entry(it *pebble.Iterator) error {
	stream, _, ok := parseIndexKey(it.Key())
	if !ok {
		return damage("index key %x", it.Key())
	}
	if string(stream) != v.stream {
		v.stream, v.next = string(stream), 0
	}
	e, err := parseEntry(it, v.stream)
	if err != nil {
		return err
	}
	if e.first > v.end {
		return nil // younger than this verification
	}
	if e.revision != v.next {
		return damage("stream %s: revision %d is missing, the next append begins at %d", v.stream, v.next, e.revision)
	}
	if v.next == 0 {
		v.streams++
	}
	v.entries++
	v.next = e.last() + 1
	return nil
}

// String writes the report as a sentence.
func (r Report) String() string {
	return fmt.Sprintf("%d events in %d appends of %d streams are whole, up to position %s", r.Events, r.Appends, r.Streams, r.Last)
}
