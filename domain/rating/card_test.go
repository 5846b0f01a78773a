package rating

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func readCard(t testing.TB, file string, opts CardOptions) *Card {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseRateCard(file, data, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func find(c *Card, market, category string) []string {
	var out []string
	for _, r := range c.Rates {
		if r.Market == market && r.Category == category {
			s := r.Price.String()
			if r.To != 0 {
				s += "@" + TierLabel(r.From, r.To)
			}
			out = append(out, s)
		}
	}
	return out
}

// Meta's own layout: title, line break in the header, $US, n/a.
func TestParseMetaLayout(t *testing.T) {
	c := readCard(t, "rates-usd-2026-10-01.csv", CardOptions{})
	if c.Currency != "USD" || !c.Effective.Equal(day("2026-10-01")) || c.Model != "" {
		t.Errorf("card is %s %s %q", c.Currency, c.Effective, c.Model)
	}
	if !strings.HasPrefix(c.ID, "USD-2026-10-01-") || len(c.ID) != len("USD-2026-10-01-")+8 {
		t.Errorf("id %q", c.ID)
	}
	for _, want := range []struct{ market, category, price string }{
		{"Brazil", "marketing", "0.0625"}, {"Brazil", "service", "0.0068"}, {"Ukraine", "utility", "0.0298"},
		{"Brazil", "authentication_international", ""}, {"brazil", "marketing", ""},
	} {
		if got := strings.Join(find(c, want.market, want.category), " "); got != want.price {
			t.Errorf("%s %s = %q, want %q", want.market, want.category, got, want.price)
		}
	}
	if eur := readCard(t, "rates-eur-sample.csv", CardOptions{Model: domain.PMP}); eur.Currency != "EUR" || !strings.HasPrefix(eur.ID, "EUR-2026-10-01-PMP-") {
		t.Errorf("the EUR card is %q", eur.ID)
	}
}

func TestParseTierLayout(t *testing.T) {
	c := readCard(t, "tiers-brl-2026-10-01.csv", CardOptions{})
	if c.Currency != "BRL" || !c.Effective.Equal(day("2026-10-01")) {
		t.Errorf("card is %s %s", c.Currency, c.Effective)
	}
	want := "0.035@1:250000 0.0333@250001:2000000 0.0315@2000001:17000000 0.0298@17000001:35000000 0.028@35000001:70000000 0.0263@70000001:MAX"
	if got := strings.Join(find(c, "Brazil", "utility"), " "); got != want {
		t.Errorf("tiers are %s", got)
	}
}

const (
	list  = "\"Rates, effective October 1, 2026\",,,\nMarket,Currency,Marketing,Utility\nBrazil,USD,0.0625,0.0068\nIndia,USD,0.0118,n/a\n"
	tiers = "market,currency,category,from_volume,to_volume,rate\nBrazil,BRL,utility,1,100,0.5\nBrazil,BRL,utility,101,MAX,0.4\n"
)

// The content names the card: order, quoting, line ends, BOM and spelling of
// categories don't.
func TestCardHashIsOfContent(t *testing.T) {
	parse := func(data string, opts CardOptions) *Card {
		t.Helper()
		c, err := ParseRateCard("x.csv", []byte(data), opts)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	want := parse(list, CardOptions{})
	for _, same := range []string{
		"\ufeff" + strings.ReplaceAll(list, "\n", "\r\n"),
		"effective 2026-10-01\nMarket,Currency,UTILITY,\"Marketing\"\nIndia,$US,N/A,0.01180\n\nBrazil,USD,0.0068,0.0625",
		"\"x (effective Oct 1, 2026)\"\n market , CURRENCY ,marketing,utility\nBrazil,USD,0.0625,0.0068\nIndia,USD,0.0118,n/a\n",
	} {
		if got := parse(same, CardOptions{}); got.ID != want.ID || got.SHA256 != want.SHA256 {
			t.Errorf("%q has another id %s, want %s", same, got.ID, want.ID)
		}
	}
	for name, other := range map[string]*Card{
		"price":  parse(strings.Replace(list, "0.0118", "0.0119", 1), CardOptions{}),
		"market": parse(strings.Replace(list, "India", "Japan", 1), CardOptions{}),
		"model":  parse(list, CardOptions{Model: domain.CBP}),
		"date":   parse(strings.Replace(list, "October 1", "October 2", 1), CardOptions{}),
		"rate":   parse(strings.Replace(list, "n/a", "0", 1), CardOptions{}),
	} {
		if other.SHA256 == want.SHA256 || other.ID == want.ID {
			t.Errorf("another %s has the same hash", name)
		}
	}
}

// The date: the parameter, else the title, else the file's name.
func TestCardEffectiveDate(t *testing.T) {
	untitled := strings.SplitAfterN(list, "\n", 2)[1]
	for _, c := range []struct{ name, data, given, want, fails string }{
		{"a.csv", list, "", "2026-10-01", ""},
		{"a.csv", list, "2026-10-01", "2026-10-01", ""},
		{"a.csv", list, "2026-10-02", "", "a.csv line 1: the title says effective 2026-10-01, the import says 2026-10-02"},
		{"a-2027-01-01.csv", list, "", "2026-10-01", ""},
		{"a-2027-01-01.csv", untitled, "", "2027-01-01", ""},
		{"a-2027-01-01.csv", untitled, "2027-04-01", "2027-04-01", ""},
		{"a.csv", untitled, "", "", "neither the title line nor the file's name has a date"},
		{"tiers-2026-13-01.csv", tiers, "", "", "neither the title line"},
		{"tiers.csv", tiers, "2026-10-01", "2026-10-01", ""},
		{"a.csv", strings.Replace(list, "October 1,", "Octember 1,", 1), "", "", "\"Octember 1, 2026\" is not a date"},
		{"a.csv", tiers, "1999-12-31", "", "1999-12-31 is not between 2000 and 2100"},
	} {
		var opts CardOptions
		if c.given != "" {
			opts.Effective = day(c.given)
		}
		card, err := ParseRateCard(c.name, []byte(c.data), opts)
		switch {
		case c.fails != "":
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%+v: error %v", c, err)
			}
		case err != nil || !card.Effective.Equal(day(c.want)):
			t.Errorf("%+v: %v, %v", c, card, err)
		}
	}
	if _, err := ParseRateCard("a.csv", []byte(tiers), CardOptions{Effective: day("2026-10-01").Add(time.Hour)}); err == nil {
		t.Error("a card in force from 01:00 was taken")
	}
}

// Taken whole or not at all; every error names file, line and field.
func TestCardRefused(t *testing.T) {
	replace := func(data, old, new string) string {
		if !strings.Contains(data, old) {
			panic(old)
		}
		return strings.Replace(data, old, new, 1)
	}
	many := "market,currency,category,from_volume,to_volume,rate\n"
	for i := range MaxCardRates + 1 {
		many += fmt.Sprintf("m%d,USD,c,1,MAX,0\n", i)
	}
	for _, c := range []struct{ data, says string }{
		{"", "rates-2026-10-01.csv: it is empty"},
		{"\ufeff\n\n", "it is empty"},
		{"a,b,c\n1,2,3\n", "no header of a rate card"},
		{"Markt,Currency,Marketing\nBrazil,USD,1\n", "no header of a rate card"},
		{strings.SplitAfterN(list, "\n", 3)[0], "no header"},
		{"Market,Currency,Marketing\n", "no rate at all"},
		{"Market,Currency,Marketing\nIndia,USD,n/a\n", "no rate at all"},
		{"Market,Currency,Marketing,marketing\nIndia,USD,1,1\n", "line 1, field header: category \"marketing\" is there twice"},
		{"Market,Currency,Marketing,\nIndia,USD,1,1\n", "line 1, field header: it is empty"},
		{"Market,Currency,0.5\nIndia,USD,1\n", "is no category"},
		{replace(list, "0.0068", "0,0068"), "line 3: it has 5 fields, the header has 4"},
		{replace(list, "0.0068", "\"0,0068\""), "line 3, field utility: not an amount: \"0,0068\""},
		{replace(list, "0.0068", ""), "or n/a for no rate"},
		{replace(list, "0.0068", "NaN"), "line 3, field utility: not an amount"},
		{replace(list, "0.0068", "Infinity"), "field utility: not an amount"},
		{replace(list, "0.0068", "1e-3"), "field utility: not an amount"},
		{replace(list, "0.0068", "1e999999"), "field utility: not an amount"},
		{replace(list, "0.0068", "0."+strings.Repeat("1", 40)), "field utility: not an amount"},
		{replace(list, "0.0068", "-0.0068"), "line 3, field utility: -0.0068 is negative"},
		{replace(list, "India", "Brazil"), "line 4, field Market: Brazil is in line 3 already"},
		{replace(list, "India,USD", "India,EUR"), "line 4, field Currency: EUR in a card in USD"},
		{replace(list, "India,USD", "India,$"), "line 4, field Currency: \"$\" is not a currency"},
		{replace(list, "India,USD", "India,XXX"), "\"XXX\" is not a currency"},
		{replace(list, "India", ""), "line 4, field Market: it is empty"},
		{replace(list, "India", strings.Repeat("I", MaxNameBytes+1)), "longer than 48 bytes"},
		{replace(list, "India", "In\x00dia"), "control character"},
		{replace(list, "India", "In\xffdia"), "rates-2026-10-01.csv line 4: it is not UTF-8"},
		{replace(list, "India", "In\"dia"), "line 4: it is no valid CSV"},
		{replace(list, "India", "\"India"), "it is no valid CSV"},
		{list + strings.Repeat(" ", MaxCardBytes), "larger than"},
		{many, "at most 1500 are taken"},
		{replace(tiers, "101,MAX", "102,MAX"), "line 3, field from_volume: the tiers of Brazil utility have a gap or overlap: 102 must be 101"},
		{replace(tiers, "101,MAX", "100,MAX"), "gap or overlap: 100 must be 101"},
		{replace(tiers, "utility,1,100", "utility,2,100"), "line 2, field from_volume: the tiers of Brazil utility start at 2"},
		{replace(tiers, "101,MAX", "101,200"), "line 3, field to_volume: the last tier of Brazil utility ends at 200"},
		{replace(tiers, "1,100,0.5", "1,MAX,0.5"), "ends at MAX already"},
		{replace(tiers, "101,MAX", "101,50"), "50 is below from_volume 101"},
		{replace(tiers, "101,MAX", "MAX,MAX"), "field from_volume: \"MAX\" is not a volume"},
		{replace(tiers, "101,MAX", "1e2,MAX"), "is not a volume"},
		{replace(tiers, "101,MAX", "-1,MAX"), "is not a volume"},
		{replace(tiers, "101,MAX", "9999999999999999,MAX"), "is not a volume"},
		{replace(tiers, "0.4", "NaN"), "line 3, field rate: not an amount"},
		{replace(tiers, "101,MAX,0.4", "101,MAX"), "line 3: it has 5 fields, the header has 6"},
		{replace(tiers, "Brazil,BRL,utility,101", "Brazil,USD,utility,101"), "line 3, field currency: USD in a card in BRL"},
	} {
		card, err := ParseRateCard("dir/rates-2026-10-01.csv", []byte(c.data), CardOptions{})
		var fileError *FileError
		if card != nil || !errors.As(err, &fileError) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "rates-2026-10-01.csv") {
			t.Errorf("%.120q:\n got  %.300v\n want %q", c.data, err, c.says)
		}
	}
	if _, err := ParseRateCard("x.csv", []byte(list), CardOptions{Model: "pmp"}); err == nil || !strings.Contains(err.Error(), "pricing_model") {
		t.Errorf("pricing model pmp: %v", err)
	}
}

// Many problems are told together, and no more than MaxProblems.
func TestCardProblemsAreBounded(t *testing.T) {
	data := "Market,Currency,Marketing\n"
	for i := range 50 {
		data += fmt.Sprintf("m%d,USD,x\n", i)
	}
	_, err := ParseRateCard("x-2026-10-01.csv", []byte(data), CardOptions{})
	var f *FileError
	if !errors.As(err, &f) || len(f.Problems) != MaxProblems || f.More != 50-MaxProblems || !strings.HasSuffix(err.Error(), "and 30 more problems") {
		t.Errorf("error is %v", err)
	}
}

func TestNormalCategory(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "marketing": "marketing", "MARKETING": "marketing", "Authentication-\nInternational": "authentication_international",
		"authentication-international": "authentication_international", "authentication_international": "authentication_international",
		"marketing_lite": "marketing_lite", " Marketing  Lite ": "marketing_lite", "_x_": "x", "a__b": "a_b",
		"Rest of Central & Eastern Europe": "rest_of_central_&_eastern_europe",
	} {
		if got := NormalCategory(in); got != want {
			t.Errorf("NormalCategory(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParseRateCard(f *testing.F) {
	f.Add([]byte(list))
	f.Add([]byte(tiers))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseRateCard("x-2026-10-01.csv", data, CardOptions{})
		if (c == nil) == (err == nil) {
			t.Fatalf("card %v, error %v", c, err)
		}
		if c == nil {
			return
		}
		if _, err := (&Book{}).With(c); err != nil {
			t.Fatal(err)
		}
		for _, r := range c.Rates {
			if again, err := money.Parse(r.Price.String()); err != nil || r.Price.Sign() < 0 || !again.Equal(r.Price) {
				t.Fatalf("rate %s, %v", r.Price, err)
			}
		}
	})
}
