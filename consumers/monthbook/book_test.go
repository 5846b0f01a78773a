package monthbook_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/xuri/excelize/v2"

	"prepayledger/consumers/monthbook"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// sample is a month with accounts in two currencies, each with so many lines.
func sample(accounts, lines int) *monthbook.Month {
	rng := rand.New(rand.NewPCG(1, 2))
	amount := func() money.Amount {
		return money.FromInt(rng.Int64N(10_000_000)).Mul(money.MustParse("0.00001"))
	}
	m := &monthbook.Month{
		Month: "2026-10", Phase: reconciliation.PostedPhase, Run: 1, ProposedBy: "finance:ana", ApprovedBy: "finance:ben", Lines: map[string][]reconciliation.Line{},
		Documents:   []reconciliation.DocumentRef{{InvoiceID: "MI-1", Version: 2, SHA256: "abc"}},
		Unallocated: []reconciliation.LineRef{{InvoiceID: "MI-1", Line: 3, WABAID: "W-9", Amount: money.FromInt(3), Currency: "USD", Why: "unknown_waba"}},
		OwnCost:     []reconciliation.LineRef{{InvoiceID: "MI-1", Line: 4, WABAID: "W-8", Amount: money.FromInt(4), Currency: "USD"}},
		Direct:      []reconciliation.DirectTotal{{WABAID: "W-D", Lines: 1, Volume: 2, Amount: money.FromInt(1), Currency: "USD"}},
		Uninvoiced:  []reconciliation.Uninvoiced{{PartnerID: "PA-0000", WABAID: "W-U", Count: 1, Amount: money.FromInt(1), Currency: "EUR"}},
		Tie:         [][2]string{{"Stream", "reconciliation-2026-10"}},
	}
	for i := range accounts {
		a := reconciliation.AccountSummary{PartnerID: fmt.Sprintf("PA-%04d", i), Currency: money.Currency([]string{"EUR", "USD"}[i%2])}
		a.FX = []reconciliation.Converted{{FXRate: reconciliation.FXRate{From: "USD", To: "EUR", Rate: money.MustParse("0.9123456789"), Source: "ECB"}, Amount: money.FromInt(1), Converted: money.MustParse("0.9123456789")}}
		for j := range lines {
			l := reconciliation.Line{Key: reconciliation.Key{WABAID: fmt.Sprint("=W", i), Market: fmt.Sprint("market ", j), Category: "marketing", PricingType: "regular"}}
			l.Charged, l.Invoiced = reconciliation.Figure{Count: rng.Int64N(1000), Amount: amount()}, reconciliation.Figure{Count: rng.Int64N(1000), Amount: amount()}
			if j == 0 { // more digits than a spreadsheet's numbers have
				l.Charged.Amount = money.MustParse("1234567.123456789012")
			}
			l.Difference = l.Charged.Amount.Sub(l.Invoiced.Amount)
			l.Post = l.Difference
			part := amount()
			l.Parts = []reconciliation.Part{{Kind: reconciliation.PartQuantity, Count: 1, Amount: part}, {Kind: reconciliation.PartRate, Amount: l.Difference.Sub(part)}}
			a.Charged.Count, a.Charged.Amount = a.Charged.Count+l.Charged.Count, a.Charged.Amount.Add(l.Charged.Amount)
			a.Invoiced.Count, a.Invoiced.Amount = a.Invoiced.Count+l.Invoiced.Count, a.Invoiced.Amount.Add(l.Invoiced.Amount)
			a.Difference, a.Post = a.Difference.Add(l.Difference), a.Post.Add(l.Post)
			m.Lines[a.PartnerID] = append(m.Lines[a.PartnerID], l)
		}
		m.Accounts = append(m.Accounts, a)
	}
	return m
}

// TestWorkbook: every sheet has its rows; texts that look like formulas are
// texts; amounts with many digits stand exactly beside.
func TestWorkbook(t *testing.T) {
	var out bytes.Buffer
	m := sample(3, 20)
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]int{
		"Summary": 1 + 3 + 2, "Lines": 1 + 60 + 2, "Parts": 1 + 120 + 2, "Unallocated": 3, "Direct": 2, "Uninvoiced": 2, "FX rates": 4, "Documents": 2,
	} {
		rows, err := f.GetRows(name)
		if err != nil || len(rows) != want {
			t.Errorf("%s has %d rows, want %d: %v", name, len(rows), want, err)
		}
	}
	cell := func(sheet, at, want string) {
		t.Helper()
		if got, err := f.GetCellValue(sheet, at); err != nil || got != want {
			t.Errorf("%s!%s is %q, want %q: %v", sheet, at, got, want, err)
		}
	}
	cell("Lines", "C2", "=W0")
	cell("Lines", "P2", m.Lines["PA-0000"][0].Difference.String())
	cell("Lines", "P3", "")
	cell("FX rates", "D2", "0.9123456789")
	cell("Unallocated", "A3", "own cost")
	if formula, err := f.GetCellFormula("Lines", "C2"); err != nil || formula != "" {
		t.Errorf("a name is a formula: %q %v", formula, err)
	}
	if got, err := f.CalcCellValue("Summary", "G2", excelize.Options{RawCellValue: true}); err != nil || got == "" || got == "0" {
		t.Errorf("the difference is worked out as %q: %v", got, err)
	}
}

// BenchmarkWorkbook writes 100,000 lines.
func BenchmarkWorkbook(b *testing.B) {
	m := sample(100, 1000)
	runtime.GC()
	for b.Loop() {
		if err := m.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	b.ReportMetric(float64(stats.Sys)/(1<<20), "MiB-of-process")
}
