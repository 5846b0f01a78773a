package eventstore

import (
	"errors"
	"fmt"
)

// The errors of every driver, to be tested with errors.Is. A driver wraps
// them with what happened.
var (
	// ErrStreamNotFound: the stream was never written.
	ErrStreamNotFound = errors.New("stream not found")
	// ErrWrongRevision: the stream does not end where the append expected.
	// The error in hand is a *WrongRevisionError.
	ErrWrongRevision = errors.New("wrong expected revision")
	// ErrTooLarge: the append exceeds MaxAppendBytes or MaxEventsPerAppend.
	ErrTooLarge = errors.New("append too large")
	// ErrInvalid: the call's arguments are not of the contract's form.
	ErrInvalid = errors.New("invalid argument")
	// ErrUnavailable: the store cannot be reached or no longer writes;
	// nothing of the append was applied.
	ErrUnavailable = errors.New("event store unavailable")
	// ErrOutcomeUnknown: the append may or may not be stored. Repeat it with
	// the same event ids and the same expected revision.
	ErrOutcomeUnknown = errors.New("outcome of the append unknown")
	// ErrDropped: the subscription ended and must be opened again.
	ErrDropped = errors.New("subscription dropped")
	// ErrClosed: the store or subscription was closed.
	ErrClosed = errors.New("event store closed")
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("event store is open in another process")
	// ErrCorrupt: the log is damaged; the error names the place.
	ErrCorrupt = errors.New("event store damaged")
)

// WrongRevisionError says where a stream really ends. It matches
// ErrWrongRevision.
type WrongRevisionError struct {
	Stream   string
	Expected Revision
	// Actual is the revision of the newest event, NoStream if there is none.
	Actual Revision
}

// Error implements error.
func (e *WrongRevisionError) Error() string {
	return fmt.Sprintf("stream %s: expected revision %d, actual %d", e.Stream, e.Expected, e.Actual)
}

// Is makes errors.Is(err, ErrWrongRevision) true.
func (e *WrongRevisionError) Is(target error) bool { return target == ErrWrongRevision }
