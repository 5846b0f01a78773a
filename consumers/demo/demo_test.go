package demo_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/consumers/demo"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/simulate"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb/esdbtest"
)

// hash is the hash of all that a plan presents.
func hash(t *testing.T, seed uint64) [sha256.Size]byte {
	t.Helper()
	p, err := demo.New(seed, demo.MinConversations)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, b := range append(p.Batches, p.Late) {
		for _, l := range b.Lines {
			fmt.Fprintln(h, b.At, l.Occurred, l.PartnerID, l.Becomes, string(l.Data))
		}
	}
	for _, c := range p.Cards {
		fmt.Fprintln(h, c.Name, string(c.Data))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func TestSeed(t *testing.T) {
	one, again := hash(t, 3), hash(t, 3)
	if one != again {
		t.Error("one seed makes two months")
	}
	if one == hash(t, 4) {
		t.Error("two seeds make one month")
	}
}

func TestConversations(t *testing.T) {
	for _, n := range []int{-1, 0, demo.MinConversations - 1, demo.MaxConversations + 1} {
		if _, err := demo.New(1, n); err == nil {
			t.Errorf("%d conversations are taken", n)
		}
	}
	for _, n := range []int{demo.MinConversations, 4_321, demo.DefaultConversations} {
		p, err := demo.New(1, n)
		if err != nil {
			t.Fatal(err)
		}
		made, before := 0, demo.Start()
		for _, b := range p.Batches {
			if !b.At.After(before) || b.At.After(demo.End()) {
				t.Fatalf("a batch of %s comes after one of %s", b.At, before)
			}
			before = b.At
			for _, l := range b.Lines {
				if l.Becomes != demo.Duplicate {
					made++
				}
			}
		}
		if made != n {
			t.Errorf("%d conversations instead of %d", made, n)
		}
	}
}

// TestCards holds the embedded cards against those that rating is tested with.
func TestCards(t *testing.T) {
	for _, name := range []string{"rates-usd-2026-10-01.csv", "rates-eur-sample.csv"} {
		copied, err := os.ReadFile("data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		original, err := os.ReadFile("../../domain/rating/testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(copied, original) {
			t.Errorf("%s differs from the original", name)
		}
	}
}

// told is a month that was run on a store of its own.
type told struct {
	t      *testing.T
	plan   *demo.Plan
	month  *demo.Month
	ledger *ledger.Ledger
	views  *ledgertest.Views
	store  eventstore.Store
}

func tell(t *testing.T, seed uint64, conversations int) *told {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return tellOn(t, store, seed, conversations)
}

func tellOn(t *testing.T, store eventstore.Store, seed uint64, conversations int) *told {
	t.Helper()
	plan, err := demo.New(seed, conversations)
	if err != nil {
		t.Fatal(err)
	}
	w := &told{t: t, plan: plan, month: demo.NewMonth(plan), store: store}
	c := codec.New()
	w.views = ledgertest.New(store, c)
	w.ledger, err = ledger.Open(t.Context(), store, w.views, c, ledger.Options{Clock: w.month.Now, IDs: simulate.IDs(), Exact: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.ledger.Close)
	w.must(w.month.Open(t.Context(), w.ledger))
	w.must(w.month.Run(t.Context(), w.ledger))
	return w
}

func (w *told) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// events are an account's events of one kind.
func events[E domain.Event](w *told, partner string) []E {
	w.t.Helper()
	var all []E
	c := codec.New()
	for r, err := range w.store.ReadStream(context.Background(), ledger.AccountStream(partner), 0, eventstore.Forwards) {
		w.must(err)
		m, err := codec.DecodeMetadata(r.Metadata)
		w.must(err)
		e, err := c.Decode(r.Type, m.Version, r.Data)
		w.must(err)
		if wanted, ok := e.(E); ok {
			all = append(all, wanted)
		}
	}
	return all
}

// TestSameLog: every stream that the driver keeps of a month is the embedded
// one's, event by event and byte by byte. Ids are drawn by accounts beside
// each other and are left out.
func TestSameLog(t *testing.T) {
	own, other := tell(t, 7, 3_000), tellOn(t, esdbtest.Open(t), 7, 3_000)
	want, n := own.contents()
	got, _ := other.contents()
	if n < 3_000 {
		t.Errorf("only %d events", n)
	}
	for stream, text := range want {
		if got[stream] != text {
			t.Errorf("%s differs:\n%.3000s\nembedded:\n%.3000s", stream, got[stream], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d streams, embedded %d", len(got), len(want))
	}
}

// contents are the events of each stream, without ids, and their number.
func (w *told) contents() (map[string]string, int) {
	w.t.Helper()
	streams, n := map[string]string{}, 0
	for r, err := range w.store.ReadAll(w.t.Context(), eventstore.Start) {
		w.must(err)
		m, err := codec.DecodeMetadata(r.Metadata)
		w.must(err)
		m.CommandID, m.CorrelationID, m.CausationID = uuid.Nil, uuid.Nil, uuid.Nil
		streams[r.Stream] += fmt.Sprintf("%d %s %s %s\n", r.Revision, r.Type, r.Data, codec.AppendMetadata(nil, &m))
		n++
	}
	return streams, n
}

// TestMonth holds what the ledger makes of the usage against what the plan
// says of each line, and the block against R20 and R22, for several seeds.
func TestMonth(t *testing.T) {
	for _, seed := range []uint64{1, 7, 2026} {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w := tell(t, seed, 3_000)
			got := map[string]int64{demo.Charged: w.month.Summary.Charged, demo.Free: w.month.Summary.Free, demo.Duplicate: w.month.Summary.Duplicates}
			maps.Copy(got, w.month.Summary.Quarantined)
			if !maps.Equal(got, w.month.Expected) {
				t.Errorf("got  %v\nplan %v", got, w.month.Expected)
			}
			for _, r := range domain.Reasons() {
				if w.month.Expected[r.String()] == 0 {
					t.Errorf("nothing is quarantined as %s", r)
				}
			}
			w.block()
		})
	}
}

// block checks that the declined partner was blocked 7 days after its balance
// was negative, could not send, and was unblocked by Finance.
func (w *told) block() {
	w.t.Helper()
	grace, blocked := events[*domain.GraceStarted](w, demo.DeclinedPartner), events[*domain.AccountBlocked](w, demo.DeclinedPartner)
	confirmed, unblocked := events[*domain.PaymentConfirmed](w, demo.DeclinedPartner), events[*domain.AccountUnblocked](w, demo.DeclinedPartner)
	if len(grace) != 1 || len(blocked) != 1 || len(confirmed) != 1 || len(unblocked) != 1 {
		w.t.Fatalf("grace %d, blocked %d, confirmed %d, unblocked %d times", len(grace), len(blocked), len(confirmed), len(unblocked))
	}
	const days = 7 * 24 * time.Hour
	if at := blocked[0].EffectiveAt; !at.Equal(grace[0].NegativeSince.Add(days)) || !unblocked[0].EffectiveAt.After(at) || w.month.Refused == 0 {
		w.t.Errorf("negative since %s, blocked %s, unblocked %s, %d refused", grace[0].NegativeSince, at, unblocked[0].EffectiveAt, w.month.Refused)
	}
	for _, e := range events[*domain.ConversationCharged](w, demo.DeclinedPartner) {
		if !e.OccurredAt.Before(blocked[0].EffectiveAt) && e.OccurredAt.Before(unblocked[0].EffectiveAt) {
			w.t.Errorf("%s was sent at %s, in the block", e.ChargeID, e.OccurredAt)
		}
	}
}

// TestInvoice reconciles the month: every cause of a difference is found with
// the invoice's variances, and R25 holds after each run.
func TestInvoice(t *testing.T) {
	w := tell(t, 5, 6_000)
	in, err := w.ledger.MonthInput(t.Context(), demo.BillingMonth)
	w.must(err)
	var charged []demo.Usage
	for _, u := range in.Usage {
		if u.Amount.IsZero() { // counted, not charged
			continue
		}
		charged = append(charged, demo.Usage{PartnerID: u.PartnerID, WABAID: u.WABAID, Market: u.Market, Category: u.Category, Count: u.Count, Amount: u.Amount})
	}
	invoice := w.plan.Invoice(charged)
	w.month.At(demo.End().Add(6 * time.Hour))
	_, err = w.month.ImportInvoice(t.Context(), w.ledger, invoice)
	w.must(err)
	w.must(w.month.AcceptStray(t.Context(), w.ledger, invoice))
	found := w.post()
	for _, v := range invoice.Variances {
		if !found[v.Kind] {
			t.Errorf("the invoice's %s (%s) is not found", v.Kind, v.Text)
		}
	}
	for _, kind := range []reconciliation.PartKind{
		reconciliation.PartFree, reconciliation.PartCategory, reconciliation.PartMissingAtMeta, reconciliation.PartMissingHere, reconciliation.PartTier,
		reconciliation.PartQuantity, reconciliation.PartRate, reconciliation.PartCurrency, reconciliation.PartRounding,
	} {
		if !found[kind] || !slices.ContainsFunc(invoice.Variances, func(v demo.Variance) bool { return v.Kind == kind }) {
			t.Errorf("no difference by %s", kind)
		}
	}
	s, err := w.month.PresentLate(t.Context(), w.ledger)
	w.must(err)
	if s.Charged != 1 {
		t.Errorf("the late one: %+v", s)
	}
	if found := w.post(); !found[reconciliation.PartLate] {
		t.Error("the late charge is not found")
	}
}

// post posts a run of the month and returns the causes that it found.
func (w *told) post() map[reconciliation.PartKind]bool {
	w.t.Helper()
	ctx := w.t.Context()
	_, err := w.ledger.ProposeMonth(ctx, domain.Meta{Actor: demo.Ana}, demo.BillingMonth)
	w.must(err)
	preview, err := w.ledger.PreviewMonth(ctx, demo.BillingMonth)
	w.must(err)
	p, err := w.ledger.ApproveMonth(ctx, domain.Meta{Actor: demo.Ben}, demo.BillingMonth, &preview.UninvoicedSum)
	w.must(err)
	found := map[reconciliation.PartKind]bool{}
	for _, a := range p.Accounts {
		found[reconciliation.PartRounding] = found[reconciliation.PartRounding] || !a.Rounding.IsZero()
		for _, l := range p.Lines[a.PartnerID] {
			for _, part := range l.Parts {
				found[part.Kind] = true
			}
		}
	}
	for _, a := range w.plan.Partners {
		adjusted := events[*domain.ReconciliationAdjusted](w, a.ID)
		sum, charged := money.Zero(), money.Zero()
		for _, e := range adjusted {
			sum = sum.Add(e.Amount)
		}
		for _, e := range events[*domain.ConversationCharged](w, a.ID) {
			if e.Month == demo.BillingMonth {
				charged = charged.Add(e.Amount)
			}
		}
		if last := adjusted[len(adjusted)-1]; !charged.Sub(sum).Equal(last.Invoiced) {
			w.t.Errorf("%s: charged %s less adjusted %s is not invoiced %s", a.ID, charged, sum, last.Invoiced)
		}
	}
	return found
}
