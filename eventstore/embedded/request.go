package embedded

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"prepayledger/eventstore"
)

// The states of a request. Only the writer takes one, only the caller gives
// one up, and neither can after the other.
const (
	waiting int32 = iota
	taken
	givenUp
)

// maxPooledBytes bounds the buffers of requests that are kept for reuse.
const maxPooledBytes = 64 << 10

// request is an append on its way to the writer.
type request struct {
	stream   string
	expected eventstore.Revision
	count    int
	// record is encoded but for its header, body its checksum.
	record []byte
	body   uint64

	state atomic.Int32
	// done receives once, when answer and err are set.
	done   chan struct{}
	answer eventstore.Appended
	err    error
}

// requests reuses those that were answered, with their buffers.
type requests struct{ pool sync.Pool }

func (p *requests) get() *request {
	if r, ok := p.pool.Get().(*request); ok {
		return r
	}
	return &request{done: make(chan struct{}, 1)}
}

// put takes back a request whose answer was received.
func (p *requests) put(r *request) {
	if cap(r.record) > maxPooledBytes {
		r.record = nil
	}
	r.answer, r.err = eventstore.Appended{}, nil
	r.state.Store(waiting)
	p.pool.Put(r)
}

// last is the revision that the append's last event gets.
func (r *request) last() eventstore.Revision {
	return r.expected + eventstore.Revision(r.count)
}

// take is the writer's claim; false if the caller has given up.
func (r *request) take() bool { return r.state.CompareAndSwap(waiting, taken) }

// giveUp is the caller's; false if the writer has taken the request.
func (r *request) giveUp() bool { return r.state.CompareAndSwap(waiting, givenUp) }

// reply answers the caller, if it still waits.
func (r *request) reply(answer eventstore.Appended, err error) {
	r.answer, r.err = answer, err
	r.done <- struct{}{}
}

// Append implements eventstore.Store.
func (s *Store) Append(ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Appended, error) {
	if err := eventstore.Validate(stream, expected, events); err != nil {
		return eventstore.Appended{}, err
	}
	if err := s.writable(ctx); err != nil {
		return eventstore.Appended{}, err
	}
	r := s.requests.get()
	r.stream, r.expected, r.count = stream, expected, len(events)
	if size := recordSize(stream, events); cap(r.record) < size {
		r.record = make([]byte, 0, size)
	}
	r.record = encodeRecord(r.record, stream, expected+1, events)
	r.body = bodySum(r.record)

	select {
	case s.queue <- r:
	case <-ctx.Done():
		return eventstore.Appended{}, notStored(ctx, stream)
	case <-s.closing:
		return eventstore.Appended{}, eventstore.ErrClosed
	case <-s.stopped:
		return eventstore.Appended{}, s.failed()
	}
	return s.await(ctx, r)
}

// writable says why an append cannot be taken.
func (s *Store) writable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.isClosing() {
		return eventstore.ErrClosed
	}
	return s.failed()
}

// await waits for the writer's answer, for as long as the caller can.
func (s *Store) await(ctx context.Context, r *request) (eventstore.Appended, error) {
	var left error // why the caller left, had the writer not taken the append
	select {
	case <-r.done:
		return s.received(r)
	case <-ctx.Done():
		left = notStored(ctx, r.stream)
	case <-s.drained:
		left = eventstore.ErrClosed
	case <-s.stopped:
		left = s.failed()
	}
	if r.giveUp() {
		return eventstore.Appended{}, left
	}
	// The writer has it: the answer may have come in the same moment.
	select {
	case <-r.done:
		return s.received(r)
	default:
	}
	why := ctx.Err()
	if why == nil {
		why = s.failed()
	}
	return eventstore.Appended{}, unknown(r.stream, why)
}

// unknown is the error of an append that may or may not be stored.
func unknown(stream string, why error) error {
	return fmt.Errorf("%w: append to stream %s: %w", eventstore.ErrOutcomeUnknown, stream, why)
}

// received hands out the answer and keeps the request for reuse.
func (s *Store) received(r *request) (eventstore.Appended, error) {
	answer, err := r.answer, r.err
	s.requests.put(r)
	return answer, err
}

func notStored(ctx context.Context, stream string) error {
	return fmt.Errorf("append to stream %s given up before it was written: %w", stream, ctx.Err())
}
