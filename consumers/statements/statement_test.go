package statements_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ledongthuc/pdf"
	"github.com/xuri/excelize/v2"

	"prepayledger/consumers/notices/histories"
	"prepayledger/consumers/statements"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/projections"
	"prepayledger/projections/usage"
)

// TestTies: in random histories by the real rules every month begins where
// the one before ended, movements make up the difference, and the hash is that
// of the month's events.
func TestTies(t *testing.T) {
	met := 0
	for seed := range uint64(20) {
		h := histories.New(seed)
		for range 200 {
			h.Step([]string{"A", "B"})
		}
		closing := money.Zero()
		for _, month := range []domain.Month{"2026-09", "2026-10", "2026-11", "2026-12", "2027-01", "2027-02"} {
			s := fold(t, h, "A", month)
			where := fmt.Sprintf("seed %d, %s", seed, month)
			if !s.Opening.Equal(closing) {
				t.Fatalf("%s opens with %s, the month before closed with %s", where, s.Opening, closing)
			}
			sum := s.Opening
			for _, m := range s.Movements {
				sum = sum.Add(m.Amount)
			}
			if !sum.Equal(s.Closing) {
				t.Fatalf("%s: movements lead to %s, not %s", where, sum, s.Closing)
			}
			closing = s.Closing
			hash, events, surcharges := sha256.New(), int64(0), money.Zero()
			for i := range h.Facts {
				f := &h.Facts[i]
				if f.PartnerID != "A" || f.Meta.RecordedAt.Format("2006-01") != string(month) {
					continue
				}
				events++
				fmt.Fprintf(hash, "%s\n%s\n", f.ID, f.Data)
				if e, ok := f.Event.(*domain.RechargeSucceeded); ok {
					surcharges = surcharges.Add(e.Surcharge)
				}
			}
			if s.Tie.Events != events || s.Tie.SHA256 != hex.EncodeToString(hash.Sum(nil)) || !s.Surcharges.Equal(surcharges) {
				t.Fatalf("%s: %+v, %d events, surcharges %s", where, s.Tie, events, surcharges)
			}
			if (s.Tie.First == nil) != (events == 0) {
				t.Fatalf("%s: first event %v of %d", where, s.Tie.First, events)
			}
			if events > 1 {
				met++
			}
		}
		if !closing.Equal(h.Account("A").Balance) {
			t.Fatalf("seed %d ends with %s, the balance is %s", seed, closing, h.Account("A").Balance)
		}
	}
	if met < 40 {
		t.Errorf("only %d months had events", met)
	}
}

func fold(t *testing.T, h *histories.Log, partner string, month domain.Month) *statements.Statement {
	t.Helper()
	f := statements.NewFolding(partner, "account-"+partner, month)
	for i := range h.Facts {
		if fact := &h.Facts[i]; fact.PartnerID == partner {
			add(t, f, fact)
		}
	}
	s, err := f.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func add(t *testing.T, f *statements.Folding, fact *projections.Fact) {
	t.Helper()
	if err := f.Add(&fact.Recorded, &fact.Meta, fact.Event); err != nil {
		t.Fatal(err)
	}
}

// TestKinds: every type of event that can move the balance is of a kind; an
// unknown one is refused.
func TestKinds(t *testing.T) {
	movers := []domain.Event{
		&domain.AccountOpened{CarriedOver: money.FromInt(1)}, &domain.ConversationCharged{Amount: money.FromInt(1)}, &domain.ChargeCorrected{Amount: money.FromInt(1)},
		&domain.RechargeSucceeded{Amount: money.FromInt(1)}, &domain.PaymentConfirmed{Credited: money.FromInt(1)}, &domain.ReconciliationAdjusted{Amount: money.FromInt(1)},
		&domain.RefundIssued{Amount: money.FromInt(1)}, &domain.RechargeReversed{Amount: money.FromInt(1)}, &domain.RechargeReinstated{Amount: money.FromInt(1)},
		&domain.RefundCancelled{Credited: money.FromInt(1)}, &domain.RefundPaidOut{Debited: money.FromInt(1)},
	}
	known := map[statements.Kind]bool{}
	for _, k := range statements.Kinds() {
		known[k] = true
		if k.Label() == string(k) {
			t.Errorf("%s has no label", k)
		}
	}
	for _, e := range movers {
		if domain.Effect(e).IsZero() || !known[statements.KindOf(e)] {
			t.Errorf("%s is of kind %q", e.EventType(), statements.KindOf(e))
		}
	}
	if k := statements.KindOf(&domain.RefundPaidOut{}); k != "" {
		t.Errorf("a refund that was debited before is of kind %q", k)
	}
	f := statements.NewFolding("P", "account-P", "2026-10")
	if err := f.Add(&eventstore.Recorded{}, &codec.Metadata{}, &reconciliation.ReconciliationPosted{}); err == nil || errors.Is(err, statements.ErrTie) {
		t.Errorf("an event of another stream: %v", err)
	}
}

// full is a statement with everything in it.
func full(t *testing.T) *statements.Statement {
	t.Helper()
	h := histories.New(1)
	if err := h.Open("PA-1", "500"); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		h.Pass(3 * time.Hour)
		if err := h.Charge("PA-1", "1.123456789012345678"); err != nil {
			t.Fatal(err)
		}
	}
	charged := money.MustParse("1.123456789012345678").Times(40)
	if err := h.Do("PA-1", &domain.AdjustReconciliation{Month: "2026-10", Run: 1, Amount: charged.Sub(money.FromInt(40)), Charged: charged, Invoiced: money.FromInt(40), Adjusted: charged.Sub(money.FromInt(40))}); err != nil {
		t.Fatal(err)
	}
	s := fold(t, h, "PA-1", "2026-10")
	key := usage.Key{PartnerID: "PA-1", Month: "2026-10", WABAID: "=W-1", Market: "Germany", Category: "MARKETING", PricingType: "regular"}
	free, direct := key, key
	free.PricingType, direct.Direct = "free_entry_point", true
	s.AddUsage([]usage.Row{{Key: key, Sum: usage.Sum{Count: 40, Amount: charged}}, {Key: free, Sum: usage.Sum{Count: 7}}, {Key: direct, Sum: usage.Sum{Count: 9}}},
		[]reconciliation.Line{{Key: reconciliation.Key{WABAID: "=W-1", Market: "Germany", Category: "marketing", PricingType: "regular"}, Invoiced: reconciliation.Figure{Count: 39, Amount: money.FromInt(40)}}})
	s.AddDays([]usage.Day{{Day: time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC), Category: "marketing", Sum: usage.Sum{Count: 40, Amount: charged}}, {Day: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), Category: "marketing"}})
	s.Documents = []reconciliation.DocumentRef{{InvoiceID: "MI-1", Version: 2, SHA256: "abc123"}}
	return s
}

// TestUsage: charges, free ones and Meta's figures come together in one line;
// direct channels are nobody's.
func TestUsage(t *testing.T) {
	s := full(t)
	if len(s.Usage) != 1 || s.Usage[0].Count != 40 || s.Usage[0].Free != 7 || s.Usage[0].Invoiced != 39 || s.UsageTotal.InvoicedAmount.String() != "40" {
		t.Errorf("usage: %+v", s.Usage)
	}
	if s.Estimated || s.Adjusted == nil || !s.Adjusted.Charged.Sub(s.Adjusted.Adjusted).Equal(s.Adjusted.Invoiced) || len(s.Days) != 1 {
		t.Errorf("%+v", s)
	}
	h := histories.New(2)
	_ = h.Open("PA-1", "500")
	if estimated := fold(t, h, "PA-1", "2026-10"); !estimated.Estimated || !strings.Contains(estimated.Status(), "ESTIMATED") {
		t.Errorf("a month without posting is not estimated: %s", estimated.Status())
	}
}

// TestFiles: CSV, workbook and PDF have the exact figures, the workbook's
// formulas come to the same sums, and the same statement gives the same bytes.
func TestFiles(t *testing.T) {
	s := full(t)
	var table bytes.Buffer
	if err := s.CSV(&table); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	amount := map[string]string{}
	for _, r := range rows {
		amount[r[2]+"/"+r[3]] = r[9]
	}
	if amount["closing/Closing balance"] != s.Closing.String() || amount["usage/Charged"] != "44.93827156049382712" || amount["usage final/Invoiced by Meta"] != "40" {
		t.Errorf("CSV: %v", amount)
	}
	var book bytes.Buffer
	if err := s.XLSX(&book); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&book)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	closing := 6 + len(s.Movements)
	if got, err := f.CalcCellValue("Statement", fmt.Sprintf("C%d", closing), excelize.Options{RawCellValue: true}); err != nil || !strings.HasPrefix(s.Closing.String(), got[:min(len(got), 10)]) || len(got) < 3 {
		t.Errorf("the workbook closes with %q, not %s: %v", got, s.Closing, err)
	}
	if got, _ := f.GetCellValue("Statement", fmt.Sprintf("D%d", closing)); got != s.Closing.String() {
		t.Errorf("the exact closing balance is %q, not %s", got, s.Closing)
	}
	if got, _ := f.GetCellValue("Usage", "I2"); got != "44.93827156049382712" {
		t.Errorf("the exact amount of usage is %q", got)
	}
	if got, _ := f.GetCellFormula("Usage", "A2"); got != "" {
		t.Errorf("a WABA's id is a formula: %q", got)
	}
	one, err := s.PDF("Example GmbH")
	if err != nil {
		t.Fatal(err)
	}
	if two, _ := s.PDF("Example GmbH"); !bytes.Equal(one, two) {
		t.Error("the same statement gives two PDFs")
	}
	said := text(t, one)
	for _, want := range []string{s.Closing.String(), s.Opening.Fixed(2), "FINAL", "abc123", s.Tie.SHA256, "44.93827156049382712", "ExampleGmbH", "Usageperday"} {
		if !strings.Contains(said, want) {
			t.Errorf("the PDF does not say %s: %s", want, said)
		}
	}
}

// text is everything that a PDF says, without spaces.
func text(t *testing.T, data []byte) string {
	t.Helper()
	r, err := pdf.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for n := 1; n <= r.NumPage(); n++ {
		pdf.Interpret(r.Page(n).V.Key("Contents"), func(stack *pdf.Stack, op string) {
			args := make([]pdf.Value, stack.Len())
			for i := len(args) - 1; i >= 0; i-- {
				args[i] = stack.Pop()
			}
			if op != "Tj" {
				return
			}
			raw := args[0].RawString() // UTF-16, of which these figures need the lower half
			for i := 1; i < len(raw); i += 2 {
				if raw[i] != ' ' {
					said.WriteByte(raw[i])
				}
			}
		})
	}
	return said.String()
}
