package esdb_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	_ "unsafe" // for the shorter pings

	"github.com/google/uuid"

	"prepayledger/eventstore"
	"prepayledger/eventstore/esdb"
)

// patience is how long a test waits for what must happen (time).
const patience = 30 * time.Second

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// behindProxy is a served log and a driver that reaches it through a proxy.
func behindProxy(t *testing.T) (*served, *proxy, *esdb.Store) {
	t.Helper()
	s := serve(t, t.TempDir())
	t.Cleanup(func() { s.Close() })
	p := newProxy(t, s.address)
	d := open(t, "esdb://"+p.address()+"?tls=false")
	t.Cleanup(func() { d.Close() })
	return s, p, d
}

func events(n int) []eventstore.Event {
	es := make([]eventstore.Event, n)
	for i := range es {
		es[i] = eventstore.Event{ID: uuid.New(), Type: "Noted", Data: fmt.Appendf(nil, `{"n":%d}`, i)}
	}
	return es
}

// settle repeats an append for as long as its outcome is not known or the
// store is away, as the contract asks.
func settle(ctx context.Context, s eventstore.Store, stream string, expected eventstore.Revision, es []eventstore.Event) (eventstore.Appended, error) {
	for {
		a, err := s.Append(ctx, stream, expected, es)
		if ctx.Err() != nil || !errors.Is(err, eventstore.ErrOutcomeUnknown) && !errors.Is(err, eventstore.ErrUnavailable) {
			return a, err
		}
	}
}

func count(t *testing.T, s eventstore.Store) int {
	t.Helper()
	n := 0
	for _, err := range s.ReadAll(deadline(t), eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestAnswerLost: stored, but the answer never comes. That is an unknown
// outcome, and the repeated append is answered with the place of the first.
func TestAnswerLost(t *testing.T) {
	s, p, d := behindProxy(t)
	ctx := deadline(t)
	if _, err := d.Append(ctx, "account-1", eventstore.NoStream, events(1)); err != nil {
		t.Fatal(err)
	}
	before, err := s.log.Last(ctx)
	if err != nil {
		t.Fatal(err)
	}
	arrivals, err := s.log.SubscribeAll(ctx, before)
	if err != nil {
		t.Fatal(err)
	}
	defer arrivals.Close()

	p.muted.Store(true)
	es := events(3)
	failed := make(chan error, 1)
	go func() {
		_, err := d.Append(ctx, "account-1", 0, es)
		failed <- err
	}()
	for seen := 0; seen < len(es); {
		m, err := arrivals.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == eventstore.EventMessage {
			seen++
		}
	}
	p.cut()
	if err := <-failed; !errors.Is(err, eventstore.ErrOutcomeUnknown) {
		t.Fatalf("an append whose answer was lost: %v, want outcome unknown", err)
	}
	p.muted.Store(false)
	a, err := settle(ctx, d, "account-1", 0, es)
	if err != nil || a.LastRevision != 3 {
		t.Fatalf("repeated: %+v, %v", a, err)
	}
	if last, err := s.log.Last(ctx); err != nil || a.Position != last {
		t.Fatalf("repeated: %+v, the log ends at %s, %v", a, last, err)
	}
	if n := count(t, d); n != 4 {
		t.Fatalf("the log has %d events, want 4", n)
	}
}

// TestOthersAppendedMeanwhile: an append whose answer was lost is repeated
// after others went on with the stream. If it was stored, it is answered with
// its place; if not, it is a conflict, and none of it is stored.
func TestOthersAppendedMeanwhile(t *testing.T) {
	s, p, d := behindProxy(t)
	ctx := deadline(t)
	for _, stored := range []bool{true, false} {
		stream := fmt.Sprintf("account-%t", stored)
		if _, err := s.log.Append(ctx, stream, eventstore.NoStream, events(1)); err != nil {
			t.Fatal(err)
		}
		es := events(2)
		want, at := []eventstore.Event{}, eventstore.Revision(0)
		if stored {
			// What came before the answer was lost.
			a, err := s.log.Append(ctx, stream, at, es)
			if err != nil {
				t.Fatal(err)
			}
			want, at = append(want, es...), a.LastRevision
		}
		others := events(3)
		if _, err := s.log.Append(ctx, stream, at, others); err != nil {
			t.Fatal(err)
		}
		want = append(want, others...)
		p.cut()
		a, err := settle(ctx, d, stream, 0, es)
		var wrong *eventstore.WrongRevisionError
		switch {
		case stored && (err != nil || a.LastRevision != 2):
			t.Fatalf("stored before: %+v, %v, want revision 2", a, err)
		case !stored && (!errors.As(err, &wrong) || wrong.Actual != 3):
			t.Fatalf("others were first: %+v, %v, want a conflict with revision 3", a, err)
		}
		i := 0
		for e, err := range d.ReadStream(ctx, stream, 1, eventstore.Forwards) {
			if err != nil {
				t.Fatal(err)
			}
			if i == len(want) || e.ID != want[i].ID {
				t.Fatalf("stored %t: revision %d is none of those that were appended there", stored, e.Revision)
			}
			if stored && e.Revision == a.LastRevision && e.Position != a.Position {
				t.Fatalf("revision %d stands at %s, the answer says %s", e.Revision, e.Position, a.Position)
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("stored %t: %d events, want %d", stored, i, len(want))
		}
	}
}

// TestIdleThroughOutage: the server is away for seconds while nothing was
// under way but a subscription. Calls say so, and when it is back the same
// store goes on within seconds.
func TestIdleThroughOutage(t *testing.T) {
	const outage, soon = 3 * time.Second, 5 * time.Second
	s, p, d := behindProxy(t)
	ctx := deadline(t)
	a, err := d.Append(ctx, "account-1", eventstore.NoStream, events(2))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := d.SubscribeAll(ctx, a.Position)
	if err != nil {
		t.Fatal(err)
	}
	p.down.Store(true)
	p.cut()
	began := time.Now()
	for {
		m, err := sub.Next(ctx)
		if errors.Is(err, eventstore.ErrDropped) {
			break
		}
		if err != nil || m.Kind == eventstore.EventMessage {
			t.Fatalf("the idle subscription: %+v, %v, want it to be dropped", m, err)
		}
	}
	sub.Close()
	for time.Since(began) < outage {
		if _, err := d.Last(ctx); !errors.Is(err, eventstore.ErrUnavailable) {
			t.Fatalf("Last within the outage: %v, want unavailable", err)
		}
		if _, err := d.Append(ctx, "account-1", 1, events(1)); !errors.Is(err, eventstore.ErrUnavailable) {
			t.Fatalf("Append within the outage: %v, want unavailable", err)
		}
	}
	if last, err := s.log.Last(ctx); err != nil || last != a.Position {
		t.Fatalf("the log ends at %s, %v: something was stored that was said to be not", last, err)
	}
	p.down.Store(false)
	back := time.Now()
	es := events(1)
	if _, err := settle(ctx, d, "account-1", 1, es); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(back); took > soon {
		t.Fatalf("found the server %s after it was back", took)
	}
	if sub, err = d.SubscribeAll(ctx, a.Position); err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if m, err := sub.Next(ctx); err != nil || m.Event.ID != es[0].ID {
		t.Fatalf("after the outage: %+v, %v", m, err)
	}
}

// shortestPing is gRPC's own limit for clients written in Go, 10 s.
//
//go:linkname shortestPing google.golang.org/grpc/internal.KeepaliveMinPingTime
var shortestPing time.Duration

// TestDeadConnection: a network that swallows what an idle connection sends is
// noticed by its pings, so that the next append finds a connection that lives.
func TestDeadConnection(t *testing.T) {
	before := shortestPing
	shortestPing = time.Millisecond
	defer func() { shortestPing = before }()
	s := serve(t, t.TempDir())
	defer s.Close()
	p := newProxy(t, s.address)
	d := open(t, "esdb://"+p.address()+"?tls=false&keepAliveInterval=1000&keepAliveTimeout=300&defaultDeadline=20000")
	defer d.Close()
	ctx := deadline(t)
	if _, err := d.Append(ctx, "account-1", eventstore.NoStream, events(1)); err != nil {
		t.Fatal(err)
	}
	p.stalled.Store(true)
	if err := p.empty(ctx); err != nil {
		t.Fatalf("the dead connection was not noticed: %v", err)
	}
	p.stalled.Store(false)
	if _, err := d.Append(ctx, "account-1", 0, events(1)); err != nil {
		t.Fatalf("after the dead connection: %v", err)
	}
}

// TestDeadlineAfterSending: the caller's context ends while the answer is
// awaited.
func TestDeadlineAfterSending(t *testing.T) {
	s, p, d := behindProxy(t)
	if _, err := d.Append(deadline(t), "account-1", eventstore.NoStream, events(1)); err != nil {
		t.Fatal(err)
	}
	last, err := s.log.Last(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	arrivals, err := s.log.SubscribeAll(deadline(t), last)
	if err != nil {
		t.Fatal(err)
	}
	defer arrivals.Close()
	p.muted.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := d.Append(ctx, "account-1", 0, events(1))
		failed <- err
	}()
	for {
		m, err := arrivals.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind == eventstore.EventMessage {
			break
		}
	}
	cancel()
	if err := <-failed; !errors.Is(err, eventstore.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled after sending: %v, want outcome unknown and cancelled", err)
	}
}

// TestServerAway: nothing was sent, so nothing is stored, and the error says
// so; when the server is back the same store goes on.
func TestServerAway(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir)
	p := newProxy(t, s.address)
	d := open(t, "esdb://"+p.address()+"?tls=false")
	defer d.Close()
	if _, err := d.Append(deadline(t), "account-1", eventstore.NoStream, events(2)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// The connection may take a moment to notice: until then the outcome of
	// an append that was sent into it is unknown.
	es := events(1)
	if _, err := d.Append(deadline(t), "account-1", 1, es); !errors.Is(err, eventstore.ErrUnavailable) && !errors.Is(err, eventstore.ErrOutcomeUnknown) {
		t.Fatalf("Append while the server is away: %v", err)
	}
	if _, err := d.Append(deadline(t), "account-1", 1, es); !errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrOutcomeUnknown) {
		t.Fatalf("Append while the server is known to be away: %v, want unavailable", err)
	}
	if _, err := d.Last(deadline(t)); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("Last while the server is away: %v, want unavailable", err)
	}
	if _, err := d.SubscribeAll(deadline(t), eventstore.Start); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("SubscribeAll while the server is away: %v, want unavailable", err)
	}

	back := serve(t, dir)
	defer back.Close()
	p.setTarget(back.address)
	a, err := settle(deadline(t), d, "account-1", 1, es)
	if err != nil || a.LastRevision != 2 {
		t.Fatalf("after the server is back: %+v, %v", a, err)
	}
	if n := count(t, d); n != 3 {
		t.Fatalf("the log has %d events, want 3", n)
	}
}

// TestReadsGoOn: cuts in the middle of reads neither lose nor repeat events.
func TestReadsGoOn(t *testing.T) {
	s, p, d := behindProxy(t)
	const total = 6000
	expected := eventstore.NoStream
	for expected < total-1 {
		es := events(500)
		for i := range es {
			es[i].Data = make([]byte, 1500)
		}
		a, err := s.log.Append(deadline(t), "account-1", expected, es)
		if err != nil {
			t.Fatal(err)
		}
		expected = a.LastRevision
	}
	reads := map[string]func(func(eventstore.Recorded, error) bool){
		"log":       d.ReadAll(deadline(t), eventstore.Start),
		"forwards":  d.ReadStream(deadline(t), "account-1", 0, eventstore.Forwards),
		"backwards": d.ReadStream(deadline(t), "account-1", eventstore.End, eventstore.Backwards),
	}
	for what, read := range reads {
		n := 0
		for e, err := range read {
			if err != nil {
				t.Fatalf("%s: after %d events: %v", what, n, err)
			}
			want := eventstore.Revision(n)
			if what == "backwards" {
				want = eventstore.Revision(total - 1 - n)
			}
			if e.Revision != want {
				t.Fatalf("%s: event %d has revision %d, want %d", what, n, e.Revision, want)
			}
			if n++; n%1500 == 0 {
				p.cut()
			}
		}
		if n != total {
			t.Fatalf("%s: %d events, want %d", what, n, total)
		}
	}
}

// TestSubscriptionDrops: a cut ends a subscription, and one that is opened
// after the last position seen has the rest.
func TestSubscriptionDrops(t *testing.T) {
	s, p, d := behindProxy(t)
	ctx := deadline(t)
	sub, err := d.SubscribeAll(ctx, eventstore.Start)
	if err != nil {
		t.Fatal(err)
	}
	var seen []eventstore.Recorded
	at := eventstore.Start
	expected := eventstore.NoStream
	for drops := 0; drops < 3; {
		a, err := s.log.Append(ctx, "account-1", expected, events(2))
		if err != nil {
			t.Fatal(err)
		}
		expected = a.LastRevision
		for at.Before(a.Position) {
			m, err := sub.Next(ctx)
			if errors.Is(err, eventstore.ErrDropped) {
				drops++
				sub.Close()
				for sub, err = d.SubscribeAll(ctx, at); errors.Is(err, eventstore.ErrUnavailable) && ctx.Err() == nil; {
					sub, err = d.SubscribeAll(ctx, at)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			if at.Before(m.Position) {
				at = m.Position
			}
			if m.Kind == eventstore.EventMessage {
				seen = append(seen, m.Event)
			}
		}
		p.cut()
	}
	sub.Close()
	for i, e := range seen {
		if e.Revision != eventstore.Revision(i) {
			t.Fatalf("event %d has revision %d", i, e.Revision)
		}
	}
	if len(seen) != int(expected)+1 {
		t.Fatalf("saw %d events, want %d", len(seen), expected+1)
	}
}

// TestAppendsUnderCuts: whatever is cut, an append that was answered is
// stored once, one that is unavailable is not stored, and one whose outcome
// was unknown is settled by repeating it.
func TestAppendsUnderCuts(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	_, p, d := behindProxy(t)
	ctx := deadline(t)
	var want []uuid.UUID
	expected := eventstore.NoStream
	unknown, away := 0, 0
	for appended := 0; appended < 150; {
		if rng.IntN(4) == 0 {
			// Now or while the append is under way.
			if rng.IntN(2) == 0 {
				p.cut()
			} else {
				go p.cut()
			}
		}
		es := events(1 + rng.IntN(3))
		a, err := d.Append(ctx, "account-1", expected, es)
		switch {
		case errors.Is(err, eventstore.ErrOutcomeUnknown):
			unknown++
			a, err = settle(ctx, d, "account-1", expected, es)
		case errors.Is(err, eventstore.ErrUnavailable):
			away++
			continue // not stored: others are appended in its place
		}
		if err != nil {
			t.Fatalf("after %d appends: %v", appended, err)
		}
		for _, e := range es {
			want = append(want, e.ID)
		}
		expected = a.LastRevision
		appended++
	}
	t.Logf("%d outcomes unknown, %d times away", unknown, away)
	i := 0
	for e, err := range d.ReadStream(ctx, "account-1", 0, eventstore.Forwards) {
		if err != nil {
			t.Fatal(err)
		}
		if i >= len(want) || e.ID != want[i] {
			t.Fatalf("revision %d is not what was appended there", i)
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("%d events, want %d", i, len(want))
	}
}
