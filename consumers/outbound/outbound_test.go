package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"prepayledger/consumers/outbound"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections"
	"prepayledger/projections/projectionstest"
)

// recorder is an output that keeps what it gets, by position.
type recorder struct {
	mu  sync.Mutex
	got map[eventstore.Position]string
	// order are the positions as they first came.
	order []eventstore.Position
	// failures are what the next deliveries return.
	failures []error
	repeats  int
}

func (*recorder) Name() string { return "recorder" }

func (r *recorder) Deliver(_ context.Context, changes []outbound.Change) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		text := fmt.Sprintf("%s %s -> %s", c.Type, c.Before.Balance, c.After.Balance)
		if before, again := r.got[c.Position]; again {
			r.repeats++
			if before != text {
				return fmt.Errorf("%w: %s came again as %q, first %q", outbound.ErrHalt, c.Position, text, before)
			}
			continue
		}
		r.got[c.Position], r.order = text, append(r.order, c.Position)
	}
	if len(r.failures) > 0 {
		err := r.failures[0]
		r.failures = r.failures[1:]
		return err
	}
	return nil
}

func newRecorder(failures ...error) *recorder {
	return &recorder{got: map[eventstore.Position]string{}, failures: failures}
}

func opened() *domain.AccountOpened {
	return &domain.AccountOpened{PartnerID: "PA-1", Currency: "USD", CarriedOver: money.FromInt(500)}
}

func charged(id, amount string) *domain.ConversationCharged {
	return &domain.ConversationCharged{ChargeID: id, Amount: money.MustParse(amount), Currency: "USD", Month: "2026-10"}
}

// carry runs an engine until the output has the log's end, or the engine fails.
func carry(t *testing.T, l *projectionstest.Log, dir string, out outbound.Output, opts outbound.Options) error {
	t.Helper()
	o, err := outbound.Open(dir, []outbound.Output{out}, opts)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := projections.Open(t.Context(), t.TempDir(), l.Store(), codec.New(), nil, []projections.Sink{o}, projections.Options{})
	if err != nil {
		_ = o.Close()
		return err
	}
	engine.Start()
	failed := engine.CatchUp(t.Context())
	if err := errors.Join(engine.Close(), o.Close()); err != nil {
		t.Fatal(err)
	}
	return failed
}

// TestChanges: every event comes in order with the balance before and after
// it, and after a restart none comes again.
func TestChanges(t *testing.T) {
	l, dir, out := projectionstest.New(t), t.TempDir(), newRecorder()
	l.Append("account-PA-1", opened(), charged("a", "1.5"))
	l.Append("markets-x", &domain.RetryCleared{Why: "no_need"})
	if err := carry(t, l, dir, out, outbound.Options{}); err != nil {
		t.Fatal(err)
	}
	l.Append("account-PA-1", charged("b", "0.25"))
	if err := carry(t, l, dir, out, outbound.Options{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range out.order {
		got = append(got, out.got[p])
	}
	want := []string{"AccountOpened 0 -> 500", "ConversationCharged 500 -> 498.5", "RetryCleared 0 -> 0", "ConversationCharged 498.5 -> 498.25"}
	if !slices.Equal(got, want) || out.repeats != 0 {
		t.Errorf("got %q with %d repeats, want %q", got, out.repeats, want)
	}
}

// TestFailedDelivery is repeated with the same figures until it is taken.
func TestFailedDelivery(t *testing.T) {
	l, failures := projectionstest.New(t), 0
	out := newRecorder(errors.New("away"), errors.New("still away"))
	l.Append("account-PA-1", opened(), charged("a", "1"))
	err := carry(t, l, t.TempDir(), out, outbound.Options{Failed: func(string) { failures++ }})
	if err != nil || failures != 2 || out.repeats == 0 || len(out.order) != 2 {
		t.Errorf("%v, %d failures, %d repeats, %d events", err, failures, out.repeats, len(out.order))
	}
}

// TestHalt stops the engine, and nothing counts as delivered.
func TestHalt(t *testing.T) {
	l, dir := projectionstest.New(t), t.TempDir()
	l.Append("account-PA-1", opened())
	halting := newRecorder(fmt.Errorf("%w: mend it", outbound.ErrHalt))
	if err := carry(t, l, dir, halting, outbound.Options{}); !errors.Is(err, outbound.ErrHalt) {
		t.Fatalf("got %v", err)
	}
	after := newRecorder()
	if err := carry(t, l, dir, after, outbound.Options{}); err != nil || len(after.order) != 1 {
		t.Errorf("%v: %d events came after the halt, want 1", err, len(after.order))
	}
}

// TestLostCheckpoint: where the folder was deleted, all comes again as it was.
func TestLostCheckpoint(t *testing.T) {
	l, out := projectionstest.New(t), newRecorder()
	l.Append("account-PA-1", opened(), charged("a", "1"), charged("b", "2"))
	for range 2 {
		if err := carry(t, l, t.TempDir(), out, outbound.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if out.repeats != 3 || len(out.order) != 3 {
		t.Errorf("%d events, %d repeats, want 3 and 3", len(out.order), out.repeats)
	}
}

// TestUnreadableEvent stops everything: nobody is told less than happened.
func TestUnreadableEvent(t *testing.T) {
	l, out := projectionstest.New(t), newRecorder()
	l.Append("account-PA-1", opened())
	l.AppendRaw("account-PA-1", "NobodyKnows", 1, []byte(`{}`))
	if err := carry(t, l, t.TempDir(), out, outbound.Options{}); err == nil {
		t.Error("an unknown event was carried")
	}
}

// TestSettle: what was delivered a moment ago comes again after a restart, as
// it was; what was delivered long enough ago does not.
func TestSettle(t *testing.T) {
	l, dir, out := projectionstest.New(t), t.TempDir(), newRecorder()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	opts := outbound.Options{Settle: 30 * time.Second, Clock: func() time.Time { return now }}
	l.Append("account-PA-1", opened(), charged("a", "1"))
	for range 2 { // nothing is settled when the first ends
		if err := carry(t, l, dir, out, opts); err != nil {
			t.Fatal(err)
		}
	}
	if out.repeats != 2 {
		t.Fatalf("%d repeats, want both events again", out.repeats)
	}
	o, err := outbound.Open(dir, []outbound.Output{out}, opts)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := projections.Open(t.Context(), t.TempDir(), l.Store(), codec.New(), nil, []projections.Sink{o}, projections.Options{})
	if err != nil {
		t.Fatal(err)
	}
	engine.Start()
	for i, wait := range []time.Duration{0, 31 * time.Second, time.Second} {
		now = now.Add(wait)
		l.Append("account-PA-1", charged(fmt.Sprint("b", i), "1"))
		if err := engine.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(engine.Close(), o.Close()); err != nil {
		t.Fatal(err)
	}
	before := out.repeats
	if err := carry(t, l, dir, out, opts); err != nil {
		t.Fatal(err)
	}
	// Settled is what was delivered before the 31 s: the first batch at least.
	if again := out.repeats - before; again == 0 || again > 3 || len(out.order) != 5 {
		t.Errorf("%d of %d events came again", again, len(out.order))
	}
}
