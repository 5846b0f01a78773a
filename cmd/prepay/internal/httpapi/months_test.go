package httpapi

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/drift"
	"prepayledger/consumers/evidence"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// october is an office with a month of differences of many kinds.
func october(t testing.TB) *office {
	o := newOffice(t)
	lines := ""
	for i := range 6 {
		lines += charge(1, fmt.Sprintf("m%d", i), priced("0.05"))
		lines += charge(2, fmt.Sprintf("n%d", i), priced("0.07"))
	}
	lines += strings.ReplaceAll(charge(1, "u1", priced("0.02")), "marketing", "UTILITY")
	lines += charge(1, "f1", `,"country":"BR","pricing_type":"free_entry_point"`)
	o.used(lines)
	o.send(o.ana, "/v1/meta-invoices", "october.csv", invoiceHeader+
		"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,3,0.15,USD\n"+
		"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,free_entry_point,,2,0,USD\n"+
		"MI-1,INV,2026-10-01,W-1,,BR,Brazil,service,regular,,4,0.04,USD\n"+
		"MI-1,INV,2026-10-01,W-2,,BR,Brazil,marketing,regular,,6,0.48,USD\n", 200, nil)
	return o
}

// TestMonth goes through a month's end: what is proposed by one and approved by
// another is posted, each step once per key, and each by who may.
func TestMonth(t *testing.T) {
	o := october(t)
	var list Page[desk.MonthSummary]
	o.ask(o.auditor, "GET", "/v1/months", "", 200, &list)
	if len(list.Items) != 1 || list.Items[0].Phase != reconciliation.NotProposed || list.Items[0].Documents != 1 || list.Items[0].Accounts != 2 || list.Items[0].Open != 2 {
		t.Errorf("%+v", list)
	}
	var m Month
	o.ask(o.auditor, "GET", "/v1/months/2026-10", "", 200, &m)
	if m.Phase != reconciliation.NotProposed || m.Revision != -1 {
		t.Errorf("before its proposal: %+v", m)
	}
	o.ask(o.auditor, "GET", "/v1/months/2026-10?preview=true", "", 200, &m)
	if m.Phase != desk.Preview || m.Counts.Accounts != 2 || len(m.Waterfalls) != 1 {
		t.Errorf("preview: %+v", m)
	}
	o.refused(o.auditor, "POST", "/v1/months/2026-10/propose", "", 403, CodeForbidden)
	o.refused(partner("PA-1"), "GET", "/v1/months/2026-10", "", 403, CodeForbidden)
	o.refused(o.ana, "GET", "/v1/months/2026-13", "", 422, "invalid_request")
	o.refused(o.ana, "POST", "/v1/months/2026-01/propose", "", 422, string(domain.NothingToReconcile))

	o.ask(o.ana, "POST", "/v1/months/2026-10/propose", "", 200, &m, "Idempotency-Key", "one")
	proposed := m.Revision
	if m.Phase != reconciliation.Proposed || m.ProposedBy != "finance:ana@bsp.example" {
		t.Errorf("proposed: %+v", m)
	}
	o.ask(o.ana, "POST", "/v1/months/2026-10/propose", "", 200, &m, "Idempotency-Key", "one")
	if m.Revision != proposed {
		t.Errorf("the same key proposed again: revision %d, not %d", m.Revision, proposed)
	}
	o.ask(o.ana, "POST", "/v1/months/2026-10/comments", `{"text":"a few cents"}`, 200, &m, "Idempotency-Key", "two")
	o.ask(o.ana, "POST", "/v1/months/2026-10/comments", `{"text":"a few cents"}`, 200, &m, "Idempotency-Key", "two")
	if m.Counts.Comments != 1 || m.Comments[0].Actor != "finance:ana@bsp.example" {
		t.Errorf("commented: %+v", m.Comments)
	}
	o.refused(o.ana, "POST", "/v1/months/2026-10/comments", `{"text":"other"}`, 409, string(domain.CommandConflict), "Idempotency-Key", "two")
	o.refused(o.ana, "POST", "/v1/months/2026-10/approve", `{}`, 422, string(domain.SameApprover))
	o.refused(o.ana, "POST", "/v1/months/2026-10/withdraw", `{"reason":""}`, 422, string(domain.ReasonRequired))
	o.ask(o.ana, "POST", "/v1/months/2026-10/withdraw", `{"reason":"wait"}`, 200, &m)
	if m.Phase != reconciliation.Withdrawn {
		t.Errorf("withdrawn: %+v", m)
	}
	o.ask(o.ana, "POST", "/v1/months/2026-10/propose", "", 200, nil)
	o.ask(o.ben, "POST", "/v1/months/2026-10/approve", "", 200, &m)
	if m.Phase != reconciliation.PostedPhase || m.ApprovedBy != "finance:ben@bsp.example" {
		t.Errorf("posted: %+v", m)
	}
	o.ask(o.ben, "POST", "/v1/months/2026-10/post", "", 200, nil)
	var account desk.AccountView
	o.ask(o.ben, "GET", "/v1/accounts/PA-1", "", 200, &account)
	if want := "499.81"; account.Balance.String() != want { // Meta invoiced 0.15 and 0.04
		t.Errorf("balance %s, not %s", account.Balance, want)
	}
}

// TestMonthLines pages through all lines in either order, whatever the page's
// size, and the filters say what a plain reading of all lines says.
func TestMonthLines(t *testing.T) {
	o := october(t)
	read := func(query string, limit int) (all []desk.MonthLine) {
		t.Helper()
		cursor := ""
		for {
			var page desk.LinesPage
			o.ask(o.auditor, "GET", fmt.Sprintf("/v1/months/2026-10/lines?preview=true&limit=%d&cursor=%s&%s", limit, cursor, query), "", 200, &page)
			all = append(all, page.Items...)
			if page.Next == "" {
				if page.Matching != len(all) {
					t.Errorf("%s: %d matching, %d read", query, page.Matching, len(all))
				}
				return all
			}
			cursor = page.Next
		}
	}
	all := read("", 500)
	if len(all) < 4 {
		t.Fatalf("%d lines", len(all))
	}
	for _, c := range []struct {
		query string
		fits  func(*desk.MonthLine) bool
	}{
		{"", func(*desk.MonthLine) bool { return true }},
		{"partner_id=PA-2", func(l *desk.MonthLine) bool { return l.PartnerID == "PA-2" }},
		{"waba_id=W-1&category=MARKETING", func(l *desk.MonthLine) bool { return l.WABAID == "W-1" && l.Category == "marketing" }},
		{"part=missing_here", func(l *desk.MonthLine) bool {
			return slices.ContainsFunc(l.Parts, func(p reconciliation.Part) bool { return p.Kind == reconciliation.PartMissingHere })
		}},
		{"min_difference=0.04", func(l *desk.MonthLine) bool { return !l.Difference.Abs().Less(money.MustParse("0.04")) }},
		{"differing=true", func(l *desk.MonthLine) bool { return !l.Difference.IsZero() }},
		{"market=Nowhere", func(*desk.MonthLine) bool { return false }},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(l desk.MonthLine) bool { return !c.fits(&l) })
		for _, order := range []string{"account", "difference"} {
			if order == "difference" {
				slices.SortStableFunc(want, func(a, b desk.MonthLine) int { return b.Difference.Abs().Cmp(a.Difference.Abs()) })
			}
			for _, limit := range []int{1, 2, 500} {
				if got := read(c.query+"&order="+order, limit); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s, %s, pages of %d:\n%v\nnot\n%v", c.query, order, limit, got, want)
				}
			}
		}
	}
	for _, bad := range []string{"cursor=%21", "cursor=AAAA", "min_difference=x", "min_difference=-1", "part=x", "limit=0", "limit=501", "order=x", "preview=x"} {
		o.refused(o.auditor, "GET", "/v1/months/2026-10/lines?"+bad, "", 422, "invalid_request")
	}
}

// TestWaterfall: charged less the steps is invoiced, exactly, per currency and
// account, and the steps are the sums of the lines' parts.
func TestWaterfall(t *testing.T) {
	o := october(t)
	var lines desk.LinesPage
	o.ask(o.auditor, "GET", "/v1/months/2026-10/lines?preview=true&limit=500", "", 200, &lines)
	for _, partner := range []string{"", "PA-1", "PA-2"} {
		var found Waterfalls
		o.ask(o.auditor, "GET", "/v1/months/2026-10/waterfall?preview=true&partner_id="+partner, "", 200, &found)
		if len(found.Items) != 1 {
			t.Fatalf("%+v", found)
		}
		sums := map[reconciliation.PartKind]money.Amount{}
		for _, l := range lines.Items {
			for _, p := range l.Parts {
				if partner == "" || l.PartnerID == partner {
					sums[p.Kind] = sums[p.Kind].Add(p.Amount)
				}
			}
		}
		w := found.Items[0]
		left := w.Charged.Amount
		for _, s := range w.Steps {
			if left = left.Sub(s.Amount); !left.Equal(s.Left) || !sums[s.Kind].Equal(s.Amount) {
				t.Errorf("%s: step %+v, left %s, sum of the parts %s", partner, s, left, sums[s.Kind])
			}
			delete(sums, s.Kind)
		}
		if !left.Equal(w.Invoiced.Amount) || !w.Difference.Equal(w.Charged.Amount.Sub(w.Invoiced.Amount)) || len(sums) > 0 {
			t.Errorf("%s: %s is left, %s was invoiced; %v is in no step", partner, left, w.Invoiced.Amount, sums)
		}
	}
	o.refused(o.auditor, "GET", "/v1/months/2026-10/waterfall?preview=true&partner_id=PA-9", "", 404, CodeNotFound)
}

// TestMonthLists: every list of a month can be paged.
func TestMonthLists(t *testing.T) {
	o := october(t)
	for _, name := range []string{"accounts", "unallocated", "own-cost", "uninvoiced", "documents", "comments"} {
		var page, second Page[json.RawMessage]
		o.ask(o.auditor, "GET", "/v1/months/2026-10/"+name+"?preview=true&limit=1", "", 200, &page)
		if name == "accounts" && (len(page.Items) != 1 || page.Next == "") {
			t.Errorf("%s: %+v", name, page)
		}
		if page.Next != "" {
			o.ask(o.auditor, "GET", "/v1/months/2026-10/"+name+"?preview=true&limit=1&cursor="+page.Next, "", 200, &second)
			if len(second.Items) != 1 || second.Next != "" {
				t.Errorf("%s, second page: %+v", name, second)
			}
		}
		o.refused(o.auditor, "GET", "/v1/months/2026-10/"+name+"?cursor=eA", "", 422, "invalid_request")
	}
}

// TestMonthSettings: settings are replaced as a whole, and only those that were
// read.
func TestMonthSettings(t *testing.T) {
	o := newOffice(t)
	var s desk.MonthSettings
	first := o.ask(o.auditor, "GET", "/v1/month-settings", "", 200, &s).Header().Get("ETag")
	if len(s.Limits) != 0 || first != `"-1"` {
		t.Errorf("%+v, %s", s, first)
	}
	body := `{"limits":[{"actor_pattern":"finance:*","currency":"EUR","max":"1000"},{"actor_pattern":"admin:*","currency":"EUR","max":"5000"}],"tolerances":[{"currency":"EUR","amount":"0.01"}]}`
	o.refused(o.ana, "PUT", "/v1/month-settings", body, 422, "invalid_request") // without If-Match
	second := o.ask(o.ana, "PUT", "/v1/month-settings", body, 200, &s, "If-Match", first).Header().Get("ETag")
	if len(s.Limits) != 2 || len(s.Tolerances) != 1 || second == first {
		t.Errorf("%+v, %s", s, second)
	}
	o.refused(o.ana, "PUT", "/v1/month-settings", body, 412, CodePreconditionFailed, "If-Match", first)
	o.refused(o.ana, "PUT", "/v1/month-settings", body, 412, CodePreconditionFailed, "If-Match", `"x"`)
	o.refused(o.auditor, "PUT", "/v1/month-settings", body, 403, CodeForbidden, "If-Match", second)
	// All or nothing: what is wrong with one leaves the others as they were.
	bad := `{"limits":[],"tolerances":[{"currency":"EUR","amount":"-1"}]}`
	o.refused(o.ana, "PUT", "/v1/month-settings", bad, 422, string(domain.InvalidSetting), "If-Match", second)
	third := o.ask(o.auditor, "GET", "/v1/month-settings", "", 200, &s).Header().Get("ETag")
	if len(s.Limits) != 2 || third != second {
		t.Errorf("after a refusal: %+v, %s", s, third)
	}
	o.ask(o.ana, "PUT", "/v1/month-settings", `{"limits":[{"actor_pattern":"Finance:*","currency":"EUR","max":"1"}],"tolerances":[]}`, 200, &s, "If-Match", second)
	if len(s.Limits) != 1 || s.Limits[0].Max.String() != "1" || len(s.Tolerances) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestMonthFiles: workbook, journal and evidence are whole files, and what
// can't be made is a problem, not a part of one.
func TestMonthFiles(t *testing.T) {
	o := october(t)
	w := o.ask(o.auditor, "GET", "/v1/months/2026-10/workbook.xlsx", "", 200, nil)
	if !bytes.HasPrefix(w.Body.Bytes(), []byte("PK")) || w.Header().Get("Content-Type") != typeXLSX || !strings.Contains(w.Header().Get("Content-Disposition"), `"2026-10.xlsx"`) {
		t.Errorf("workbook: %v", w.Header())
	}
	o.refused(o.auditor, "GET", "/v1/months/2025-01/workbook.xlsx", "", 422, string(domain.NothingToReconcile))
	o.refused(o.auditor, "GET", "/v1/months/x/workbook.xlsx", "", 422, "invalid_request")
	o.refused(o.auditor, "GET", "/v1/months/2026-10/workbook.xlsx?x=1", "", 422, "invalid_request")

	rows, err := csv.NewReader(o.ask(o.auditor, "GET", "/v1/journal.csv?month=2026-11&partner_id=PA-1", "", 200, nil).Body).ReadAll()
	if err != nil || len(rows) < 10 || rows[0][0] != "recorded_at" {
		t.Errorf("journal: %d rows, %v", len(rows), err)
	}
	debits, credits := money.Zero(), money.Zero()
	for _, r := range rows[1:] {
		if r[8] != "PA-1" {
			t.Errorf("a line of %s", r[8])
		}
		debits, credits = debits.Add(money.MustParse(cmp.Or(r[10], "0"))), credits.Add(money.MustParse(cmp.Or(r[11], "0")))
	}
	if !debits.Equal(credits.Abs()) || debits.IsZero() {
		t.Errorf("debits %s, credits %s", debits, credits)
	}
	o.refused(o.auditor, "GET", "/v1/journal.csv?partner_id=PA-9", "", 404, string(domain.UnknownAccount))
	o.refused(o.auditor, "GET", "/v1/journal.csv?month=x", "", 422, "invalid_request")

	key := "/v1/months/2026-10/evidence?" + url.Values{"partner_id": {"PA-1"}, "waba_id": {"W-1"}, "market": {"Brazil"}, "category": {"marketing"}}.Encode()
	var opened struct {
		evidence.Line
		Charges []evidence.Charge `json:"charges"`
		Sums    evidence.Sums     `json:"sums"`
	}
	o.ask(o.auditor, "GET", key, "", 200, &opened)
	if len(opened.Charges) != 6 || !opened.Sums.Tie || opened.Sums.Invoiced.Amount.String() != "0.15" {
		t.Errorf("evidence: %+v", opened)
	}
	for _, asked := range [][]string{{key + "&format=csv"}, {key, "Accept", "text/csv"}} {
		rows, err := csv.NewReader(o.ask(o.auditor, "GET", asked[0], "", 200, nil, asked[1:]...).Body).ReadAll()
		if err != nil || len(rows) != 9 { // header, charges, line, counterpart
			t.Errorf("evidence: %d rows, %v", len(rows), err)
		}
	}
	o.refused(o.auditor, "GET", key+"&part=late", "", 422, string(domain.NothingToReconcile))
	o.refused(o.auditor, "GET", key+"&part=x", "", 422, "invalid_request")
	o.refused(o.auditor, "GET", "/v1/months/2026-10/evidence", "", 422, "invalid_request")
	o.refused(partner("PA-1"), "GET", key, "", 403, CodeForbidden)
}

// TestDrift compares with analytics that are sent, and records nothing.
func TestDrift(t *testing.T) {
	o := october(t)
	before, err := o.desk.Store.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	analytics := `{"id":"W-1","currency":"USD","pricing_analytics":{"data":[{"data_points":[{"start":1790812800,"end":1793491200,"country":"BR","pricing_type":"REGULAR","pricing_category":"MARKETING","volume":5,"cost":0.25}]}]}}`
	var report drift.Report
	o.send(o.auditor, "/v1/months/2026-10/drift", "w1.json", analytics, 200, &report)
	if report.Month != "2026-10" || !report.Approximate {
		t.Errorf("%+v", report)
	}
	var p Problem
	o.send(o.auditor, "/v1/months/2026-10/drift", "w1.json", "nonsense", 422, &p)
	if len(p.Errors) != 1 || p.Errors[0].File != "w1.json" {
		t.Errorf("%+v", p)
	}
	o.send(o.auditor, "/v1/months/2026-10/drift", "w1.json", analytics, 422, &p, "on", "2026-11-01")
	o.send(o.auditor, "/v1/months/2026-10/drift", "w1.json", analytics, 200, &report, "on", "2026-10-20")
	if after, err := o.desk.Store.Last(t.Context()); err != nil || after != before {
		t.Errorf("something was recorded: %v", err)
	}
}
