package storetest

import (
	"errors"
	"sync"

	"prepayledger/eventstore"
)

func closeEndsEverything(f *fixture) {
	s := name("account")
	f.append(s, eventstore.NoStream, events(2))
	sub := f.subscribe(f.ctx(), f.base)
	for range 2 {
		f.close()
	}
	_, appended := f.store.Append(f.ctx(), s, 1, events(1))
	_, last := f.store.Last(f.ctx())
	_, subscribed := f.store.SubscribeAll(f.ctx(), f.base)
	_, followed := sub.Next(f.ctx())
	for what, err := range map[string]error{
		"Append":       appended,
		"Last":         last,
		"SubscribeAll": subscribed,
		"Next":         followed,
		"ReadStream":   f.readError(f.store.ReadStream(f.ctx(), s, 0, eventstore.Forwards)),
		"backwards":    f.readError(f.store.ReadStream(f.ctx(), s, eventstore.End, eventstore.Backwards)),
		"ReadAll":      f.readError(f.store.ReadAll(f.ctx(), f.base)),
	} {
		if !errors.Is(err, eventstore.ErrClosed) {
			f.Errorf("%s after Close: %v, want closed", what, err)
		}
	}
	if err := sub.Close(); err != nil {
		f.Errorf("Close of the subscription after that of the store: %v", err)
	}
}

// closeDuringAppends: what was answered with success is there, what was
// refused with ErrClosed is not.
func closeDuringAppends(f *fixture) {
	const writers = 8
	type tried struct {
		stream string
		stored [][]eventstore.Event
		failed []eventstore.Event
		err    error
	}
	all := make([]tried, writers)
	started := make(chan struct{}, writers)
	var wg sync.WaitGroup
	store := f.store
	for w := range all {
		all[w].stream = name("account")
		wg.Go(func() {
			me := &all[w]
			expected := eventstore.NoStream
			for {
				es := events(2)
				a, err := store.Append(f.ctx(), me.stream, expected, es)
				if err != nil {
					me.failed, me.err = es, err
					return
				}
				expected = a.LastRevision
				me.stored = append(me.stored, es)
				if len(me.stored) == 3 {
					started <- struct{}{}
				}
			}
		})
	}
	for range writers {
		<-started
	}
	f.reopen()
	if store == f.store {
		f.Fatal("Open returned a store that is closed")
	}
	wg.Wait()
	for _, me := range all {
		var want []eventstore.Event
		for _, es := range me.stored {
			want = append(want, es...)
		}
		switch {
		case errors.Is(me.err, eventstore.ErrOutcomeUnknown):
			if got := f.stream(me.stream, 0, eventstore.Forwards); len(got) > len(want) {
				want = append(want, me.failed...)
			}
		case !errors.Is(me.err, eventstore.ErrClosed):
			f.Fatalf("Append during Close: %v, want closed", me.err)
		}
		checkStream(f.T, me.stream, 0, want, f.stream(me.stream, 0, eventstore.Forwards))
	}
}

func reopenKeepsEverything(f *fixture) {
	s := name("account")
	es := f.inAppends(s, 30)
	all, last := f.all(f.base), f.last()
	for range 2 {
		f.reopen()
		if got := f.last(); got != last {
			f.Fatalf("the log ends at %s, before it was closed at %s", got, last)
		}
		checkSame(f.T, "log", all, f.all(f.base))
		checkStream(f.T, s, 0, es, f.stream(s, 0, eventstore.Forwards))
	}
	f.conflict(29, s, 28, events(1))
	f.append(s, eventstore.NoStream, es[:1]) // repeated across the reopening
	a := f.append(s, 29, events(1))
	if !last.Before(a.Position) {
		f.Fatalf("appended at %s, the log ended at %s before", a.Position, last)
	}
	after := f.all(last)
	if len(after) != 1 || after[0].Position != a.Position {
		f.Fatalf("after %s: %+v, want the one at %s", last, after, a.Position)
	}
}
