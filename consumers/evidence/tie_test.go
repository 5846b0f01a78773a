package evidence_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"prepayledger/consumers/evidence"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// month is a ledger with two accounts that share a WABA.
type month struct {
	t      *testing.T
	rng    *rand.Rand
	store  eventstore.Store
	codec  *codec.Codec
	ledger *ledger.Ledger
	now    time.Time
	ids    []string
	owner  map[string]string
}

func newMonth(t *testing.T, seed uint64) *month {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	m := &month{
		t: t, rng: rand.New(rand.NewPCG(seed, 26)), store: store, codec: codec.New(),
		now: time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC), owner: map[string]string{},
	}
	m.ledger, err = ledger.Open(context.Background(), store, ledgertest.New(store, m.codec), m.codec, ledger.Options{Clock: func() time.Time { return m.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.ledger.Close)
	for i, partner := range []string{"PA-1", "PA-2"} {
		m.do(partner, &domain.OpenAccount{PartnerID: partner, Currency: "EUR", CarriedOver: money.FromInt(100_000), Card: "sim_ok"})
		for j, waba := range []string{"W-" + partner, "W-shared"} {
			m.do(partner, &domain.RegisterChannel{
				ChannelID: fmt.Sprintf("CH-%s-%d", partner, j), PhoneNumber: fmt.Sprintf("+3491100%d%d00", i, j),
				PhoneNumberID: fmt.Sprintf("P-%s-%d", partner, j), WABAID: waba, PaymentModel: domain.PartnerPaid,
			})
		}
	}
	return m
}

func (m *month) do(partner string, cmd domain.Command) {
	m.t.Helper()
	if err := m.ledger.Do(context.Background(), partner, domain.Meta{Actor: "finance:ana"}, cmd); err != nil {
		m.t.Fatal(err)
	}
}

func (m *month) charge() {
	m.t.Helper()
	partner, j := []string{"PA-1", "PA-2"}[m.rng.IntN(2)], m.rng.IntN(2)
	waba := []string{"W-" + partner, "W-shared"}[j]
	id := fmt.Sprint("c-", len(m.ids))
	pricing := domain.PricingTypeRegular
	if m.rng.IntN(6) == 0 {
		pricing = "free_entry_point"
	}
	outcomes, err := m.ledger.Charge(context.Background(), domain.Meta{Actor: "test"}, []ledger.Presented{{Charge: domain.Charge{
		ChargeID: id, PartnerID: partner, ChannelID: fmt.Sprintf("CH-%s-%d", partner, j), WABAID: waba, Market: "Spain",
		Category: []string{"marketing", "UTILITY", "utility"}[m.rng.IntN(3)], Model: domain.PMP, PricingType: pricing,
		OccurredAt: m.now, Priced: true, Amount: money.FromInt(1 + m.rng.Int64N(900)).Mul(money.MustParse("0.0001")), Currency: "EUR",
	}}})
	if err != nil || outcomes[0].Charge == domain.ChargeQuarantinedResult {
		m.t.Fatalf("%+v, %v", outcomes, err)
	}
	if pricing == domain.PricingTypeRegular {
		m.ids = append(m.ids, id)
		m.owner[id] = partner
	} else {
		m.ids = append(m.ids, "")
	}
}

// correct takes a charge back, if it was not yet.
func (m *month) correct() {
	m.t.Helper()
	id := m.ids[m.rng.IntN(len(m.ids))]
	if m.owner[id] == "" {
		return
	}
	if err := m.ledger.CorrectCharge(context.Background(), m.owner[id], domain.Meta{Actor: "finance:ana"}, id, "wrong"); err != nil {
		m.t.Fatal(err)
	}
	m.owner[id] = ""
}

func (m *month) invoice() {
	m.t.Helper()
	text := "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n"
	for range 8 + m.rng.IntN(8) {
		waba := []string{"W-PA-1", "W-PA-2", "W-shared"}[m.rng.IntN(3)]
		category := []string{"marketing", "utility", "service"}[m.rng.IntN(3)]
		if waba == "W-shared" && category == "service" {
			category = "marketing"
		}
		kind := []string{"INV", "INV", "CM", "DM"}[m.rng.IntN(4)]
		currency := []string{"EUR", "USD"}[m.rng.IntN(2)]
		text += fmt.Sprintf("MI-%s,%s,2026-10-01,%s,,,Spain,%s,regular,,%d,0.%04d,%s\n", kind, kind, waba, category, m.rng.IntN(20), m.rng.IntN(10_000), currency)
	}
	_, err := m.ledger.ImportMetaInvoice(context.Background(), domain.Meta{Actor: "finance:ana"}, "i.csv", strings.NewReader(text),
		[]reconciliation.FXRate{{From: "USD", To: "EUR", Rate: money.MustParse("0.9237")}})
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *month) post() {
	m.t.Helper()
	p, err := m.ledger.ProposeMonth(context.Background(), domain.Meta{Actor: "finance:ana"}, "2026-10")
	if err == nil {
		_, err = m.ledger.ApproveMonth(context.Background(), domain.Meta{Actor: "finance:ben"}, "2026-10", &p.UninvoicedSum)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// open opens every line of every account, whole and part by part, and returns
// how many parts it saw of each kind.
func (m *month) open(seen map[reconciliation.PartKind]int) {
	m.t.Helper()
	ctx := context.Background()
	r, _, err := m.ledger.Month(ctx, "2026-10")
	if err != nil {
		m.t.Fatal(err)
	}
	in, err := m.ledger.MonthInput(ctx, "2026-10")
	if err != nil {
		m.t.Fatal(err)
	}
	result, err := reconciliation.Compute(in, r.Earlier())
	if err != nil {
		m.t.Fatal(err)
	}
	for i := range result.Accounts {
		a := &result.Accounts[i]
		for j := range a.Lines {
			parts := []reconciliation.PartKind{""}
			for _, p := range a.Lines[j].Parts {
				parts = append(parts, p.Kind)
				seen[p.Kind]++
			}
			for _, part := range parts {
				m.ties(in, r.Earlier(), evidence.Wanted{PartnerID: a.PartnerID, Month: "2026-10", Key: a.Lines[j].Key, Part: part})
			}
		}
	}
}

// ties checks that one line's charges and lines come to what was compared, by
// a sum of its own.
func (m *month) ties(in reconciliation.Input, earlier map[string]reconciliation.Posted, w evidence.Wanted) {
	m.t.Helper()
	line, err := evidence.Find(in, earlier, w)
	if err != nil {
		m.t.Fatal(err)
	}
	var listed, late money.Amount
	corrected, corrections := 0, 0
	sums, err := line.Charges(context.Background(), evidence.Source{Store: m.store, Codec: m.codec, Stream: ledger.AccountStream(w.PartnerID)}, func(c *evidence.Charge) error {
		listed = listed.Add(c.Price)
		if c.Late {
			late = late.Add(c.Price)
		}
		if c.Corrected {
			corrected++
		}
		if c.Kind == evidence.KindCorrection {
			corrections++
		}
		return nil
	})
	if err != nil || !sums.Tie {
		m.t.Fatalf("%+v: %v, %+v", w, err, sums)
	}
	switch {
	case !listed.Equal(sums.Listed.Amount):
		m.t.Errorf("%+v: listed %s, told %s", w, listed, sums.Listed.Amount)
	case w.Part == "" && !listed.Equal(line.Compared.Charged.Amount):
		m.t.Errorf("%+v: all sum to %s, compared %s", w, listed, line.Compared.Charged.Amount)
	case w.Part == "" && corrected != corrections:
		m.t.Errorf("%+v: %d charges are marked, %d corrections listed", w, corrected, corrections)
	case w.Part == reconciliation.PartLate && (!listed.Equal(late) || !listed.Equal(line.Parts[0].Amount)):
		m.t.Errorf("%+v: listed %s, of it late %s, part %s", w, listed, late, line.Parts[0].Amount)
	case w.Part == reconciliation.PartMissingAtMeta && !listed.Equal(line.Parts[0].Amount):
		m.t.Errorf("%+v: listed %s, part %s", w, listed, line.Parts[0].Amount)
	}
}

// TestEveryLineTies: whatever was charged, taken back, late, shared or
// converted, every line opens and its sums are those of the comparison.
func TestEveryLineTies(t *testing.T) {
	seen := map[reconciliation.PartKind]int{}
	for seed := range uint64(12) {
		m := newMonth(t, seed)
		for range 40 {
			m.charge()
		}
		m.correct()
		m.invoice()
		m.open(seen)
		m.post()
		m.now = time.Date(2026, 10, 28, 0, 0, 0, 0, time.UTC)
		for range 6 {
			m.charge()
		}
		m.correct()
		m.correct()
		m.open(seen)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, kind := range []reconciliation.PartKind{reconciliation.PartLate, reconciliation.PartMissingHere, reconciliation.PartQuantity, reconciliation.PartCurrency, reconciliation.PartRounding} {
		if seen[kind] == 0 {
			t.Errorf("no part %s: the test does not test (%v)", kind, seen)
		}
	}
}
