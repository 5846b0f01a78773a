package deadlines_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"prepayledger/consumers/deadlines"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// clock is a machine's clock: it runs while the runner sleeps, and can jump.
type clock struct {
	now   time.Time
	until time.Time
	// jumps are made when the clock comes to their instant, each once.
	jumps  map[time.Time]time.Time
	sleeps int
}

var errEnd = errors.New("the test is over")

// maxSleeps bounds a runner that does not move on.
const maxSleeps = 200_000

// sleep lets the clock run.
func (c *clock) sleep(_ context.Context, d time.Duration) error {
	if c.sleeps++; c.sleeps > maxSleeps || !c.now.Before(c.until) {
		return errEnd
	}
	to := c.now.Add(d)
	if to.After(c.until) {
		to = c.until
	}
	for at, target := range c.jumps {
		if !at.After(to) {
			delete(c.jumps, at)
			to = target
		}
	}
	c.now = to
	return nil
}

// world is a ledger whose time the test makes.
type world struct {
	t      *testing.T
	clock  *clock
	store  eventstore.Store
	ledger *ledger.Ledger
	views  *ledgertest.Views
}

var start = time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, card string) *world {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{t: t, clock: &clock{now: start, jumps: map[time.Time]time.Time{}}, store: store}
	c := codec.New()
	w.views = ledgertest.New(store, c)
	w.ledger, err = ledger.Open(t.Context(), store, w.views, c, ledger.Options{Clock: func() time.Time { return w.clock.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.ledger.Close)
	w.do(&domain.OpenAccount{PartnerID: "PA-1", Currency: "EUR", CarriedOver: money.FromInt(500), Card: card})
	w.do(&domain.RegisterChannel{ChannelID: "CH-1", PhoneNumber: "+34911001000", PhoneNumberID: "P-1", WABAID: "W-1", PaymentModel: domain.PartnerPaid})
	return w
}

func (w *world) do(c domain.Command) {
	w.t.Helper()
	if err := w.ledger.Do(w.t.Context(), "PA-1", domain.Meta{Actor: "test"}, c); err != nil {
		w.t.Fatal(err)
	}
}

// spend charges an amount now.
func (w *world) spend(amount string) {
	w.t.Helper()
	outcomes, err := w.ledger.Charge(w.t.Context(), domain.Meta{Actor: "test"}, []ledger.Presented{{Charge: domain.Charge{
		ChargeID: "c-" + amount, PartnerID: "PA-1", ChannelID: "CH-1", WABAID: "W-1", Market: "Spain", Category: "marketing",
		Model: domain.PMP, PricingType: domain.PricingTypeRegular, OccurredAt: w.clock.now, Priced: true, Amount: money.MustParse(amount), Currency: "EUR",
	}}})
	if err != nil || outcomes[0].Charge != domain.ChargeDeducted {
		w.t.Fatal(outcomes, err)
	}
}

// run runs the deadlines until the instant.
func (w *world) run(until time.Time) {
	w.t.Helper()
	w.clock.until, w.clock.sleeps = until, 0
	r := deadlines.New(w.ledger, w.views, deadlines.Options{Tick: time.Minute, Sleep: w.clock.sleep})
	if err := r.Run(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if w.clock.now.Before(until) {
		w.t.Fatalf("the runner did not move on: it is %s after %d sleeps", w.clock.now, w.clock.sleeps)
	}
}

// events are the account's events of one kind, and when each was recorded.
func events[E domain.Event](w *world) (all []E, recorded []time.Time) {
	w.t.Helper()
	c := codec.New()
	for r, err := range w.store.ReadStream(w.t.Context(), "account-PA-1", 0, eventstore.Forwards) {
		if err != nil {
			w.t.Fatal(err)
		}
		m, err := codec.DecodeMetadata(r.Metadata)
		if err != nil {
			w.t.Fatal(err)
		}
		e, err := c.Decode(r.Type, m.Version, r.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		if wanted, ok := e.(E); ok {
			all, recorded = append(all, wanted), append(recorded, m.RecordedAt)
		}
	}
	return all, recorded
}

// published are the days whose balance was published.
func (w *world) published() (days []string) {
	all, _ := events[*domain.BalancePublished](w)
	for _, p := range all {
		days = append(days, p.Day.Format("01-02"))
	}
	return days
}

// TestDeadline blocks at the deadline, not before, and publishes each day's
// balance at its midnight (R20, R33).
func TestDeadline(t *testing.T) {
	w := newWorld(t, "sim_declined")
	w.spend("501")
	deadline := w.clock.now.Add(7 * domain.Day)
	w.run(deadline.Add(-time.Second))
	if blocks, _ := events[*domain.AccountBlocked](w); len(blocks) != 0 {
		t.Fatalf("blocked before the deadline: %+v", blocks)
	}
	w.run(deadline.Add(time.Minute))
	blocks, recorded := events[*domain.AccountBlocked](w)
	if len(blocks) != 1 || !blocks[0].EffectiveAt.Equal(deadline) || recorded[0].Sub(deadline) > time.Second {
		t.Fatalf("blocks %+v recorded at %v, want one at %v", blocks, recorded, deadline)
	}
	if got, want := w.published(), []string{"10-02", "10-03", "10-04", "10-05", "10-06", "10-07", "10-08"}; !slices.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
	_, recorded = events[*domain.BalancePublished](w)
	for _, at := range recorded {
		if late := at.Sub(at.Truncate(domain.Day)); late > time.Second {
			t.Errorf("a balance was published %s after midnight", late)
		}
	}
	// Each failed attempt was tried again a day later (R17).
	if failed, _ := events[*domain.RechargeFailed](w); len(failed) != 7 {
		t.Errorf("%d attempts, want 7", len(failed))
	}
}

// TestSleptThrough: a machine that slept for ten days, or whose clock was set
// forward, catches up with the right instants.
func TestSleptThrough(t *testing.T) {
	w := newWorld(t, "sim_declined")
	w.spend("501")
	deadline := w.clock.now.Add(7 * domain.Day)
	wakes := start.Add(10 * domain.Day)
	w.clock.jumps[start.Add(time.Hour)] = wakes
	w.run(wakes.Add(time.Hour))
	blocks, recorded := events[*domain.AccountBlocked](w)
	if len(blocks) != 1 || !blocks[0].EffectiveAt.Equal(deadline) || recorded[0].Before(wakes) {
		t.Errorf("blocks %+v recorded at %v, want one effective at %v", blocks, recorded, deadline)
	}
	if got := w.published(); len(got) != 10 || !slices.IsSorted(got) {
		t.Errorf("published %v, want ten days", got)
	}
}

// TestSetBack: a clock that is set back repeats nothing.
func TestSetBack(t *testing.T) {
	w := newWorld(t, "sim_ok")
	w.clock.jumps[start.Add(30*time.Hour)] = start.Add(2 * time.Hour)
	w.run(start.Add(3 * domain.Day))
	if got, want := w.published(), []string{"10-02", "10-03", "10-04"}; !slices.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
}

// TestUnknownOutcome asks the processor again until it knows (R16): within
// AskAgain of knowing, the payment is credited, once.
func TestUnknownOutcome(t *testing.T) {
	knows := start.Add(5 * time.Minute)
	w := newWorld(t, "sim_unknown_until="+knows.Format(time.RFC3339))
	w.spend("450")
	w.run(knows.Add(-time.Second))
	if credited, _ := events[*domain.RechargeSucceeded](w); len(credited) != 0 {
		t.Fatal("credited before the outcome was known")
	}
	w.run(knows.Add(2 * time.Minute))
	credited, recorded := events[*domain.RechargeSucceeded](w)
	if len(credited) != 1 || recorded[0].Sub(knows) > time.Minute+deadlines.AskAgain {
		t.Errorf("credited %d times, at %v; it was known at %v", len(credited), recorded, knows)
	}
}

// broken is a ledger that fails at first.
type broken struct {
	deadlines.Ledger
	failures int
}

func (b *broken) AdvanceMany(ctx context.Context, partners []string, to time.Time) error {
	if b.failures > 0 {
		b.failures--
		return eventstore.ErrUnavailable
	}
	return b.Ledger.AdvanceMany(ctx, partners, to)
}

// TestFailure: what fails is worked at the next look.
func TestFailure(t *testing.T) {
	w := newWorld(t, "sim_ok")
	w.clock.until = start.Add(domain.Day)
	l := &broken{Ledger: w.ledger, failures: 3}
	if err := deadlines.New(l, w.views, deadlines.Options{Tick: time.Minute, Sleep: w.clock.sleep}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.published(); len(got) != 1 || l.failures != 0 {
		t.Errorf("published %v with %d failures to come", got, l.failures)
	}
}
