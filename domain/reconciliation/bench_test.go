package reconciliation

import (
	"fmt"
	"testing"
)

// BenchmarkMonthEnd: 100,000 invoice lines against 200,000 sums of charges of
// 1,000 accounts, to the proposal's events.
func BenchmarkMonthEnd(b *testing.B) {
	in := Input{Month: month}
	d := doc("MI-1")
	for i := range 1_000 {
		partner := fmt.Sprintf("PA-%04d", i)
		in.Accounts = append(in.Accounts, eur(partner))
		for w := range 5 {
			in.Channels = append(in.Channels, paid(partner, fmt.Sprintf("W%d-%d", i, w), fmt.Sprintf("P%d-%d", i, w)))
		}
	}
	for i := range 100_000 {
		partner, wabaID, category := fmt.Sprintf("PA-%04d", i%1_000), fmt.Sprintf("W%d-%d", i%1_000, i/1_000%5), fmt.Sprintf("c%d", i/5_000)
		in.Usage = append(in.Usage, used(partner, wabaID, category, 60, "3.1"), used(partner, wabaID, category, 40, "2"))
		d.Lines = append(d.Lines, billed(wabaID, category, int64(98+i%5), "5.1"))
	}
	in.Documents = []*Document{d}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewReconciliation().Decide(by("finance:ana"), propose(in)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Seconds())/float64(b.N), "s/month")
}
