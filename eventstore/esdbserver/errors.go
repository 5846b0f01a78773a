package esdbserver

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"prepayledger/eventstore"
)

// The trailers by which EventStoreDB tells its clients what went wrong.
const (
	exceptionTrailer = "exception"
	maxAppendTrailer = "maximum-append-size"

	exceptionAccessDenied = "access-denied"
	exceptionTooLarge     = "maximum-append-size-exceeded"
)

// denied refuses what this server never does.
func denied(ctx context.Context, format string, args ...any) error {
	return exception(ctx, codes.PermissionDenied, exceptionAccessDenied, fmt.Sprintf(format, args...))
}

// tooLarge refuses an append that exceeds the limits of the contract.
func tooLarge(ctx context.Context, err error) error {
	_ = grpc.SetTrailer(ctx, metadata.Pairs(maxAppendTrailer, strconv.Itoa(eventstore.MaxAppendBytes)))
	return exception(ctx, codes.InvalidArgument, exceptionTooLarge, err.Error())
}

func exception(ctx context.Context, code codes.Code, name, message string) error {
	// It fails only outside a call, where there is nobody to tell.
	_ = grpc.SetTrailer(ctx, metadata.Pairs(exceptionTrailer, name))
	return status.Error(code, message)
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

// unimplemented answers calls of what EventStoreDB has and this server has not.
func unimplemented(_ any, call grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(call)
	return status.Errorf(codes.Unimplemented, "%s is not served: this event log has no persistent subscriptions, projections, users or operations; "+
		"read streams or $all, or subscribe to them and keep the position yourself", method)
}

// callError is the answer to a call that the store could not serve.
func (s *Server) callError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case s.life.Err() != nil || errors.Is(err, eventstore.ErrClosed):
		return status.Error(codes.Unavailable, "the event log is being closed; connect again later")
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	case errors.Is(err, eventstore.ErrTooLarge):
		return tooLarge(ctx, err)
	case errors.Is(err, eventstore.ErrInvalid):
		return invalid("%s", err)
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return status.Error(codes.Aborted, err.Error())
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, eventstore.ErrDropped):
		return status.Error(codes.Unavailable, err.Error())
	}
	if _, ok := status.FromError(err); ok {
		return err // the client's side of the call failed
	}
	return status.Error(codes.Internal, err.Error())
}
