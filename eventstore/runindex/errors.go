package runindex

import (
	"errors"
	"fmt"
)

// The errors of this package, to be tested with errors.Is.
var (
	// ErrDamaged: a file of the index is not as it was written. The error in
	// hand is a *DamagedError. The index can be deleted and rebuilt.
	ErrDamaged = errors.New("index damaged")
	// ErrClosed: the index was closed.
	ErrClosed = errors.New("index closed")
	// ErrFailed: writing a file failed earlier (the cause is wrapped). The
	// index takes no more entries; what was durable stays so. Open it again
	// once the cause is mended.
	ErrFailed = errors.New("index can't write any more, mend the cause and start again")
	// ErrTooManyEntries: the key has more than MaxEntriesPerKey entries.
	ErrTooManyEntries = errors.New("too many entries under one key")
	// ErrInvalid: an argument is not of the form that the call asks for;
	// nothing was applied.
	ErrInvalid = errors.New("invalid argument")
)

// DamagedError names the damaged place. It matches ErrDamaged.
type DamagedError struct {
	// Dir is the index's directory, File the file's name in it.
	Dir, File string
	// Offset of the damaged part in the file, in bytes.
	Offset int64
	// Reason says what is wrong there.
	Reason string
}

// Error implements error.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("index damaged: %s at byte %d: %s; nothing is lost: stop, delete the folder %s and start again, it is rebuilt from the event log",
		e.File, e.Offset, e.Reason, e.Dir)
}

// Is makes errors.Is(err, ErrDamaged) true.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }
