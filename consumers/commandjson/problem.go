package commandjson

import (
	"context"
	"errors"

	"prepayledger/domain"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// Codes of problems beside those of the rules (domain.Code).
const (
	// CodeInvalidRequest: the request can't be read; the message says why.
	CodeInvalidRequest = "invalid_request"
	// CodeUnknownCommand: there is no such command.
	CodeUnknownCommand = "unknown_command"
	// CodeOverloaded: too much waits already; nothing was done.
	CodeOverloaded = "overloaded"
	// CodeConflict: others wrote at the same time, again and again; nothing
	// was done.
	CodeConflict = "conflict"
	// CodeUnavailable: the ledger can't be reached; nothing was done.
	CodeUnavailable = "unavailable"
	// CodeOutcomeUnknown: it may have been done. Repeat a command with the
	// same command id; a charge has its own.
	CodeOutcomeUnknown = "outcome_unknown"
	// CodeFailed: the ledger failed; its log says why.
	CodeFailed = "failed"
)

// Problem is what a caller is told whose request was not done.
type Problem struct {
	// Code is stable and for machines.
	Code string
	// Message is a sentence for people that says what to do.
	Message string
}

// ProblemOf tells rejections, conflicts and failures of the ledger apart.
// What is inside a failure is for the ledger's log, not for callers.
func ProblemOf(err error) Problem {
	var rejected *domain.Rejection
	var field *FieldError
	switch {
	case errors.As(err, &rejected):
		return Problem{string(rejected.Code), rejected.Message}
	case errors.As(err, &field):
		return Problem{CodeInvalidRequest, err.Error()}
	case errors.Is(err, ErrUnknownCommand):
		return Problem{CodeUnknownCommand, err.Error()}
	case errors.Is(err, eventstore.ErrOutcomeUnknown), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Problem{CodeOutcomeUnknown, "It may or may not have been done: repeat it with the same id, it counts once."}
	case errors.Is(err, decider.ErrContention), errors.Is(err, eventstore.ErrWrongRevision):
		return Problem{CodeConflict, "Others changed the account at the same time, nothing was done: try again."}
	case errors.Is(err, eventstore.ErrUnavailable), errors.Is(err, eventstore.ErrClosed), errors.Is(err, eventstore.ErrLocked):
		return Problem{CodeUnavailable, "The ledger can't write at the moment, nothing was done: try again later."}
	default:
		return Problem{CodeFailed, "The ledger failed, its log says why: repeat the request with the same id, and tell the operator if it fails again."}
	}
}
