package usage

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/projectionstest"
)

const account = "account-PA-1"

func charge(id, channel, category, amount string, at time.Time) *domain.ConversationCharged {
	return &domain.ConversationCharged{
		ChargeID: id, ChannelID: channel, WABAID: "W-" + channel, Market: "Spain", Category: category, PricingModel: domain.PMP,
		PricingType: domain.PricingTypeRegular, OccurredAt: at, Month: domain.MonthOf(at, time.UTC), Amount: money.MustParse(amount), Currency: "EUR",
	}
}

func counted(id, channel, category, why string, at time.Time) *domain.ConversationCounted {
	pricing := domain.PricingTypeRegular
	if why == "free" {
		pricing = "free_entry_point"
	}
	return &domain.ConversationCounted{
		ChargeID: id, ChannelID: channel, WABAID: "W-" + channel, Market: "Spain", Category: category, PricingModel: domain.PMP,
		PricingType: pricing, OccurredAt: at, Month: domain.MonthOf(at, time.UTC), Why: why,
	}
}

func corrected(e *domain.ConversationCharged) *domain.ChargeCorrected {
	return &domain.ChargeCorrected{
		ChargeID: e.ChargeID, ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market, Category: e.Category, PricingType: e.PricingType,
		PricingModel: e.PricingModel, Month: e.Month, OccurredAt: e.OccurredAt, Amount: e.Amount, Reason: "wrong",
	}
}

func day(n int) time.Time { return time.Date(2026, 10, n, 23, 59, 59, 0, time.UTC) }

// TestMonth keeps what was charged, corrected, free, direct and late apart.
func TestMonth(t *testing.T) {
	l := projectionstest.New(t)
	wrong := charge("b", "CH-1", "marketing", "0.5", day(3))
	l.Append(account, charge("a", "CH-1", "marketing", "0.25", day(2)), wrong, corrected(wrong),
		counted("c", "CH-1", "marketing", "free", day(3)), counted("d", "CH-2", "marketing", "direct", day(3)))
	l.Append("account-PA-2", charge("a", "CH-9", "marketing", "7", day(2)))
	l.Append(account, &domain.ReconciliationAdjusted{Month: "2026-10", Run: 1}, charge("e", "CH-1", "marketing", "2", day(4)),
		charge("f", "CH-1", "marketing", "4", day(2).AddDate(0, 1, 0)))
	m := New()
	l.Follow(m)
	rows, err := m.Month("PA-1", "2026-10")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range rows {
		r := &rows[i]
		count, amount := r.Net()
		got = append(got, fmt.Sprint(r.ChannelID, " ", r.PricingType, " direct=", r.Direct, " late=", r.Late, " charged=", r.Charged(), " ", r.Count, " ", r.Amount, " net ", count, " ", amount))
	}
	want := []string{
		"CH-1 free_entry_point direct=false late=false charged=false 1 0 net 1 0",
		"CH-1 regular direct=false late=false charged=true 2 0.75 net 1 0.25",
		"CH-1 regular direct=false late=true charged=true 1 2 net 1 2",
		"CH-2 regular direct=true late=false charged=false 1 0 net 1 0",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	lines := Breakdown(rows, func(r *Row) string { return r.Category })
	if got := fmt.Sprint(lines); got != "[{marketing 2 2.25 2}]" {
		t.Errorf("breakdown %s", got)
	}
	days, err := m.Days("PA-1")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(ByDay(days, "2026-10")); got != "[{2026-10-02 1 0.25 0} {2026-10-03 0 0 2} {2026-10-04 1 2 0}]" {
		t.Errorf("days %s", got)
	}
	if other, err := m.Month("PA-3", "2026-10"); err != nil || len(other) != 0 {
		t.Errorf("an account without usage has %v, %v", other, err)
	}
}

// TestRandom holds the sums against plain ones in fractions, with hardly any
// sums kept in memory between batches, so that they are read back all the
// time.
func TestRandom(t *testing.T) {
	const seed, events, batch = 7, 600, 40
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	l := projectionstest.New(t)
	m := New()
	m.limit = 3
	engine := l.Follow(m)
	want := map[string]*big.Rat{}
	add := func(key, amount string, sign int64) {
		a, _ := new(big.Rat).SetString(amount)
		if want[key] == nil {
			want[key] = new(big.Rat)
		}
		want[key].Add(want[key], a.Mul(a, big.NewRat(sign, 1)))
	}
	var past []*domain.ConversationCharged
	for i := range events {
		e := charge(fmt.Sprint(i), fmt.Sprint("CH-", random.IntN(4)), []string{"marketing", "utility"}[random.IntN(2)],
			fmt.Sprintf("%d.%04d", random.IntN(3), random.IntN(10_000)), day(1+random.IntN(28)))
		key := e.ChannelID + " " + e.Category
		switch {
		case random.IntN(10) == 0 && len(past) > 0:
			n := random.IntN(len(past))
			e, past = past[n], append(past[:n], past[n+1:]...)
			add(e.ChannelID+" "+e.Category, e.Amount.String(), -1)
			l.Append(account, corrected(e))
		default:
			past = append(past, e)
			add(key, e.Amount.String(), 1)
			l.Append(account, e)
		}
		if i%batch == 0 {
			if err := engine.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := m.Month("PA-1", "2026-10")
	if err != nil || len(rows) != len(want) {
		t.Fatalf("%d rows, %v; want %d", len(rows), err, len(want))
	}
	for i := range rows {
		key := rows[i].ChannelID + " " + rows[i].Category
		_, amount := rows[i].Net()
		if got, _ := new(big.Rat).SetString(amount.String()); got.Cmp(want[key]) != 0 {
			t.Errorf("%s: %s, want %s", key, amount, want[key].FloatString(4))
		}
	}
}

// TestAppendJSON writes what encoding/json writes.
func TestAppendJSON(t *testing.T) {
	for _, s := range []daySum{
		{}, {Sum: Sum{Count: 3, Amount: money.MustParse("0.125")}}, {FreeCount: 2},
		{Sum: Sum{Count: 1, Amount: money.MustParse("1"), CorrectedCount: 1, CorrectedAmount: money.MustParse("1")}, FreeCount: 9},
	} {
		want, err := json.Marshal(&s)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.appendJSON(nil); string(got) != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestPaths reads back what was written, and refuses other keys.
func TestPaths(t *testing.T) {
	k := Key{
		PartnerID: "PA/1", Month: "2026-10", ChannelID: "CH", WABAID: "", Market: "Rest of Asia", Category: "új", PricingModel: domain.CBP,
		PricingType: "regular", Late: true,
	}
	if got, err := parsePath(string(k.appendPath(nil))); err != nil || got != k {
		t.Errorf("%+v, %v", got, err)
	}
	d := Day{PartnerID: "PA/1", Day: time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC), Category: "utility"}
	var text dayText
	for range 2 {
		path := string(appendDayPath(nil, d.PartnerID, text.of(d.Day.Add(5*time.Hour)), d.Category))
		if got, err := parseDayPath(path); err != nil || got != d {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := parsePath("sum/a\x00b"); err == nil {
		t.Error("a short key was read")
	}
	for _, bad := range []string{"day/a\x00b", "day/a\x00nonsense\x00c"} {
		if _, err := parseDayPath(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
