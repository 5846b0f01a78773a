package httpapi

import (
	"net/http/httptest"
	"sync"
	"testing"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

const settingsPath = "/v1/accounts/PA-1/settings"

// What nobody changed is not sent again, and a change to what somebody else
// changed is refused with what it is now.
func TestEditing(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	pia := partner("PA-1")
	first := as(pia, w.h, "GET", settingsPath, "")
	etag := first.Header().Get("ETag")
	if etag == "" || etag[0] != '"' || first.Header().Get("Cache-Control") != revalidated {
		t.Fatalf("%v", first.Header())
	}
	for _, have := range []string{etag, `"other", ` + etag, "W/" + etag, "*"} {
		if r := as(pia, w.h, "GET", settingsPath, "", "If-None-Match", have); r.Code != 304 || r.Body.Len() > 0 || r.Header().Get("ETag") != etag {
			t.Errorf("%s: %d %s %v", have, r.Code, r.Body, r.Header())
		}
	}
	if r := as(pia, w.h, "GET", settingsPath, "", "If-None-Match", `"other"`); r.Code != 200 {
		t.Errorf("another tag: %d", r.Code)
	}
	changed := as(pia, w.h, "PATCH", settingsPath, `{"threshold":"250"}`, "If-Match", etag)
	if s := answered[domain.RechargeSettings](t, changed, 200); s.Threshold.String() != "250" || changed.Header().Get("Prepay-Position") == "" {
		t.Errorf("%+v %v", s, changed.Header())
	}
	now := changed.Header().Get("ETag")
	if now == etag {
		t.Fatal("the tag is the same after the change")
	}
	for _, stale := range []string{etag, "W/" + now, `"x"`} {
		r := as(pia, w.h, "PATCH", settingsPath, `{"threshold":"275"}`, "If-Match", stale)
		if p := answered[Problem](t, r, 412); p.Code != CodePreconditionFailed || r.Header().Get("ETag") != now {
			t.Errorf("%s: %+v %v", stale, p, r.Header())
		}
	}
	if r := as(pia, w.h, "GET", settingsPath, "", "If-None-Match", now); r.Code != 304 {
		t.Errorf("after the refusals it is another: %d %s", r.Code, r.Body)
	}
	for _, fresh := range []string{now, "*", ""} {
		if r := as(pia, w.h, "PATCH", settingsPath, `{"threshold":"250"}`, "If-Match", fresh); r.Code != 200 {
			t.Errorf("%s: %d %s", fresh, r.Code, r.Body)
		}
	}
}

// A change that is repeated with its key is done, although its condition holds
// no more: the answer may have been lost.
func TestEditingRepeated(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	etag := as(partner("PA-1"), w.h, "GET", settingsPath, "").Header().Get("ETag")
	for range 2 {
		r := as(partner("PA-1"), w.h, "PATCH", settingsPath, `{"threshold":"250"}`, "If-Match", etag, "Idempotency-Key", "once")
		answered[domain.RechargeSettings](t, r, 200)
	}
}

// Of many who saw the same, one changes it.
func TestEditorsRace(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	etag := as(partner("PA-1"), w.h, "GET", settingsPath, "").Header().Get("ETag")
	const editors = 8
	answers := make([]*httptest.ResponseRecorder, editors)
	var race sync.WaitGroup
	for i := range editors {
		race.Go(func() {
			answers[i] = as(partner("PA-1"), w.h, "PATCH", settingsPath, `{"threshold":"`+money.FromInt(int64(200+i)).String()+`"}`, "If-Match", etag)
		})
	}
	race.Wait()
	done := 0
	for _, r := range answers {
		switch r.Code {
		case 200:
			done++
		case 412:
		default:
			t.Errorf("%d %s", r.Code, r.Body)
		}
	}
	if done != 1 {
		t.Errorf("%d editors changed what they saw", done)
	}
}

// Each part that people edit has a tag of its own; the contract is Finance's.
func TestParts(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	fin := staff(access.RoleFinance)
	for _, c := range []struct{ method, part, body string }{
		{"PATCH", "contract", `{"grace_days":9}`},
		{"PUT", "billing", `{"company":"Ahoy","street":"Kai 1","postal_code":"20457","city":"Hamburg","country":"DE"}`},
		{"PATCH", "alerts", `{"kinds":["Blocked"]}`},
	} {
		path := "/v1/accounts/PA-1/" + c.part
		before := as(fin, w.h, "GET", path, "").Header().Get("ETag")
		r := as(fin, w.h, c.method, path, c.body, "If-Match", before)
		after := as(fin, w.h, "GET", path, "")
		if r.Code != 200 || r.Header().Get("ETag") == before || r.Header().Get("ETag") != after.Header().Get("ETag") || r.Body.String() != after.Body.String() {
			t.Errorf("%s: %d %s, then %s", c.part, r.Code, r.Body, after.Body)
		}
		if r := as(fin, w.h, c.method, path, c.body, "If-Match", before); r.Code != 412 {
			t.Errorf("%s, changed before: %d %s", c.part, r.Code, r.Body)
		}
	}
	if r := as(partner("PA-1"), w.h, "PATCH", "/v1/accounts/PA-1/contract", `{"grace_days":99}`); r.Code != 403 {
		t.Errorf("a partner changes the contract: %d", r.Code)
	}
	v := answered[desk.AccountView](t, as(fin, w.h, "GET", "/v1/accounts/PA-1", ""), 200)
	if v.Contract.GraceDays != 9 {
		t.Errorf("grace is %d days", v.Contract.GraceDays)
	}
}
