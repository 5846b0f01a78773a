package projectionstest

import (
	"context"
	"errors"
	"iter"

	"prepayledger/eventstore"
)

// store is the log as an engine sees it.
type store struct{ log *Log }

// Store returns the log as what follows it sees it: it can't be appended to
// and has no streams.
func (l *Log) Store() eventstore.Store { return store{l} }

var errNotKept = errors.New("projectionstest: read models read the whole log and append nothing")

// Append implements eventstore.Store.
func (store) Append(context.Context, string, eventstore.Revision, []eventstore.Event) (eventstore.Appended, error) {
	return eventstore.Appended{}, errNotKept
}

// ReadStream implements eventstore.Store.
func (store) ReadStream(context.Context, string, eventstore.Revision, eventstore.Direction) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) { yield(eventstore.Recorded{}, errNotKept) }
}

// ReadAll implements eventstore.Store.
func (s store) ReadAll(ctx context.Context, after eventstore.Position) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for {
			r, more, _ := s.log.after(after)
			if !more || !yield(r, ctx.Err()) {
				return
			}
			after = r.Position
		}
	}
}

// Last implements eventstore.Store.
func (s store) Last(context.Context) (eventstore.Position, error) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	n := uint64(len(s.log.events))
	return eventstore.Position{Commit: n, Prepare: n}, nil
}

// Close implements eventstore.Store.
func (store) Close() error { return nil }

// SubscribeAll implements eventstore.Store.
func (s store) SubscribeAll(_ context.Context, after eventstore.Position) (eventstore.Subscription, error) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if s.log.drops > 0 {
		s.log.drops--
		return &subscription{log: s.log, dropped: closed()}, nil
	}
	return &subscription{log: s.log, at: after, dropped: s.log.dropped}, nil
}

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

type subscription struct {
	log      *Log
	at       eventstore.Position
	caughtUp bool
	dropped  <-chan struct{}
}

// Next implements eventstore.Subscription.
func (s *subscription) Next(ctx context.Context) (eventstore.Message, error) {
	for {
		select {
		case <-s.dropped:
			return eventstore.Message{}, eventstore.ErrDropped
		case <-ctx.Done():
			return eventstore.Message{}, ctx.Err()
		default:
		}
		r, more, changed := s.log.after(s.at)
		if more {
			s.at, s.caughtUp = r.Position, false
			return eventstore.Message{Kind: eventstore.EventMessage, Event: r, Position: s.at}, nil
		}
		if !s.caughtUp {
			s.caughtUp = true
			return eventstore.Message{Kind: eventstore.CaughtUpMessage, Position: s.at}, nil
		}
		select {
		case <-changed:
		case <-s.dropped:
		case <-ctx.Done():
		}
	}
}

// Close implements eventstore.Subscription.
func (*subscription) Close() error { return nil }

// after returns the event after the position, false at the end, and what
// tells of the next.
func (l *Log) after(p eventstore.Position) (r eventstore.Recorded, more bool, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.Commit < uint64(len(l.events)) {
		return l.events[p.Commit], true, l.changed
	}
	return r, false, l.changed
}
