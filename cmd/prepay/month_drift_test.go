package main

import (
	"strings"
	"testing"

	"prepayledger/consumers/drift"
)

// analyticsOf is a response for W-1: 3 conversations in Brazil on 3 October and
// 5 on the 4th.
const analyticsOf = `{"id":"W-1","currency":"USD","pricing_analytics":{"data":[{"data_points":[
 {"start":1790985600,"end":1791072000,"phone_number":"4930123456","country":"BR","pricing_type":"REGULAR","pricing_category":"MARKETING","volume":3,"cost":0.1875},
 {"start":1791072000,"end":1791158400,"country":"BR","pricing_type":"REGULAR","pricing_category":"MARKETING","volume":5,"cost":0.3125}]}]}}`

// TestMonthDrift compares, through a day too, and leaves the ledger as it was.
func TestMonthDrift(t *testing.T) {
	data := newLedger(t)
	later := strings.Replace(usageLine("c", `,"country":"BR"`), "2026-10-03", "2026-10-04", 1)
	importStdin(t, data, usageLine("a", `,"country":"BR"`)+usageLine("b", `,"country":"BR"`)+later)
	file := write(t, "waba.json", analyticsOf)
	before := ok(t, data, "--json", "verify")
	for _, c := range []struct {
		args           []string
		here, there    int64
		beyond, points int
	}{
		{nil, 3, 8, 0, 2}, {[]string{"--on", "2026-10-03"}, 2, 3, 1, 1}, {[]string{"--on", "2026-10-04"}, 3, 8, 0, 2},
	} {
		r := parsed[drift.Report](t, data, append([]string{"month", "drift", "2026-10", "--analytics", file}, c.args...)...)
		if len(r.Lines) != 1 || r.Lines[0].Charged.Count != c.here || r.Lines[0].Analytics.Count != c.there || r.Beyond != c.beyond || r.Points != c.points || !r.Approximate {
			t.Errorf("%v: %+v", c.args, r)
		}
	}
	out := ok(t, data, "month", "drift", "2026-10", "--analytics", file, "--on", "2026-10-03")
	if !strings.Contains(out, "approximate") || !strings.Contains(out, "Compared through 2026-10-03") {
		t.Error(out)
	}
	if after := ok(t, data, "--json", "verify"); after != before {
		t.Errorf("the ledger changed:\n%s%s", before, after)
	}
	refused(t, "no day of 2026-10", exitFailed, data, "month", "drift", "2026-10", "--analytics", file, "--on", "2026-11-01")
	refused(t, "waba.json", exitFailed, data, "month", "drift", "2026-10", "--analytics", write(t, "waba.json", "{}"))
	refused(t, "Nothing is proposed", exitFailed, data, "month", "show", "2026-10")
}
