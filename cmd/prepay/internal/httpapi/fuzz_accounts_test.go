package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// fuzzed are the operations of accounts and money, in order of their ids, that
// are wanted. Those that follow events last as long as the client stays.
func fuzzed(a *API, want func(*huma.Operation) bool) (all []*huma.Operation) {
	for path, item := range a.OpenAPI().Paths {
		if !strings.HasPrefix(path, "/v1/accounts") && !strings.HasPrefix(path, "/v1/balances") && !strings.HasPrefix(path, "/v1/forecasts") && !strings.HasPrefix(path, providerPrefix) || strings.HasSuffix(path, "/events") {
			continue
		}
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil && want(op) {
				all = append(all, op)
			}
		}
	}
	slices.SortFunc(all, func(a, b *huma.Operation) int { return strings.Compare(a.OperationID, b.OperationID) })
	return all
}

// fuzzWorld has an account with something of everything.
func fuzzWorld(f *testing.F) *world {
	w := newWorld(f, nil)
	w.open("PA-1", "500", "sim_ok")
	w.charge("PA-1", "c-1", "1.25")
	w.do("PA-1", &domain.AddFunds{Amount: money.FromInt(50)})
	w.do("PA-1", &domain.Refund{Amount: money.FromInt(5), Reason: "goodwill", Payout: true})
	if err := w.Ledger.Settle(f.Context()); err != nil {
		f.Fatal(err)
	}
	return w
}

// sound checks that an answer is whole: done, or refused with a problem that
// says all that a problem has to say; never a failure of the ledger's own.
func sound(t *testing.T, op *huma.Operation, r *httptest.ResponseRecorder) {
	t.Helper()
	kind := r.Header().Get("Content-Type")
	switch {
	case r.Header().Get("Cache-Control") == "":
		t.Errorf("%s: nothing says whether the answer may be kept: %v", op.OperationID, r.Header())
	case strings.HasPrefix(op.Path, providerPrefix):
		var e providerError
		if err := json.Unmarshal(r.Body.Bytes(), &e); err != nil || r.Code >= 400 && (e.Meta.Code != r.Code || e.Meta.Message == "") || r.Code >= 500 {
			t.Errorf("%s: %d %s, %v", op.OperationID, r.Code, r.Body, err)
		}
	case r.Code == http.StatusNotModified:
		if r.Body.Len() > 0 {
			t.Errorf("%s: %d with %s", op.OperationID, r.Code, r.Body)
		}
	case r.Code < 400:
		if kind == "application/json" && !json.Valid(r.Body.Bytes()) {
			t.Errorf("%s: %d %s", op.OperationID, r.Code, r.Body)
		}
	default:
		var p Problem
		if err := json.Unmarshal(r.Body.Bytes(), &p); err != nil {
			t.Fatalf("%s: %d %s: %v", op.OperationID, r.Code, r.Body, err)
		}
		if r.Code >= 500 || kind != "application/problem+json" || p.Status != r.Code || p.Code == "" || p.Type != problemType+p.Code ||
			p.Title == "" || p.Detail == "" || p.Instance == "" || !utf8.Valid(r.Body.Bytes()) {
			t.Errorf("%s: %d %s %s", op.OperationID, r.Code, kind, r.Body)
		}
		for _, e := range p.Errors {
			if e.Message == "" {
				t.Errorf("%s: an error says nothing: %s", op.OperationID, r.Body)
			}
		}
	}
}

// FuzzBodies sends any body, with any key and any tag, to every operation that
// changes something.
func FuzzBodies(f *testing.F) {
	w := fuzzWorld(f)
	all := fuzzed(w.api, func(op *huma.Operation) bool { return op.Method != http.MethodGet })
	for i := range all {
		for _, body := range []string{
			``, `{}`, `null`, `[]`, `{"amount":"12.50","reason":"x","reference":"B-1","charge_id":"c-1","to":"PA-2","card":"sim_ok"}`,
			`{"partner_id":"PA-2","currency":"EUR","card":"sim_ok","carried_over":"-1"}`, `{"amount":1e400}`, `{"amount":"1","amount":"2"}`,
			`{"threshold":"99999999999999999999"}`, `{"grace_days":-9223372036854775808}`, `{"recipients":["a@b.example",""],"kinds":["\u0000"]}`,
			`{"channel_id":"CH-9","phone_number":"+34 911","phone_number_id":"1","waba_id":"2","payment_model":"direct","time_zone":"../etc"}`, "{\"reason\":\"\xff\"}",
		} {
			f.Add(uint8(i), body, "key", `"tag"`)
		}
	}
	f.Add(uint8(0), `{"amount":"10"}`, "7d1f6b1e-3c5a-4f6e-9a51-0f2f5c1b8d11", "*")
	f.Add(uint8(0), `{"amount":"10"}`, strings.Repeat("k", MaxKeyBytes+1), `W/"a",,`)
	f.Fuzz(func(t *testing.T, n uint8, body, key, tag string) {
		op := all[int(n)%len(all)]
		path := strings.NewReplacer("{partner_id}", "PA-1", "{channel_id}", "CH-PA-1", "{refund_id}", "PA-1-F000001").Replace(op.Path)
		sound(t, op, as(staff(access.RoleAdmin), w.h, op.Method, path, body, "Idempotency-Key", key, "If-Match", tag))
	})
}

// FuzzParameters asks every operation that reads with any path, any query and
// any tag, as Finance and as the account's partner.
func FuzzParameters(f *testing.F) {
	w := fuzzWorld(f)
	all := fuzzed(w.api, func(op *huma.Operation) bool { return op.Method == http.MethodGet })
	for i := range all {
		for _, query := range []string{
			"", "limit=1", "limit=0&cursor=!", "limit=99999999999999999999", "cursor=MQ", "cursor=e30", "cursor=" + strings.Repeat("A", 2000),
			"at_least=0/0", "at_least=1/1", "at_least=18446744073709551615/0", "at_least=%ff", "recorded_at=2026-11-10T12:00:00Z", "happened_by=0001-01-01T00:00:00Z",
			"recorded_at=9999-12-31T23:59:59%2B14:00", "month=2026-11&by=day", "month=0000-00", "by=nothing", "from=2026-01-01&to=2026-01-02", "from=0001-01-01", "to=9999-12-31",
			"from=2026-02-30", "search=%00&standing=active", "currency=eur", "min_balance=1e9&max_balance=-0", "sort=deadline&order=desc", "state=open", "kind=invoice", ";", "%", "a=%zz&limit=1",
		} {
			f.Add(uint8(i), "PA-1", "2026-11", query, "*")
		}
	}
	f.Add(uint8(0), "", "", "", "")
	f.Add(uint8(1), "PA-1/..", "PA-1-R000001", "limit=2", "")
	f.Add(uint8(2), "%2e%2e", "PA-1-2026-000001", "", `"a", W/"b"`)
	f.Fuzz(func(t *testing.T, n uint8, partnerID, other, query, tag string) {
		op := all[int(n)%len(all)]
		escape := func(name, value string) string {
			return strings.ReplaceAll(op.Path, "{"+name+"}", url.PathEscape(value))
		}
		path := escape("partner_id", partnerID)
		for _, name := range []string{"month", "recharge_id", "number", "channel_id"} {
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(other))
		}
		for _, who := range []*access.Principal{staff(access.RoleFinance), partner(partnerID)} {
			r := httptest.NewRequest(op.Method, "/", nil)
			u, err := url.ParseRequestURI(path)
			if err != nil {
				return // no server gets such a path
			}
			r.URL = u
			r.URL.RawQuery = query
			r.Header.Set("If-None-Match", tag)
			rec := httptest.NewRecorder()
			w.h.ServeHTTP(rec, r.WithContext(access.With(r.Context(), who)))
			if rec.Header().Get("Content-Type") == "text/plain; charset=utf-8" && rec.Code == http.StatusNotFound {
				return // the router knows no such path
			}
			sound(t, op, rec)
		}
	})
}
