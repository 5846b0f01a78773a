package decider_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
	"prepayledger/eventstore/esdb/esdbtest"
)

// A counter takes amounts and refuses to exceed its limit: small enough to
// know every answer.
type counter struct {
	sum, events int64
}

type add struct {
	n int64
	// pad makes the event large; urgent must be on disk before anything else.
	pad    int
	urgent bool
}

type answer struct {
	sum     int64
	refused bool
}

const limit = 1 << 40

func spec(before func(*counter, add) (add, bool), appended func(eventstore.Appended)) decider.Spec[*counter, add, add, answer] {
	return decider.Spec[*counter, add, add, answer]{
		Load: func(context.Context, string) (*counter, eventstore.Revision, error) {
			return &counter{}, eventstore.NoStream, nil
		},
		Before: func(_ context.Context, _ string, s *counter, c add) (add, bool, error) {
			if before == nil {
				return add{}, false, nil
			}
			next, ok := before(s, c)
			return next, ok, nil
		},
		Decide: func(s *counter, c add) ([]add, answer, error) {
			if s.sum+c.n > limit {
				return nil, answer{sum: s.sum, refused: true}, nil
			}
			if c.n < 0 {
				return nil, answer{}, errors.New("broken")
			}
			return []add{c}, answer{sum: s.sum + c.n}, nil
		},
		Evolve: func(s *counter, e add) error { s.sum += e.n; s.events++; return nil },
		Encode: func(dst []eventstore.Event, _ *counter, _ add, events []add) ([]eventstore.Event, error) {
			for _, e := range events {
				data := binary.BigEndian.AppendUint64(nil, uint64(e.n))
				dst = append(dst, eventstore.Event{ID: uuid.New(), Type: "Added", Data: append(data, make([]byte, e.pad)...)})
			}
			return dst, nil
		},
		Fold: func(_ context.Context, s *counter, r eventstore.Recorded) error {
			s.sum += int64(binary.BigEndian.Uint64(r.Data))
			s.events++
			return nil
		},
		Barrier: func(events []add) bool { return events[0].urgent },
		Appended: func(_ *counter, at eventstore.Appended) {
			if appended != nil {
				appended(at)
			}
		},
	}
}

// stored reads a stream's amounts.
func stored(t *testing.T, store eventstore.Store, stream string) (amounts []int64) {
	t.Helper()
	for r, err := range store.ReadStream(context.Background(), stream, 0, eventstore.Forwards) {
		if err != nil {
			t.Fatal(err)
		}
		amounts = append(amounts, int64(binary.BigEndian.Uint64(r.Data)))
	}
	return amounts
}

// TestConflicts lets two engines write to the same streams: every command
// counts exactly once, and every answer is that of some one order.
func TestConflicts(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { conflicts(t, open(t)) })
}

func conflicts(t *testing.T, store eventstore.Store) {
	const workers, each, streams = 8, 250, 2
	engines := []*decider.Engine[*counter, add, add, answer]{
		decider.New(store, spec(nil, nil)), decider.New(store, spec(nil, nil)),
	}
	var seen sync.Map
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range each {
				stream := fmt.Sprintf("s-%d", i%streams)
				got, err := engines[w%2].Do(context.Background(), stream, add{n: 1})
				if err != nil {
					t.Error(err)
					return
				}
				if _, twice := seen.LoadOrStore(fmt.Sprint(stream, got[0].sum), true); twice {
					t.Errorf("two commands were told that they made %d of %s", got[0].sum, stream)
				}
			}
		})
	}
	group.Wait()
	for _, e := range engines {
		e.Close()
	}
	total := 0
	for s := range streams {
		total += len(stored(t, store, fmt.Sprintf("s-%d", s)))
	}
	if total != workers*each {
		t.Errorf("%d events for %d commands", total, workers*each)
	}
}

// TestCoalescing submits many commands at once: they share appends, and each
// is decided on what the one before left.
func TestCoalescing(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { coalescing(t, open(t)) })
}

func coalescing(t *testing.T, store eventstore.Store) {
	var appends atomic.Int64
	e := decider.New(store, spec(nil, func(eventstore.Appended) { appends.Add(1) }))
	defer e.Close()
	const n = 2000
	commands := make([]add, n)
	for i := range commands {
		commands[i].n = 1
	}
	answers, err := e.Do(context.Background(), "s", commands...)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if a.sum != int64(i+1) {
			t.Fatalf("command %d was decided on %d", i, a.sum-1)
		}
	}
	if got := appends.Load(); got != 1 {
		t.Errorf("%d appends for one small batch", got)
	}
}

// TestLargeBatch divides a batch between decisions, never inside one.
func TestLargeBatch(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { largeBatch(t, open(t)) })
}

func largeBatch(t *testing.T, store eventstore.Store) {
	var appends atomic.Int64
	e := decider.New(store, spec(nil, func(eventstore.Appended) { appends.Add(1) }))
	defer e.Close()
	commands := make([]add, 20)
	for i := range commands {
		commands[i] = add{n: 1, pad: 100 << 10}
	}
	if _, err := e.Do(context.Background(), "s", commands...); err != nil {
		t.Fatal(err)
	}
	if got := len(stored(t, store, "s")); got != len(commands) {
		t.Errorf("%d events, want %d", got, len(commands))
	}
	if got := appends.Load(); got != 4 { // five of 100 KiB in each append of 512 KiB
		t.Errorf("%d appends, want 4", got)
	}
}

// TestRefusedAndBroken tells a refusal, which is an answer, from a failure.
func TestRefusedAndBroken(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { refusedAndBroken(t, open(t)) })
}

func refusedAndBroken(t *testing.T, store eventstore.Store) {
	e := decider.New(store, spec(nil, nil))
	defer e.Close()
	answers, err := e.Do(context.Background(), "s", add{n: 1}, add{n: limit}, add{n: 2})
	if err != nil || !answers[1].refused || answers[2].sum != 3 {
		t.Fatalf("got %+v, %v", answers, err)
	}
	if _, err := e.Do(context.Background(), "s", add{n: 5}, add{n: -1}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Fatalf("a failing decision answered %v", err)
	}
	answers, err = e.Do(context.Background(), "s", add{n: 4})
	if err != nil || answers[0].sum != 7 {
		t.Fatalf("after a failure: %+v, %v; nothing of the failed batch may count", answers, err)
	}
}

// TestBarrier has an urgent event on disk before the next command is asked.
func TestBarrier(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { barrier(t, open(t)) })
}

func barrier(t *testing.T, store eventstore.Store) {
	var durable atomic.Int64
	before := func(s *counter, _ add) (add, bool) {
		if s.events == 1 && durable.Load() != 1 {
			t.Error("something was asked before the urgent event was on disk")
		}
		if s.events == 1 {
			return add{n: 100}, true
		}
		return add{}, false
	}
	e := decider.New(store, spec(before, func(eventstore.Appended) { durable.Add(1) }))
	defer e.Close()
	if _, err := e.Do(context.Background(), "s", add{n: 1, urgent: true}, add{n: 2}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(stored(t, store, "s")); got != "[1 100 2]" {
		t.Errorf("stored %s, want [1 100 2]", got)
	}
}

// TestCancelledCaller stops waiting; the work goes on, and the answer says
// that its end is not known.
func TestCancelledCaller(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { cancelledCaller(t, open(t)) })
}

func cancelledCaller(t *testing.T, store eventstore.Store) {
	e := decider.New(store, spec(nil, nil))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Do(ctx, "s", add{n: 1}); err != nil && !(errors.Is(err, eventstore.ErrOutcomeUnknown) && errors.Is(err, context.Canceled)) {
		t.Errorf("got %v", err)
	}
	answers, err := e.Do(context.Background(), "s", add{n: 1})
	if err != nil || answers[0].sum != 2 {
		t.Errorf("got %+v, %v", answers, err)
	}
	e.Close()
	if _, err := e.Do(context.Background(), "s", add{n: 1}); !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
