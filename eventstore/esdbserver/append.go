package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"prepayledger/eventstore"
)

const (
	// anyAttempts bounds how often an append that names no revision is tried
	// on a stream that others write to.
	anyAttempts = 16
	// anyMemory is among how many of a stream's newest events an append that
	// names no revision is found to be a repeated one, besides as many as it
	// has itself. An older one is stored again, as EventStoreDB does when its
	// memory is full.
	anyMemory = 256
)

// expectation is what an append says of where its stream ends. EventStoreDB
// knows two that the log does not: any revision and any but none.
type expectation struct {
	revision eventstore.Revision
	// any leaves the revision open.
	any bool
	// exists leaves it open, but asks for a stream that is there.
	exists bool
}

// write collects the events of one append and stops at the limits.
type write struct {
	stream string
	expect expectation
	events []eventstore.Event
	bytes  int
}

// add takes one more event.
func (w *write) add(p proposed) error {
	e, err := fromProposed(p)
	if err != nil {
		return err
	}
	w.bytes += len(e.Type) + len(e.Data) + len(e.Metadata)
	if w.bytes > eventstore.MaxAppendBytes || len(w.events) == eventstore.MaxEventsPerAppend {
		return fmt.Errorf("%w: more than %d bytes or %d events for stream %s",
			eventstore.ErrTooLarge, eventstore.MaxAppendBytes, eventstore.MaxEventsPerAppend, w.stream)
	}
	w.events = append(w.events, e)
	return nil
}

// mayWrite refuses appends to a log that is read only and to system streams.
func (s *Server) mayWrite(ctx context.Context, stream string) error {
	if !s.opts.Writable {
		return denied(ctx, "this event log is served for reading only")
	}
	if stream != "" && stream[0] == '$' {
		return denied(ctx, "stream %q is a system stream: this event log has none", stream)
	}
	return nil
}

// append appends what was collected.
func (s *Server) append(ctx context.Context, w *write) (eventstore.Appended, error) {
	if !w.expect.any && !w.expect.exists {
		return s.store.Append(ctx, w.stream, w.expect.revision, w.events)
	}
	var err error
	for range anyAttempts {
		var end ending
		if end, err = s.ending(ctx, w); err != nil {
			return eventstore.Appended{}, err
		}
		if end.last == eventstore.NoStream && w.expect.exists {
			return eventstore.Appended{}, &eventstore.WrongRevisionError{Stream: w.stream, Expected: end.last, Actual: end.last}
		}
		if a, repeated, err := end.holds(w); repeated || err != nil {
			return a, err
		}
		var a eventstore.Appended
		if a, err = s.store.Append(ctx, w.stream, end.last, w.events); !errors.Is(err, eventstore.ErrWrongRevision) {
			return a, err
		}
	}
	return eventstore.Appended{}, err
}

// ending is the end of a stream.
type ending struct {
	last   eventstore.Revision
	recent map[uuid.UUID]eventstore.Appended
}

// ending reads the end of the stream that is written to.
func (s *Server) ending(ctx context.Context, w *write) (ending, error) {
	end := ending{last: eventstore.NoStream, recent: map[uuid.UUID]eventstore.Appended{}}
	if err := eventstore.ValidateStream(w.stream); err != nil {
		return end, err
	}
	for e, err := range s.store.ReadStream(ctx, w.stream, eventstore.End, eventstore.Backwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return end, nil
		}
		if err != nil {
			return end, err
		}
		end.last = max(end.last, e.Revision)
		if _, later := end.recent[e.ID]; !later {
			end.recent[e.ID] = eventstore.Appended{LastRevision: e.Revision, Position: e.Position}
		}
		if end.last-e.Revision >= anyMemory+eventstore.Revision(len(w.events)) {
			break
		}
	}
	return end, nil
}

// holds reports whether the append was stored before, and where. As with
// EventStoreDB, one that begins with a stored event and goes on with another
// is a conflict.
func (end ending) holds(w *write) (eventstore.Appended, bool, error) {
	var a eventstore.Appended
	for i, e := range w.events {
		at, stored := end.recent[e.ID]
		switch {
		case stored:
			a = at
		case i == 0:
			return a, false, nil
		default:
			return a, false, &eventstore.WrongRevisionError{Stream: w.stream, Expected: end.last, Actual: end.last}
		}
	}
	return a, len(w.events) > 0, nil
}

// Append implements the protocol's append of one write.
func (s *streamsService) Append(in streams.Streams_AppendServer) error {
	ctx := in.Context()
	first, err := in.Recv()
	if err != nil {
		return s.callError(ctx, err)
	}
	w := &write{stream: string(first.GetOptions().GetStreamIdentifier().GetStreamName())}
	if err := s.mayWrite(ctx, w.stream); err != nil {
		return err
	}
	switch e := first.GetOptions().GetExpectedStreamRevision().(type) {
	case *streams.AppendReq_Options_Revision:
		w.expect.revision = eventstore.Revision(min(e.Revision, uint64(eventstore.End)))
	case *streams.AppendReq_Options_NoStream:
		w.expect.revision = eventstore.NoStream
	case *streams.AppendReq_Options_Any:
		w.expect.any = true
	case *streams.AppendReq_Options_StreamExists:
		w.expect.exists = true
	default:
		return invalid("the append to stream %q begins without an expected revision", w.stream)
	}
	for {
		req, err := in.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && req.GetProposedMessage() == nil {
			err = invalid("the append to stream %q has a message that is no event", w.stream)
		}
		if err == nil {
			err = w.add(req.GetProposedMessage())
		}
		if err != nil {
			return s.callError(ctx, err)
		}
	}
	a, err := s.append(ctx, w)
	var wrong *eventstore.WrongRevisionError
	switch {
	case errors.As(err, &wrong):
		return in.SendAndClose(toWrongVersion(w.expect, wrong.Actual))
	case err != nil:
		return s.callError(ctx, err)
	}
	return in.SendAndClose(&streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(a.LastRevision)},
		PositionOption: &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{
			CommitPosition: a.Position.Commit, PreparePosition: a.Position.Prepare,
		}},
	}}})
}

// toWrongVersion answers a conflict, in the older and the newer fields.
func toWrongVersion(expect expectation, actual eventstore.Revision) *streams.AppendResp {
	w := &streams.AppendResp_WrongExpectedVersion{}
	none := &shared.Empty{}
	if actual == eventstore.NoStream {
		w.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: none}
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: none}
	} else {
		w.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: uint64(actual)}
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(actual)}
	}
	switch {
	case expect.any:
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: none}
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: none}
	case expect.exists:
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: none}
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: none}
	case expect.revision == eventstore.NoStream:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: none}
	default:
		w.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: uint64(expect.revision)}
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(expect.revision)}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: w}}
}

// Delete refuses: nothing is ever deleted (R34).
func (s *streamsService) Delete(ctx context.Context, _ *streams.DeleteReq) (*streams.DeleteResp, error) {
	return nil, denied(ctx, "this event log deletes nothing")
}

// Tombstone refuses: nothing is ever deleted (R34).
func (s *streamsService) Tombstone(ctx context.Context, _ *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	return nil, denied(ctx, "this event log deletes nothing")
}
