package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/recharges"
)

// A partner id may have any characters; in a path they are escaped. Nobody gets
// at another's account by writing its id in another way.
func TestPartnerIDs(t *testing.T) {
	w := newWorld(t, nil)
	fin := staff(access.RoleFinance)
	ids := []string{"PA/1 ü?", "PA-1", "PA%2D1", "..", "a%2Fb", "{partner_id}"}
	for _, id := range ids {
		body, _ := json.Marshal(map[string]string{"partner_id": id, "currency": "EUR", "card": "sim_ok"})
		r := as(fin, w.h, "POST", "/v1/accounts", string(body))
		answered[desk.AccountView](t, r, 201)
		if where := r.Header().Get("Location"); where != location("accounts", id) {
			t.Errorf("%q is at %s", id, where)
		}
		got := answered[desk.AccountView](t, as(partner(id), w.h, "GET", r.Header().Get("Location"), ""), 200)
		if got.PartnerID != id {
			t.Errorf("%s shows %q", r.Header().Get("Location"), got.PartnerID)
		}
	}
	for _, id := range ids {
		for _, path := range []string{"/v1/accounts/" + url.PathEscape(id) + "/balance", "/api/v2/partners/" + url.PathEscape(id) + "/info/balance"} {
			for _, other := range ids {
				want := 404
				if other == id {
					want = 200
				}
				if r := as(partner(other), w.h, "GET", path, ""); r.Code != want {
					t.Errorf("%s as %q: %d %s", path, other, r.Code, r.Body)
				}
			}
		}
	}
	for _, path := range []string{"/v1/accounts//balance", "/v1/accounts//settings", "/v1/accounts//card-link", "/v1/accounts/%20/balance"} {
		method := "GET"
		if strings.HasSuffix(path, "link") {
			method = "POST"
		}
		if r := as(fin, w.h, method, path, ""); r.Code != 404 && r.Code != 422 {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
}

// Whoever asks after a command's answer reads what it did, and who gives its
// position elsewhere, too.
func TestReadYourWrites(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	pia := partner("PA-1")
	for i := range 20 {
		r := as(pia, w.h, "POST", "/v1/accounts/PA-1/recharges", `{"amount":"10"}`)
		done := answered[desk.AccountView](t, r, 200)
		at := r.Header().Get("Prepay-Position")
		for _, query := range []string{"", "?at_least=" + url.QueryEscape(at)} {
			got := answered[desk.BalanceLine](t, as(pia, w.h, "GET", "/v1/accounts/PA-1/balance"+query, ""), 200)
			if want := fmt.Sprint(510 + 10*i); got.Balance.String() != want || done.Balance.String() != want {
				t.Fatalf("after %d payments: %s, %s", i+1, done.Balance, got.Balance)
			}
		}
	}
	for _, bad := range []string{"1", "1/2/3", "999999/999999", "-1/0"} {
		r := as(pia, w.h, "GET", "/v1/accounts/PA-1/balance?at_least="+url.QueryEscape(bad), "")
		if p := answered[Problem](t, r, 422); len(p.Errors) != 1 || p.Errors[0].Field != "at_least" {
			t.Errorf("%s: %+v", bad, p)
		}
	}
}

// A read writes nothing, also where something fell due: the ledger's own
// worker does that.
func TestReadsWriteNothing(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_declined")
	w.charge("PA-1", "c-1", "600")
	w.now = w.now.AddDate(0, 0, 30)
	before, err := w.Store.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/v1/accounts", "/v1/accounts/PA-1", "/v1/accounts/PA-1/balance", "/v1/balances", "/v1/accounts/PA-1/settings", "/v1/accounts/PA-1/channels",
		"/v1/accounts/PA-1/recharges", "/v1/accounts/PA-1/refunds", "/v1/accounts/PA-1/invoices", "/v1/accounts/PA-1/usage", "/v1/accounts/PA-1/usage/days",
		"/v1/accounts/PA-1/statements/2026-11", "/v1/accounts/PA-1/statements/2026-11/pdf", "/v1/accounts/PA-1/forecast", "/v1/forecasts",
		"/v1/accounts/PA-1/why", "/v1/accounts/PA-1/daily-balances", "/api/v2/partners/PA-1/info/balance",
	} {
		if r := as(staff(access.RoleAuditor), w.h, "GET", path, ""); r.Code != 200 {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
	if after, err := w.Store.Last(t.Context()); err != nil || after != before {
		t.Errorf("the log went on from %s to %s, %v", before, after, err)
	}
}

// The balance of the past is what was recorded, or what had happened (R35), and
// the published ones are kept (R33).
func TestBalances(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	w.now = w.now.Add(time.Hour)
	w.charge("PA-1", "c-1", "1.5")
	w.now = w.now.AddDate(0, 0, 3)
	if err := w.Ledger.AdvanceAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"": "498.5", "?recorded_at=2026-11-10T12:30:00Z": "500", "?happened_by=2026-11-10T13:00:00Z": "498.5", "?recorded_at=2026-11-10T11:00:00%2B01:00": "0",
	} {
		got := answered[desk.BalanceLine](t, as(partner("PA-1"), w.h, "GET", "/v1/accounts/PA-1/balance"+query, ""), 200)
		if got.Balance.String() != want || (query == "") != (got.Published != nil) {
			t.Errorf("%s: %+v", query, got)
		}
	}
	if r := as(partner("PA-1"), w.h, "GET", "/v1/accounts/PA-1/balance?recorded_at=2026-11-10T12:30:00Z&happened_by=2026-11-10T12:30:00Z", ""); r.Code != 422 {
		t.Errorf("both: %d", r.Code)
	}
	var days []string
	cursor := ""
	for {
		p := answered[Page[desk.DailyBalance]](t, as(partner("PA-1"), w.h, "GET", "/v1/accounts/PA-1/daily-balances?limit=2&cursor="+cursor, ""), 200)
		for _, d := range p.Items {
			days = append(days, d.Day+" "+d.Balance.String())
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if got := strings.Join(days, ", "); got != "2026-11-13 498.5, 2026-11-12 498.5, 2026-11-11 498.5" {
		t.Errorf("published: %s", got)
	}
}

// pages reads a list to its end, and returns what names its items.
func pages[T any](t *testing.T, get func(cursor string) *httptest.ResponseRecorder, name func(*T) string) (all []string) {
	t.Helper()
	for cursor := ""; ; {
		p := answered[Page[T]](t, get(cursor), 200)
		for i := range p.Items {
			all = append(all, name(&p.Items[i]))
		}
		if cursor = p.Next; cursor == "" {
			return all
		}
	}
}

// Lists are the same page by page as in one, whatever a page has, and show
// partners their own alone.
func TestLists(t *testing.T) {
	w := newWorld(t, nil)
	var ids []string
	for i := range 7 {
		ids = append(ids, fmt.Sprintf("PA-%d", i))
		w.open(ids[i], "500", "sim_ok")
	}
	for range 5 {
		w.do("PA-0", &domain.AddFunds{Amount: money.FromInt(10)})
		w.now = w.now.Add(time.Hour)
	}
	if err := w.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 3, 500} {
		list := func(p *access.Principal, path string) func(string) *httptest.ResponseRecorder {
			return func(cursor string) *httptest.ResponseRecorder {
				return as(p, w.h, "GET", fmt.Sprintf("%s?limit=%d&cursor=%s", path, limit, cursor), "")
			}
		}
		balance := func(l *desk.BalanceLine) string { return l.PartnerID }
		if got := pages(t, list(staff(access.RoleAuditor), "/v1/balances"), balance); !slices.Equal(got, ids) {
			t.Errorf("by %d: balances of %v", limit, got)
		}
		if got := pages(t, list(partner("PA-5", "PA-3", "PA-9"), "/v1/balances"), balance); !slices.Equal(got, []string{"PA-3", "PA-5"}) {
			t.Errorf("by %d: a partner's balances of %v", limit, got)
		}
		account := func(l *desk.AccountRow) string { return l.PartnerID }
		if got := pages(t, list(partner("PA-5", "PA-3"), "/v1/accounts"), account); !slices.Equal(got, []string{"PA-3", "PA-5"}) {
			t.Errorf("by %d: a partner's accounts %v", limit, got)
		}
		numbers := func(r *recharges.Row) string { return strings.TrimPrefix(r.RechargeID, "PA-0-R00000") }
		if got := strings.Join(pages(t, list(partner("PA-0"), "/v1/accounts/PA-0/recharges"), numbers), ""); got != "54321" {
			t.Errorf("by %d: recharges %s", limit, got)
		}
		invoices := func(d *desk.PartnerDocument) string { return strings.TrimPrefix(d.Number, "PA-0-2026-00000") }
		if got := strings.Join(pages(t, list(partner("PA-0"), "/v1/accounts/PA-0/invoices"), invoices), ""); got != "54321" {
			t.Errorf("by %d: invoices %s", limit, got)
		}
	}
	for _, path := range []string{"/v1/balances", "/v1/accounts", "/v1/accounts/PA-0/recharges", "/v1/accounts/PA-0/invoices", "/v1/accounts/PA-0/daily-balances"} {
		if r := as(staff(access.RoleAuditor), w.h, "GET", path+"?cursor=%21", ""); r.Code != 422 {
			t.Errorf("%s with a cursor that is none: %d %s", path, r.Code, r.Body)
		}
	}
}

// While an account is blocked, its channels say so, since when, and what the
// sender is told (R21).
func TestChannels(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Provider = "Example" })
	w.open("PA-1", "500", "sim_ok")
	get := func() ChannelView {
		return answered[ChannelView](t, as(partner("PA-1"), w.h, "GET", "/v1/accounts/PA-1/channels/CH-PA-1", ""), 200)
	}
	if v := get(); v.State != domain.ChannelOpen || v.BlockedSince != nil || v.Text != "" {
		t.Errorf("open: %+v", v)
	}
	since := w.now
	w.do("PA-1", &domain.Block{Reason: "fraud"})
	w.now = w.now.Add(time.Hour)
	if err := w.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := get(); v.State != domain.ChannelBlocked || v.BlockedSince == nil || !v.BlockedSince.Equal(since) || v.Text != ledger.BlockedText("Example") {
		t.Errorf("blocked: %+v", v)
	}
	// Two ways to name the channel to cancel would be one too many.
	fin := staff(access.RoleFinance)
	if r := as(fin, w.h, "POST", "/v1/accounts/PA-1/channels/CH-PA-1/cancel", `{"channel_id":"CH-2"}`); r.Code != 422 {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if r := as(fin, w.h, "POST", "/v1/accounts/PA-1/channels/CH-PA-1/cancel", ""); r.Code != 200 {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	if v := get(); v.State != domain.ChannelIsOver || v.CancelledAt == nil || v.BlockedSince != nil || v.Text != "" {
		t.Errorf("cancelled: %+v", v)
	}
}

// Partners save cards where the processor does it, and send no references of
// cards that may be another's.
func TestCards(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	card, link := "/v1/accounts/PA-1/card", "/v1/accounts/PA-1/card-link"
	if r := as(partner("PA-1"), w.h, "PUT", card, `{"card":"sim_declined"}`); answered[Card](t, r, 200).Card != "sim_declined" {
		t.Errorf("%s", r.Body)
	}
	if p := answered[Problem](t, as(partner("PA-1"), w.h, "POST", link, ""), 409); p.Code != CodeNoCardLink {
		t.Errorf("%+v", p)
	}
	w.api.opts.CardLink = func(_ context.Context, partner, card string) (string, error) {
		return "https://cards.example/" + partner + "/" + card, nil
	}
	if got := answered[CardLink](t, as(partner("PA-1"), w.h, "POST", link, ""), 200); got.URL != "https://cards.example/PA-1/sim_declined" {
		t.Errorf("%+v", got)
	}
	if p := answered[Problem](t, as(partner("PA-1"), w.h, "PUT", card, `{"card":"sim_ok"}`), 403); p.Code != CodeUseCardLink {
		t.Errorf("%+v", p)
	}
	if r := as(staff(access.RoleFinance), w.h, "PUT", card, `{"card":"sim_ok"}`); r.Code != 200 {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	w.api.opts.CardLink = func(context.Context, string, string) (string, error) {
		return "", fmt.Errorf("secret of the processor")
	}
	if r := as(partner("PA-1"), w.h, "POST", link, ""); r.Code != 503 || strings.Contains(r.Body.String(), "secret") {
		t.Errorf("%d %s", r.Code, r.Body)
	}
}

// Files have their type and a name that a file may have.
func TestFiles(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA/1", "500", "sim_ok")
	w.do("PA/1", &domain.AddFunds{Amount: money.FromInt(10)})
	if err := w.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, contentType, name, begins string }{
		{"statements/2026-11/pdf", "application/pdf", "statement-PA_1-2026-11.pdf", "%PDF-"},
		{"statements/2026-11/xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "statement-PA_1-2026-11.xlsx", "PK"},
		{"statements/2026-11/csv", "text/csv; charset=utf-8", "statement-PA_1-2026-11.csv", "partner_id,"},
		{"invoices/PA%2F1-2026-000001/pdf", "application/pdf", "PA_1-2026-000001.pdf", "%PDF-"},
	} {
		r := as(partner("PA/1"), w.h, "GET", "/v1/accounts/PA%2F1/"+c.path, "")
		if r.Code != 200 || r.Header().Get("Content-Type") != c.contentType || !strings.HasPrefix(r.Body.String(), c.begins) ||
			r.Header().Get("Content-Disposition") != "attachment; filename="+c.name {
			t.Errorf("%s: %d %v %.40q", c.path, r.Code, r.Header(), r.Body)
		}
		if r := as(partner("PA-2"), w.h, "GET", "/v1/accounts/PA%2F1/"+c.path, ""); r.Code != 404 {
			t.Errorf("%s, of another: %d", c.path, r.Code)
		}
	}
}
