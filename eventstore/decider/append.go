package decider

import (
	"context"
	"errors"

	"prepayledger/eventstore"
)

// Append appends to the store and repeats an append of unknown outcome with the
// same ids, at most MaxRepeats times: a store that has it answers success.
func Append(ctx context.Context, store eventstore.Store, stream string, expected eventstore.Revision, events []eventstore.Event) (at eventstore.Appended, err error) {
	for range MaxRepeats {
		at, err = store.Append(ctx, stream, expected, events)
		if !errors.Is(err, eventstore.ErrOutcomeUnknown) || ctx.Err() != nil {
			break
		}
	}
	return at, err
}

// Retry calls work again, at most MaxAttempts times, for as long as it fails
// because someone else wrote to its stream; then it fails with ErrContention.
func Retry(work func() error) error {
	for range MaxAttempts {
		if err := work(); !errors.Is(err, eventstore.ErrWrongRevision) {
			return err
		}
	}
	return ErrContention
}
