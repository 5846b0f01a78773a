package esdbserver

import (
	"context"
	"errors"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"prepayledger/eventstore"
)

// maxOpenBatches bounds the appends of one call that have begun and not ended.
const maxOpenBatches = 64

// batch is an append that comes in parts.
type batch struct {
	write
	// failed is why it cannot be stored; its later parts are dropped.
	failed  error
	options *streams.BatchAppendReq_Options
}

// BatchAppend implements the protocol's append of many writes over one call.
// They are stored one after the other, each answered by its correlation id.
func (s *streamsService) BatchAppend(in streams.Streams_BatchAppendServer) error {
	ctx := in.Context()
	if err := s.mayWrite(ctx, ""); err != nil {
		return err
	}
	open := map[uuid.UUID]*batch{}
	for {
		req, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.callError(ctx, err)
		}
		id, ok := fromUUID(req.GetCorrelationId())
		if !ok {
			return invalid("a batch has no valid correlation id")
		}
		b := open[id]
		if b == nil {
			if len(open) == maxOpenBatches {
				return invalid("%d batches have begun and not ended, no more are taken", maxOpenBatches)
			}
			b = s.openBatch(ctx, req.GetOptions())
			open[id] = b
		}
		for _, p := range req.GetProposedMessages() {
			if b.failed == nil {
				b.failed = b.add(p)
			}
		}
		if !req.GetIsFinal() {
			continue
		}
		delete(open, id)
		answer, err := s.storeBatch(ctx, b)
		if err != nil {
			return s.callError(ctx, err)
		}
		answer.CorrelationId = req.GetCorrelationId()
		if err := in.Send(answer); err != nil {
			return err
		}
	}
}

// openBatch begins an append with the options of its first part.
func (s *Server) openBatch(ctx context.Context, o *streams.BatchAppendReq_Options) *batch {
	b := &batch{options: o, write: write{stream: string(o.GetStreamIdentifier().GetStreamName())}}
	if b.failed = s.mayWrite(ctx, b.stream); b.failed != nil {
		return b
	}
	switch e := o.GetExpectedStreamPosition().(type) {
	case *streams.BatchAppendReq_Options_StreamPosition:
		b.expect.revision = eventstore.Revision(min(e.StreamPosition, uint64(eventstore.End)))
	case *streams.BatchAppendReq_Options_NoStream:
		b.expect.revision = eventstore.NoStream
	case *streams.BatchAppendReq_Options_Any:
		b.expect.any = true
	case *streams.BatchAppendReq_Options_StreamExists:
		b.expect.exists = true
	default:
		b.failed = invalid("the batch for stream %q has no expected revision", b.stream)
	}
	return b
}

// storeBatch stores a whole append and makes its answer. An error ends the
// call: its outcome is not known or the log no longer writes.
func (s *Server) storeBatch(ctx context.Context, b *batch) (*streams.BatchAppendResp, error) {
	answer := &streams.BatchAppendResp{StreamIdentifier: b.options.GetStreamIdentifier()}
	switch e := b.options.GetExpectedStreamPosition().(type) {
	case *streams.BatchAppendReq_Options_StreamPosition:
		answer.ExpectedStreamPosition = &streams.BatchAppendResp_StreamPosition{StreamPosition: e.StreamPosition}
	case *streams.BatchAppendReq_Options_NoStream:
		answer.ExpectedStreamPosition = &streams.BatchAppendResp_NoStream{NoStream: &emptypb.Empty{}}
	case *streams.BatchAppendReq_Options_Any:
		answer.ExpectedStreamPosition = &streams.BatchAppendResp_Any{Any: &emptypb.Empty{}}
	case *streams.BatchAppendReq_Options_StreamExists:
		answer.ExpectedStreamPosition = &streams.BatchAppendResp_StreamExists{StreamExists: &emptypb.Empty{}}
	}
	err := b.failed
	var a eventstore.Appended
	if err == nil {
		callCtx, cancel := batchDeadline(ctx, b.options)
		defer cancel()
		a, err = s.append(callCtx, &b.write)
	}
	if err == nil {
		answer.Result = &streams.BatchAppendResp_Success_{Success: &streams.BatchAppendResp_Success{
			CurrentRevisionOption: &streams.BatchAppendResp_Success_CurrentRevision{CurrentRevision: uint64(a.LastRevision)},
			PositionOption: &streams.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{
				CommitPosition: a.Position.Commit, PreparePosition: a.Position.Prepare,
			}},
		}}
		return answer, nil
	}
	refusal, err := b.refusal(err)
	if err != nil {
		return nil, err
	}
	answer.Result = &streams.BatchAppendResp_Error{Error: refusal}
	return answer, nil
}

// batchDeadline is the context of one append of the call.
func batchDeadline(ctx context.Context, o *streams.BatchAppendReq_Options) (context.Context, context.CancelFunc) {
	switch d := o.GetDeadlineOption().(type) {
	case *streams.BatchAppendReq_Options_Deadline:
		return context.WithTimeout(ctx, d.Deadline.AsDuration())
	case *streams.BatchAppendReq_Options_Deadline_21_10_0:
		return context.WithDeadline(ctx, d.Deadline_21_10_0.AsTime())
	}
	return context.WithCancel(ctx)
}

// refusal writes an error in the form that clients look for: the details name
// the kind. Errors that are no refusals are handed back.
func (b *batch) refusal(err error) (*status.Status, error) {
	var wrong *eventstore.WrongRevisionError
	switch {
	case errors.As(err, &wrong):
		return refuse(codes.AlreadyExists, err, toBatchWrongVersion(b.expect, wrong.Actual))
	case errors.Is(err, eventstore.ErrTooLarge):
		return refuse(codes.InvalidArgument, err, &shared.MaximumAppendSizeExceeded{MaxAppendSize: eventstore.MaxAppendBytes})
	case errors.Is(err, eventstore.ErrInvalid):
		return refuse(codes.InvalidArgument, err, &shared.BadRequest{Message: err.Error()})
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, eventstore.ErrOutcomeUnknown):
		return refuse(codes.DeadlineExceeded, err, &shared.Timeout{})
	case b.failed != nil && len(b.stream) > 0 && b.stream[0] == '$':
		return refuse(codes.PermissionDenied, err, &shared.AccessDenied{})
	case b.failed != nil:
		return refuse(codes.InvalidArgument, err, &shared.BadRequest{Message: err.Error()})
	}
	return nil, err
}

func refuse(code codes.Code, err error, details proto.Message) (*status.Status, error) {
	packed, packErr := anypb.New(details)
	if packErr != nil {
		return nil, packErr
	}
	return &status.Status{Code: int32(code), Message: err.Error(), Details: []*anypb.Any{packed}}, nil
}

// toBatchWrongVersion tells a conflict.
func toBatchWrongVersion(expect expectation, actual eventstore.Revision) *shared.WrongExpectedVersion {
	w := &shared.WrongExpectedVersion{}
	none := &emptypb.Empty{}
	if actual == eventstore.NoStream {
		w.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: none}
	} else {
		w.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(actual)}
	}
	switch {
	case expect.any:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: none}
	case expect.exists:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: none}
	case expect.revision == eventstore.NoStream:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: none}
	default:
		w.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: uint64(expect.revision)}
	}
	return w
}
