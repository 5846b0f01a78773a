package storetest

import (
	"context"
	"errors"
	"sync"

	"prepayledger/eventstore"
)

// writersOfOneStream: of all who expect the same revision, exactly one wins.
func writersOfOneStream(f *fixture) {
	const writers, rounds = 8, 20
	s := name("account")
	type won struct {
		events []eventstore.Event
		answer eventstore.Appended
	}
	var mu sync.Mutex
	wins := map[eventstore.Revision]won{}
	expected := eventstore.NoStream
	for range rounds {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				es := events(1 + w%2)
				a, err := f.store.Append(f.ctx(), s, expected, es)
				mu.Lock()
				defer mu.Unlock()
				var wrong *eventstore.WrongRevisionError
				switch {
				case err == nil:
					if other, ok := wins[expected]; ok {
						f.Errorf("two appends after %d succeeded: %+v and %+v", expected, other.answer, a)
					}
					wins[expected] = won{es, a}
				case !errors.As(err, &wrong):
					f.Errorf("Append after %d: %v", expected, err)
				case wrong.Actual <= expected || wrong.Actual > expected+2:
					f.Errorf("Append after %d is told that the stream ends at %d", expected, wrong.Actual)
				}
			})
		}
		wg.Wait()
		w, ok := wins[expected]
		if !ok || f.Failed() {
			f.Fatalf("no append after %d succeeded, or more than one", expected)
		}
		got := f.stream(s, expected+1, eventstore.Forwards)
		checkStream(f.T, s, expected+1, w.events, got)
		if end := got[len(got)-1]; end.Revision != w.answer.LastRevision || end.Position != w.answer.Position {
			f.Fatalf("stored to %d at %s, answered %+v", end.Revision, end.Position, w.answer)
		}
		expected = w.answer.LastRevision
	}
}

// writersOfManyStreams: every answer is true, and an append's events stand
// together.
func writersOfManyStreams(f *fixture) {
	const writers, appends = 16, 15
	type written struct {
		stream string
		events []eventstore.Event
		ends   map[eventstore.Revision]eventstore.Position
	}
	all := make([]written, writers)
	var wg sync.WaitGroup
	for w := range all {
		wg.Go(func() {
			me := written{stream: name("account"), ends: map[eventstore.Revision]eventstore.Position{}}
			expected := eventstore.NoStream
			for i := range appends {
				es := events(1 + (w+i)%4)
				a, err := f.store.Append(f.ctx(), me.stream, expected, es)
				if err != nil {
					f.Errorf("Append after %d: %v", expected, err)
					return
				}
				expected = a.LastRevision
				me.events = append(me.events, es...)
				me.ends[a.LastRevision] = a.Position
			}
			all[w] = me
		})
	}
	wg.Wait()
	if f.Failed() {
		return
	}
	byStream := map[string][]eventstore.Recorded{}
	for _, e := range f.all(f.base) {
		byStream[e.Stream] = append(byStream[e.Stream], e)
	}
	for _, w := range all {
		got := f.stream(w.stream, 0, eventstore.Forwards)
		checkStream(f.T, w.stream, 0, w.events, got)
		checkSame(f.T, "log of "+w.stream, got, byStream[w.stream])
		for rev, at := range w.ends {
			if got[rev].Position != at {
				f.Fatalf("stream %s, revision %d stands at %s, answered was %s", w.stream, rev, got[rev].Position, at)
			}
		}
	}
}

// writersRepeatAtOnce: the same append many times at once is stored once, and
// all get the same answer.
func writersRepeatAtOnce(f *fixture) {
	const rounds, writers = 10, 8
	s := name("account")
	var want []eventstore.Event
	expected := eventstore.NoStream
	for range rounds {
		es := events(2)
		answers := make([]eventstore.Appended, writers)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				var err error
				if answers[w], err = f.store.Append(f.ctx(), s, expected, es); err != nil {
					f.Errorf("Append after %d: %v", expected, err)
				}
			})
		}
		wg.Wait()
		for _, a := range answers {
			if a != answers[0] {
				f.Fatalf("the same append was answered %+v and %+v", answers[0], a)
			}
		}
		want = append(want, es...)
		expected = answers[0].LastRevision
	}
	checkStream(f.T, s, 0, want, f.stream(s, 0, eventstore.Forwards))
}

func contextCancelled(f *fixture) {
	s := name("account")
	f.append(s, eventstore.NoStream, events(2))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.store.Append(over, s, 1, events(1)); !errors.Is(err, context.Canceled) {
		f.Fatalf("Append: %v, want cancelled", err)
	}
	for _, err := range []error{
		f.readError(f.store.ReadStream(over, s, 0, eventstore.Forwards)),
		f.readError(f.store.ReadStream(over, s, eventstore.End, eventstore.Backwards)),
		f.readError(f.store.ReadAll(over, f.base)),
	} {
		if !errors.Is(err, context.Canceled) {
			f.Fatalf("read: %v, want cancelled", err)
		}
	}
	if sub, err := f.store.SubscribeAll(over, f.base); err == nil {
		if _, err = sub.Next(f.ctx()); !errors.Is(err, context.Canceled) {
			f.Fatalf("Next of a subscription whose context is over: %v", err)
		}
		sub.Close()
	} else if !errors.Is(err, context.Canceled) {
		f.Fatalf("SubscribeAll: %v, want cancelled", err)
	}
	if _, err := f.store.Last(over); err != nil && !errors.Is(err, context.Canceled) {
		f.Fatalf("Last: %v", err)
	}
	if got := f.stream(s, 0, eventstore.Forwards); len(got) != 2 {
		f.Fatalf("%d events, want 2: a cancelled append was stored", len(got))
	}
	// In the middle of a read.
	reads, cancel := context.WithCancel(context.Background())
	defer cancel()
	seen := 0
	var failed error
	for _, err := range f.store.ReadAll(reads, f.base) {
		if err != nil {
			failed = err
			continue
		}
		seen++
		cancel()
	}
	if seen != 1 || !errors.Is(failed, context.Canceled) {
		f.Fatalf("a read cancelled at its first event yielded %d events and %v", seen, failed)
	}
}

// contextCancelledDuring: an append whose context ends is stored or not, and
// its error says whether that is known.
func contextCancelledDuring(f *fixture) {
	const rounds = 100
	s := name("account")
	var want []eventstore.Event
	expected := eventstore.NoStream
	for i := range rounds {
		es := events(1 + i%3)
		ctx, cancel := context.WithCancel(context.Background())
		if i%2 == 0 {
			go cancel()
		}
		a, err := f.store.Append(ctx, s, expected, es)
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			f.Fatalf("Append: %v, want success or cancelled", err)
		}
		if errors.Is(err, eventstore.ErrOutcomeUnknown) {
			// What the contract tells the caller to do.
			a, err = f.store.Append(f.ctx(), s, expected, es)
			if err != nil {
				f.Fatalf("repeated after an unknown outcome: %v", err)
			}
		}
		if err == nil {
			want = append(want, es...)
			expected = a.LastRevision
		}
	}
	checkStream(f.T, s, 0, want, f.stream(s, 0, eventstore.Forwards))
}
