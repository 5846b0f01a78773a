package embedded

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"prepayledger/eventstore"
)

// counters of what the writer did since Open.
type counters struct{ appends, groups atomic.Uint64 }

// writer is the state of the one goroutine that writes.
type writer struct {
	*Store
	heads *heads
	// next is the number of the next event.
	next uint64
	// group counts the groups, the one at hand included.
	group uint64
	// waiting holds the requests of the group at hand, then those put off
	// to the next one; members and answers those that the batch holds.
	waiting []*request
	members []*request
	answers []eventstore.Appended
	// now is the instant at which the group was begun.
	now   time.Time
	batch *pebble.Batch
	// unchecked is how many bytes were written since the last look at the
	// disk's free space.
	unchecked int
	key       []byte
	value     []byte
}

// write takes appends group by group until Close.
func (s *Store) write() {
	defer close(s.drained)
	w := &writer{Store: s, heads: newHeads(), unchecked: spaceCheckBytes, next: s.durable.Load() + 1}
	for w.gather() {
		w.commitGroup()
	}
	w.refuse(eventstore.ErrClosed)
}

// gather waits for an append and takes with it what else waits; false once
// the store is closing.
func (w *writer) gather() bool {
	bytes := 0
	for _, r := range w.waiting {
		bytes += len(r.record)
	}
	if len(w.waiting) == 0 {
		select {
		case <-w.closing:
			return false
		case r := <-w.queue:
			w.waiting = append(w.waiting, r)
			bytes += len(r.record)
		}
	}
	for before, yields := 0, 0; len(w.waiting) < maxGroupAppends && bytes < w.opts.MaxGroupBytes; {
		select {
		case r := <-w.queue:
			w.waiting = append(w.waiting, r)
			bytes += len(r.record)
		default:
			// Those who were just answered are about to come again: one
			// sync for all of them is worth giving way as long as they do.
			if len(w.waiting) == before || yields == maxYields {
				return true
			}
			before = len(w.waiting)
			yields++
			runtime.Gosched()
		}
	}
	return true
}

// refuse answers all who wait with err.
func (w *writer) refuse(err error) {
	for _, r := range w.waiting {
		r.reply(eventstore.Appended{}, err)
	}
	w.waiting = w.waiting[:0]
	for {
		select {
		case r := <-w.queue:
			r.reply(eventstore.Appended{}, err)
		default:
			return
		}
	}
}

// commitGroup decides on every waiting append, writes those that fit in one
// batch, syncs it and answers them.
func (w *writer) commitGroup() {
	err := w.failed()
	if err == nil {
		err = w.space()
	}
	if err != nil {
		w.refuse(err)
		return
	}
	w.group++
	w.now = w.opts.Clock()
	w.batch = w.db.NewBatch()
	putOff := w.waiting[:0]
	for _, r := range w.waiting {
		if !w.admit(r) {
			putOff = append(putOff, r)
		}
	}
	clear(w.waiting[len(putOff):])
	w.waiting = putOff

	if len(w.members) > 0 {
		w.answerGroup(w.sync())
	}
	w.batch = nil
}

// space refuses to write on a disk that is nearly full. Where the file system
// does not say how full it is, it writes.
func (w *writer) space() error {
	if w.unchecked < spaceCheckBytes {
		return nil
	}
	usage, err := w.opts.FS.GetDiskUsage(w.dir)
	if err == nil && usage.AvailBytes < w.opts.MinFreeBytes {
		return fmt.Errorf("%w: the disk of the event log in %s has %d MiB free, %d are needed; nothing was stored, make room and try again",
			eventstore.ErrUnavailable, w.dir, usage.AvailBytes>>20, w.opts.MinFreeBytes>>20)
	}
	w.unchecked = 0
	return nil
}

// admit puts an append into the batch or refuses it. It is put off (false)
// when what it meets is itself only in the batch: an answer must rest on what
// is durable.
func (w *writer) admit(r *request) bool {
	at, err := w.head(r.stream)
	switch {
	case err != nil:
		r.reply(eventstore.Appended{}, err)
	case at.revision == r.expected:
		w.add(r)
	case at.group == w.group:
		return false
	default:
		r.reply(w.conflict(r, at.revision))
	}
	return true
}

// head is where a stream ends, the batch at hand included.
func (w *writer) head(stream string) (head, error) {
	if h, ok := w.heads.get(stream); ok {
		return h, nil
	}
	e, err := w.lastIndexEntry(stream)
	h := head{revision: eventstore.NoStream}
	switch {
	case err == nil:
		h.revision = e.last()
	case !errors.Is(err, eventstore.ErrStreamNotFound):
		return head{}, err
	}
	w.heads.put(stream, h)
	return h, nil
}

// add puts an append into the batch.
func (w *writer) add(r *request) {
	if !r.take() {
		return
	}
	first := w.next
	w.next += uint64(r.count)
	sealRecord(r.record, first, r.body, w.now)
	w.key = appendLogKey(w.key[:0], first)
	err := w.batch.Set(w.key, r.record, nil)
	w.key = appendIndexKey(w.key[:0], r.stream, r.expected+1)
	w.value = appendIndexValue(w.value[:0], first, r.count)
	err = errors.Join(err, w.batch.Set(w.key, w.value, nil))
	if err != nil {
		// Pebble documents no such error; half an append must not be synced.
		w.fail(err)
	}
	w.heads.put(r.stream, head{revision: r.last(), group: w.group})
	w.unchecked += len(r.record)
	w.members = append(w.members, r)
	w.answers = append(w.answers, eventstore.Appended{LastRevision: r.last(), Position: position(w.next - 1)})
}

// sync writes the batch and waits until it is on disk. After an error it is
// never tried again: the kernel may have dropped the pages that it could not
// write, and a second sync would lie.
func (w *writer) sync() (err error) {
	if err := w.failed(); err != nil {
		return err
	}
	defer func() {
		// Pebble panics where it cannot go on with its write-ahead log.
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in Pebble: %v", p)
			w.wedge(err)
		}
		if err != nil {
			w.fail(err)
		}
	}()
	w.applying.Store(true)
	err = w.db.ApplyNoSyncWait(w.batch, pebble.Sync)
	w.applying.Store(false)
	if err != nil {
		return err
	}
	if err := w.failed(); err != nil {
		return err
	}
	if err := w.batch.SyncWait(); err != nil {
		return err
	}
	return w.batch.Close()
}

// answerGroup shows the group to readers and answers its callers.
func (w *writer) answerGroup(err error) {
	if err == nil {
		w.recent.add(w.members, w.next)
		w.durable.Store(w.next - 1)
		w.arrived.wake()
		w.counts.groups.Add(1)
		w.counts.appends.Add(uint64(len(w.members)))
	}
	for i, r := range w.members {
		if err != nil {
			r.reply(eventstore.Appended{}, unknown(r.stream, err))
			continue
		}
		r.reply(w.answers[i], nil)
	}
	clear(w.members)
	w.members, w.answers = w.members[:0], w.answers[:0]
}

// conflict answers an append whose stream ends elsewhere, at actual: with
// success if it holds the same events right after the expected revision.
func (w *writer) conflict(r *request, actual eventstore.Revision) (eventstore.Appended, error) {
	if actual >= r.last() {
		answer, same, err := w.stored(r)
		if err != nil || same {
			return answer, err
		}
	}
	return eventstore.Appended{}, &eventstore.WrongRevisionError{Stream: r.stream, Expected: r.expected, Actual: actual}
}

// stored compares the ids of an append with those in the log.
func (w *writer) stored(r *request) (answer eventstore.Appended, same bool, err error) {
	var wanted record
	sealRecord(r.record, 1, r.body, w.now)
	if err := wanted.open(1, r.record); err != nil {
		return answer, false, err
	}
	read := streamReader{store: w.Store, stream: r.stream, next: r.expected + 1}
	var a, b eventstore.Recorded
	for {
		more, err := wanted.next(&a)
		if err != nil {
			return answer, false, err
		}
		if !more {
			return eventstore.Appended{LastRevision: b.Revision, Position: b.Position}, true, nil
		}
		more, err = read.forwards(&b)
		if err != nil || !more || a.ID != b.ID {
			return answer, false, err
		}
	}
}
