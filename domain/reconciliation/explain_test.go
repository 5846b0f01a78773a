package reconciliation

import (
	"fmt"
	"strings"
	"testing"
)

// tiers is a card with two tiers in EUR and one price in USD.
func tiers(q TierQuery) []TierRate {
	if q.Currency == "USD" {
		return []TierRate{{Rate: amt("0.06")}}
	}
	return []TierRate{{Tier: "0:1000", Rate: amt("0.05")}, {Tier: "1001:MAX", Rate: amt("0.04")}}
}

// TestR26Parts: the formulas, one by one. The charged price is 0.05 where
// nothing else is said.
func TestR26Parts(t *testing.T) {
	late := used("PA-1", "W1", "marketing", 1, "0.05")
	late.Late = true
	free := func(n int64) InvoiceLine {
		l := billed("W1", "marketing", n, "0")
		l.PricingType = "free_customer_service"
		return l
	}
	freeHere := used("PA-1", "W1", "marketing", 1, "0")
	freeHere.PricingType = "free_entry_point"
	usd := func(n int64, amount string) InvoiceLine {
		l := billed("W1", "marketing", n, amount)
		l.Currency = "USD"
		return l
	}
	tier := billed("W1", "marketing", 4, "0.16")
	tier.Tier = "1001:MAX"
	credit := billed("W1", "marketing", 2, "0.1")
	credit.DocumentType = CreditMemo
	special := used("PA-1", "W1", "marketing", 3, "0.15")
	special.PricingType = "special"
	ten := used("PA-1", "W1", "marketing", 10, "0.5")
	for _, c := range []struct {
		name  string
		usage []Usage
		lines []InvoiceLine
		// want by category
		want map[string]string
	}{
		{"late", []Usage{ten, late}, []InvoiceLine{billed("W1", "marketing", 10, "0.5")}, map[string]string{"marketing": "late 1 0.05"}},
		{"late, the invoice has it", []Usage{ten, late}, []InvoiceLine{billed("W1", "marketing", 11, "0.55")}, map[string]string{"marketing": ""}},
		{"all late, the invoice has it at another price", []Usage{late}, []InvoiceLine{billed("W1", "marketing", 1, "0.06")},
			map[string]string{"marketing": "late 1 0.05; missing_here -1 -0.06"}},
		{"free", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 8, "0.4"), free(2)}, map[string]string{"marketing": "free 2 0.1"}},
		{"free, of which we counted one", []Usage{ten, freeHere}, []InvoiceLine{billed("W1", "marketing", 8, "0.4"), free(2)},
			map[string]string{"marketing": "free 1 0.05; quantity 1 0.05"}},
		{"more free than missing", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 9, "0.45"), free(7)}, map[string]string{"marketing": "free 1 0.05"}},
		{"all free", []Usage{ten}, []InvoiceLine{free(10)}, map[string]string{"marketing": "free 10 0.5"}},
		{"free but not fewer", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 10, "0.6"), free(7)}, map[string]string{"marketing": "rate 10 -0.1"}},
		{"category", []Usage{ten, used("PA-1", "W1", "utility", 5, "0.05")},
			[]InvoiceLine{billed("W1", "marketing", 7, "0.35"), billed("W1", "utility", 8, "0.08")},
			map[string]string{"marketing": "category 3 0.15 utility", "utility": "category -3 -0.03 marketing"}},
		{"category, all of it", []Usage{ten}, []InvoiceLine{billed("W1", "utility", 10, "0.1")},
			map[string]string{"marketing": "category 10 0.5 utility", "utility": "category -10 -0.1 marketing"}},
		{"no category: not opposite", []Usage{ten, used("PA-1", "W1", "utility", 5, "0.05")},
			[]InvoiceLine{billed("W1", "marketing", 7, "0.35"), billed("W1", "utility", 7, "0.07")},
			map[string]string{"marketing": "quantity 3 0.15", "utility": "quantity -2 -0.02"}},
		{"category and rate", []Usage{ten, used("PA-1", "W1", "utility", 5, "0.05")},
			[]InvoiceLine{billed("W1", "marketing", 7, "0.42"), billed("W1", "utility", 8, "0.08")},
			map[string]string{"marketing": "category 3 0.15 utility; rate 7 -0.07", "utility": "category -3 -0.03 marketing"}},
		{"two surpluses, one counterpart", []Usage{ten, used("PA-1", "W1", "service", 3, "0.03")},
			[]InvoiceLine{billed("W1", "marketing", 7, "0.35"), billed("W1", "service", 0, "0"), billed("W1", "utility", 3, "0.06")},
			map[string]string{"marketing": "category 3 0.15 utility", "service": "quantity 3 0.03", "utility": "category -3 -0.06 marketing"}},
		{"two types, one free surplus", []Usage{ten, special}, []InvoiceLine{billed("W1", "marketing", 8, "0.4"), free(2)},
			map[string]string{"marketing": "free 2 0.1", "marketing special": "missing_at_meta 3 0.15"}},
		{"free without division", []Usage{used("PA-1", "W1", "marketing", 3, "0.1")}, []InvoiceLine{free(3)}, map[string]string{"marketing": "free 3 0.1"}},
		{"missing at Meta", []Usage{ten}, []InvoiceLine{billed("W1", "service", 1, "0")}, map[string]string{"marketing": "missing_at_meta 10 0.5"}},
		{"missing here", nil, []InvoiceLine{billed("W1", "marketing", 3, "0.21")}, map[string]string{"marketing": "missing_here -3 -0.21"}},
		{"tier", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 10, "0.4")}, map[string]string{"marketing": "tier 10 0.1 1001:MAX"}},
		{"tier of some lines", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 6, "0.3"), tier}, map[string]string{"marketing": "tier 4 0.04 1001:MAX"}},
		{"tier and quantity", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 9, "0.36")}, map[string]string{"marketing": "tier 9 0.09 1001:MAX; quantity 1 0.05"}},
		{"quantity", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 12, "0.6")}, map[string]string{"marketing": "quantity -2 -0.1"}},
		{"credit memo", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 10, "0.5"), credit}, map[string]string{"marketing": "quantity 2 0.1"}},
		{"rate", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 10, "0.6")}, map[string]string{"marketing": "rate 10 -0.1"}},
		{"quantity and rate", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 8, "0.56")}, map[string]string{"marketing": "quantity 2 0.1; rate 8 -0.16"}},
		{"amount without volume", []Usage{ten}, []InvoiceLine{billed("W1", "marketing", 10, "0.5"), billed("W1", "marketing", 0, "0.07")},
			map[string]string{"marketing": "rate 10 -0.07"}},
		// 10 at the card's 0.06 USD are 0.54 EUR, 10 at our 0.05 are 0.5: what lies between is the currency's.
		{"currency", []Usage{ten}, []InvoiceLine{usd(10, "0.6")}, map[string]string{"marketing": "currency 10 -0.04 USD"}},
		{"currency and rate", []Usage{ten}, []InvoiceLine{usd(10, "0.7")}, map[string]string{"marketing": "rate 10 -0.09; currency 10 -0.04 USD"}},
		{"division", []Usage{used("PA-1", "W1", "marketing", 3, "0.1")}, []InvoiceLine{billed("W1", "marketing", 2, "0.11")},
			map[string]string{"marketing": "quantity 1 0.033333333333; rate 2 -0.043333333334; rounding 0 0.000000000001"}},
	} {
		in := one(c.usage, c.lines...)
		in.Tiers = tiers
		in.Documents[0].FX = []FXRate{{From: "USD", To: "EUR", Rate: amt("0.9")}}
		a := accountOf(t, compute(t, in, nil), "PA-1")
		for category, want := range c.want {
			k := key(category)
			if name, ok := strings.CutSuffix(category, " special"); ok {
				k.Category, k.PricingType = name, "special"
			}
			l := lineOf(t, a, k)
			if got := parts(l); got != want {
				t.Errorf("%s: %s: %s, want %s", c.name, category, got, want)
			}
			sumsUp(t, c.name, l)
		}
	}
}

// TestR26CurrencyWithoutACard: prices in different currencies have no common
// rate.
func TestR26CurrencyWithoutACard(t *testing.T) {
	l := billed("W1", "marketing", 8, "0.6")
	l.Currency = "USD"
	in := one([]Usage{used("PA-1", "W1", "marketing", 10, "0.5")}, l)
	in.Documents[0].FX = []FXRate{{From: "USD", To: "EUR", Rate: amt("0.9")}}
	a := accountOf(t, compute(t, in, nil), "PA-1")
	if got := parts(lineOf(t, a, key("marketing"))); got != "quantity 2 0.1; currency 8 -0.14 USD" {
		t.Error(got)
	}
}

// TestPartsAreBounded: an invoice can't blow up a line's event.
func TestPartsAreBounded(t *testing.T) {
	var lines []InvoiceLine
	for i := range 500 {
		l := billed("W1", "marketing", 1, fmt.Sprintf("0.%03d", i+101))
		l.Tier = fmt.Sprintf("%d:MAX", i)
		lines = append(lines, l)
	}
	in := one([]Usage{used("PA-1", "W1", "marketing", 500, "25")}, lines...)
	in.Tiers = func(TierQuery) []TierRate {
		var t []TierRate
		for i := range 500 {
			t = append(t, TierRate{Tier: fmt.Sprintf("%d:MAX", i), Rate: amt(fmt.Sprintf("0.%03d", i+101))})
		}
		return t
	}
	l := lineOf(t, accountOf(t, compute(t, in, nil), "PA-1"), key("marketing"))
	if len(l.Parts) != MaxPartsPerLine {
		t.Errorf("%d parts", len(l.Parts))
	}
	sumsUp(t, "bounded", l)
}

func sumsUp(t *testing.T, name string, l *Line) {
	t.Helper()
	sum := amt("0")
	for _, p := range l.Parts {
		sum = sum.Add(p.Amount)
	}
	if !sum.Equal(l.Difference) || !l.Difference.Equal(l.PostedBefore.Add(l.Post)) {
		t.Errorf("%s: parts sum to %s, difference %s, posted before %s, post %s", name, sum, l.Difference, l.PostedBefore, l.Post)
	}
}
