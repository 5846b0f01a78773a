package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	nines := strings.Repeat("9", MaxIntegerDigits)
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "-0.00": "0", "00": "0", "1": "1", "-1": "-1", "007.50": "7.5", "0.1": "0.1", "12.3456": "12.3456", "100": "100", "1.0": "1",
		nines: nines, "-" + nines + ".5": "-" + nines + ".5", "0." + strings.Repeat("0", 17) + "1": "0.000000000000000001",
		nines + "." + strings.Repeat("9", 18): nines + "." + strings.Repeat("9", 18), "999999999999999999": "", "123456789012345.678": "123456789012345.678",
	} {
		a, err := Parse(in)
		if want == "" {
			if !errors.Is(err, ErrSyntax) {
				t.Errorf("Parse(%q) = %s, %v; want ErrSyntax", in, a, err)
			}
			continue
		}
		if err != nil || a.String() != want {
			t.Errorf("Parse(%q) = %s, %v; want %s", in, a, err, want)
		}
		b, err := ParseBytes([]byte(in))
		if err != nil || !b.Equal(a) {
			t.Errorf("ParseBytes(%q) = %s, %v", in, b, err)
		}
	}
	for _, in := range []string{
		"", " ", "-", ".", "-.", ".5", "-.5", "5.", "+5", "--5", "5-", " 5", "5 ", "1 000", "1,5", "1,000.5", "1.2.3", "0x10", "1_000", "1e3", "1E3", "1e999999",
		"NaN", "sNaN", "Inf", "-Infinity", "٣", "5\x00", "½", strings.Repeat("9", MaxIntegerDigits+1), "0." + strings.Repeat("1", MaxFractionDigits+1),
		"0." + strings.Repeat("1", 40), strings.Repeat("1", 1_000_000), strings.Repeat("0", MaxIntegerDigits+1),
	} {
		a, err := Parse(in)
		if !errors.Is(err, ErrSyntax) || !a.IsZero() {
			t.Errorf("Parse(%.40q) = %s, %v; want ErrSyntax", in, a, err)
		}
		if err != nil && len(err.Error()) > 160 {
			t.Errorf("Parse(%.40q) complains in %d bytes", in, len(err.Error()))
		}
	}
}

func TestMustParsePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("MustParse(\"x\") did not panic")
		}
	}()
	MustParse("x")
}

// R14: up and half up; R30: half even.
func TestRounding(t *testing.T) {
	for _, c := range []struct {
		in                   string
		decimals             int
		up, halfUp, halfEven string
	}{
		{"0", 2, "0", "0", "0"},
		{"1.23", 2, "1.23", "1.23", "1.23"},
		{"1.230", 2, "1.23", "1.23", "1.23"},
		{"1.231", 2, "1.24", "1.23", "1.23"},
		{"1.235", 2, "1.24", "1.24", "1.24"},
		{"1.225", 2, "1.23", "1.23", "1.22"},
		{"1.2250001", 2, "1.23", "1.23", "1.23"},
		{"1.2249999", 2, "1.23", "1.22", "1.22"},
		{"0.005", 2, "0.01", "0.01", "0"},
		{"0.015", 2, "0.02", "0.02", "0.02"},
		{"0.0049", 2, "0.01", "0", "0"},
		{"0.000000000000000001", 2, "0.01", "0", "0"},
		{"-1.225", 2, "-1.22", "-1.23", "-1.22"},
		{"-1.235", 2, "-1.23", "-1.24", "-1.24"},
		{"-0.001", 2, "0", "0", "0"},
		{"-0.005", 2, "0", "-0.01", "0"},
		{"0.5", 0, "1", "1", "0"},
		{"1.5", 0, "2", "2", "2"},
		{"2.5", 0, "3", "3", "2"},
		{"99.995", 2, "100", "100", "100"},
		{"999999999999999.999", 2, "1000000000000000", "1000000000000000", "1000000000000000"},
		{"1.0005", 3, "1.001", "1.001", "1"},
		{"5", 4, "5", "5", "5"},
	} {
		a := MustParse(c.in)
		for how, got := range map[string]Amount{"up": a.RoundUp(c.decimals), "half up": a.RoundHalfUp(c.decimals), "half even": a.RoundHalfEven(c.decimals)} {
			want := map[string]string{"up": c.up, "half up": c.halfUp, "half even": c.halfEven}[how]
			if got.String() != want {
				t.Errorf("%s rounded %s to %d is %s, want %s", c.in, how, c.decimals, got, want)
			}
		}
		if a.String() != MustParse(c.in).String() {
			t.Errorf("rounding changed %s to %s", c.in, a)
		}
	}
}

func TestPercentFixedDecimals(t *testing.T) {
	for _, c := range []struct{ a, p, want string }{{"500", "4", "20"}, {"0.13", "4", "0.0052"}, {"100", "0", "0"}, {"33.33", "2.75", "0.916575"}, {"-10", "4", "-0.4"}} {
		if got := MustParse(c.a).Percent(MustParse(c.p)); got.String() != c.want {
			t.Errorf("%s%% of %s is %s, want %s", c.p, c.a, got, c.want)
		}
	}
	for _, c := range []struct {
		in       string
		decimals int
		want     string
		needs    int
	}{{"1", 2, "1.00", 0}, {"1.5", 2, "1.50", 1}, {"1.50", 2, "1.50", 1}, {"1.234", 2, "1.234", 3}, {"0", 2, "0.00", 0}, {"-0", 2, "0.00", 0}, {"-2.5", 3, "-2.500", 1}, {"100", 0, "100", 0}, {"100", 2, "100.00", 0}} {
		a := MustParse(c.in)
		if got := a.Fixed(c.decimals); got != c.want {
			t.Errorf("%s.Fixed(%d) = %s, want %s", c.in, c.decimals, got, c.want)
		}
		if a.Decimals() != c.needs {
			t.Errorf("%s needs %d decimals, want %d", c.in, a.Decimals(), c.needs)
		}
	}
}

// TestFixedDropsZeros: zeros that a sum left behind are no decimals.
func TestFixedDropsZeros(t *testing.T) {
	for in, want := range map[string]string{
		"1.5000": "1.50", "0.0000": "0.00", "-1875000.0000": "-1875000.00", "99999999999.1000": "99999999999.10", "100": "100.00",
		"1.0010": "1.001", "999999999999999.000000000000000000": "999999999999999.00",
	} {
		if got := MustParse(in).Fixed(2); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := MustParse("0.0625").Add(MustParse("0.4375")).Fixed(2); got != "0.50" {
		t.Errorf("0.0625 + 0.4375 shows as %s", got)
	}
}

func TestQuo(t *testing.T) {
	for _, c := range []struct {
		a, b     string
		decimals int
		want     string
		exact    bool
	}{{"1", "4", 2, "0.25", true}, {"1", "3", 4, "0.3333", false}, {"2", "3", 4, "0.6667", false}, {"1", "8", 2, "0.12", false}, {"0", "7", 4, "0", true}, {"-10", "4", 1, "-2.5", true}} {
		got, exact := MustParse(c.a).Quo(MustParse(c.b), c.decimals)
		if got.String() != c.want || exact != c.exact {
			t.Errorf("%s / %s = %s, %v; want %s, %v", c.a, c.b, got, exact, c.want, c.exact)
		}
	}
}

// What can't be exact is a programming error and never a wrong amount.
func TestInexactPanics(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "inexact") {
			t.Errorf("recovered %v", r)
		}
	}()
	a := MustParse("0.123456789012345678")
	for range 6 {
		a = a.Mul(a)
	}
	t.Errorf("got %s", a)
}

func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		`"1.50"`: "1.5", `"-3"`: "-3", `"0"`: "0",
		// A sum that has outgrown Parse's limits is still read.
		`"12345678901234567890.5"`: "12345678901234567890.5", `"0.00000000000000000000125"`: "0.00000000000000000000125",
	} {
		var a Amount
		if err := json.Unmarshal([]byte(in), &a); err != nil || a.String() != want {
			t.Errorf("%s is read as %s, %v; want %s", in, a, err, want)
		}
		if out, err := json.Marshal(a); err != nil || string(out) != `"`+want+`"` {
			t.Errorf("%s is written as %s, %v", want, out, err)
		}
	}
	for _, in := range []string{
		`1.5`, `5`, `12`, `null`, `true`, `""`, `"-"`, `".5"`, `"5."`, `"1e3"`, `"NaN"`, `"1.2.3"`, `"--1"`, `"1-"`, `" 1"`, `"+1"`, `{}`, `["1"]`, `"` + strings.Repeat("1", 200) + `"`,
		`"-.1234567890123456789"`, `"12345678901234567890."`,
	} {
		var a Amount
		if err := json.Unmarshal([]byte(in), &a); !errors.Is(err, ErrSyntax) {
			t.Errorf("%.40s is read as %s, %v; want ErrSyntax", in, a, err)
		}
	}
}

func TestZeroValue(t *testing.T) {
	var a Amount
	if a.String() != "0" || !a.IsZero() || !a.Equal(Zero()) || a.Sign() != 0 || a.Neg().String() != "0" || !a.Add(FromInt(2)).Equal(FromInt(2)) {
		t.Errorf("the zero value is %s", a)
	}
	if !MustParse("1.0").Equal(FromInt(1)) || MustParse("1").Less(MustParse("1.00")) || !MustParse("-1").Less(Zero()) {
		t.Error("amounts compare by their writing")
	}
	if got := Sum(FromInt(1), MustParse("0.1"), MustParse("-2")); got.String() != "-0.9" {
		t.Errorf("the sum is %s", got)
	}
	if got := MustParse("0.0625").Times(-16); got.String() != "-1" || got.Abs().String() != "1" {
		t.Errorf("-16 times 0.0625 is %s", got)
	}
}

// rounded is the oracle of rounding: r scaled, rounded by big.Int alone.
func rounded(r *big.Rat, decimals int, how string) *big.Rat {
	unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(decimals)), nil))
	x := new(big.Rat).Mul(r, unit)
	floor := new(big.Int).Div(x.Num(), x.Denom())
	rest := new(big.Rat).Sub(x, new(big.Rat).SetInt(floor))
	half := rest.Cmp(big.NewRat(1, 2))
	var add bool
	switch how {
	case "up":
		add = rest.Sign() > 0
	case "half up": // halves away from zero
		add = half > 0 || half == 0 && x.Sign() > 0
	case "half even":
		add = half > 0 || half == 0 && floor.Bit(0) == 1
	}
	if add {
		floor.Add(floor, big.NewInt(1))
	}
	return new(big.Rat).Quo(new(big.Rat).SetInt(floor), unit)
}

// Arithmetic, order, rounding and text agree with fractions.
func TestAgainstFractions(t *testing.T) {
	const seed, rounds = 14, 20_000
	rng := rand.New(rand.NewPCG(seed, seed))
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + rng.IntN(10))
		}
		return string(b)
	}
	random := func() (Amount, *big.Rat) {
		s := digits(1 + rng.IntN(MaxIntegerDigits))
		if rng.IntN(4) == 0 {
			s = "0"
		}
		if f := rng.IntN(MaxFractionDigits + 1); f > 0 {
			s += "." + digits(f)
		}
		if rng.IntN(10) == 0 {
			s = "0.00" + pickTail(rng)
		}
		if rng.IntN(2) == 0 {
			s = "-" + s
		}
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("seed %d: %s", seed, s)
		}
		return MustParse(s), r
	}
	check := func(what string, got Amount, want *big.Rat, args ...any) {
		t.Helper()
		r, ok := new(big.Rat).SetString(got.String())
		if !ok || r.Cmp(want) != 0 {
			t.Fatalf("seed %d: %s of %v is %s, want %s", seed, what, args, got, want.FloatString(40))
		}
	}
	for range rounds {
		a, ra := random()
		b, rb := random()
		d := rng.IntN(5)
		check("text", a, ra)
		check("sum", a.Add(b), new(big.Rat).Add(ra, rb), a, b)
		check("difference", a.Sub(b), new(big.Rat).Sub(ra, rb), a, b)
		check("product", a.Mul(b), new(big.Rat).Mul(ra, rb), a, b)
		check("percent", a.Percent(b), new(big.Rat).Mul(new(big.Rat).Mul(ra, rb), big.NewRat(1, 100)), a, b)
		check("negation", a.Neg(), new(big.Rat).Neg(ra), a)
		check("magnitude", a.Abs(), new(big.Rat).Abs(ra), a)
		check("rounding up", a.RoundUp(d), rounded(ra, d, "up"), a, d)
		check("rounding half up", a.RoundHalfUp(d), rounded(ra, d, "half up"), a, d)
		check("rounding half even", a.RoundHalfEven(d), rounded(ra, d, "half even"), a, d)
		if a.Cmp(b) != ra.Cmp(rb) || a.Sign() != ra.Sign() {
			t.Fatalf("seed %d: %s and %s compare %d", seed, a, b, a.Cmp(b))
		}
		if text := a.Mul(b).String(); strings.Contains(text, ".") && strings.HasSuffix(text, "0") || strings.Contains(text, "E") || strings.HasPrefix(text, ".") {
			t.Fatalf("seed %d: %s is not plain", seed, text)
		}
		roundTrip(t, a)
		roundTrip(t, a.Mul(b))
	}
}

func pickTail(rng *rand.Rand) string { return []string{"5", "49", "51", "05", "50"}[rng.IntN(5)] }

func roundTrip(t *testing.T, a Amount) {
	t.Helper()
	data, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back Amount
	if err := json.Unmarshal(data, &back); err != nil || !back.Equal(a) || back.String() != a.String() {
		t.Fatalf("%s comes back as %s, %v", a, back, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.5", ".5", "1e9", "999999999999999.999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			return
		}
		r, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q is an amount but no number", s)
		}
		if back, _ := new(big.Rat).SetString(a.String()); back == nil || back.Cmp(r) != 0 {
			t.Fatalf("%q is read as %s", s, a)
		}
		roundTrip(t, a)
	})
}

// TestFixedOfAQuotient: trailing zeros that a division leaves are not lost
// digits.
func TestFixedOfAQuotient(t *testing.T) {
	for _, c := range []struct{ of, by, want string }{{"0.6", "10", "0.0600"}, {"6", "3", "2.0000"}, {"0", "7", "0.0000"}, {"-1", "8", "-0.1250"}} {
		q, exact := MustParse(c.of).Quo(MustParse(c.by), 12)
		if got := q.Fixed(4); !exact || got != c.want {
			t.Errorf("%s by %s: %s, want %s", c.of, c.by, got, c.want)
		}
	}
}
