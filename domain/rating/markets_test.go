package rating

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMarketByNumber(t *testing.T) {
	m := DefaultMarkets()
	before, after := day("2026-10-01").Add(-time.Second), day("2026-10-01")
	for _, c := range []struct {
		digits, hint    string
		at              time.Time
		market, country string
	}{
		{"16505551234", "US", after, "North America", "US"},
		{"16045551234", "CA", after, "North America", "CA"},
		{"12425551234", "BS", after, "Other", "BS"},
		{"15551234567", "", after, "Other", ""},
		{"18095551234", "", after, "Rest of Latin America", "DO"},
		{"18095551234", "US", after, "Rest of Latin America", "DO"},
		{"1876555123", "JM", after, "Rest of Latin America", "JM"},
		{"77012345678", "KZ", after, "Kazakhstan", "KZ"},
		{"77012345678", "KZ", before, "Russia", "RU"}, // the longer prefix is not in force yet
		{"79161234567", "RU", after, "Russia", "RU"},
		{"212612345678", "", before, "Rest of Africa", "MA"},
		{"212612345678", "", after, "Morocco", "MA"},
		{"4930123456", "", after, "Germany", "DE"},
		{"4930123456", "", day("2025-06-30"), "Other", ""},
		{"6791234567", "", after, "Other", ""},
		{"299123456", "", after, "Other", ""},
		{"", "", after, "Other", ""},
		{"x", "", after, "Other", ""},
		{"16505551234", "US", day("2025-06-30"), "Other", "US"},
	} {
		if market, country := m.ByNumber(c.digits, c.hint, c.at); market != c.market || country != c.country {
			t.Errorf("%+v = %s, %s", c, market, country)
		}
	}
}

func TestMarketByCountry(t *testing.T) {
	m := DefaultMarkets()
	before, after := day("2026-10-01").Add(-time.Second), day("2026-10-01")
	for _, c := range []struct {
		country string
		at      time.Time
		want    string
	}{
		{"US", after, "North America"}, {"CA", after, "North America"}, {"CA", day("2025-06-30"), "Other"}, {"MX", after, "Mexico"},
		{"MA", before, "Rest of Africa"}, {"MA", after, "Morocco"}, {"KZ", before, "Other"}, {"KZ", after, "Kazakhstan"},
		{"RU", after, "Russia"}, {"DO", after, "Rest of Latin America"}, {"BS", after, "Other"}, {"FJ", after, "Other"},
		{"PL", day("2026-06-30"), "Rest of Central & Eastern Europe"}, {"PL", day("2026-07-01"), "Poland"}, {"", after, "Other"}, {"us", after, "Other"},
	} {
		if got := m.ByCountry(c.country, c.at); got != c.want {
			t.Errorf("%s at %s = %s, want %s", c.country, c.at, got, c.want)
		}
	}
}

// The look-up agrees with a plain scan over the rows, for any number.
func TestMarketByNumberAgainstScan(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	m := DefaultMarkets()
	for range 20_000 {
		digits := strconv.FormatUint(1_000_000+rng.Uint64N(9_000_000), 10)
		hint := []string{"US", "CA", "BS", ""}[rng.IntN(4)]
		at := day("2025-06-25").AddDate(0, 0, rng.IntN(500))
		best := MarketRow{}
		for _, r := range m.Rows() {
			longer := len(r.Prefix) > len(best.Prefix) || len(r.Prefix) == len(best.Prefix) && r.Effective.After(best.Effective)
			if strings.HasPrefix(digits, r.Prefix) && !r.Effective.After(at) && longer {
				best = r
			}
		}
		want := best.Market
		if want == "" || best.Prefix == "1" && hint != "US" && hint != "CA" {
			want = MarketOther
		}
		if got, _ := m.ByNumber(digits, hint, at); got != want {
			t.Fatalf("%s (%s) at %s = %s, want %s", digits, hint, at, got, want)
		}
	}
}

func TestMarketsRefused(t *testing.T) {
	const good = "calling_code_prefix,country,market,effective_from\n55,BR,Brazil,2025-07-01\n212,MA,Morocco,2026-10-01\n"
	if m, err := ParseMarkets("x.csv", []byte("\ufeff"+strings.ReplaceAll(good, "\n", "\r\n"))); err != nil || m.ByCountry("BR", day("2026-01-01")) != "Brazil" {
		t.Errorf("BOM and CRLF: %v", err)
	}
	if m, err := ParseMarkets("x.csv", []byte("market,effective_from,country,calling_code_prefix\nBrazil,2025-07-01,BR,55\n")); err != nil || m.ByCountry("BR", day("2026-01-01")) != "Brazil" {
		t.Errorf("other order: %v", err)
	}
	replace := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct{ data, says string }{
		{"", "m.csv: it is empty"},
		{strings.SplitAfter(good, "\n")[0], "no row after the header"},
		{replace("country", "land"), "line 1, field header: column country is missing"},
		{replace("country", "land"), "column \"land\" is unknown"},
		{replace("country", "market"), "column \"market\" is unknown or there twice"},
		{replace("212", "0212"), "line 3, field calling_code_prefix: \"0212\""},
		{replace("212", "+212"), "field calling_code_prefix: \"+212\""},
		{replace("212", "21234567"), "field calling_code_prefix"},
		{replace("212", ""), "field calling_code_prefix"},
		{replace("MA,", "ma,"), "line 3, field country: \"ma\" is not a country"},
		{replace("MA,", "MAR,"), "field country"},
		{replace("Morocco", ""), "line 3, field market: it is empty"},
		{replace("2026-10-01", "2026-10-32"), "line 3, field effective_from: \"2026-10-32\" is not a date"},
		{replace("2026-10-01", "1926-10-01"), "field effective_from"},
		{replace("212,MA,Morocco,2026-10-01", "55,BR,Brazil,2025-07-01"), "line 3, field calling_code_prefix: 55 from 2025-07-01 is in line 2 already"},
		{replace("212,MA,Morocco,2026-10-01", "551,BR,Brasil,2025-07-01"), "line 3, field market: BR is Brasil from 2025-07-01, but Brazil"},
		{replace("MA,Morocco", "Morocco"), "line 3: it has 3 fields, the header has 4"},
		{replace("Morocco", "M\xffrocco"), "line 3: it is not UTF-8"},
		{good + strings.Repeat(" ", MaxMarketsBytes), "larger than"},
	} {
		m, err := ParseMarkets("a/m.csv", []byte(c.data))
		var f *FileError
		if m != nil || !errors.As(err, &f) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.100q: error %v, want %q", c.data, err, c.says)
		}
	}
}

func TestByNumberDoesNotAllocate(t *testing.T) {
	m, at := DefaultMarkets(), day("2026-10-10")
	if n := testing.AllocsPerRun(100, func() { m.ByNumber("5511987654321", "", at); m.ByNumber("16505551234", "US", at) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var sinkMarket string

func BenchmarkByNumber(b *testing.B) {
	m, at := DefaultMarkets(), day("2026-10-10")
	b.ReportAllocs()
	for b.Loop() {
		sinkMarket, _ = m.ByNumber("5511987654321", "", at)
	}
}

func BenchmarkByCountry(b *testing.B) {
	m, at := DefaultMarkets(), day("2026-10-10")
	for b.Loop() {
		sinkMarket = m.ByCountry("BR", at)
	}
}
