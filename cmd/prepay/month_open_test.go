package main

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/evidence"
)

// openedMonth is what month open writes as JSON.
type openedMonth struct {
	evidence.Line
	Charges []evidence.Charge `json:"charges"`
	Sums    evidence.Sums     `json:"sums"`
}

// TestMonthOpen opens differences of several kinds: the charges and lines are
// there, and the sums tie with the line's difference.
func TestMonthOpen(t *testing.T) {
	data := newLedger(t)
	usage := ""
	for i := range 6 {
		usage += usageLine(fmt.Sprintf("m%d", i), `,"country":"BR","amount":"0.05","currency":"USD"`)
	}
	usage += strings.ReplaceAll(usageLine("u1", `,"country":"BR","amount":"0.02","currency":"USD"`), "marketing", "UTILITY")
	usage += usageLine("f1", `,"country":"BR","pricing_type":"free_entry_point"`)
	importStdin(t, data, usage)
	ok(t, data, "account", "correct-charge", "PA-1", "m5", "--reason", "twice", "--actor", "finance:ana")
	ok(t, data, "invoice", "import", write(t, "i.csv", invoiceHeader+
		"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,3,0.15,USD\n"+
		"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,free_entry_point,,2,0,USD\n"+
		"MI-1,INV,2026-10-01,W-1,,BR,Brazil,service,regular,,4,0.04,USD\n"))
	open := func(rest ...string) openedMonth {
		t.Helper()
		return parsed[openedMonth](t, data, append([]string{"month", "open", "2026-10", "--partner", "PA-1", "--waba", "W-1", "--market", "Brazil"}, rest...)...)
	}
	marketing := open("--category", "MARKETING")
	if len(marketing.Charges) != 7 || !marketing.Charges[5].Corrected || marketing.Charges[6].Kind != evidence.KindCorrection || marketing.Charges[0].Corrected {
		t.Errorf("charges: %+v", marketing.Charges)
	}
	if s := marketing.Sums; !s.Tie || s.OnTime.Count != 5 || s.OnTime.Amount.String() != "0.25" || s.Invoiced.Amount.String() != "0.15" || s.Late.Count != 0 {
		t.Errorf("sums: %+v", s)
	}
	if len(marketing.Parts) != 2 || marketing.Parts[0].Certain || !strings.Contains(marketing.Parts[0].Says, "does not say which") {
		t.Errorf("parts: %+v", marketing.Parts)
	}
	if len(marketing.Invoiced) != 1 || marketing.Invoiced[0].Line != 1 || len(marketing.Counterparts) != 1 || marketing.Counterparts[0].Line != 2 {
		t.Errorf("lines: %+v, %+v", marketing.Invoiced, marketing.Counterparts)
	}
	if m := open("--category", "utility", "--part", "missing_at_meta"); len(m.Charges) != 1 || m.Charges[0].ChargeID != "u1" || !m.Parts[0].Certain || !m.Sums.Tie {
		t.Errorf("missing at Meta: %+v", m)
	}
	if m := open("--category", "service", "--part", "missing_here"); len(m.Charges) != 0 || len(m.Invoiced) != 1 || !m.Sums.Tie {
		t.Errorf("missing here: %+v", m)
	}
	refused(t, "no part \"late\"", exitFailed, data, "month", "open", "2026-10", "--partner", "PA-1", "--waba", "W-1", "--market", "Brazil", "--category", "marketing", "--part", "late")
	refused(t, "has no line", exitFailed, data, "month", "open", "2026-10", "--partner", "PA-1", "--waba", "W-2")
	refused(t, "nothing of partner", exitFailed, data, "month", "open", "2026-10", "--partner", "PA-9", "--waba", "W-2")
}

// TestMonthOpenLate: what was recorded after the posting is late, and only
// that is listed for the part.
func TestMonthOpenLate(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR","amount":"0.05","currency":"USD"`))
	ok(t, data, "invoice", "import", write(t, "i.csv", invoiceHeader+"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,1,0.05,USD\n"))
	ok(t, data, "month", "propose", "2026-10", "--actor", "finance:ana")
	ok(t, data, "month", "approve", "2026-10", "--actor", "finance:ben")
	importStdin(t, data, usageLine("b", `,"country":"BR","amount":"0.07","currency":"USD"`))
	args := []string{"month", "open", "2026-10", "--partner", "PA-1", "--waba", "W-1", "--market", "Brazil", "--category", "marketing", "--part", "late"}
	m := parsed[openedMonth](t, data, args...)
	if len(m.Charges) != 1 || m.Charges[0].ChargeID != "b" || !m.Charges[0].Late || !m.Sums.Tie || m.Sums.Listed.Amount.String() != "0.07" || m.Sums.OnTime.Count != 1 {
		t.Errorf("%+v", m)
	}
	text := ok(t, data, args...)
	for _, want := range []string{"late", "0.07", "exactly"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(ok(t, data, append(args, "--csv")...))).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][1] != "b" || rows[2][2] != "MI-1" {
		t.Errorf("%v %v", rows, err)
	}
}

// TestMonthOpenRounding opens the rounding of a converted invoice.
func TestMonthOpenRounding(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR","amount":"0.05","currency":"USD"`))
	ok(t, data, "invoice", "import", write(t, "i.csv", invoiceHeader+"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,1,0.0512,EUR\n"), "--fx", "EUR:USD=1.1")
	m := parsed[openedMonth](t, data, "month", "open", "2026-10", "--partner", "PA-1", "--rounding")
	if !m.Sums.Tie || len(m.Counterparts) != 1 || m.Counterparts[0].Rate == nil || m.Parts[0].Kind != "rounding" {
		t.Errorf("%+v", m)
	}
	v := parsed[desk.MonthView](t, data, "month", "preview", "2026-10")
	if len(v.Largest) != 2 || !strings.Contains(v.Largest[0].Text, "rate of exchange") && !strings.Contains(v.Largest[1].Text, "rate of exchange") {
		t.Errorf("largest: %+v", v.Largest)
	}
}
