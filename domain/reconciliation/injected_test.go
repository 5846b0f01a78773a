package reconciliation

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// micros is an amount in millionths: the oracle of this file reckons in
// integers.
func micros(n int64) money.Amount { return money.FromInt(n).Mul(amt("0.000001")) }

// injector makes a month in which charged and invoiced agree but for faults
// whose parts are known beforehand. Every fault has a market of its own.
type injector struct {
	rng    *rand.Rand
	n      int
	usage  []Usage
	lines  []InvoiceLine
	tiers  map[string][]TierRate // by currency and market
	want   map[Key]string
	fxSum  int64 // converted sum in 10^-9 EUR
	market string
}

const (
	fxMillis  = 923   // USD to EUR in thousandths
	gbpMillis = 1_157 // GBP to EUR
)

func (g *injector) begin() (count, price int64) {
	g.n++
	g.market = fmt.Sprintf("M%04d", g.n)
	return 5 + g.rng.Int64N(2_000), 1_000 + g.rng.Int64N(90_000)
}

func (g *injector) charge(category string, count, price int64, late bool) {
	// In two pieces, as two channels would have it.
	first := g.rng.Int64N(count + 1)
	for _, n := range [...]int64{first, count - first} {
		if n > 0 {
			g.usage = append(g.usage, Usage{PartnerID: "PA-1", WABAID: "W1", Market: g.market, Category: category, Late: late, Count: n, Amount: micros(n * price)})
		}
	}
}

func (g *injector) bill(category, pricingType string, count, price int64, currency money.Currency) {
	g.lines = append(g.lines, InvoiceLine{
		DocumentType: Invoice, Month: month, WABAID: "W1", Market: g.market, Category: category, PricingType: pricingType,
		Volume: count, Amount: micros(count * price), Currency: currency,
	})
}

func (g *injector) expect(category string, parts ...string) {
	g.want[Key{"W1", g.market, category, "regular"}] = strings.Join(parts, "; ")
}

func part(kind PartKind, count int64, amount money.Amount, with string) string {
	s := fmt.Sprintf("%s %d %s", kind, count, amount)
	if with != "" {
		s += " " + with
	}
	return s
}

// faults are what can be injected, by name.
func (g *injector) faults() []func() {
	return []func(){
		func() { // none
			q, p := g.begin()
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q, p, "EUR")
			g.expect("marketing")
		},
		func() { // late
			q, p := g.begin()
			n := 1 + g.rng.Int64N(9)
			g.charge("marketing", q, p, false)
			g.charge("marketing", n, p+7, true)
			g.bill("marketing", "", q, p, "EUR")
			g.expect("marketing", part(PartLate, n, micros(n*(p+7)), ""))
		},
		func() { // free
			q, p := g.begin()
			n := 1 + g.rng.Int64N(q-1)
			g.charge("marketing", q, p, false)
			g.bill("marketing", "REGULAR", q-n, p, "EUR")
			g.bill("MARKETING", "FREE_ENTRY_POINT", n, 0, "EUR")
			g.expect("marketing", part(PartFree, n, micros(n*p), ""))
		},
		func() { // category
			q, p := g.begin()
			n, q2, p2 := 1+g.rng.Int64N(q-1), 1+g.rng.Int64N(500), 1_000+g.rng.Int64N(90_000)
			g.charge("marketing", q, p, false)
			g.charge("utility", q2, p2, false)
			g.bill("marketing", "", q-n, p, "EUR")
			g.bill("utility", "", q2+n, p2, "EUR")
			g.expect("marketing", part(PartCategory, n, micros(n*p), "utility"))
			g.expect("utility", part(PartCategory, -n, micros(-n*p2), "marketing"))
		},
		func() { // missing at Meta
			q, p := g.begin()
			g.charge("marketing", q, p, false)
			g.expect("marketing", part(PartMissingAtMeta, q, micros(q*p), ""))
		},
		func() { // missing here
			q, p := g.begin()
			g.bill("marketing", "", q, p, "EUR")
			g.expect("marketing", part(PartMissingHere, -q, micros(-q*p), ""))
		},
		func() { // tier
			q, p := g.begin()
			lower := p - 1 - g.rng.Int64N(p/2)
			g.tiers["EUR"+g.market] = []TierRate{{"0:1000", micros(p)}, {"1001:MAX", micros(lower)}}
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q, lower, "EUR")
			g.expect("marketing", part(PartTier, q, micros(q*(p-lower)), "1001:MAX"))
		},
		func() { // quantity
			q, p := g.begin()
			n := g.rng.Int64N(8) - 4
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q-n, p, "EUR")
			if n == 0 {
				g.expect("marketing")
			} else {
				g.expect("marketing", part(PartQuantity, n, micros(n*p), ""))
			}
		},
		func() { // rate
			q, p := g.begin()
			g.tiers["EUR"+g.market] = []TierRate{{"0:1000", micros(p)}, {"1001:MAX", micros(p - 1)}}
			other := p + 1 + g.rng.Int64N(1_000)
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q, other, "EUR")
			g.expect("marketing", part(PartRate, q, micros(q*(p-other)), ""))
		},
		func() { // quantity and rate after late
			q, p := g.begin()
			n, other := 1+g.rng.Int64N(q-1), p+1+g.rng.Int64N(1_000)
			g.charge("marketing", q, p, false)
			g.charge("marketing", 2, p, true)
			g.bill("marketing", "", q-n, other, "EUR")
			g.expect("marketing", part(PartLate, 2, micros(2*p), ""), part(PartQuantity, n, micros(n*p), ""),
				part(PartRate, q-n, micros((q-n)*(p-other)), ""))
		},
		func() { // currency
			q, p := g.begin()
			usd := p + 100 + g.rng.Int64N(9_000)
			g.tiers["USD"+g.market] = []TierRate{{Rate: micros(usd)}}
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q, usd, "USD")
			g.fxSum += q * usd * fxMillis
			difference := micros(q * p).Sub(micros(q * usd).Mul(amt("0.923")))
			if difference.IsZero() {
				g.expect("marketing")
			} else {
				g.expect("marketing", part(PartCurrency, q, difference, "USD"))
			}
		},
	}
}

// memo adds a credit or debit memo; Meta gives their figures with either sign.
func (g *injector) memo(kind DocumentType, count, price int64) {
	g.bill("marketing", "", count, price, "EUR")
	l := &g.lines[len(g.lines)-1]
	l.DocumentType = kind
	if g.rng.IntN(2) == 0 {
		l.Amount, l.Volume = l.Amount.Neg(), -l.Volume
	}
}

// moreFaults are those that take several lines, documents or clocks.
func (g *injector) moreFaults() []func() {
	return []func(){
		func() { // duplicates: Meta has the line twice
			q, p := g.begin()
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q, p, "EUR")
			g.bill("marketing", "", q, p, "EUR")
			g.expect("marketing", part(PartQuantity, -q, micros(-q*p), ""))
		},
		func() { // a chain of memos that comes to what was charged, or not quite
			q, p := g.begin()
			n, m, left := 1+g.rng.Int64N(40), 1+g.rng.Int64N(4), g.rng.Int64N(3)
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q+n, p, "EUR")
			g.memo(CreditMemo, n+m, p)
			g.memo(DebitMemo, m+left, p)
			if left == 0 {
				g.expect("marketing")
			} else {
				g.expect("marketing", part(PartQuantity, -left, micros(-left*p), ""))
			}
		},
		func() { // a memo takes all of it back
			q, p := g.begin()
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q, p, "EUR")
			g.memo(CreditMemo, q, p)
			g.expect("marketing", part(PartQuantity, q, micros(q*p), ""))
		},
		func() { // two invoice currencies beside the account's own
			q, p := g.begin()
			a, b := 1+q/3, 1+q/4
			usd, gbp := p+g.rng.Int64N(900), p+g.rng.Int64N(900)
			g.charge("marketing", q, p, false)
			g.bill("marketing", "", q-a-b, p, "EUR")
			g.bill("marketing", "", a, usd, "USD")
			g.bill("marketing", "", b, gbp, "GBP")
			g.fxSum += a*usd*fxMillis + b*gbp*gbpMillis
			var want []string
			for _, c := range []struct {
				currency    money.Currency
				count, here int64
			}{{"GBP", b, b * (p*1_000 - gbp*gbpMillis)}, {"USD", a, a * (p*1_000 - usd*fxMillis)}} {
				if c.here != 0 {
					want = append(want, part(PartCurrency, c.count, money.FromInt(c.here).Mul(amt("0.000000001")), string(c.currency)))
				}
			}
			g.expect("marketing", want...)
		},
		func() { g.edge(true) },
		func() { g.edge(false) },
	}
}

// edge charges around midnight at the month's end in the WABA's zone (R25).
// Meta counts by that zone; where the channel has it, too, nothing differs,
// and where it was registered without, what lies between is another month's.
func (g *injector) edge(zoned bool) {
	q, p := g.begin()
	names := []string{"America/Sao_Paulo", "Asia/Kolkata", "Pacific/Auckland", "Europe/Berlin"}
	zone, err := time.LoadLocation(names[g.rng.IntN(len(names))])
	if err != nil {
		panic(err)
	}
	ours := zone
	if !zoned {
		ours = time.UTC
	}
	here, meta := int64(0), int64(0)
	begins, ends := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for range min(q, 40) {
		at := ends
		if g.rng.IntN(2) == 0 {
			at = begins
		}
		at = at.Add(time.Duration(g.rng.Int64N(int64(30*time.Hour))) - 15*time.Hour)
		if domain.MonthOf(at, ours) == month {
			here++
		}
		if local := at.In(zone); local.Year() == 2026 && local.Month() == time.October {
			meta++
		}
	}
	if here > 0 {
		g.charge("marketing", here, p, false)
	}
	if meta > 0 {
		g.bill("marketing", "", meta, p, "EUR")
	}
	switch {
	case here == meta && here > 0:
		g.expect("marketing")
	case here > 0 && meta == 0:
		g.expect("marketing", part(PartMissingAtMeta, here, micros(here*p), ""))
	case here == 0 && meta > 0:
		g.expect("marketing", part(PartMissingHere, -meta, micros(-meta*p), ""))
	case here > 0:
		g.expect("marketing", part(PartQuantity, here-meta, micros((here-meta)*p), ""))
	}
	if zoned && here != meta {
		panic("the oracle and MonthOf disagree")
	}
}

// seeds is how many months the tests of this package make; soak runs take
// thousands: go test ./domain/reconciliation -seeds 10000.
var seeds = flag.Uint64("seeds", 300, "months that generated tests make")

// TestInjectedFaultsAreFound: the parts are exactly those that were injected.
func TestInjectedFaultsAreFound(t *testing.T) {
	for seed := range *seeds {
		g := &injector{rng: rand.New(rand.NewPCG(seed, 26)), tiers: map[string][]TierRate{}, want: map[Key]string{}}
		faults := append(g.faults(), g.moreFaults()...)
		for range 5 + g.rng.IntN(60) {
			faults[g.rng.IntN(len(faults))]()
		}
		g.rng.Shuffle(len(g.usage), func(i, j int) { g.usage[i], g.usage[j] = g.usage[j], g.usage[i] })
		g.rng.Shuffle(len(g.lines), func(i, j int) { g.lines[i], g.lines[j] = g.lines[j], g.lines[i] })
		in := one(g.usage, g.lines...)
		in.Documents[0].FX = []FXRate{{From: "USD", To: "EUR", Rate: amt("0.923")}, {From: "GBP", To: "EUR", Rate: amt("1.157")}}
		in.Tiers = func(q TierQuery) []TierRate { return g.tiers[string(q.Currency)+q.Market] }
		a := accountOf(t, compute(t, in, nil), "PA-1")
		for i := range a.Lines {
			l := &a.Lines[i]
			sumsUp(t, fmt.Sprintf("seed %d", seed), l)
			if l.Free() {
				continue
			}
			want := g.want[l.Key]
			if l.IsRounding() {
				want = part(PartRounding, 0, roundingOf(g.fxSum), "")
			}
			if got := parts(l); got != want {
				t.Errorf("seed %d: %+v: %s, want %s", seed, l.Key, got, want)
			}
			delete(g.want, l.Key)
		}
		if len(g.want) > 0 {
			t.Errorf("seed %d: %d keys have no line", seed, len(g.want))
		}
		if hasLine := slices.ContainsFunc(a.Lines, func(l Line) bool { return l.IsRounding() }); hasLine == roundingOf(g.fxSum).IsZero() {
			t.Errorf("seed %d: rounding line %v, rounding %s", seed, hasLine, roundingOf(g.fxSum))
		}
		if t.Failed() {
			return
		}
	}
}

// roundingOf is what half even leaves of a sum in 10^-9 EUR.
func roundingOf(nanos int64) money.Amount {
	const cent = 10_000_000
	whole, rest := nanos/cent, nanos%cent
	if rest > cent/2 || rest == cent/2 && whole%2 == 1 {
		rest -= cent
	}
	return money.FromInt(rest).Mul(amt("0.000000001"))
}
