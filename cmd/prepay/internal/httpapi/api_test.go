package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// api is an API on a data folder with accounts PA-1 and PA-2.
func api(t testing.TB) (*API, http.Handler) {
	t.Helper()
	now := time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)
	d, err := desk.Open(t.Context(), t.TempDir(), app.Options{Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, p := range []string{"PA-1", "PA-2"} {
		open := &domain.OpenAccount{PartnerID: p, Currency: "EUR", Card: "sim_ok", CarriedOver: money.MustParse("500")}
		if err := d.Ledger.Do(t.Context(), p, domain.Meta{Actor: "test:set-up"}, open); err != nil {
			t.Fatal(err)
		}
	}
	r := chi.NewRouter()
	a := New(r, Options{Desk: d})
	return a, WithRequestID(r)
}

// as makes a request as somebody; nil is nobody.
func as(p *access.Principal, h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if p != nil {
		r = r.WithContext(access.With(r.Context(), p))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func partner(ids ...string) *access.Principal {
	return &access.Principal{Kind: access.KindUser, ID: "u-1", Name: "pia@partner.example", Role: access.RolePartner, Partners: ids}
}

func TestSettings(t *testing.T) {
	_, h := api(t)
	w := as(partner("PA-1"), h, "PATCH", "/v1/accounts/PA-1/settings", `{"threshold":"250"}`)
	var v domain.RechargeSettings
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 200 || v.Threshold.String() != "250" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, c := range []struct {
		name   string
		who    *access.Principal
		body   string
		status int
		code   string
	}{
		{"nobody", nil, `{}`, 401, CodeUnauthenticated},
		{"another partner", partner("PA-2"), `{}`, 404, string(domain.UnknownAccount)},
		{"an auditor", &access.Principal{Kind: access.KindUser, Role: access.RoleAuditor}, `{}`, 403, CodeForbidden},
		{"a misspelt field", partner("PA-1"), `{"treshold":"1"}`, 422, "invalid_request"},
		{"the rules", partner("PA-1"), `{"threshold":"-1"}`, 422, string(domain.InvalidSetting)},
	} {
		w := as(c.who, h, "PATCH", "/v1/accounts/PA-1/settings", c.body)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || p.Code != c.code || p.Status != c.status || p.Detail == "" || p.Instance == "" {
			t.Errorf("%s: %d %s %v", c.name, w.Code, w.Body, w.Header())
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestList(t *testing.T) {
	_, h := api(t)
	w := as(partner("PA-2"), h, "GET", "/v1/accounts?limit=1", "")
	var p Page[desk.AccountLine]
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || len(p.Items) != 1 || p.Items[0].PartnerID != "PA-2" || p.Next != "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	finance := &access.Principal{Kind: access.KindUser, Role: access.RoleFinance, Name: "fin@bsp.example"}
	w = as(finance, h, "GET", "/v1/accounts?limit=1", "")
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || len(p.Items) != 1 || p.Items[0].PartnerID != "PA-1" || p.Next == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	w = as(finance, h, "GET", "/v1/accounts?limit=1&cursor="+p.Next, "")
	p = Page[desk.AccountLine]{}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || len(p.Items) != 1 || p.Items[0].PartnerID != "PA-2" || p.Next != "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w = as(finance, h, "GET", "/v1/accounts?limt=1", ""); w.Code != 422 {
		t.Errorf("an unknown parameter: %d %s", w.Code, w.Body)
	}
}
