package rating

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"prepayledger/domain"
)

// maxEventBytes is what one event of the log may have: 256 KiB.
const maxEventBytes = 256 << 10

// A card that went through the log prices as before.
func TestCardThroughJSON(t *testing.T) {
	for _, file := range []string{"tiers-brl-2026-10-01.csv", "rates-eur-sample.csv"} {
		before := &RateCardImported{Card: readCard(t, file, CardOptions{Model: domain.CBP}), FileName: file}
		data, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		after := &RateCardImported{}
		if err := json.Unmarshal(data, after); err != nil {
			t.Fatal(err)
		}
		again := *after.Card
		again.seal()
		if again.ID != before.Card.ID || again.SHA256 != before.Card.SHA256 || len(again.Rates) != len(before.Card.Rates) {
			t.Errorf("%s: card %s came back as %s", file, before.Card.ID, again.ID)
		}
		q := query("Brazil", "service", domain.CBP, day("2026-10-01"))
		q.Currency = before.Card.Currency
		want, _ := with(t, &Book{}, before.Card).Rate(q)
		if got, ok := with(t, &Book{}, after.Card).Rate(q); !ok || !got.Price.Equal(want.Price) || got.CardID != want.CardID || got.Tier != want.Tier {
			t.Errorf("%s: %+v, want %+v", file, got, want)
		}
	}
}

// The largest card and the largest table of markets fit into an event.
func TestLargestFitsAnEvent(t *testing.T) {
	var b strings.Builder
	b.WriteString("market,currency,category,from_volume,to_volume,rate\n")
	for i := range MaxCardRates {
		name := fmt.Sprintf("%0*d", MaxNameBytes, i)
		fmt.Fprintf(&b, "%s,USD,c%s,1,MAX,0.123456\n", name, name[1:])
	}
	c, err := ParseRateCard("x-2026-10-01.csv", []byte(b.String()), CardOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(&RateCardImported{Card: c})
	if err != nil || len(data) > maxEventBytes {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if MaxMarketsBytes*3/2 > maxEventBytes {
		t.Error("a table of markets may not fit, escaped")
	}
}
