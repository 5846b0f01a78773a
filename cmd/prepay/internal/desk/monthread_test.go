package desk

import (
	"fmt"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// manyLines is a month with n lines of ten accounts.
func manyLines(n int) *Month {
	v := &MonthView{MonthHead: MonthHead{Month: "2026-10"}, Lines: map[string][]reconciliation.Line{}}
	for i := range 10 {
		id := fmt.Sprintf("PA-%d", i)
		v.Accounts = append(v.Accounts, reconciliation.AccountSummary{PartnerID: id, Currency: "EUR"})
		for j := range n / 10 {
			d := money.FromInt(int64((j*7919 + i) % 1000))
			v.Lines[id] = append(v.Lines[id], reconciliation.Line{
				Key: reconciliation.Key{WABAID: fmt.Sprintf("W-%d", j%50), Market: fmt.Sprintf("M-%d", j/50), Category: "marketing"}, Difference: d,
				Parts: []reconciliation.Part{{Kind: reconciliation.PartQuantity, Count: 1, Amount: d}},
			})
		}
	}
	return newMonth(v, 0, time.Time{})
}

// TestKeptMonths: months are kept within bounds, those asked for last, and not
// longer than they hold.
func TestKeptMonths(t *testing.T) {
	big := func() *Month { return &Month{rows: make([]MonthLine, KeptLines/2)} }
	key := func(i int) monthKey { return monthKey{month: domain.Month(fmt.Sprintf("2026-%02d", i))} }
	var m months
	m.keep(key(1), big())
	m.keep(key(2), big())
	if m.get(key(1), 0, "") == nil || m.get(key(2), 0, "") == nil {
		t.Fatal("two halves do not fit")
	}
	m.get(key(1), 0, "")
	m.kept[key(2)].asked = m.kept[key(1)].asked.Add(-time.Second)
	m.keep(key(3), big())
	if m.get(key(2), 0, "") != nil || m.get(key(1), 0, "") == nil || m.get(key(3), 0, "") == nil {
		t.Error("not the one asked for longest ago was forgotten")
	}
	m.keep(key(4), &Month{rows: make([]MonthLine, KeptLines+1)})
	if len(m.kept) != 1 || m.get(key(4), 0, "") == nil {
		t.Errorf("%d months beside one that is larger than the bound", len(m.kept))
	}
	for i := range 2 * KeptMonths {
		m.keep(key(i), &Month{})
	}
	if len(m.kept) > KeptMonths {
		t.Errorf("%d months are kept", len(m.kept))
	}
	if m.get(key(2*KeptMonths-1), 7, "") != nil {
		t.Error("a month that was changed is still given")
	}
	m.keep(key(1), &Month{})
	if m.get(key(1), 0, "other documents") != nil {
		t.Error("a month of other documents is given")
	}
	preview := monthKey{month: "2026-01", preview: true}
	m.keep(preview, &Month{})
	if m.get(preview, 0, "") == nil {
		t.Error("a new preview is not given")
	}
	m.kept[preview].since = time.Now().Add(-2 * PreviewAge)
	if m.get(preview, 0, "") != nil {
		t.Error("an old preview is still given")
	}
}

// BenchmarkLines reads a page in the middle of 100,000 lines.
func BenchmarkLines(b *testing.B) {
	m := manyLines(100_000)
	w := &LinesWanted{Largest: true, PartnerID: "PA-3"}
	first, err := m.Lines(w, "", 5000)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		page, err := m.Lines(w, first.Next, 50)
		if err != nil || len(page.Items) != 50 {
			b.Fatal(err)
		}
	}
}

// BenchmarkNewMonth puts 100,000 lines in order.
func BenchmarkNewMonth(b *testing.B) {
	for b.Loop() {
		manyLines(100_000)
	}
}
