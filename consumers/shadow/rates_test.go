package shadow

import (
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
)

const tiered = `market,currency,category,from_volume,to_volume,rate
Spain,EUR,utility,1,1000,0.03
Spain,EUR,utility,1001,5000,0.02
Spain,EUR,utility,5001,MAX,0.01
`

// TestTiersAsRecorded: a charge keeps the tier that it was charged in, also
// where the other card cuts its tiers elsewhere.
func TestTiersAsRecorded(t *testing.T) {
	card, err := rating.ParseRateCard("eur-2026-10-01.csv", []byte(tiered), rating.CardOptions{})
	if err != nil {
		t.Fatal(err)
	}
	book, err := (&rating.Book{}).With(card)
	if err != nil {
		t.Fatal(err)
	}
	for tier, want := range map[string]string{"": "0.03", "1:1000": "0.03", "1001:5000": "0.02", "1500:9000": "0.02", "5001:MAX": "0.01", "9000:MAX": "0.01"} {
		r := &Rates{Month: "2026-10", Book: book}
		e := &domain.ConversationCharged{
			WABAID: "W-1", Market: "Spain", Category: "UTILITY", PricingModel: domain.PMP, Currency: "EUR", Month: "2026-10", Tier: tier,
			OccurredAt: time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC),
		}
		if err := r.add(e, 1, money.MustParse("0.5")); err != nil {
			t.Fatal(err)
		}
		if rows := r.By("category"); len(rows) != 1 || rows[0].Then.String() != want || rows[0].Category != "utility" {
			t.Errorf("tier %q: %+v, want %s", tier, rows, want)
		}
	}
}

// TestUnratedIsApart: without a rate a charge is in neither sum; before the
// card is in force there is none, unless its day is asked for.
func TestUnratedIsApart(t *testing.T) {
	card, err := rating.ParseRateCard("eur-2027-01-01.csv", []byte(tiered), rating.CardOptions{})
	if err != nil {
		t.Fatal(err)
	}
	book, err := (&rating.Book{}).With(card)
	if err != nil {
		t.Fatal(err)
	}
	e := &domain.ConversationCharged{
		WABAID: "W-1", Market: "Spain", Category: "utility", PricingModel: domain.PMP, Currency: "EUR", Month: "2026-10",
		OccurredAt: time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC),
	}
	for at, rated := range map[time.Time]bool{{}: false, card.Effective: true} {
		r := &Rates{Month: "2026-10", Book: book, At: at}
		if err := r.add(e, 1, money.MustParse("0.5")); err != nil {
			t.Fatal(err)
		}
		if row := r.By()[0]; (row.Now.Count == 1) != rated || (row.Unrated.Count == 1) == rated || row.Then.IsZero() == rated {
			t.Errorf("at %s: %+v", at, row)
		}
	}
}
