package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"go.uber.org/zap"

	"prepayledger/eventstore"
)

const (
	// readAttempts is how often a read is begun without getting on.
	readAttempts = 5
	// firstPause is the pause after the first failed attempt (time); each
	// further one is twice as long.
	firstPause = 100 * time.Millisecond
	// searchWindow is how many events the server looks at, at a time, for
	// one that is no system event.
	searchWindow = 1000
	// notSystem matches the streams that are not the server's own.
	notSystem = `^[^\$]`
)

// errEnough ends a read whose caller wants no more.
var errEnough = errors.New("enough")

// read makes a read and hands each event to take. It goes on after an outage
// where it was: request makes the request for what is still to come.
func (s *Store) read(caller context.Context, request func() *streams.ReadReq_Options, take func(*eventstore.Recorded) error) error {
	ctx, done := s.reading(caller)
	defer done()
	wait := firstPause
	for attempt := 1; ; attempt++ {
		err := s.onLeader(ctx, func(ctx context.Context, client streams.StreamsClient) error {
			return readOnce(ctx, client, request(), func(e *eventstore.Recorded) error {
				attempt, wait = 0, firstPause
				return take(e)
			})
		})
		var failed *callError
		if !errors.As(err, &failed) || !failed.unreachable() || ctx.Err() != nil || attempt >= readAttempts {
			if errors.Is(err, errEnough) {
				return nil
			}
			return s.contractError(caller, err)
		}
		s.log.Warn("reading the event store was interrupted, trying again", zap.Int("attempt", attempt), zap.Error(err))
		if pause(ctx, wait) != nil {
			return s.contractError(caller, err)
		}
		wait *= 2
	}
}

// readOnce makes one call.
func readOnce(ctx context.Context, client streams.StreamsClient, options *streams.ReadReq_Options, take func(*eventstore.Recorded) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	call, err := client.Read(ctx, &streams.ReadReq{Options: options})
	if err != nil {
		return &callError{cause: err}
	}
	for {
		m, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &callError{cause: err, trailer: call.Trailer()}
		}
		switch c := m.GetContent().(type) {
		case *streams.ReadResp_StreamNotFound_:
			return fmt.Errorf("%w: %s", eventstore.ErrStreamNotFound, c.StreamNotFound.GetStreamIdentifier().GetStreamName())
		case *streams.ReadResp_Event:
			e, err := fromEvent(c.Event)
			if err == nil {
				err = take(&e)
			}
			if err != nil {
				return err
			}
		}
	}
}

// options are those that all reads have in common.
func options() *streams.ReadReq_Options {
	return &streams.ReadReq_Options{
		CountOption:  &streams.ReadReq_Options_Count{Count: math.MaxInt64},
		FilterOption: &streams.ReadReq_Options_NoFilter{NoFilter: &shared.Empty{}},
		UuidOption: &streams.ReadReq_Options_UUIDOption{
			Content: &streams.ReadReq_Options_UUIDOption_Structured{Structured: &shared.Empty{}},
		},
	}
}

// allOptions are those of reading the log from a position, system events left
// out.
func allOptions(from eventstore.Position) *streams.ReadReq_Options {
	o := options()
	all := &streams.ReadReq_Options_AllOptions{AllOption: &streams.ReadReq_Options_AllOptions_Start{Start: &shared.Empty{}}}
	if from != eventstore.Start {
		all.AllOption = &streams.ReadReq_Options_AllOptions_Position{
			Position: &streams.ReadReq_Options_Position{CommitPosition: from.Commit, PreparePosition: from.Prepare},
		}
	}
	o.StreamOption = &streams.ReadReq_Options_All{All: all}
	o.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
		Filter: &streams.ReadReq_Options_FilterOptions_StreamIdentifier{
			StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Regex: notSystem},
		},
		Window:                       &streams.ReadReq_Options_FilterOptions_Max{Max: searchWindow},
		CheckpointIntervalMultiplier: 1,
	}}
	return o
}

// ReadAll implements eventstore.Store. The server sends the event at a
// position too; it is left out here.
func (s *Store) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		at := after
		err := s.read(ctx, func() *streams.ReadReq_Options { return allOptions(at) }, func(e *eventstore.Recorded) error {
			if !at.Before(e.Position) {
				return nil
			}
			at = e.Position
			return s.hand(ctx, e, yield)
		})
		if err != nil {
			yield(eventstore.Recorded{}, err)
		}
	}
}

// hand yields an event. It stops a read whose context is over, although more
// was received already.
func (s *Store) hand(ctx context.Context, e *eventstore.Recorded, yield func(eventstore.Recorded, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.life.Err() != nil {
		return eventstore.ErrClosed
	}
	if !yield(*e, nil) {
		return errEnough
	}
	return nil
}

// Last implements eventstore.Store.
func (s *Store) Last(ctx context.Context) (eventstore.Position, error) {
	last := eventstore.Start
	err := s.read(ctx, func() *streams.ReadReq_Options {
		o := allOptions(eventstore.Start)
		o.GetAll().AllOption = &streams.ReadReq_Options_AllOptions_End{End: &shared.Empty{}}
		o.ReadDirection = streams.ReadReq_Options_Backwards
		o.CountOption = &streams.ReadReq_Options_Count{Count: 1}
		return o
	}, func(e *eventstore.Recorded) error {
		last = e.Position
		return nil
	})
	return last, err
}

// ReadStream implements eventstore.Store. A stream that the server has
// truncated is ErrCorrupt: the ledger's streams are whole.
func (s *Store) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		err := eventstore.ValidateRead(stream, from, dir)
		if err == nil {
			r := &streamRead{stream: stream, next: from, dir: dir}
			err = s.read(ctx, r.request, func(e *eventstore.Recorded) error {
				if err := r.check(e); err != nil {
					return err
				}
				return s.hand(ctx, e, yield)
			})
		}
		if err != nil {
			yield(eventstore.Recorded{}, err)
		}
	}
}

// streamRead is the state of reading a stream.
type streamRead struct {
	stream string
	dir    eventstore.Direction
	// next is the revision that comes next, below 0 when all is read.
	next  eventstore.Revision
	begun bool
}

// request asks for what is still to come.
func (r *streamRead) request() *streams.ReadReq_Options {
	o := options()
	from := &streams.ReadReq_Options_StreamOptions{StreamIdentifier: toStream(r.stream)}
	switch {
	case r.dir == eventstore.Backwards && r.next == eventstore.End:
		from.RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
	case r.next < 0: // all is read, and only the end was not heard of
		o.CountOption = &streams.ReadReq_Options_Count{Count: 1}
		fallthrough
	default:
		// Forwards, End means the same as any revision beyond the newest.
		from.RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: uint64(max(min(r.next, eventstore.End-1), 0))}
	}
	if r.dir == eventstore.Backwards {
		o.ReadDirection = streams.ReadReq_Options_Backwards
	}
	o.StreamOption = &streams.ReadReq_Options_Stream{Stream: from}
	return o
}

// check sees to it that no event is missing between the last and this one.
func (r *streamRead) check(e *eventstore.Recorded) error {
	if r.next < 0 {
		return errEnough
	}
	if r.next != eventstore.End && e.Revision != r.next {
		if !r.begun && r.dir == eventstore.Backwards && e.Revision < r.next {
			return errEnough // the read begins beyond the newest: the contract yields nothing
		}
		return fmt.Errorf("%w: stream %s: revision %d is missing, the server sent %d", eventstore.ErrCorrupt, r.stream, r.next, e.Revision)
	}
	r.begun = true
	r.next = e.Revision + 1
	if r.dir == eventstore.Backwards {
		r.next = e.Revision - 1
	}
	return nil
}
