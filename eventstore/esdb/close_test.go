package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"prepayledger/eventstore"
	"prepayledger/eventstore/esdb"
)

// TestCloseInTheMiddle: Close while appends, reads and subscriptions are under
// way ends them all with the error that says so, loses no append that was
// answered, and leaves neither a connection nor a goroutine behind.
func TestCloseInTheMiddle(t *testing.T) {
	const rounds, log = 5, 2000
	s := serve(t, t.TempDir())
	defer s.Close()
	if _, err := s.log.Append(deadline(t), "account-1", eventstore.NoStream, events(log)); err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, s.address)
	before := goleak.IgnoreCurrent()
	for round := range rounds {
		d := open(t, "esdb://"+p.address()+"?tls=false")
		w := &workers{t: t, d: d, begun: make(chan struct{}, 1000)}
		for i := range 8 {
			w.run("append", func() error { return w.appends(fmt.Sprintf("account-%d-%d", round, i)) })
		}
		for range 2 {
			w.run("log", func() error { return w.reads(d.ReadAll(context.Background(), eventstore.Start)) })
			w.run("stream", func() error {
				return w.reads(d.ReadStream(context.Background(), "account-1", 0, eventstore.Forwards))
			})
			w.run("subscription", w.follows)
		}
		for range 200 + 100*round {
			<-w.begun
		}
		if err := d.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		w.wg.Wait()
		if err := p.empty(deadline(t)); err != nil {
			t.Fatalf("after Close: %v", err)
		}
		w.stored(s)
	}
	if err := goleak.Find(before); err != nil {
		t.Fatal(err)
	}
}

// workers use a store until it is closed.
type workers struct {
	t *testing.T
	d *esdb.Store
	// begun gets a value for each thing done, if there is room.
	begun chan struct{}
	wg    sync.WaitGroup

	mu sync.Mutex
	// answered is how many events each stream has by the answers.
	answered map[string]int
}

func (w *workers) run(what string, work func() error) {
	w.wg.Go(func() {
		if err := work(); !errors.Is(err, eventstore.ErrClosed) {
			w.t.Errorf("%s: ended with %v, want closed", what, err)
		}
	})
}

func (w *workers) did() {
	select {
	case w.begun <- struct{}{}:
	default:
	}
}

func (w *workers) appends(stream string) error {
	for expected := eventstore.NoStream; ; {
		a, err := w.d.Append(context.Background(), stream, expected, events(2))
		if err != nil {
			return err
		}
		expected = a.LastRevision
		w.mu.Lock()
		if w.answered == nil {
			w.answered = map[string]int{}
		}
		w.answered[stream] = int(expected) + 1
		w.mu.Unlock()
		w.did()
	}
}

// reads reads the same again and again.
func (w *workers) reads(events func(func(eventstore.Recorded, error) bool)) error {
	for {
		for _, err := range events {
			if err != nil {
				return err
			}
			w.did()
		}
	}
}

// follows opens a subscription and leaves it open.
func (w *workers) follows() error {
	sub, err := w.d.SubscribeAll(context.Background(), eventstore.Start)
	for err == nil {
		_, err = sub.Next(context.Background())
		w.did()
	}
	return err
}

// stored compares the log with the answers.
func (w *workers) stored(s *served) {
	w.t.Helper()
	for stream, want := range w.answered {
		n := 0
		for _, err := range s.log.ReadStream(deadline(w.t), stream, 0, eventstore.Forwards) {
			if err != nil {
				w.t.Fatal(err)
			}
			n++
		}
		if n != want {
			w.t.Fatalf("%s has %d events, %d were answered", stream, n, want)
		}
	}
}
