package gatestate_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"prepayledger/consumers/gatestate"
)

// BenchmarkDeliver delivers batches of charges, spread over few accounts and
// over many: with each batch, and while Run lets the figures wait.
func BenchmarkDeliver(b *testing.B) {
	const batch = 2000
	for _, c := range []struct {
		accounts int
		waiting  bool
	}{{10, false}, {1000, false}, {10, true}, {1000, true}} {
		accounts := c.accounts
		b.Run(fmt.Sprintf("accounts=%d/waiting=%v", accounts, c.waiting), func(b *testing.B) {
			w := newWorld(b, 1, gatestate.Options{})
			if c.waiting {
				w.start(gatestate.Options{Accounts: w.accounts()})
				w.run()
			}
			for i := range accounts {
				w.must(w.log.Open(fmt.Sprint("PA-", i), "100000"))
			}
			w.all()
			for i := range batch {
				w.must(w.log.Charge(fmt.Sprint("PA-", i%accounts), "0.01"))
			}
			facts := slices.Clone(w.log.Facts[len(w.log.Facts)-batch:])
			for b.Loop() {
				for i := range facts {
					facts[i].Position.Commit += 100_000
					facts[i].Revision += 1000
				}
				w.must(w.out.Apply(context.Background(), slices.Clone(facts)))
			}
			b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "charges/s")
		})
	}
}
