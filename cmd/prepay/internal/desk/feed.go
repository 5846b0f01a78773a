package desk

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"prepayledger/eventstore"
)

const (
	// FeedBuffer is how many events may wait for one reader of the feed; one
	// that is slower reads from the log again.
	FeedBuffer = 1024
	// FeedRetry is the pause before the feed subscribes again to a store that
	// dropped it (time).
	FeedRetry = time.Second
)

// EventsWanted says which events are wanted; the zero value wants all.
type EventsWanted struct {
	// Stream wants the events of one stream.
	Stream string
	// Types wants events of some types; none is every type.
	Types []string
}

func (w *EventsWanted) fits(e *eventstore.Recorded) bool {
	return (w.Stream == "" || w.Stream == e.Stream) && (len(w.Types) == 0 || slices.Contains(w.Types, e.Type))
}

// feed follows the log once for all who read it live. It follows while there
// are readers.
type feed struct {
	mu      sync.Mutex
	runs    sync.WaitGroup
	closed  bool
	stop    context.CancelFunc // nil: it does not follow
	at      eventstore.Position
	readers map[*reader]struct{}
}

// reader is one who reads the feed.
type reader struct {
	wanted EventsWanted
	// from is where the feed stood: what is behind it comes through events.
	from   eventstore.Position
	events chan eventstore.Recorded
	// err says why events was closed; nil where it was too slow.
	err error
}

// join makes a reader. Everything behind reader.from that is wanted comes
// through its channel until that is closed.
func (f *feed) join(ctx context.Context, store eventstore.Store, w EventsWanted) (*reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, eventstore.ErrClosed
	}
	if f.stop == nil {
		if err := f.start(ctx, store); err != nil {
			return nil, err
		}
	}
	r := &reader{wanted: w, from: f.at, events: make(chan eventstore.Recorded, FeedBuffer)}
	f.readers[r] = struct{}{}
	return r, nil
}

// leave ends a reader, and with the last one the following.
func (f *feed) leave(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.readers, r)
	if len(f.readers) == 0 && f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// start follows the log from its end. The caller holds mu.
func (f *feed) start(ctx context.Context, store eventstore.Store) error {
	at, err := store.Last(ctx)
	if err != nil {
		return err
	}
	own, stop := context.WithCancel(context.Background())
	subscription, err := store.SubscribeAll(own, at)
	if err != nil {
		stop()
		return err
	}
	f.at, f.stop, f.readers = at, stop, map[*reader]struct{}{}
	f.runs.Go(func() { // ends with stop
		defer stop()
		f.fail(own, f.follow(own, store, subscription))
	})
	return nil
}

// follow hands out what comes until the context ends or the store fails.
func (f *feed) follow(ctx context.Context, store eventstore.Store, s eventstore.Subscription) error {
	for {
		m, err := s.Next(ctx)
		if err == nil {
			f.hand(ctx, &m)
			continue
		}
		if closed := s.Close(); !errors.Is(err, eventstore.ErrDropped) {
			return errors.Join(err, closed)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(FeedRetry):
		}
		f.mu.Lock()
		at := f.at
		f.mu.Unlock()
		if s, err = store.SubscribeAll(ctx, at); err != nil {
			return err
		}
	}
}

// hand gives a message to whom it concerns. Who is too slow leaves.
func (f *feed) hand(ctx context.Context, m *eventstore.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil || !f.at.Before(m.Position) {
		return // the feed may follow anew already; or nothing new
	}
	f.at = m.Position
	if m.Kind != eventstore.EventMessage {
		return
	}
	for r := range f.readers {
		if !r.wanted.fits(&m.Event) {
			continue
		}
		select {
		case r.events <- m.Event:
		default:
			close(r.events)
			delete(f.readers, r)
		}
	}
}

// fail tells the readers of a run that it ended.
func (f *feed) fail(own context.Context, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if own.Err() != nil && !f.closed {
		return // it was stopped, nobody reads it
	}
	for r := range f.readers {
		r.err = err
		close(r.events)
	}
	f.stop, f.readers = nil, nil
}

// checkpoint is how far a reader has come that has nothing waiting; false where
// it has.
func (f *feed) checkpoint(r *reader) (eventstore.Position, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, reads := f.readers[r]
	return f.at, reads && len(r.events) == 0
}

// end ends the feed for all.
func (f *feed) end() {
	f.mu.Lock()
	f.closed = true
	if f.stop != nil {
		f.stop()
	}
	f.mu.Unlock()
	f.runs.Wait()
}
