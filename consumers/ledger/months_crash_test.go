package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// errCrash is what a ledger that dies sees of its store.
var errCrash = errors.New("crash")

// crashing is a store under a process that dies at an append: before it is
// stored, or after it was and nobody was told.
type crashing struct {
	eventstore.Store
	mu sync.Mutex
	// left are the appends to go; below zero it is dead.
	left  int
	after bool
}

func (c *crashing) Append(ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Appended, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left--
	if c.left > 0 {
		return c.Store.Append(ctx, stream, expected, events)
	}
	if c.left == 0 && c.after {
		if _, err := c.Store.Append(ctx, stream, expected, events); err != nil {
			return eventstore.Appended{}, err
		}
	}
	return eventstore.Appended{}, errCrash
}

// crashWorld is a month of three accounts that goes on through crashes. Its
// books are in cents, apart from the ledger.
type crashWorld struct {
	*world
	rng     *rand.Rand
	real    eventstore.Store
	charges map[string]int64 // cents by partner
	invoice map[string]int64
	n       int
	crashes int
}

var crashPartners = []string{"PA-1", "PA-2", "PA-3"}

// may gives the ledger something to do that may die of a crash; the ledger is
// opened anew each time.
func (w *crashWorld) may(work func(l *ledger.Ledger) error) error {
	w.store = w.real
	if w.rng.IntN(2) == 0 {
		w.store = &crashing{Store: w.real, left: 1 + w.rng.IntN(8), after: w.rng.IntN(2) == 0}
	}
	err := work(w.ledger(ledger.Options{}))
	w.store = w.real
	if errors.Is(err, errCrash) {
		w.crashes++
	}
	var rejection *domain.Rejection
	if err != nil && !errors.Is(err, errCrash) && !errors.As(err, &rejection) {
		w.t.Fatal(err)
	}
	return err
}

// surely does it on a store that lives.
func (w *crashWorld) surely(work func(l *ledger.Ledger) error) error {
	w.store = w.real
	return work(w.ledger(ledger.Options{}))
}

func (w *crashWorld) chargeOne() {
	p := crashPartners[w.rng.IntN(3)]
	cents := 1 + w.rng.Int64N(900)
	w.n++
	present := []ledger.Presented{w.charge(p, fmt.Sprint("c", w.n), fmt.Sprintf("%d.%02d", cents/100, cents%100))}
	charge := func(l *ledger.Ledger) error {
		_, err := l.Charge(context.Background(), meta("test"), present)
		return err
	}
	if w.may(charge) != nil { // whoever has no answer presents it again (R8)
		w.must(w.surely(charge))
	}
	w.charges[p] += cents
}

// document brings an invoice or a corrected version of it.
func (w *crashWorld) document() {
	text := "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n"
	sums := map[string]int64{}
	for _, p := range crashPartners {
		sums[p] = w.rng.Int64N(3_000)
		text += fmt.Sprintf("MI-1,INV,2026-10-01,W-%s,,,Spain,marketing,regular,,%d,%d.%02d,EUR\n", p, w.rng.IntN(9), sums[p]/100, sums[p]%100)
	}
	imported := func(l *ledger.Ledger) error {
		_, err := l.ImportMetaInvoice(context.Background(), meta("finance:ana"), "i.csv", strings.NewReader(text), nil)
		return err
	}
	if w.may(imported) != nil {
		w.must(w.surely(imported))
	}
	w.invoice = sums
}

func (w *crashWorld) propose(l *ledger.Ledger) error {
	_, err := l.ProposeMonth(context.Background(), meta("finance:ana"), "2026-10")
	return err
}

func (w *crashWorld) approve(l *ledger.Ledger) error {
	_, err := l.ApproveMonth(context.Background(), meta("finance:ben"), "2026-10", nil)
	return err
}

// run takes the month as far as it gets.
func (w *crashWorld) run() {
	ctx := context.Background()
	switch w.rng.IntN(4) {
	case 0:
		_ = w.may(w.propose)
	case 1:
		_ = w.may(w.approve)
	case 2:
		_ = w.may(func(l *ledger.Ledger) error {
			_, err := l.PostMonth(ctx, meta("finance:ben"), "2026-10")
			return err
		})
	case 3:
		_ = w.may(func(l *ledger.Ledger) error { return l.WithdrawMonth(ctx, meta("finance:ana"), "2026-10", "again") })
	}
}

// finish closes the month without crashes.
func (w *crashWorld) finish() {
	_ = w.surely(func(l *ledger.Ledger) error {
		_, err := l.PostMonth(context.Background(), meta("finance:ben"), "2026-10")
		w.must(err) // what was approved before the crash
		return nil
	})
	err := w.surely(w.propose)
	if domain.RejectionCode(err) == domain.AlreadyPosted {
		return
	}
	w.must(err)
	w.must(w.surely(w.approve))
}

// check is R25 and R29: the balance is what Meta invoiced less, and each
// account has each run once.
func (w *crashWorld) check() {
	l := w.ledger(ledger.Options{})
	r, _, err := l.Month(context.Background(), "2026-10")
	w.must(err)
	if r.Phase() != reconciliation.PostedPhase && r.Phase() != reconciliation.Proposed && r.Phase() != reconciliation.Withdrawn {
		w.t.Errorf("phase %s", r.Phase())
	}
	for _, p := range crashPartners {
		cents := 100_000_00 - w.invoice[p]
		if want := money.FromInt(cents).Mul(money.MustParse("0.01")).String(); balance(w.t, l, p) != want {
			w.t.Errorf("%s: balance %s, want %s (charged %d, invoiced %d cents)", p, balance(w.t, l, p), want, w.charges[p], w.invoice[p])
		}
		runs := map[int]int{}
		c := codec.New()
		for e, err := range w.store.ReadStream(context.Background(), ledger.AccountStream(p), 0, eventstore.Forwards) {
			w.must(err)
			if e.Type != domain.TypeReconciliationAdjusted {
				continue
			}
			m, err := codec.DecodeMetadata(e.Metadata)
			w.must(err)
			event, err := c.Decode(e.Type, m.Version, e.Data)
			w.must(err)
			runs[event.(*domain.ReconciliationAdjusted).Run]++
		}
		for run, times := range runs {
			if times != 1 {
				w.t.Errorf("%s has run %d %d times", p, run, times)
			}
		}
	}
}

// TestMonthThroughCrashes: invoices, late charges, re-runs and withdrawals in
// any order, with crashes at any append; in the end the accounts have paid
// exactly what Meta invoiced, and no run was posted twice (R25, R28, R29).
func TestMonthThroughCrashes(t *testing.T) {
	crashes := 0
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			store, err := embedded.Open(t.TempDir(), embedded.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			w := &crashWorld{world: newWorld(t, store), rng: rand.New(rand.NewPCG(seed, 29)), real: store, charges: map[string]int64{}, invoice: map[string]int64{}}
			l := w.ledger(ledger.Options{})
			for _, p := range crashPartners {
				w.open(l, p, "100000", "sim_ok")
			}
			w.document()
			for range 30 {
				switch w.rng.IntN(8) {
				case 0, 1, 2:
					w.chargeOne()
				case 3:
					w.document()
				default:
					w.run()
				}
			}
			w.finish()
			w.finish() // what was proposed before and approved only now may be old
			w.check()
			crashes += w.crashes
		})
	}
	if crashes < 12 {
		t.Errorf("only %d crashes: the test does not test", crashes)
	}
}
