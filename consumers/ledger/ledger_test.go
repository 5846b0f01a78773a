package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/payments"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/eventstore/esdb/esdbtest"
)

// world is a store with as many ledgers on it as a test wants.
type world struct {
	t     *testing.T
	store eventstore.Store
	now   time.Time
	views *ledgertest.Views
}

func newWorld(t *testing.T, store eventstore.Store) *world {
	t.Helper()
	return &world{t: t, store: store, now: time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)}
}

// ledger opens one more ledger on the store.
func (w *world) ledger(opts ledger.Options) *ledger.Ledger {
	w.t.Helper()
	if opts.Clock == nil {
		opts.Clock = func() time.Time { return w.now }
	}
	c := codec.New()
	w.views = ledgertest.New(w.store, c)
	l, err := ledger.Open(context.Background(), w.store, w.views, c, opts)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(l.Close)
	return l
}

func meta(actor string) domain.Meta { return domain.Meta{Actor: actor} }

// open opens an account with a channel.
func (w *world) open(l *ledger.Ledger, partner, carried, card string) {
	w.t.Helper()
	w.must(l.Do(context.Background(), partner, meta("finance:ana"), &domain.OpenAccount{
		PartnerID: partner, Currency: "EUR", CarriedOver: money.MustParse(carried), Card: card,
	}))
	w.must(l.Do(context.Background(), partner, meta("finance:ana"), &domain.RegisterChannel{
		ChannelID: "CH-" + partner, PhoneNumber: "+3491100" + fmt.Sprintf("%04d", len(partner)*7+int(partner[len(partner)-1])),
		PhoneNumberID: "P-" + partner, WABAID: "W-" + partner, PaymentModel: domain.PartnerPaid,
	}))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) charge(partner, id, amount string) ledger.Presented {
	return ledger.Presented{Charge: domain.Charge{
		ChargeID: id, PartnerID: partner, ChannelID: "CH-" + partner, WABAID: "W-" + partner, Market: "Spain",
		Category: "marketing", Model: domain.PMP, PricingType: domain.PricingTypeRegular, OccurredAt: w.now,
		Priced: true, Amount: money.MustParse(amount), Currency: "EUR",
	}}
}

func balance(t *testing.T, l *ledger.Ledger, partner string) string {
	t.Helper()
	text := ""
	if err := l.Inspect(context.Background(), partner, func(a *domain.Account) { text = a.Balance.String() }); err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTwoLedgersOnOneStore presents the same ids to two ledgers at once: each
// counts once, and both end in the same balance.
func TestTwoLedgersOnOneStore(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) {
		twoLedgersOnOneStore(t, newWorld(t, open(t)))
	})
}

func twoLedgersOnOneStore(t *testing.T, w *world) {
	one := w.ledger(ledger.Options{})
	w.open(one, "PA-1", "100000", "sim_ok")
	// The second ledger learns of the account as a restart would.
	two := w.ledger(ledger.Options{})
	const n, size = 2000, 50
	var group sync.WaitGroup
	var mu sync.Mutex
	results := map[domain.ChargeResult]int{}
	for _, l := range []*ledger.Ledger{one, two} {
		group.Go(func() {
			for from := 0; from < n; from += size {
				batch := make([]ledger.Presented, size)
				for i := range batch {
					batch[i] = w.charge("PA-1", fmt.Sprintf("c-%d", from+i), "1")
				}
				outcomes, err := l.Charge(context.Background(), meta("test"), batch)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, o := range outcomes {
					results[o.Charge]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if results[domain.ChargeDeducted] != n || results[domain.ChargeDuplicate] != n {
		t.Errorf("outcomes %v, want %d charged and as many duplicates", results, n)
	}
	// One more charge each corrects what either had cached.
	for i, l := range []*ledger.Ledger{one, two} {
		if _, err := l.Charge(context.Background(), meta("test"), []ledger.Presented{w.charge("PA-1", fmt.Sprint("last-", i), "1")}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := balance(t, two, "PA-1"), fmt.Sprint(100000-n-2); got != want {
		t.Errorf("balance %s, want %s", got, want)
	}
}

// TestCommandIDs: the same id again is a no-op, with other content a
// rejection, also after a restart; another id is another command.
func TestCommandIDs(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { commandIDs(t, newWorld(t, open(t))) })
}

func commandIDs(t *testing.T, w *world) {
	l := w.ledger(ledger.Options{})
	w.open(l, "PA-1", "500", "sim_ok")
	ctx := context.Background()
	m := domain.Meta{Actor: "partner", CommandID: uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")}
	add := func(l *ledger.Ledger, amount int64) error {
		return l.Do(ctx, "PA-1", m, &domain.AddFunds{Amount: money.FromInt(amount)})
	}
	for i, l := range []*ledger.Ledger{l, l, w.ledger(ledger.Options{})} {
		w.must(add(l, 20))
		if got := balance(t, l, "PA-1"); got != "520" {
			t.Errorf("after call %d: balance %s, want 520", i, got)
		}
		if code := domain.RejectionCode(add(l, 30)); code != domain.CommandConflict {
			t.Errorf("other content under the same id: %q, want command_conflict", code)
		}
	}
	m.CommandID = uuid.New()
	w.must(add(l, 20))
	if got := balance(t, l, "PA-1"); got != "540" {
		t.Errorf("a new id: balance %s, want 540", got)
	}
}

// A registration that is given again under its id is no news, although its
// number is taken by then; one of other content is a conflict.
func TestARegistrationIsGivenAgain(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) {
		w := newWorld(t, open(t))
		l := w.ledger(ledger.Options{})
		w.open(l, "PA-1", "500", "sim_ok")
		m := domain.Meta{Actor: "partner", CommandID: uuid.MustParse("6ba7b811-9dad-11d1-80b4-00c04fd430c8")}
		register := domain.RegisterChannel{
			ChannelID: "CH-new", PhoneNumber: "+34911234567", PhoneNumberID: "P", WABAID: "W", PaymentModel: domain.PartnerPaid,
		}
		for _, l := range []*ledger.Ledger{l, l, w.ledger(ledger.Options{})} {
			w.must(l.Do(t.Context(), "PA-1", m, &register))
		}
		w.must(l.Do(t.Context(), "PA-1", meta("finance:ana"), &domain.CancelChannel{ChannelID: "CH-new"}))
		w.must(l.Do(t.Context(), "PA-1", m, &register))
		next := register
		next.ChannelID = "CH-next"
		w.must(l.Do(t.Context(), "PA-1", meta("partner"), &next))
		register.WABAID = "W2"
		if err := l.Do(t.Context(), "PA-1", m, &register); domain.RejectionCode(err) != domain.CommandConflict {
			t.Errorf("other content under the same id: %v, want command_conflict", err)
		}
		m.CommandID = uuid.New()
		if err := l.Do(t.Context(), "PA-1", m, &register); domain.RejectionCode(err) != domain.NumberTaken {
			t.Errorf("another command: %v, want number_taken", err)
		}
	})
}

// What is wrong with the account is said before what is wrong with the charge:
// the order of the codes.
func TestCorrectionsAreRefusedInOrder(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) {
		w := newWorld(t, open(t))
		l := w.ledger(ledger.Options{})
		w.open(l, "PA-1", "500", "sim_ok")
		w.open(l, "PA-2", "500", "sim_ok")
		ctx := context.Background()
		w.must(l.Do(ctx, "PA-2", meta("finance:ana"), &domain.Refund{Amount: money.FromInt(500), Reason: "end"}))
		w.must(l.Do(ctx, "PA-2", meta("finance:ana"), &domain.CloseAccount{}))
		for partner, want := range map[string]domain.Code{
			"PA-0": domain.UnknownAccount, "PA-1": domain.UnknownCharge, "PA-2": domain.AccountIsClosed, "": domain.UnknownCharge,
		} {
			err := l.CorrectCharge(ctx, partner, meta("finance:ana"), "never", "wrong")
			if got := domain.RejectionCode(err); got != want {
				t.Errorf("account %q: %v, want %s", partner, err, want)
			}
		}
	})
}

// TestSleptThroughTheDeadline blocks at the deadline, also when nobody looked
// until later (R20), and publishes the days in between (R33).
func TestSleptThroughTheDeadline(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) {
		sleptThroughTheDeadline(t, newWorld(t, open(t)))
	})
}

func sleptThroughTheDeadline(t *testing.T, w *world) {
	l := w.ledger(ledger.Options{})
	w.open(l, "PA-1", "500", "sim_declined")
	ctx := context.Background()
	if _, err := l.Charge(ctx, meta("test"), []ledger.Presented{w.charge("PA-1", "c", "501")}); err != nil {
		t.Fatal(err)
	}
	since := w.now
	w.now = w.now.AddDate(0, 0, 10)
	w.must(l.AdvanceAll(ctx))
	var blockedAt, recordedAt time.Time
	days := 0
	c := codec.New()
	for r, err := range w.store.ReadStream(ctx, ledger.AccountStream("PA-1"), 0, eventstore.Forwards) {
		w.must(err)
		m, err := codec.DecodeMetadata(r.Metadata)
		w.must(err)
		e, err := c.Decode(r.Type, m.Version, r.Data)
		w.must(err)
		switch e := e.(type) {
		case *domain.AccountBlocked:
			blockedAt, recordedAt = e.EffectiveAt, m.RecordedAt
			if !strings.Contains(e.Text, "overdue invoices towards 360dialog") {
				t.Errorf("text %q is not R21's", e.Text)
			}
		case *domain.BalancePublished:
			days++
		}
	}
	if want := since.Add(7 * 24 * time.Hour); !blockedAt.Equal(want) || !recordedAt.Equal(w.now) {
		t.Errorf("blocked at %s, recorded at %s; want %s and %s", blockedAt, recordedAt, want, w.now)
	}
	if days != 10 {
		t.Errorf("%d days published, want 10", days)
	}
}

// flaky is a processor that knows no outcome until it is told to.
type flaky struct {
	payments.Simulated
	asked map[string]int
	known bool
}

func (f *flaky) Charge(_ context.Context, r *domain.RechargeRequested, _ time.Time) (payments.Outcome, bool, error) {
	f.asked[r.RechargeID]++
	return payments.Outcome{Succeeded: true}, f.known, nil
}

// TestUnknownOutcome asks again under the same id until it is known, and
// credits once (R16).
func TestUnknownOutcome(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { unknownOutcome(t, newWorld(t, open(t))) })
}

func unknownOutcome(t *testing.T, w *world) {
	processor := &flaky{asked: map[string]int{}}
	l := w.ledger(ledger.Options{Processor: processor})
	w.open(l, "PA-1", "500", "sim_ok")
	ctx := context.Background()
	w.must(l.Do(ctx, "PA-1", meta("partner"), &domain.AddFunds{Amount: money.FromInt(100)}))
	if code := domain.RejectionCode(l.Do(ctx, "PA-1", meta("partner"), &domain.AddFunds{Amount: money.FromInt(100)})); code != domain.RechargeInFlight {
		t.Errorf("a second payment in flight: %q", code)
	}
	if got := balance(t, l, "PA-1"); got != "500" {
		t.Errorf("balance %s before the outcome is known, want 500", got)
	}
	processor.known = true
	// A restart asks for the same id again.
	l = w.ledger(ledger.Options{Processor: processor})
	w.must(l.AdvanceAll(ctx))
	w.must(l.AdvanceAll(ctx))
	if got := balance(t, l, "PA-1"); got != "600" {
		t.Errorf("balance %s, want 600", got)
	}
	if len(processor.asked) != 1 || processor.asked["PA-1-R000001"] < 2 {
		t.Errorf("asked %v, want one id several times", processor.asked)
	}
}

// breaking fails appends to accounts after some.
type breaking struct {
	eventstore.Store
	mu   sync.Mutex
	left int
}

func (b *breaking) Append(ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Appended, error) {
	if strings.HasPrefix(stream, "account-") {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.left == 0 {
			return eventstore.Appended{}, eventstore.ErrUnavailable
		}
		b.left--
	}
	return b.Store.Append(ctx, stream, expected, events)
}

// TestPostingResumes stops a posting after one of three accounts: the month is
// not posted then, and going on posts each account once (R29).
func TestPostingResumes(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { postingResumes(t, newWorld(t, open(t))) })
}

func postingResumes(t *testing.T, w *world) {
	l := w.ledger(ledger.Options{})
	ctx := context.Background()
	for _, p := range []string{"PA-1", "PA-2", "PA-3"} {
		w.open(l, p, "500", "sim_ok")
		if _, err := l.Charge(ctx, meta("test"), []ledger.Presented{w.charge(p, "c", "10")}); err != nil {
			t.Fatal(err)
		}
	}
	invoice := "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n"
	for _, p := range []string{"PA-1", "PA-2", "PA-3"} {
		invoice += "MI-1,INV,2026-10-01,W-" + p + ",,,Spain,marketing,regular,,1,8,EUR\n"
	}
	_, err := l.ImportMetaInvoice(ctx, meta("finance:ana"), "invoice.csv", strings.NewReader(invoice), nil)
	w.must(err)
	_, err = l.ProposeMonth(ctx, meta("finance:ana"), "2026-10")
	w.must(err)
	real := w.store
	w.store = &breaking{Store: real, left: 1}
	broken := w.ledger(ledger.Options{})
	if _, err := broken.ApproveMonth(ctx, meta("finance:ben"), "2026-10", nil); !errors.Is(err, eventstore.ErrUnavailable) {
		t.Fatalf("the broken store answered %v", err)
	}
	w.store = real
	l = w.ledger(ledger.Options{})
	if r, _, err := l.Month(ctx, "2026-10"); err != nil || r.Phase() != reconciliation.Approved {
		t.Fatalf("phase %v, %v; half a posting must not show as posted", r.Phase(), err)
	}
	_, err = l.PostMonth(ctx, meta("finance:ben"), "2026-10")
	w.must(err)
	_, err = l.PostMonth(ctx, meta("finance:ben"), "2026-10")
	w.must(err)
	for _, p := range []string{"PA-1", "PA-2", "PA-3"} {
		if got := balance(t, l, p); got != "492" {
			t.Errorf("%s: balance %s, want 492 (500 − 10 + 2)", p, got)
		}
	}
	if r, _, err := l.Month(ctx, "2026-10"); err != nil || r.Phase() != reconciliation.PostedPhase {
		t.Errorf("phase %v, %v", r.Phase(), err)
	}
}
