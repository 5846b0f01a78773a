package why

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// stored puts a story's events into a real log and returns its stream.
func stored(t testing.TB, s *story) *Stream {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := codec.New()
	expected := eventstore.NoStream
	var events []eventstore.Event
	flush := func() {
		at, err := store.Append(t.Context(), "account-PA-1", expected, events)
		if err != nil {
			t.Fatal(err)
		}
		expected, events = at.LastRevision, nil
	}
	for i := range s.facts {
		f := &s.facts[i]
		data, version, err := c.Encode(nil, f.Event)
		if err != nil {
			t.Fatal(err)
		}
		m := codec.Metadata{Version: version, OccurredAt: f.Meta.RecordedAt, RecordedAt: f.Meta.RecordedAt, Actor: f.Meta.Actor, CommandID: uuid.New()}
		events = append(events, eventstore.Event{ID: uuid.MustParse(f.ID), Type: f.Event.EventType(), Data: data, Metadata: codec.AppendMetadata(nil, &m)})
		if len(events) == 1000 {
			flush()
		}
	}
	if len(events) > 0 {
		flush()
	}
	return &Stream{Store: store, Codec: c, Name: "account-PA-1", Last: expected}
}

// The stream in the log tells the same as the events in memory, and nothing
// that came after the state.
func TestStream(t *testing.T) {
	s := overdue(t)
	want := s.explain()
	source := stored(t, s)
	account := *s.account
	s.do(&domain.ConfirmPayment{Reference: "BANK-1", Amount: amt("520.75")})
	late := stored(t, s)
	late.Last = source.Last
	for name, from := range map[string]*Stream{"up to its end": source, "up to the state": late} {
		got, err := Explain(t.Context(), &account, from, s.now)
		if err != nil {
			t.Fatal(err)
		}
		if got.all() != want.all() || fmt.Sprint(got.Attempts) == "" || len(got.Steps) != len(want.Steps) || got.Crossing.EventID != want.Crossing.EventID {
			t.Errorf("%s:\n%s\nwant\n%s", name, got.all(), want.all())
		}
	}
}

// A crossing beyond the limit is found by its instant.
func TestSeek(t *testing.T) {
	s := open(t, func(c *domain.OpenAccount) { c.CarriedOver, c.AutoRecharge = amt("501"), ptr(false) })
	for range 700 {
		s.after(time.Second)
		s.charge("0.01")
	}
	s.after(time.Second)
	s.charge("499.5")
	for range 700 {
		s.after(time.Second)
		s.charge("0.01")
	}
	source := stored(t, s)
	a, err := explain(t.Context(), s.account, source, s.now, 100)
	if err != nil {
		t.Fatal(err)
	}
	must(t, &a, domain.Grace, `"wamid.701"`)
	if !a.Incomplete || a.Crossing == nil || a.Crossing.Effect.String() != "-499.5" || a.EventsRead > 100+2*slack+10 {
		t.Errorf("crossing %+v, %d events read", a.Crossing, a.EventsRead)
	}
}

// BenchmarkExplain explains an account with as many charges since its balance
// became negative as are read at most.
func BenchmarkExplain(b *testing.B) {
	s := open(b, func(c *domain.OpenAccount) { c.AutoRecharge = ptr(false) })
	s.charge("501")
	for range MaxEvents - 100 {
		s.charge("0.01")
	}
	source := stored(b, s)
	for b.Loop() {
		a, err := Explain(b.Context(), s.account, source, s.now)
		if err != nil || a.Incomplete || a.Charges.Count != MaxEvents-100 {
			b.Fatalf("%+v, %v", a.Charges, err)
		}
	}
}
