package reconciliation

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// TestR25DifferenceIsPosted: charged less invoiced is posted, per line and in
// total.
func TestR25DifferenceIsPosted(t *testing.T) {
	r := compute(t, one([]Usage{used("PA-1", "W1", "marketing", 10, "0.5"), used("PA-1", "W1", "utility", 4, "0.04")},
		billed("W1", "MARKETING", 8, "0.4"), billed("W1", "utility", 5, "0.05")), nil)
	a := accountOf(t, r, "PA-1")
	wantAmount(t, "post", a.Post, "0.09")
	wantAmount(t, "marketing", lineOf(t, a, key("marketing")).Post, "0.1")
	wantAmount(t, "utility", lineOf(t, a, key("utility")).Post, "-0.01")
	if !a.TakesPart || a.Charged.Count != 14 || a.Invoiced.Count != 13 || len(a.Documents) != 1 {
		t.Errorf("%+v", a.AccountSummary)
	}
}

// TestR25EqualStaysQuiet: nothing is posted where both agree, whatever the
// spelling.
func TestR25EqualStaysQuiet(t *testing.T) {
	u := used("PA-1", "W1", "authentication-international", 2, "0.2")
	l := billed("W1", "AUTHENTICATION_INTERNATIONAL", 2, "0.20")
	l.PricingType = "REGULAR"
	a := accountOf(t, compute(t, one([]Usage{u}, l), nil), "PA-1")
	if !a.Post.IsZero() || len(a.Lines) != 1 || len(a.Lines[0].Parts) != 0 {
		t.Errorf("%+v", a)
	}
	if !a.TakesPart {
		t.Error("an account's first run records its month also with 0 to post")
	}
}

func TestSignsComeFromTheDocumentType(t *testing.T) {
	line := func(kind DocumentType, volume int64, amount string) InvoiceLine {
		l := billed("W1", "marketing", volume, amount)
		l.DocumentType = kind
		return l
	}
	for _, c := range []struct {
		line   InvoiceLine
		count  int64
		amount string
	}{
		{line(Invoice, 3, "0.3"), 3, "0.3"},
		{line(Invoice, 3, "-0.3"), -3, "-0.3"},
		{line(DebitMemo, 3, "0.3"), 3, "0.3"},
		{line(CreditMemo, 3, "0.3"), -3, "-0.3"},
		{line(CreditMemo, -3, "-0.3"), -3, "-0.3"},
		{line(CreditMemo, 3, "-0.3"), -3, "-0.3"},
		{line(CreditMemo, 3, "0"), -3, "0"},
	} {
		l := lineOf(t, accountOf(t, compute(t, one(nil, c.line), nil), "PA-1"), key("marketing"))
		if l.Invoiced.Count != c.count || !l.Invoiced.Amount.Equal(amt(c.amount)) {
			t.Errorf("%s %d %s: %+v", c.line.DocumentType, c.line.Volume, c.line.Amount, l.Invoiced)
		}
	}
}

func TestOtherMonthsArePassedOver(t *testing.T) {
	other := billed("W1", "marketing", 9, "9")
	other.Month = "2026-09"
	r := compute(t, one(nil, other, billed("W1", "marketing", 1, "1")), nil)
	wantAmount(t, "invoiced", accountOf(t, r, "PA-1").Invoiced.Amount, "1")
	in := one(nil, other)
	if r := compute(t, in, nil); len(r.Documents) != 0 || len(r.Accounts) != 0 {
		t.Errorf("%+v", r)
	}
	in.Month = "2026-09"
	wantAmount(t, "September", accountOf(t, compute(t, in, nil), "PA-1").Invoiced.Amount, "9")
}

func TestMarketFromCountry(t *testing.T) {
	l := billed("W1", "marketing", 1, "1")
	l.Market, l.Country = "", "BR"
	in := one([]Usage{used("PA-1", "W1", "marketing", 1, "1")}, l)
	in.MarketOf = func(country string) string { return map[string]string{"BR": "Brazil"}[country] }
	if a := accountOf(t, compute(t, in, nil), "PA-1"); len(a.Lines) != 1 || !a.Post.IsZero() {
		t.Errorf("%+v", a.Lines)
	}
}

// TestR27WhoseALineIs works through the table of owners.
func TestR27WhoseALineIs(t *testing.T) {
	channels := []Channel{
		paid("PA-1", "OWN", "o1"), paid("PA-1", "OWN", "o2"),
		direct("PA-1", "DIRECT", "d1"),
		paid("PA-1", "MIXED", "m1"), direct("PA-1", "MIXED", "m2"), paid("PA-2", "MIXED", "m3"), direct("PA-2", "MIXED", "m3b"),
		paid("PA-1", "SHARED", "s1"), paid("PA-2", "SHARED", "s2"), paid("PA-3", "SHARED", "s3"),
		paid("PA-1", "MOVED", "v1"), direct("PA-2", "MOVED", "v1"),
		paid("PA-1", "NONUMBER", ""), direct("PA-2", "NONUMBER", ""),
	}
	for _, c := range []struct{ waba, phone, want string }{
		{"OWN", "", "PA-1"}, {"OWN", "o2", "PA-1"}, {"OWN", "elsewhere", "PA-1"},
		{"NOBODY", "", WhyUnknownWABA}, {"NOBODY", "o1", WhyUnknownWABA},
		{"DIRECT", "", "direct"}, {"DIRECT", "d1", "direct"}, {"DIRECT", "x", "direct"},
		{"MIXED", "", WhyMixedWABA}, {"MIXED", "m1", "PA-1"}, {"MIXED", "m2", "direct"}, {"MIXED", "m3", "PA-2"},
		{"MIXED", "m3b", "direct"}, {"MIXED", "x", WhyMixedWABA},
		{"SHARED", "s2", "PA-2"}, {"SHARED", "", WhyNoShare}, {"SHARED", "x", WhyNoShare},
		{"MOVED", "v1", WhyMixedWABA}, {"NONUMBER", "", WhyMixedWABA},
		{"CHARGED", "", "PA-3"},
	} {
		l := billed(c.waba, "marketing", 1, "1")
		l.PhoneNumberID = c.phone
		in := Input{
			Month: month, Accounts: []Account{eur("PA-1"), eur("PA-2"), eur("PA-3")}, Channels: channels,
			Documents: []*Document{doc("MI-1", l)}, Usage: []Usage{used("PA-3", "CHARGED", "x", 1, "1")},
		}
		r := compute(t, in, nil)
		got := ""
		for i := range r.Accounts {
			if !r.Accounts[i].Invoiced.Amount.IsZero() {
				got += r.Accounts[i].PartnerID
			}
		}
		for _, u := range r.Unallocated {
			got += u.Why
		}
		if len(r.Direct) > 0 {
			got += "direct"
		}
		if got != c.want {
			t.Errorf("%s %q: %s, want %s", c.waba, c.phone, got, c.want)
		}
	}
}

func TestR27AllocationWins(t *testing.T) {
	in := one(nil, billed("NOBODY", "marketing", 1, "1"), billed("NOBODY", "marketing", 1, "2"), billed("W1", "marketing", 1, "4"), billed("NOBODY", "x", 1, "8"))
	in.Documents[0].Allocations = map[int]Allocation{1: {PartnerID: "PA-1"}, 2: {OwnCost: true}, 3: {OwnCost: true}}
	r := compute(t, in, nil)
	wantAmount(t, "PA-1", accountOf(t, r, "PA-1").Invoiced.Amount, "1")
	if len(r.OwnCost) != 2 || len(r.Unallocated) != 1 || r.Unallocated[0].Line != 4 {
		t.Errorf("%+v %+v", r.OwnCost, r.Unallocated)
	}
}

// TestR27SharedWABA: each one's charged share of the key, else of the WABA;
// the parts sum to the line.
func TestR27SharedWABA(t *testing.T) {
	in := Input{
		Month: month, Accounts: []Account{eur("PA-1"), eur("PA-2"), eur("PA-3"), eur("PA-4")},
		Channels: []Channel{paid("PA-3", "W1", "c"), paid("PA-1", "W1", "a"), paid("PA-2", "W1", "b"), paid("PA-4", "W1", "d")},
		Usage: []Usage{
			used("PA-1", "W1", "marketing", 1, "1"), used("PA-2", "W1", "marketing", 1, "1"), used("PA-3", "W1", "marketing", 1, "1"),
			used("PA-1", "W1", "utility", 3, "1"),
		},
		Documents: []*Document{doc("MI-1", billed("W1", "marketing", 10, "10"), billed("W1", "service", 8, "8"))},
	}
	r := compute(t, in, nil)
	for partner, want := range map[string][4]string{
		"PA-1": {"3.333333333333", "4", "4", "6"}, // half of the WABA's charges
		"PA-2": {"3.333333333333", "3", "2", "1"},
		"PA-3": {"3.333333333334", "3", "2", "1"},
	} {
		a := accountOf(t, r, partner)
		m, s := lineOf(t, a, key("marketing")), lineOf(t, a, key("service"))
		wantAmount(t, partner+" marketing", m.Invoiced.Amount, want[0])
		wantAmount(t, partner+" marketing volume", money.FromInt(m.Invoiced.Count), want[1])
		wantAmount(t, partner+" service", s.Invoiced.Amount, want[2])
		wantAmount(t, partner+" service volume", money.FromInt(s.Invoiced.Count), want[3])
	}
	if len(r.Accounts) != 3 {
		t.Error("an account without a share has no line")
	}
}

func TestR27SharedFreeLineNeedsNoAmounts(t *testing.T) {
	free := used("PA-1", "W1", "service", 4, "0")
	free.PricingType = "free_customer_service"
	l := billed("W1", "service", 5, "0")
	l.PricingType = "FREE_CUSTOMER_SERVICE"
	in := Input{
		Month: month, Accounts: []Account{eur("PA-1"), eur("PA-2")}, Usage: []Usage{free},
		Channels: []Channel{paid("PA-1", "W1", "a"), paid("PA-2", "W1", "b")}, Documents: []*Document{doc("MI-1", l)},
	}
	r := compute(t, in, nil)
	if len(r.Unallocated) != 0 || accountOf(t, r, "PA-1").Invoiced.Count != 5 || len(r.Accounts) != 1 {
		t.Errorf("%+v", r)
	}
	in.Usage = nil
	if r := compute(t, in, nil); len(r.Unallocated) != 1 || r.Unallocated[0].Why != WhyNoShare {
		t.Errorf("%+v", r)
	}
}

func TestR27Uninvoiced(t *testing.T) {
	in := one([]Usage{used("PA-1", "W1", "marketing", 1, "1"), used("PA-1", "W2", "marketing", 2, "2"), used("PA-1", "W3", "marketing", 3, "0")},
		billed("W1", "utility", 1, "1"))
	in.Accounts = append(in.Accounts, Account{PartnerID: "PA-2", Currency: "USD"})
	in.Usage = append(in.Usage, used("PA-2", "W4", "marketing", 1, "0.5"))
	r := compute(t, in, nil)
	wantAmount(t, "control total", r.UninvoicedSum, "2.5")
	if len(r.Uninvoiced) != 2 || r.Uninvoiced[0].WABAID != "W2" || r.Uninvoiced[1].Currency != "USD" {
		t.Errorf("%+v", r.Uninvoiced)
	}
}

// TestR30Conversion: rate × amount is exact, the total rounds half even, and
// the rounding is a line of its own.
func TestR30Conversion(t *testing.T) {
	line := func(amount string) InvoiceLine {
		l := billed("W1", "marketing", 1, amount)
		l.Currency = "USD"
		return l
	}
	for _, c := range []struct{ usd, own, invoiced, rounding string }{
		{"1", "0", "0.92", "0.003"},            // 0.923
		{"5", "0", "4.62", "-0.005"},           // 4.615 → 4.62 (even)
		{"15", "0", "13.84", "0.005"},          // 13.845 → 13.84 (even)
		{"100", "0", "92.3", "0"},              // nothing to round
		{"1", "0.123456", "1.043456", "0.003"}, // own currency is never rounded
	} {
		in := one(nil, line(c.usd))
		if c.own != "0" {
			in.Documents[0].Lines = append(in.Documents[0].Lines, billed("W1", "utility", 1, c.own))
		}
		in.Documents[0].FX = []FXRate{{From: "USD", To: "EUR", Rate: amt("0.923"), Date: "2026-11-01", Source: "ECB"}}
		a := accountOf(t, compute(t, in, nil), "PA-1")
		wantAmount(t, c.usd+" invoiced", a.Invoiced.Amount, c.invoiced)
		wantAmount(t, c.usd+" rounding", a.Rounding, c.rounding)
		if c.rounding != "0" {
			l := lineOf(t, a, Key{})
			if !l.IsRounding() || parts(l) != "rounding 0 "+c.rounding {
				t.Errorf("%s: rounding line %+v", c.usd, l)
			}
		} else if len(a.Lines) != 1 {
			t.Errorf("%s: %d lines", c.usd, len(a.Lines))
		}
		if len(a.FX) != 1 || a.FX[0].Source != "ECB" || !a.FX[0].Amount.Equal(amt(c.usd)) {
			t.Errorf("%s: %+v", c.usd, a.FX)
		}
	}
}

func TestR30MissingRateIsRejected(t *testing.T) {
	l := billed("W1", "marketing", 1, "1")
	l.Currency = "USD"
	in := one(nil, l)
	in.Documents[0].FX = []FXRate{{From: "EUR", To: "USD", Rate: amt("1.1")}} // the other way round
	_, err := Compute(in, nil)
	wantCode(t, err, domain.FXRateMissing)
	if !strings.Contains(err.Error(), "USD to EUR in MI-1") {
		t.Error(err)
	}
	in.Documents[0].Lines[0].WABAID = "NOBODY" // nobody's line needs no rate
	if _, err := Compute(in, nil); err != nil {
		t.Error(err)
	}
}

func TestR28OnlyTheDeltaIsPosted(t *testing.T) {
	usage := []Usage{used("PA-1", "W1", "marketing", 10, "1")}
	in := one(usage, billed("W1", "marketing", 8, "0.8"))
	earlier := map[string]Posted{"PA-1": {key("marketing"): {Charged: amt("1"), Invoiced: amt("0.8")}}}
	a := accountOf(t, compute(t, in, earlier), "PA-1")
	if a.TakesPart || !a.Post.IsZero() || !a.PostedBefore.Equal(amt("0.2")) {
		t.Errorf("unchanged: %+v", a.AccountSummary)
	}
	in.Documents = append(in.Documents, doc("MI-2", func() InvoiceLine {
		l := billed("W1", "marketing", 1, "0.1")
		l.DocumentType = CreditMemo
		return l
	}()))
	a = accountOf(t, compute(t, in, earlier), "PA-1")
	if !a.TakesPart || !a.Post.Equal(amt("0.1")) || !a.Difference.Equal(amt("0.3")) {
		t.Errorf("credit memo: %+v", a.AccountSummary)
	}
}

func TestR28LateChargeThatTheInvoiceHas(t *testing.T) {
	late := used("PA-1", "W1", "marketing", 1, "0.1")
	late.Late = true
	in := one([]Usage{used("PA-1", "W1", "marketing", 10, "1"), late}, billed("W1", "marketing", 11, "1.1"))
	earlier := map[string]Posted{"PA-1": {key("marketing"): {Charged: amt("1"), Invoiced: amt("1.1")}}}
	a := accountOf(t, compute(t, in, earlier), "PA-1")
	wantAmount(t, "post", a.Post, "0.1")
	equal := accountOf(t, compute(t, in, map[string]Posted{"PA-1": {key("marketing"): {Charged: amt("1"), Invoiced: amt("1")}}}), "PA-1")
	if !equal.TakesPart || !equal.Post.IsZero() {
		t.Errorf("charged and invoiced rose by the same: %+v", equal.AccountSummary)
	}
	if got := parts(&a.Lines[0]); got != "late 1 0.1; quantity -1 -0.1" {
		t.Error(got)
	}
}

// TestR28WhoTakesPart: an account with nothing to post in total but
// changed lines takes part; one with an open month does, too.
func TestR28WhoTakesPart(t *testing.T) {
	earlier := map[string]Posted{"PA-1": {key("marketing"): {Invoiced: amt("2")}}, "PA-3": {}}
	in := one(nil, billed("W1", "marketing", 1, "1"), billed("W1", "utility", 1, "1"))
	in.Accounts = append(in.Accounts, eur("PA-2"), eur("PA-3"), Account{PartnerID: "PA-4", Currency: "EUR", MonthOpen: true}, eur("PA-5"))
	in.Channels = append(in.Channels, paid("PA-2", "W2", "P2"))
	in.Documents[0].Lines = append(in.Documents[0].Lines, billed("W2", "utility", 1, "1"))
	r := compute(t, in, earlier)
	got := map[string]bool{}
	for i := range r.Accounts {
		got[r.Accounts[i].PartnerID] = r.Accounts[i].TakesPart
	}
	if want := map[string]bool{"PA-1": true, "PA-2": true, "PA-4": true}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if a := accountOf(t, r, "PA-1"); !a.Post.IsZero() {
		t.Errorf("post %s", a.Post)
	}
}

func TestR28LineThatVanishedIsTakenBack(t *testing.T) {
	earlier := map[string]Posted{"PA-1": {key("marketing"): {Charged: amt("1"), Invoiced: amt("3")}}}
	a := accountOf(t, compute(t, one(nil, billed("W1", "utility", 1, "1")), earlier), "PA-1")
	l := lineOf(t, a, key("marketing"))
	if !l.Post.Equal(amt("2")) || !l.Difference.IsZero() || !a.Post.Equal(amt("1")) {
		t.Errorf("%+v", l)
	}
}

func TestInconsistentInputIsAFailure(t *testing.T) {
	ok := one([]Usage{used("PA-1", "W1", "marketing", 1, "1")}, billed("W1", "marketing", 1, "1"))
	for name, change := range map[string]func(*Input){
		"usage of nobody":      func(in *Input) { in.Usage[0].PartnerID = "PA-9" },
		"wrong currency":       func(in *Input) { in.Usage[0].Currency = "USD" },
		"channel of nobody":    func(in *Input) { in.Channels[0].PartnerID = "PA-9" },
		"document twice":       func(in *Input) { in.Documents = append(in.Documents, in.Documents[0]) },
		"allocation to nobody": func(in *Input) { in.Documents[0].Allocations = map[int]Allocation{1: {PartnerID: "PA-9"}} },
	} {
		in := one(append([]Usage{}, ok.Usage...), billed("W1", "marketing", 1, "1"))
		change(&in)
		if _, err := Compute(in, nil); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Compute(ok, map[string]Posted{"PA-9": {}}); !errors.Is(err, ErrInput) {
		t.Errorf("posted for nobody: %v", err)
	}
	for i := range MaxDocumentsPerMonth {
		ok.Documents = append(ok.Documents, doc(fmt.Sprint("D", i), billed("W1", "marketing", 1, "1")))
	}
	if _, err := Compute(ok, nil); !errors.Is(err, ErrTooManyDocuments) {
		t.Error(err)
	}
}
