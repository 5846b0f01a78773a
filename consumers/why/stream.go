package why

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// Stream is the Source of an account's stream in the event log.
type Stream struct {
	Store eventstore.Store
	Codec *codec.Codec
	// Name is the stream's, Last the revision at which the state is.
	Name string
	Last eventstore.Revision
}

// Backwards implements Source.
func (s *Stream) Backwards(ctx context.Context) iter.Seq2[Fact, error] {
	return s.read(ctx, s.Last, eventstore.Backwards)
}

func (s *Stream) read(ctx context.Context, from eventstore.Revision, dir eventstore.Direction) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		reader := s.Codec.NewReader()
		for r, err := range s.Store.ReadStream(ctx, s.Name, from, dir) {
			if err != nil {
				yield(Fact{}, err)
				return
			}
			if r.Revision > s.Last {
				return // newer than the state
			}
			f := Fact{ID: r.ID.String(), Revision: r.Revision}
			if f.Meta, err = reader.DecodeMetadata(r.Metadata); err == nil {
				f.Event, err = reader.Decode(r.Type, f.Meta.Version, r.Data)
			}
			if err != nil {
				yield(Fact{}, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err))
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

// slack is how many events before the instant are read along (a count): the
// event that led there stands before it.
const slack = 64

// From implements Source by halving: instants of recording do not fall along a
// stream, as long as the clock is not set back.
func (s *Stream) From(ctx context.Context, at time.Time) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		low, high := eventstore.Revision(0), s.Last
		for low < high {
			middle := low + (high-low)/2
			recorded, err := s.recordedAt(ctx, middle)
			if err != nil {
				yield(Fact{}, err)
				return
			}
			if recorded.Before(at) {
				low = middle + 1
			} else {
				high = middle
			}
		}
		s.read(ctx, max(0, low-slack), eventstore.Forwards)(yield)
	}
}

// errGone says that a stream lost an event.
var errGone = errors.New("the stream has no such event")

func (s *Stream) recordedAt(ctx context.Context, at eventstore.Revision) (time.Time, error) {
	for r, err := range s.Store.ReadStream(ctx, s.Name, at, eventstore.Forwards) {
		if err != nil {
			return time.Time{}, err
		}
		m, err := codec.DecodeMetadata(r.Metadata)
		return m.RecordedAt, err
	}
	return time.Time{}, fmt.Errorf("stream %s, revision %d: %w", s.Name, at, errGone)
}
