package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
	"prepayledger/projections/quarantine"
)

// stuck is an office with charges in quarantine: of PA-1, of PA-2, of nobody,
// and one that can't be read.
func stuck(t *testing.T) *office {
	o := newOffice(t)
	lines := "nonsense\n"
	for i := range 5 {
		lines += charge(1, fmt.Sprintf("atlantis-%d", i), `,"market":"Atlantis"`)
		lines += charge(2, fmt.Sprintf("euro-%d", i), `,"country":"BR","amount":"1.50","currency":"EUR"`)
		lines += strings.ReplaceAll(charge(1, fmt.Sprintf("nobody-%d", i), priced("2")), "PA-1", "PA-9")
	}
	o.used(lines)
	return o
}

// TestQuarantinePages: the pages hold what a plain listing holds, in its order,
// whatever their size and the filter.
func TestQuarantinePages(t *testing.T) {
	o := stuck(t)
	for _, query := range []string{"", "partner_id=PA-1", "partner_id=PA-2", "owner=unassigned", "reason=wrong_currency", "reason=malformed", "partner_id=PA-1&reason=wrong_currency", "charge_id=euro-3", "charge_id=none"} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		err = o.desk.Views.Quarantine.List("", true, "", func(e *quarantine.Entry) error {
			fits := func(name, value string) bool { return !values.Has(name) || values.Get(name) == value }
			if fits("partner_id", e.Owner) && fits("reason", e.Reason) && fits("charge_id", e.ChargeID) && (!values.Has("owner") || e.Owner == "") {
				want = append(want, e.Owner+"/"+e.ChargeID+"/"+e.Content)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int{1, 3, 5, 500} {
			var got []string
			cursor, pages := "", 0
			for {
				var page desk.QuarantinePage
				o.ask(o.auditor, "GET", fmt.Sprintf("/v1/quarantine?limit=%d&cursor=%s&%s", limit, cursor, query), "", 200, &page)
				if pages++; len(page.Items) > limit || pages > 100 {
					t.Fatalf("%s: %d of %d on page %d", query, len(page.Items), limit, pages)
				}
				for _, e := range page.Items {
					got = append(got, e.Owner+"/"+e.ChargeID+"/"+e.Content)
				}
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s by %d:\n%v\nnot\n%v", query, limit, got, want)
			}
		}
	}
	for _, bad := range []string{"reason=x", "owner=x", "owner=unassigned&partner_id=PA-1", "cursor=%21"} {
		o.refused(o.auditor, "GET", "/v1/quarantine?"+bad, "", 422, "invalid_request")
	}
	o.refused(o.auditor, "GET", "/v1/quarantine?partner_id=PA-7", "", 404, string(domain.UnknownAccount))
	o.refused(partner("PA-1"), "GET", "/v1/quarantine?partner_id=PA-1", "", 403, CodeForbidden)
	out := o.ask(o.auditor, "GET", "/v1/quarantine/export?reason=malformed", "", 200, nil)
	if out.Body.String() != "nonsense\n" || out.Header().Get("Content-Type") != typeNDJSON {
		t.Errorf("export: %q %v", out.Body, out.Header())
	}
	if n := strings.Count(o.ask(o.auditor, "GET", "/v1/quarantine/export", "", 200, nil).Body.String(), "\n"); n != 16 {
		t.Errorf("%d lines are exported", n)
	}
}

// TestRetry presents again what the filter says, at most as many as are asked
// for, in the name of who asked.
func TestRetry(t *testing.T) {
	o := stuck(t)
	var r desk.Retried
	o.ask(o.ana, "POST", "/v1/quarantine/retry", `{}`, 200, &r)
	if r.Stuck != 15 || r.Results["left out: malformed"] != 1 || r.More {
		t.Errorf("%+v", r)
	}
	o.do("PA-1", &domain.CancelChannel{ChannelID: "CH-1"})
	o.do("PA-2", &domain.CancelChannel{ChannelID: "CH-2"})
	o.ask(o.ana, "POST", "/v1/quarantine/retry", `{"partner_id":"PA-2","limit":2}`, 200, &r)
	if !r.More {
		t.Errorf("%+v", r)
	}
	o.refused(o.auditor, "POST", "/v1/quarantine/retry", `{}`, 403, CodeForbidden)
	o.refused(o.ana, "POST", "/v1/quarantine/retry", `{"reason":"x"}`, 422, "invalid_request")
	o.refused(o.ana, "POST", "/v1/quarantine/retry", `{"limit":0,"more":1}`, 422, "invalid_request")
}

// TestMend: a corrected record takes its entry's place: the entry leaves, the
// charge counts once, and who mended stands with it.
func TestMend(t *testing.T) {
	o := stuck(t)
	entry := func(id string) *quarantine.Entry {
		t.Helper()
		var page desk.QuarantinePage
		o.ask(o.auditor, "GET", "/v1/quarantine?charge_id="+url.QueryEscape(id), "", 200, &page)
		if len(page.Items) == 0 {
			return nil
		}
		if len(page.Items) > 1 {
			t.Fatalf("%s: %d entries", id, len(page.Items))
		}
		return &page.Items[0]
	}
	mending := func(e *quarantine.Entry, fields string) string {
		return fmt.Sprintf(`{"owner":%q,"charge_id":%q,"content":%q,"fields":%s}`, e.Owner, e.ChargeID, e.Content, fields)
	}
	for _, c := range []struct{ id, fields, result, reason string }{
		{"atlantis-0", `{"market":"Brazil","amount":"0.05","currency":"USD"}`, "charged", ""},
		{"atlantis-1", `{"market":"Elsewhere"}`, "quarantined", "no_rate"},
		{"euro-0", `{"amount":"1.60","currency":"USD"}`, "charged", ""},
		{"euro-1", `{"pricing_type":"free_entry_point","amount":null,"currency":null}`, "free", ""},
		{"nobody-0", `{"partner_id":"PA-1"}`, "charged", ""},
		{"nobody-1", `{"partner_id":"PA-1","market":"Chile","country":null}`, "charged", ""}, // other content than what waits
		{"nobody-2", `{"partner_id":"PA-8"}`, "quarantined", "unknown_channel"},
	} {
		e := entry(c.id)
		body := mending(e, c.fields)
		var done desk.Mended
		o.ask(o.ana, "POST", "/v1/quarantine/mend", body, 200, &done)
		if string(done.Result) != c.result || done.Reason != c.reason {
			t.Errorf("%s: %+v", c.id, done)
		}
		left := entry(c.id)
		switch {
		case c.reason == "" && left != nil:
			t.Errorf("%s is still there: %+v", c.id, left)
		case c.reason != "" && (left == nil || left.Reason != c.reason):
			t.Errorf("%s: %+v, not with reason %s", c.id, left, c.reason)
		}
		if c.reason == "" {
			o.refused(o.ana, "POST", "/v1/quarantine/mend", body, 404, CodeNotFound)
		}
	}
	var account desk.AccountView
	o.ask(o.ana, "GET", "/v1/accounts/PA-1", "", 200, &account)
	if account.Balance.String() != "495.95" { // 0.05, 2 and 2
		t.Errorf("balance %s", account.Balance)
	}
	var page desk.QuarantinePage
	o.ask(o.auditor, "GET", "/v1/quarantine?reason=malformed", "", 200, &page)
	var done desk.Mended
	o.ask(o.ana, "POST", "/v1/quarantine/mend", mending(&page.Items[0], `{"charge_id":"read","partner_id":"PA-1","channel_id":"CH-1","category":"utility","pricing_model":"PMP","occurred_at":"2026-10-05T10:00:00Z","country":"BR","amount":"1","currency":"USD"}`), 200, &done)
	o.ask(o.auditor, "GET", "/v1/quarantine?reason=malformed", "", 200, &page)
	if done.Result != domain.ChargeDeducted || len(page.Items) != 0 {
		t.Errorf("malformed: %+v, left %+v", done, page.Items)
	}

	e := entry("euro-4")
	p := o.refused(o.ana, "POST", "/v1/quarantine/mend", mending(e, `{"ammount":"1"}`), 422, "invalid_request")
	if !strings.Contains(p.Detail, "ammount") {
		t.Errorf("%+v", p)
	}
	o.refused(o.ana, "POST", "/v1/quarantine/mend", mending(e, `{"amount":"x"}`), 422, "invalid_request")
	o.refused(o.ana, "POST", "/v1/quarantine/mend", mending(e, `5`), 422, "invalid_request")
	o.refused(o.auditor, "POST", "/v1/quarantine/mend", mending(e, `{}`), 403, CodeForbidden)
	if left := entry("euro-4"); left == nil || left.Content != e.Content {
		t.Errorf("a refused mend changed the entry: %+v", left)
	}
	// What was mended stands in the log in the name of who did it.
	var events desk.EventsPage
	o.ask(o.auditor, "GET", "/v1/events?type=QuarantineReleased&limit=500", "", 200, &events)
	mended := 0
	for _, e := range events.Items {
		if strings.Contains(string(e.Data), `"mended"`) {
			mended++
			if !strings.Contains(string(e.Metadata), "finance:ana@bsp.example") {
				t.Errorf("mended by %s", e.Metadata)
			}
		}
	}
	if mended == 0 {
		t.Error("nothing tells of what was mended")
	}
	if _, err := o.desk.Verify(t.Context(), t.TempDir()+"/verify"); err != nil {
		t.Error(err)
	}
}

// TestConflictMended: an id that was counted with other content can be given
// another id.
func TestConflictMended(t *testing.T) {
	o := newOffice(t)
	o.used(charge(1, "a", priced("1")) + charge(1, "a", priced("2")))
	var page desk.QuarantinePage
	o.ask(o.auditor, "GET", "/v1/quarantine", "", 200, &page)
	var done desk.Mended
	e := page.Items[0]
	o.ask(&access.Principal{Kind: access.KindUser, ID: "u", Name: "root", Role: access.RoleAdmin}, "POST", "/v1/quarantine/mend",
		fmt.Sprintf(`{"owner":"PA-1","charge_id":"a","content":%q,"fields":{"amount":"1"}}`, e.Content), 200, &done)
	if done.Result != domain.ChargeDuplicate {
		t.Errorf("%+v", done)
	}
	o.ask(o.auditor, "GET", "/v1/quarantine", "", 200, &page)
	if len(page.Items) != 0 {
		t.Errorf("%+v", page.Items)
	}
}
