package web

import (
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// steps makes a waterfall of a sum and what is taken of it.
func steps(charged string, parts ...string) *desk.Waterfall {
	f := &desk.Waterfall{Currency: "EUR", Charged: reconciliation.Figure{Amount: money.MustParse(charged)}}
	left := f.Charged.Amount
	for i, p := range parts {
		left = left.Sub(money.MustParse(p))
		f.Steps = append(f.Steps, desk.WaterfallStep{Kind: desk.PartKinds()[i], Lines: 1, Amount: money.MustParse(p), Left: left})
	}
	f.Invoiced.Amount = left
	return f
}

// TestWaterfall: each row stands where the one before ended, exactly; the sums
// at both ends are the figures; and all bars are in the picture.
func TestWaterfall(t *testing.T) {
	for name, f := range map[string]*desk.Waterfall{
		"close together":  steps("1000", "0.5", "-0.25", "0.000001"),
		"far apart":       steps("1000", "900", "-50"),
		"to nothing":      steps("21.3459", "21.3459"),
		"from nothing":    steps("0", "-5"),
		"below zero":      steps("10", "15", "-1"),
		"no difference":   steps("10"),
		"nothing at all":  steps("0"),
		"exact decimals":  steps("0.1", "0.033333333333", "0.000000000001"),
		"negative at all": steps("-3", "2"),
	} {
		rows := waterfallOf(f)
		if len(rows) != len(f.Steps)+2 || !rows[0].amount.Equal(f.Charged.Amount) || !rows[len(rows)-1].left.Equal(f.Invoiced.Amount) {
			t.Fatalf("%s: %+v", name, rows)
		}
		sum := rows[0].left
		for i := 1; i < len(rows)-1; i++ {
			if sum = sum.Add(rows[i].amount); !sum.Equal(rows[i].left) {
				t.Errorf("%s: %s after %q, stands at %s", name, sum, rows[i].label, rows[i].left)
			}
			if rows[i].bar.in != rows[i-1].bar.out {
				t.Errorf("%s: %q begins at %s, the row before ended at %s", name, rows[i].label, rows[i].bar.in, rows[i-1].bar.out)
			}
		}
		if !sum.Equal(rows[len(rows)-1].amount) {
			t.Errorf("%s: the steps lead to %s, invoiced are %s", name, sum, rows[len(rows)-1].amount)
		}
		for _, r := range rows {
			x, width := money.MustParse(r.bar.x), money.MustParse(r.bar.width)
			if x.Sign() < 0 || width.Sign() <= 0 || money.FromInt(barWidth+3).Less(x.Add(width)) {
				t.Errorf("%s: %q is drawn from %s, %s wide", name, r.label, x, width)
			}
		}
	}
}

// TestWaterfallBegins: only sums that lie close together begin away from zero.
func TestWaterfallBegins(t *testing.T) {
	if rows := waterfallOf(steps("1000", "0.5")); !rows[0].bar.cut || rows[1].bar.cut {
		t.Errorf("close together: %+v", rows)
	}
	if rows := waterfallOf(steps("1000", "900")); rows[0].bar.cut || rows[0].bar.x != "0" {
		t.Errorf("far apart: %+v", rows)
	}
	if rows := waterfallOf(steps("1000")); rows[0].bar.cut {
		t.Errorf("no difference: %+v", rows)
	}
}
