package esdb

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"prepayledger/eventstore"
)

// The trailers by which the server says what went wrong.
const (
	exceptionTrailer  = "exception"
	leaderHostTrailer = "leader-endpoint-host"
	leaderPortTrailer = "leader-endpoint-port"

	exceptionNotLeader     = "not-leader"
	exceptionStreamDeleted = "stream-deleted"
	exceptionTooLarge      = "maximum-append-size-exceeded"
)

// callError is a call that failed.
type callError struct {
	cause   error
	trailer metadata.MD
	// sent says that the server may have got an append as a whole.
	sent bool
}

// Error is what the server says, without the protocol's wrapping.
func (e *callError) Error() string {
	if s, ok := status.FromError(e.cause); ok && s.Message() != "" {
		return s.Message()
	}
	return e.cause.Error()
}

func (e *callError) Unwrap() error { return e.cause }

func (e *callError) code() codes.Code { return status.Code(e.cause) }

func (e *callError) exception() string { return first(e.trailer, exceptionTrailer) }

// unreachable says that the server was lost or is about to go.
func (e *callError) unreachable() bool { return e.code() == codes.Unavailable }

// notLeader reports whether the server refused because another one leads, and
// that one's address if the server knows it.
func (e *callError) notLeader() (string, bool) {
	if e.exception() != exceptionNotLeader {
		return "", false
	}
	host, port := first(e.trailer, leaderHostTrailer), first(e.trailer, leaderPortTrailer)
	if host == "" || port == "" {
		return "", true
	}
	return net.JoinHostPort(host, port), true
}

// refused says that the server has certainly stored nothing.
func (e *callError) refused() bool {
	if !e.sent || e.exception() == exceptionNotLeader || e.exception() == exceptionTooLarge {
		return true
	}
	switch e.code() {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented,
		codes.FailedPrecondition, codes.NotFound, codes.ResourceExhausted:
		return true
	}
	return false
}

// first is the first value of a trailer.
func first(md metadata.MD, key string) string {
	if v := md.Get(key); len(v) > 0 {
		return v[0]
	}
	return ""
}

// contractError writes a failure as one of the contract's. ctx is the
// caller's.
func (s *Store) contractError(ctx context.Context, err error) error {
	var failed *callError
	switch {
	case err == nil:
		return nil
	case s.life.Err() != nil || errors.Is(err, eventstore.ErrClosed):
		return eventstore.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &failed):
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w: no answer in time: %w", eventstore.ErrUnavailable, err)
		}
		return err
	case failed.exception() == exceptionNotLeader:
		return fmt.Errorf("%w: no server that was asked leads the cluster; try again when it has a leader: %w", eventstore.ErrUnavailable, err)
	case failed.exception() == exceptionStreamDeleted:
		return fmt.Errorf("%w: a stream was deleted at the server: %w", eventstore.ErrCorrupt, err)
	case failed.exception() == exceptionTooLarge:
		return fmt.Errorf("%w: the server takes less: %w", eventstore.ErrTooLarge, err)
	}
	switch failed.code() {
	case codes.PermissionDenied, codes.Unauthenticated:
		return fmt.Errorf("%w: the server denies access (%w): check user and password of the connection string, and whether it is writable", eventstore.ErrUnavailable, err)
	case codes.InvalidArgument:
		return fmt.Errorf("%w: %w", eventstore.ErrInvalid, err)
	}
	return fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
}
