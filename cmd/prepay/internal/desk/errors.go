package desk

import (
	"errors"
	"fmt"
)

// ErrNotFound says that there is no such thing; it is wrapped with a sentence
// that says what to do.
var ErrNotFound = errors.New("not found")

// ErrBusy says that the same kind of work is under way already, and nothing was
// done.
var ErrBusy = errors.New("busy")

// told is an error whose text is a sentence for people.
type told struct {
	kind error
	text string
}

// Error implements error.
func (e *told) Error() string { return e.text }

// Unwrap implements errors.Is.
func (e *told) Unwrap() error { return e.kind }

// NotFound is an ErrNotFound whose text is a sentence for people.
func NotFound(format string, args ...any) error {
	return &told{ErrNotFound, fmt.Sprintf(format, args...)}
}

// Busy is an ErrBusy whose text is a sentence for people.
func Busy(format string, args ...any) error { return &told{ErrBusy, fmt.Sprintf(format, args...)} }

// ErrChanged says that somebody else changed a thing since it was read; nothing
// was done.
var ErrChanged = errors.New("it was changed meanwhile")
