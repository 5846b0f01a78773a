package main

import (
	"strings"
	"testing"

	"prepayledger/consumers/shadow"
)

// TestShadowRates rates a month by the card of a file and by a card that is
// not in force yet; nothing changes in the ledger.
func TestShadowRates(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR","amount":"0.05","currency":"USD"`)+
		usageLine("b", `,"country":"BR","amount":"0.05","currency":"USD"`)+
		usageLine("c", `,"country":"BR","amount":"0.05","currency":"USD"`)+
		strings.Replace(usageLine("d", `,"country":"BR","amount":"0.01","currency":"USD"`), "marketing", "utility", 1))
	ok(t, data, "account", "correct-charge", "PA-1", "c", "--reason", "twice", "--actor", "finance:ana")
	card := write(t, "rates-2027-01-01.csv", "market,currency,category,from_volume,to_volume,rate\nBrazil,USD,marketing,1,MAX,0.07\n")
	check := func(args ...string) {
		t.Helper()
		v := parsed[shadowRates](t, data, append([]string{"shadow", "2026-10"}, args...)...)
		if len(v.Cards) != 1 || len(v.Rows) != 2 || len(v.Totals) != 1 {
			t.Fatalf("%v: %+v", args, v)
		}
		if m := v.Rows[0]; m.Now.Count != 2 || m.Now.Amount.String() != "0.1" || m.Then.String() != "0.14" || m.Difference.String() != "0.04" {
			t.Errorf("%v: marketing %+v", args, m)
		}
		if u := v.Rows[1]; u.Unrated.Count != 1 || !u.Then.IsZero() || !u.Now.Amount.IsZero() {
			t.Errorf("%v: utility has no rate on the card: %+v", args, u)
		}
	}
	check("--rates", card)
	ok(t, data, "rates", "import", card)
	check("--effective", "2027-01-01")
	if out := ok(t, data, "shadow", "2026-10", "--effective", "2026-10-01", "--by", "waba"); !strings.Contains(out, "W-1") {
		t.Errorf("by waba:\n%s", out)
	}
	refused(t, "waba, market, category", exitFailed, data, "shadow", "2026-10", "--rates", card, "--by", "colour")
	refused(t, "missing", exitUsage, data, "shadow", "2026-10")
	refused(t, "unknown_account", exitFailed, data, "shadow", "2026-10", "--rates", card, "--partner", "PA-9")
	ok(t, data, "verify")
}

// TestShadowPolicy tries another recharge amount.
func TestShadowPolicy(t *testing.T) {
	data := newLedger(t)
	lines := ""
	for _, id := range []string{"a", "b", "c", "d"} {
		lines += usageLine(id, `,"country":"BR","amount":"450","currency":"USD"`)
	}
	importStdin(t, data, lines)
	all := parsed[[]shadow.Policy](t, data, "shadow", "policy", "--recharge-amount", "2000")
	if len(all) != 1 || all[0].Actual == 0 || all[0].Before.Recharges != all[0].Actual || all[0].After.Recharges != 1 {
		t.Errorf("%+v", all)
	}
	if out := ok(t, data, "shadow", "policy", "--threshold", "50", "--partner", "PA-1"); !strings.Contains(out, "under the terms") {
		t.Error(out)
	}
	refused(t, "--threshold", exitFailed, data, "shadow", "policy")
}
