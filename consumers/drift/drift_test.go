package drift

import (
	"testing"
	"time"

	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

func market(country string, _ time.Time) string {
	return map[string]string{"IN": "India", "BR": "Brazil"}[country]
}

func point(waba, number string, day int, volume int64, cost string) *metainvoice.AnalyticsPoint {
	start := time.Date(2026, 10, day, 0, 0, 0, 0, time.UTC)
	return &metainvoice.AnalyticsPoint{
		WABAID: waba, PhoneNumber: number, Country: "IN", PricingType: "regular", Category: "utility", Start: start, End: start.AddDate(0, 0, 1),
		Volume: volume, Cost: money.MustParse(cost), Currency: "USD",
	}
}

func charged(partner, waba string, count int64, amount string) *Charged {
	return &Charged{
		PartnerID: partner, Currency: "USD", Count: count, Amount: money.MustParse(amount),
		Key: reconciliation.Key{WABAID: waba, Market: "India", Category: "UTILITY"},
	}
}

// TestCompare: sums meet in one line whatever the spelling, and what can't be
// compared is named.
func TestCompare(t *testing.T) {
	channels := []Channel{
		{PartnerID: "PA-1", WABAID: "W1", PhoneNumber: "+1555", PaymentModel: domain.PartnerPaid},
		{PartnerID: "PA-1", WABAID: "W1", PhoneNumber: "+1666", PaymentModel: domain.Direct},
		{PartnerID: "PA-2", WABAID: "D", PhoneNumber: "+1777", PaymentModel: domain.Direct},
		{PartnerID: "PA-2", WABAID: "W2", PhoneNumber: "+1888", PaymentModel: domain.PartnerPaid},
	}
	c := New("2026-10", time.Time{}, channels, market)
	c.Point(point("W1", "1555", 1, 10, "0.5"))
	c.Point(point("W1", "1666", 1, 99, "99")) // direct
	c.Point(point("D", "", 1, 99, "99"))      // direct
	c.Point(point("W9", "", 1, 1, "1"))       // nobody's
	november := point("W1", "1555", 32, 7, "7")
	c.Point(november)
	long := point("W1", "1555", 31, 7, "7")
	long.End = long.End.Add(time.Second)
	c.Point(long)
	c.Charge(charged("PA-1", "W1", 11, "0.56"))
	c.Charge(charged("PA-1", "W1", -1, "-0.05"))
	c.Charge(charged("PA-2", "W2", 3, "0.3"))
	r := c.Report()
	if !r.Approximate || r.Points != 2 || r.Direct != 2 || r.OtherMonth != 1 || r.Beyond != 1 || len(r.Mixed) != 0 {
		t.Errorf("%+v", r)
	}
	if len(r.Unknown) != 1 || r.Unknown[0] != "W9" || len(r.Uncovered) != 1 || r.Uncovered[0] != "W2" {
		t.Errorf("unknown %v, uncovered %v", r.Unknown, r.Uncovered)
	}
	if len(r.Lines) != 2 || r.Lines[0].WABAID != "W9" {
		t.Fatalf("%+v", r.Lines)
	}
	l := r.Lines[1]
	if l.Category != "utility" || l.Market != "India" || l.Charged.Count != 10 || l.Analytics.Count != 10 || l.Count != 0 ||
		l.Amount == nil || l.Amount.String() != "0.01" || len(l.Partners) != 1 || l.Partners[0] != "PA-1" {
		t.Errorf("%+v", l)
	}
}

func TestCompareNamesMixedAndOtherCurrencies(t *testing.T) {
	c := New("2026-10", time.Time{}, []Channel{
		{PartnerID: "PA-1", WABAID: "W1", PhoneNumber: "1555", PaymentModel: domain.PartnerPaid},
		{PartnerID: "PA-1", WABAID: "W1", PhoneNumber: "1666", PaymentModel: domain.Direct},
	}, market)
	c.Point(point("W1", "", 1, 1, "1"))
	c.Point(point("W1", "", 1, 1, "1"))
	u := charged("PA-1", "W1", 1, "1")
	u.Currency = "EUR"
	c.Charge(u)
	r := c.Report()
	if len(r.Mixed) != 1 || r.Mixed[0] != "W1" || r.Lines[0].Amount != nil || r.Lines[0].Count != -1 {
		t.Errorf("%+v", r)
	}
}

// TestThroughADay: the day ends in the WABA's time zone, on both sides.
func TestThroughADay(t *testing.T) {
	zone := time.FixedZone("west", -5*60*60)
	c := New("2026-10", time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC), []Channel{
		{PartnerID: "PA-1", WABAID: "W1", PhoneNumber: "1555", PaymentModel: domain.PartnerPaid, Zone: zone},
	}, market)
	for at, want := range map[time.Time]bool{
		time.Date(2026, 10, 4, 4, 59, 59, 0, time.UTC): true, time.Date(2026, 10, 4, 5, 0, 0, 0, time.UTC): false,
		time.Date(2026, 10, 1, 5, 0, 0, 0, time.UTC): true, time.Date(2026, 10, 1, 4, 59, 0, 0, time.UTC): false,
	} {
		if got := c.Counts("W1", at); got != want {
			t.Errorf("%s: %t", at, got)
		}
	}
	if c.Counts("W2", time.Date(2026, 10, 4, 0, 0, 0, 0, time.UTC)) || !c.Counts("W2", time.Date(2026, 10, 3, 23, 0, 0, 0, time.UTC)) {
		t.Error("a WABA without a zone is in UTC")
	}
	p := point("W1", "1555", 3, 1, "1")
	p.Start, p.End = p.Start.In(zone).Add(5*time.Hour), p.End.In(zone).Add(5*time.Hour)
	c.Point(p)
	late := point("W1", "1555", 4, 1, "1")
	c.Point(late)
	if r := c.Report(); r.Points != 1 || r.Beyond != 1 || r.Through != "2026-10-03" {
		t.Errorf("%+v", r)
	}
}
