package eventstore

import (
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Validate checks an append against the limits of the contract. Drivers call
// it before they do anything.
func Validate(stream string, expected Revision, events []Event) error {
	if err := ValidateStream(stream); err != nil {
		return err
	}
	switch {
	case expected < NoStream || expected == End:
		return fmt.Errorf("%w: expected revision %d of stream %s", ErrInvalid, expected, stream)
	case len(events) == 0:
		return fmt.Errorf("%w: empty append to stream %s", ErrInvalid, stream)
	case len(events) > MaxEventsPerAppend:
		return fmt.Errorf("%w: %d events for stream %s, at most %d", ErrTooLarge, len(events), stream, MaxEventsPerAppend)
	}
	size := 0
	for i := range events {
		e := &events[i]
		if e.ID == uuid.Nil {
			return fmt.Errorf("%w: event %d for stream %s has no id", ErrInvalid, i, stream)
		}
		if e.Type == "" || len(e.Type) > MaxTypeBytes {
			return fmt.Errorf("%w: event %d for stream %s: type of %d bytes, 1 to %d allowed", ErrInvalid, i, stream, len(e.Type), MaxTypeBytes)
		}
		size += len(e.Type) + len(e.Data) + len(e.Metadata)
	}
	if size > MaxAppendBytes {
		return fmt.Errorf("%w: %d bytes for stream %s, at most %d", ErrTooLarge, size, stream, MaxAppendBytes)
	}
	return nil
}

// ValidateStream checks a stream's name: 1 to MaxStreamNameBytes bytes of
// UTF-8 that do not start with '$' (EventStoreDB keeps those for itself).
func ValidateStream(stream string) error {
	if stream == "" || len(stream) > MaxStreamNameBytes || !utf8.ValidString(stream) || stream[0] == '$' {
		return fmt.Errorf("%w: stream name %.64q", ErrInvalid, stream)
	}
	for i := 0; i < len(stream); i++ {
		if stream[i] < 0x20 {
			return fmt.Errorf("%w: stream name %.64q has a control character", ErrInvalid, stream)
		}
	}
	return nil
}

// ValidateRead checks the arguments of ReadStream. Drivers call it before they
// do anything.
func ValidateRead(stream string, from Revision, dir Direction) error {
	if err := ValidateStream(stream); err != nil {
		return err
	}
	if from < 0 {
		return fmt.Errorf("%w: stream %s cannot be read from revision %d", ErrInvalid, stream, from)
	}
	if dir != Forwards && dir != Backwards {
		return fmt.Errorf("%w: direction %d", ErrInvalid, dir)
	}
	return nil
}
