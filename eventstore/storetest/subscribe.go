package storetest

import (
	"context"
	"errors"
	"sync"

	"prepayledger/eventstore"
)

// subscribe opens a subscription that is closed with the test.
func (f *fixture) subscribe(ctx context.Context, after eventstore.Position) eventstore.Subscription {
	f.Helper()
	sub, err := f.store.SubscribeAll(ctx, after)
	if err != nil {
		f.Fatalf("SubscribeAll: %v", err)
	}
	return sub
}

// next is the next message that is not a checkpoint.
func next(ctx context.Context, sub eventstore.Subscription) (eventstore.Message, error) {
	for {
		m, err := sub.Next(ctx)
		if err != nil || m.Kind != eventstore.CheckpointMessage {
			return m, err
		}
	}
}

// follow reads messages until it has n events and was then told that it has
// caught up. It checks what holds of every message.
func (f *fixture) follow(sub eventstore.Subscription, n int) []eventstore.Recorded {
	f.Helper()
	var got []eventstore.Recorded
	var at eventstore.Position
	for {
		m, err := next(f.ctx(), sub)
		if err != nil {
			f.Fatalf("Next after %d of %d events: %v", len(got), n, err)
		}
		if m.Position.Before(at) {
			f.Fatalf("message %+v goes back from %s", m, at)
		}
		at = m.Position
		switch m.Kind {
		case eventstore.EventMessage:
			if m.Position != m.Event.Position {
				f.Fatalf("message at %s carries the event at %s", m.Position, m.Event.Position)
			}
			if got = append(got, m.Event); len(got) > n {
				f.Fatalf("event %+v is one too many", m.Event)
			}
		case eventstore.CaughtUpMessage:
			if len(got) == n {
				return got
			}
		default:
			f.Fatalf("message of kind %d", m.Kind)
		}
	}
}

func subscribeFollows(f *fixture) {
	s := name("account")
	f.append(s, eventstore.NoStream, events(250))
	f.append(s, 249, events(3))
	sub := f.subscribe(context.Background(), f.base)
	checkSame(f.T, "catching up", f.all(f.base), f.follow(sub, 253))
	// Each time it falls behind and catches up, it says so again.
	for round := range 5 {
		after := f.last()
		f.append(s, eventstore.Revision(252+3*round), events(3))
		checkSame(f.T, "live", f.all(after), f.follow(sub, 3))
	}
	// An append that comes while Next waits.
	after := f.last()
	type reply struct {
		m   eventstore.Message
		err error
	}
	replies := make(chan reply, 1)
	go func() {
		m, err := next(f.ctx(), sub)
		replies <- reply{m, err}
	}()
	f.append(name("account"), eventstore.NoStream, events(1))
	r := <-replies
	if want := f.all(after)[0]; r.err != nil || r.m.Kind != eventstore.EventMessage || !sameRecorded(r.m.Event, want) {
		f.Fatalf("live message %+v, %v, want event %+v", r.m, r.err, want)
	}
	if err := sub.Close(); err != nil {
		f.Fatalf("Close of the subscription: %v", err)
	}

	empty := f.subscribe(context.Background(), f.last())
	f.follow(empty, 0)
	if err := empty.Close(); err != nil {
		f.Fatal(err)
	}
}

func subscribeInTheMiddle(f *fixture) {
	f.append(name("account"), eventstore.NoStream, events(7))
	all := f.all(f.base)
	for i, e := range all {
		sub := f.subscribe(context.Background(), e.Position)
		checkSame(f.T, "after "+e.Position.String(), all[i+1:], f.follow(sub, len(all)-i-1))
		if err := sub.Close(); err != nil {
			f.Fatal(err)
		}
	}
}

func subscribeCancelled(f *fixture) {
	f.append(name("account"), eventstore.NoStream, events(1))
	over, cancel := context.WithCancel(context.Background())
	cancel()
	sub := f.subscribe(context.Background(), f.base)
	if _, err := sub.Next(over); !errors.Is(err, context.Canceled) {
		f.Fatalf("Next with a cancelled context: %v", err)
	}
	// One call's context is not the subscription's.
	f.follow(sub, 1)
	waits, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := sub.Next(waits)
		failed <- err
	}()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		f.Fatalf("a waiting Next whose context ends: %v", err)
	}
	if err := sub.Close(); err != nil {
		f.Fatal(err)
	}

	lives, cancel := context.WithCancel(context.Background())
	sub = f.subscribe(lives, f.base)
	f.follow(sub, 1)
	go func() {
		_, err := sub.Next(f.ctx())
		failed <- err
	}()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		f.Fatalf("a waiting Next whose subscription's context ends: %v", err)
	}
	if err := sub.Close(); err != nil {
		f.Fatal(err)
	}
}

func subscribeCloseUnblocks(f *fixture) {
	f.closeUnblocks(func(sub eventstore.Subscription) error { return sub.Close() })
	sub := f.subscribe(context.Background(), f.base)
	for range 2 {
		if err := sub.Close(); err != nil {
			f.Fatalf("Close of the subscription: %v", err)
		}
	}
	if _, err := sub.Next(f.ctx()); !errors.Is(err, eventstore.ErrClosed) {
		f.Fatalf("Next after Close: %v", err)
	}
}

func subscribeStoreCloseUnblocks(f *fixture) {
	f.closeUnblocks(func(eventstore.Subscription) error { return f.store.Close() })
}

// closeUnblocks has Next wait at the end of the log and ends the wait.
func (f *fixture) closeUnblocks(end func(eventstore.Subscription) error) {
	f.Helper()
	sub := f.subscribe(context.Background(), f.base)
	f.follow(sub, 0)
	ctx := f.ctx()
	failed := make(chan error, 1)
	go func() {
		_, err := next(ctx, sub)
		failed <- err
	}()
	if err := end(sub); err != nil {
		f.Fatalf("Close: %v", err)
	}
	if err := <-failed; !errors.Is(err, eventstore.ErrClosed) {
		f.Fatalf("a waiting Next after Close: %v", err)
	}
	if err := sub.Close(); err != nil {
		f.Fatalf("Close of the subscription: %v", err)
	}
}

// subscribeSeveral: every subscriber sees everything, in order, while others
// write.
func subscribeSeveral(f *fixture) {
	const subscribers, writers, appends, size = 4, 3, 30, 2
	const total = writers * appends * size
	var wg sync.WaitGroup
	seen := make([][]eventstore.Recorded, subscribers)
	failures := make(chan error, subscribers+writers)
	ctx := f.ctx()
	for i := range subscribers {
		sub := f.subscribe(ctx, f.base)
		wg.Go(func() {
			defer sub.Close()
			for len(seen[i]) < total {
				m, err := next(ctx, sub)
				if err != nil {
					failures <- err
					return
				}
				if m.Kind == eventstore.EventMessage {
					seen[i] = append(seen[i], m.Event)
				}
			}
		})
	}
	for range writers {
		wg.Go(func() {
			s := name("account")
			expected := eventstore.NoStream
			for range appends {
				a, err := f.store.Append(ctx, s, expected, events(size))
				if err != nil {
					failures <- err
					return
				}
				expected = a.LastRevision
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failures:
		f.Fatal(err)
	default:
	}
	all := f.all(f.base)
	for i := range seen {
		checkSame(f.T, "subscriber", all, seen[i])
	}
}
