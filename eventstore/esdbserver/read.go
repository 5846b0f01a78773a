package esdbserver

import (
	"context"
	"errors"
	"slices"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"prepayledger/eventstore"
)

// backwardsWindow is how many events of $all are held in memory to be sent in
// the other order.
const backwardsWindow = 128

// Read implements the protocol's reads and subscriptions.
func (s *streamsService) Read(req *streams.ReadReq, out streams.Streams_ReadServer) error {
	q, err := parseQuery(req.GetOptions())
	if err != nil {
		return err
	}
	ctx, done := s.reading(out.Context())
	defer done()
	r := &reply{query: q, store: s.store, send: out.Send}
	switch {
	case q.subscription && q.stream != "":
		err = r.followStream(ctx)
	case q.subscription:
		err = r.followAll(ctx)
	case q.limit == 0:
	case q.stream != "":
		err = r.readStream(ctx)
	case q.backwards:
		err = r.readAllBackwards(ctx)
	default:
		err = r.readAllForwards(ctx)
	}
	return s.callError(out.Context(), err)
}

// reply answers one query.
type reply struct {
	*query
	store eventstore.Store
	send  func(*streams.ReadResp) error
	// sent counts events.
	sent uint64
}

// event sends an event if the filter lets it through.
func (r *reply) event(e *eventstore.Recorded) error {
	if !r.filter.match(e) {
		return nil
	}
	r.sent++
	return r.send(toEvent(e, r.stringIDs))
}

// full says that as many events were sent as were asked for.
func (r *reply) full() bool { return r.sent >= r.limit }

// newest is the newest revision of the query's stream; NoStream if there is
// none. Streams that cannot be in the log (system streams) are empty.
func (r *reply) newest(ctx context.Context) (eventstore.Revision, error) {
	if eventstore.ValidateStream(r.stream) != nil {
		return eventstore.NoStream, nil
	}
	for e, err := range r.store.ReadStream(ctx, r.stream, eventstore.End, eventstore.Backwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			break
		}
		return e.Revision, err
	}
	return eventstore.NoStream, nil
}

func (r *reply) readStream(ctx context.Context) error {
	last, err := r.newest(ctx)
	if err != nil {
		return err
	}
	if last == eventstore.NoStream {
		return r.send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{
			StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: toStream(r.stream)},
		}})
	}
	from, dir := r.revision, eventstore.Forwards
	if r.from == atEnd {
		from = eventstore.End
	}
	if r.backwards {
		// EventStoreDB reads backwards from the newest where the revision
		// lies beyond it.
		dir, from = eventstore.Backwards, min(from, last)
	}
	for e, err := range r.store.ReadStream(ctx, r.stream, from, dir) {
		if err == nil {
			err = r.event(&e)
		}
		if err != nil || r.full() {
			return err
		}
	}
	if !r.tellLast {
		return nil
	}
	return r.send(&streams.ReadResp{Content: &streams.ReadResp_LastStreamPosition{LastStreamPosition: uint64(last)}})
}

// readAllForwards sends the event at the position too.
func (r *reply) readAllForwards(ctx context.Context) error {
	if r.from == atEnd {
		return nil
	}
	for e, err := range r.store.ReadAll(ctx, before(r.position)) {
		if err == nil {
			err = r.event(&e)
		}
		if err != nil || r.full() {
			return err
		}
	}
	return nil
}

// before is the position right before p.
func before(p eventstore.Position) eventstore.Position {
	switch {
	case p.Prepare > 0:
		p.Prepare--
	case p.Commit > 0:
		p = eventstore.Position{Commit: p.Commit - 1, Prepare: 1<<64 - 1}
	}
	return p
}

// readAllBackwards sends what lies before the position. It reads windows of
// the log forwards and turns each round.
func (r *reply) readAllBackwards(ctx context.Context) error {
	end, err := r.store.Last(ctx)
	if err != nil || r.from == atStart {
		return err
	}
	if r.from == atPlace && !end.Before(r.position) {
		end = before(r.position)
	}
	window := make([]eventstore.Recorded, 0, backwardsWindow)
	for end.Commit > 0 {
		low := eventstore.Position{Commit: end.Commit - min(end.Commit, backwardsWindow)}
		low.Prepare = low.Commit
		window = window[:0]
		for e, err := range r.store.ReadAll(ctx, low) {
			if err != nil {
				return err
			}
			if end.Before(e.Position) {
				break
			}
			window = append(window, e)
		}
		for _, e := range slices.Backward(window) {
			if err := r.event(&e); err != nil || r.full() {
				return err
			}
		}
		end = low
	}
	return nil
}
