package esdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"prepayledger/eventstore"
)

// Append implements eventstore.Store.
func (s *Store) Append(ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Appended, error) {
	if err := eventstore.Validate(stream, expected, events); err != nil {
		return eventstore.Appended{}, err
	}
	if err := ctx.Err(); err != nil {
		return eventstore.Appended{}, err
	}
	if err := s.appending(); err != nil {
		return eventstore.Appended{}, err
	}
	defer s.appends.Done()
	timed, cancel := context.WithTimeout(ctx, s.conf.deadline)
	defer cancel()
	var answer *streams.AppendResp
	err := s.onLeader(timed, func(ctx context.Context, client streams.StreamsClient) error {
		var err error
		answer, err = send(ctx, client, stream, expected, events)
		return err
	})
	if err != nil {
		return eventstore.Appended{}, s.appendError(ctx, stream, err)
	}
	switch r := answer.GetResult().(type) {
	case *streams.AppendResp_Success_:
		return s.appended(timed, stream, expected+eventstore.Revision(len(events)), r.Success)
	case *streams.AppendResp_WrongExpectedVersion_:
		actual := eventstore.NoStream
		if v, ok := r.WrongExpectedVersion.GetCurrentRevisionOption().(*streams.AppendResp_WrongExpectedVersion_CurrentRevision); ok {
			actual = eventstore.Revision(v.CurrentRevision)
		}
		return s.repeated(timed, events, &eventstore.WrongRevisionError{Stream: stream, Expected: expected, Actual: actual})
	}
	return eventstore.Appended{}, fmt.Errorf("%w: the server's answer for stream %s says neither", eventstore.ErrOutcomeUnknown, stream)
}

// send sends one append. Nothing is stored before the server has seen the
// end of the request, so that what fails before is certain.
func send(ctx context.Context, client streams.StreamsClient, stream string, expected eventstore.Revision, events []eventstore.Event) (*streams.AppendResp, error) {
	call, err := client.Append(ctx)
	if err != nil {
		return nil, &callError{cause: err}
	}
	options := &streams.AppendReq_Options{StreamIdentifier: toStream(stream)}
	if expected == eventstore.NoStream {
		options.ExpectedStreamRevision = &streams.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}
	} else {
		options.ExpectedStreamRevision = &streams.AppendReq_Options_Revision{Revision: uint64(expected)}
	}
	err = call.Send(&streams.AppendReq{Content: &streams.AppendReq_Options_{Options: options}})
	for i := 0; i < len(events) && err == nil; i++ {
		err = call.Send(toProposed(&events[i]))
	}
	if err != nil {
		// The server has ended the call; its status says why.
		if status := call.RecvMsg(new(streams.AppendResp)); status != nil {
			err = status
		}
		return nil, &callError{cause: err, trailer: call.Trailer()}
	}
	answer, err := call.CloseAndRecv()
	if err != nil {
		return nil, &callError{cause: err, trailer: call.Trailer(), sent: true}
	}
	return answer, nil
}

// appendError writes a failed append as one of the contract's errors.
func (s *Store) appendError(ctx context.Context, stream string, err error) error {
	var failed *callError
	if !errors.As(err, &failed) || failed.refused() {
		return s.contractError(ctx, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: stream %s: %w", eventstore.ErrOutcomeUnknown, stream, ctx.Err())
	}
	return fmt.Errorf("%w: stream %s: %w", eventstore.ErrOutcomeUnknown, stream, err)
}

// appended is the place of an append that the server says is stored.
func (s *Store) appended(ctx context.Context, stream string, last eventstore.Revision, ok *streams.AppendResp_Success) (eventstore.Appended, error) {
	if got := eventstore.Revision(ok.GetCurrentRevision()); got != last {
		return eventstore.Appended{}, fmt.Errorf("%w: the server says that an append to stream %s ends at revision %d, it must be %d",
			eventstore.ErrCorrupt, stream, got, last)
	}
	if p, known := ok.GetPositionOption().(*streams.AppendResp_Success_Position); known {
		return eventstore.Appended{LastRevision: last, Position: eventstore.Position{
			Commit: p.Position.GetCommitPosition(), Prepare: p.Position.GetPreparePosition(),
		}}, nil
	}
	// A repeated append may be answered without its position.
	for e, err := range s.ReadStream(ctx, stream, last, eventstore.Forwards) {
		if err != nil {
			return eventstore.Appended{}, fmt.Errorf("%w: reading back stream %s: %w", eventstore.ErrOutcomeUnknown, stream, err)
		}
		return eventstore.Appended{LastRevision: last, Position: e.Position}, nil
	}
	return eventstore.Appended{}, fmt.Errorf("%w: stream %s has no revision %d", eventstore.ErrOutcomeUnknown, stream, last)
}

// repeated answers a conflict: success if the stream holds exactly these
// events right after the expected revision. Servers see that by themselves
// most of the time; the contract promises it always.
func (s *Store) repeated(ctx context.Context, events []eventstore.Event, wrong *eventstore.WrongRevisionError) (eventstore.Appended, error) {
	if wrong.Actual < wrong.Expected+eventstore.Revision(len(events)) {
		return eventstore.Appended{}, wrong
	}
	i := 0
	for e, err := range s.ReadStream(ctx, wrong.Stream, wrong.Expected+1, eventstore.Forwards) {
		if err != nil {
			return eventstore.Appended{}, fmt.Errorf("%w: %w, and what it holds cannot be read: %w", eventstore.ErrOutcomeUnknown, wrong, err)
		}
		if e.ID != events[i].ID {
			break
		}
		if i++; i == len(events) {
			return eventstore.Appended{LastRevision: e.Revision, Position: e.Position}, nil
		}
	}
	return eventstore.Appended{}, wrong
}
