package rating

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// card makes a card in USD from "market category price" lines.
func card(t testing.TB, date string, model domain.PricingModel, replaces string, lines ...string) *Card {
	t.Helper()
	data := "market,currency,category,from_volume,to_volume,rate\n"
	for _, l := range lines {
		f := strings.Fields(l)
		data += f[0] + ",USD," + f[1] + ",1,MAX," + f[2] + "\n"
	}
	c, err := ParseRateCard("x.csv", []byte(data), CardOptions{Effective: day(date), Model: model, Replaces: replaces})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func with(t testing.TB, b *Book, cards ...*Card) *Book {
	t.Helper()
	for _, c := range cards {
		next, err := b.With(c)
		if err != nil {
			t.Fatal(err)
		}
		b = next
	}
	return b
}

func query(market, category string, model domain.PricingModel, at time.Time) domain.RateQuery {
	return domain.RateQuery{Currency: "USD", WABAID: "W", Market: market, Category: category, Model: model, OccurredAt: at, Month: domain.MonthOf(at, time.UTC)}
}

func price(b *Book, q domain.RateQuery) string {
	r, ok := b.Rate(q)
	if !ok {
		return "none"
	}
	return r.Price.String()
}

// R9: the card in force is the newest from 00:00 UTC on its date that serves
// the model, the model's own first; nothing stands in for a missing rate.
func TestRateCardInForce(t *testing.T) {
	july := card(t, "2026-07-01", "", "", "Brazil marketing 1", "India marketing 2")
	october := card(t, "2026-10-01", "", "", "Brazil marketing 3")
	octoberCBP := card(t, "2026-10-01", domain.CBP, "", "Brazil marketing 4", "Chile marketing 5")
	novemberPMP := card(t, "2026-11-01", domain.PMP, "", "Brazil marketing 6")
	b := with(t, &Book{}, novemberPMP, october, july, octoberCBP) // in any order
	second := time.Second
	for _, c := range []struct {
		market, category string
		model            domain.PricingModel
		at               time.Time
		want             string
	}{
		{"Brazil", "marketing", domain.PMP, day("2026-07-01").Add(-second), "none"},
		{"Brazil", "marketing", domain.PMP, day("2026-07-01"), "1"},
		{"Brazil", "marketing", domain.CBP, day("2026-10-01").Add(-time.Nanosecond), "1"},
		{"Brazil", "marketing", domain.PMP, day("2026-10-01"), "3"},
		{"Brazil", "marketing", domain.CBP, day("2026-10-01"), "4"},
		{"Brazil", "marketing", domain.PMP, day("2026-11-01"), "6"},
		{"Brazil", "marketing", domain.CBP, day("2026-11-01"), "4"},
		{"Brazil", "MARKETING", domain.CBP, day("2026-11-01"), "4"},
		{"India", "marketing", domain.PMP, day("2026-09-30"), "2"},
		{"India", "marketing", domain.PMP, day("2026-10-01"), "none"}, // not July's
		{"Chile", "marketing", domain.PMP, day("2026-10-01"), "none"}, // not CBP's
		{"Chile", "marketing", domain.CBP, day("2026-10-01"), "5"},
		{"Brazil", "utility", domain.PMP, day("2026-10-01"), "none"},
		{"brazil", "marketing", domain.PMP, day("2026-10-01"), "none"},
		{"Brazil", "marketing", "", day("2026-11-01"), "3"},
	} {
		if got := price(b, query(c.market, c.category, c.model, c.at)); got != c.want {
			t.Errorf("%+v = %s", c, got)
		}
	}
	q := query("Brazil", "marketing", domain.PMP, day("2026-10-02"))
	if r, _ := b.Rate(q); r.CardID != october.ID || r.Tier != "" {
		t.Errorf("rate is %+v, want card %s and no tier", r, october.ID)
	}
	if q.Currency = "EUR"; price(b, q) != "none" {
		t.Error("a rate in another currency")
	}
	if got := (&Book{}).Cards(); len(got) != 0 || price(&Book{}, q) != "none" {
		t.Error("an empty book has rates")
	}
}

// R9: the same date again with other content is rejected unless it names what
// it replaces.
func TestReplaceCard(t *testing.T) {
	first := card(t, "2026-10-01", "", "", "Brazil marketing 1")
	b := with(t, &Book{}, first)
	if same, err := b.With(card(t, "2026-10-01", "", "", "Brazil marketing 1.00")); err != nil || same != b {
		t.Errorf("the same content again: %v", err)
	}
	with(t, b, card(t, "2026-10-02", "", "", "Brazil marketing 2"), card(t, "2026-10-01", domain.PMP, "", "Brazil marketing 2"))
	for _, wrong := range []*Card{
		card(t, "2026-10-01", "", "", "Brazil marketing 2"),
		card(t, "2026-10-01", "", "USD-2026-10-01-00000000", "Brazil marketing 2"),
		card(t, "2026-10-02", "", first.ID, "Brazil marketing 2"),
		card(t, "2026-10-01", domain.PMP, first.ID, "Brazil marketing 2"),
	} {
		next, err := b.With(wrong)
		if next != nil || domain.RejectionCode(err) != domain.RateCardConflict {
			t.Errorf("%s replacing %q: %v", wrong.ID, wrong.Replaces, err)
		}
	}
	q := query("Brazil", "marketing", domain.PMP, day("2026-10-01"))
	second := card(t, "2026-10-01", "", first.ID, "Brazil marketing 2")
	b2 := with(t, b, second)
	if price(b, q) != "1" || price(b2, q) != "2" {
		t.Errorf("old book %s, new book %s", price(b, q), price(b2, q))
	}
	if b2.Card(first.ID) != nil || b2.Card(second.ID) != second || len(b2.Cards()) != 1 || b2.InForce("USD", domain.CBP, q.OccurredAt) != second {
		t.Error("the replaced card is still there")
	}
	back := card(t, "2026-10-01", "", second.ID, "Brazil marketing 1")
	if price(with(t, b2, back), q) != "1" {
		t.Error("the first content can't come back")
	}
}

func tierQuery(category string, at time.Time) domain.RateQuery {
	q := query("Brazil", category, domain.PMP, at)
	q.Currency = "BRL"
	return q
}

// R9: the first tier holds without a webhook; with one, its tier from the
// smallest update time on, for that WABA, region, category and month.
func TestTiers(t *testing.T) {
	b := with(t, &Book{}, readCard(t, "tiers-brl-2026-10-01.csv", CardOptions{}))
	at := day("2026-10-10")
	change := TierChange{WABAID: "W", Market: "BRAZIL", Category: "UTILITY", Month: "2026-10", Tier: "2000001:17000000", At: at}
	later, earlier, other := change, change, change
	later.At = at.Add(time.Hour)
	other.Tier, other.At = "250001:2000000", at.Add(-24*time.Hour)
	earlier.At = at.Add(-time.Hour)
	tiered := b.WithTiers(change, later)
	for _, c := range []struct {
		book  *Book
		query domain.RateQuery
		want  string
	}{
		{b, tierQuery("utility", at), "0.035 1:250000"},
		{tiered, tierQuery("utility", at), "0.0315 2000001:17000000"},
		{tiered, tierQuery("Utility", at), "0.0315 2000001:17000000"},
		{tiered, tierQuery("utility", at.Add(-time.Second)), "0.035 1:250000"},
		{tiered, tierQuery("authentication", at), "0.035 1:250000"},
		{tiered, tierQuery("utility", day("2026-11-10")), "0.035 1:250000"},
		{tiered.WithTiers(earlier), tierQuery("utility", at.Add(-time.Second)), "0.0315 2000001:17000000"},
		{tiered.WithTiers(other), tierQuery("utility", at.Add(-time.Second)), "0.0333 250001:2000000"},
		{tiered.WithTiers(other), tierQuery("utility", at), "0.0315 2000001:17000000"},
		{tiered.WithTiers(other), tierQuery("utility", at.Add(-24*time.Hour-time.Second)), "0.035 1:250000"},
	} {
		r, ok := c.book.Rate(c.query)
		if got := r.Price.String() + " " + r.Tier; !ok || got != c.want {
			t.Errorf("%s at %s = %s, want %s", c.query.Category, c.query.OccurredAt, got, c.want)
		}
	}
	foreign := tierQuery("utility", at)
	foreign.WABAID = "V"
	if r, _ := tiered.Rate(foreign); r.Tier != "1:250000" {
		t.Errorf("another WABA is in tier %s", r.Tier)
	}
	if rates := b.TierRates(tierQuery("service", at)); len(rates) != 6 || rates[5].Tier != "70000001:MAX" || rates[5].Price.String() != "0.0263" {
		t.Errorf("tier rates %v", rates)
	}
	if b.TierRates(tierQuery("marketing", at)) != nil {
		t.Error("tier rates of no row")
	}
}

// A tier is matched by its lower bound, else by what contains that.
func TestTierBounds(t *testing.T) {
	b := with(t, &Book{}, readCard(t, "tiers-brl-2026-10-01.csv", CardOptions{}))
	at := day("2026-10-10")
	for tier, want := range map[string]string{
		"0:250000": "1:250000", "1:MAX": "1:250000", "250000:250000": "1:250000", "250001:750000": "250001:2000000",
		"300000:400000": "250001:2000000", "70000001:MAX": "70000001:MAX", "99999999:100000000": "70000001:MAX",
		"nonsense": "1:250000", "5:4": "1:250000",
	} {
		change := TierChange{WABAID: "W", Market: "Brazil", Category: "utility", Month: "2026-10", Tier: tier, At: at}
		if r, _ := b.WithTiers(change).Rate(tierQuery("utility", at)); r.Tier != want {
			t.Errorf("tier %s is priced as %s, want %s", tier, r.Tier, want)
		}
	}
}

// The order and repetition of tier webhooks don't matter: the answer is that
// of a plain scan over all of them.
func TestTierChangesInAnyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	b := with(t, &Book{}, readCard(t, "tiers-brl-2026-10-01.csv", CardOptions{}))
	bounds := []int64{1, 250001, 2000001, 17000001, 35000001, 70000001}
	for range 300 {
		var changes []TierChange
		for range rng.IntN(8) {
			changes = append(changes, TierChange{
				WABAID: []string{"W", "V"}[rng.IntN(2)], Market: "Brazil", Category: "UTILITY", Month: "2026-10",
				Tier: fmt.Sprintf("%d:MAX", bounds[rng.IntN(6)]), At: day("2026-10-10").Add(time.Duration(rng.IntN(20)) * time.Hour),
			})
		}
		book := b
		for _, c := range changes {
			book = book.WithTiers(c)
		}
		at := day("2026-10-10").Add(time.Duration(rng.IntN(20)) * time.Hour)
		first := map[int64]time.Time{}
		for _, c := range changes {
			from, _, _ := ParseTier(c.Tier)
			if had, ok := first[from]; c.WABAID == "W" && (!ok || c.At.Before(had)) {
				first[from] = c.At
			}
		}
		want, when := int64(1), time.Time{}
		for from, since := range first {
			if !since.After(at) && (since.After(when) || since.Equal(when) && from > want) {
				want, when = from, since
			}
		}
		r, _ := book.Rate(tierQuery("utility", at))
		if got, _, _ := ParseTier(r.Tier); got != want {
			t.Fatalf("tier %s, want from %d, at %s after %+v", r.Tier, want, at, changes)
		}
	}
}

func TestParseTier(t *testing.T) {
	for _, bad := range []string{"", ":", "1", "1:", ":MAX", "MAX:MAX", "-1:5", "5:1", "1.0:2", "1e3:MAX", "1:2:3", "1:9999999999999999"} {
		if _, _, err := ParseTier(bad); err == nil {
			t.Errorf("%q is taken as a tier", bad)
		}
	}
	if from, to, err := ParseTier("2000001:max"); err != nil || from != 2000001 || to != MaxVolume || TierLabel(from, to) != "2000001:MAX" {
		t.Errorf("tier %d:%d, %v", from, to, err)
	}
}

// Rating is on the path of every charge: it must not allocate.
func TestRateDoesNotAllocate(t *testing.T) {
	b := with(t, &Book{}, readCard(t, "tiers-brl-2026-10-01.csv", CardOptions{}), readCard(t, "rates-usd-2026-10-01.csv", CardOptions{}))
	b = b.WithTiers(TierChange{WABAID: "W", Market: "Brazil", Category: "UTILITY", Month: "2026-10", Tier: "2000001:17000000", At: day("2026-10-05")})
	flat, tiered := query("India", "marketing", domain.PMP, day("2026-10-10")), tierQuery("utility", day("2026-10-10"))
	if n := testing.AllocsPerRun(100, func() { b.Rate(flat); b.Rate(tiered) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var sink money.Amount

func BenchmarkRate(b *testing.B) {
	book := with(b, &Book{}, readCard(b, "rates-usd-2026-10-01.csv", CardOptions{}), readCard(b, "tiers-brl-2026-10-01.csv", CardOptions{}))
	book = book.WithTiers(TierChange{WABAID: "W", Market: "Brazil", Category: "UTILITY", Month: "2026-10", Tier: "2000001:17000000", At: day("2026-10-05")})
	for name, q := range map[string]domain.RateQuery{
		"flat": query("India", "marketing", domain.PMP, day("2026-10-10")), "tier": tierQuery("utility", day("2026-10-10")),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, _ := book.Rate(q)
				sink = r.Price
			}
		})
	}
}
