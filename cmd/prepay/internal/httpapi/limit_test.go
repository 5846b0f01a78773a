package httpapi

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
)

// limited is a world in which a caller may make 2 requests a second, 3 at once.
func limited(t *testing.T) (*world, *time.Time) {
	now := time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)
	w := newWorld(t, func(o *Options) { o.Rate, o.Burst, o.Now = 2, 3, func() time.Time { return now } })
	w.open("PA-1", "500", "sim_ok")
	return w, &now
}

// Who asks too often is told when to come again; others are not held up, and
// neither are programs that bring usage.
func TestRate(t *testing.T) {
	w, now := limited(t)
	pia, fin := partner("PA-1"), staff(access.RoleFinance)
	ask := func(p *access.Principal) *httptest.ResponseRecorder {
		return as(p, w.h, "GET", "/v1/accounts/PA-1/balance", "")
	}
	for i := range 3 {
		if r := ask(pia); r.Code != 200 {
			t.Fatalf("request %d: %d", i+1, r.Code)
		}
	}
	r := ask(pia)
	if p := answered[Problem](t, r, 429); p.Code != CodeRateLimited || r.Header().Get("Retry-After") != "1" || r.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%+v %v", p, r.Header())
	}
	if r := as(pia, w.h, "GET", "/api/v2/partners/PA-1/info/balance", ""); r.Code != 429 || r.Header().Get("Retry-After") != "1" {
		t.Errorf("in the provider's shape: %d %s %v", r.Code, r.Body, r.Header())
	}
	if r := ask(fin); r.Code != 200 {
		t.Errorf("another caller: %d", r.Code)
	}
	*now = now.Add(time.Second)
	for range 2 {
		if r := ask(pia); r.Code != 200 {
			t.Errorf("a second later: %d", r.Code)
		}
	}
	if r := ask(pia); r.Code != 429 {
		t.Errorf("a third request in the second: %d", r.Code)
	}
	for _, rule := range []access.Rule{access.Intake(), access.Gate(), {Anyone: true}} {
		if counted(&rule) {
			t.Errorf("%+v is counted", rule)
		}
	}
}

// Who is not known is counted by address, an IPv6 network as one.
func TestRateOfAddresses(t *testing.T) {
	w, _ := limited(t)
	ask := func(address string) int {
		r := httptest.NewRequest("GET", "/v1/balances", nil)
		r.RemoteAddr = address
		rec := httptest.NewRecorder()
		w.h.ServeHTTP(rec, r)
		return rec.Code
	}
	for range 3 {
		if got := ask("192.0.2.1:4711"); got != 401 {
			t.Fatalf("nobody gets %d", got)
		}
		if got := ask("[2001:db8::1]:4711"); got != 401 {
			t.Fatalf("nobody gets %d", got)
		}
	}
	for address, want := range map[string]int{
		"192.0.2.1:9": 429, "192.0.2.2:9": 401, "[2001:db8::9]:1": 429, "[2001:db8:0:1::9]:1": 401, "no address": 401,
	} {
		if got := ask(address); got != want {
			t.Errorf("%s: %d instead of %d", address, got, want)
		}
	}
}

// Many callers take no more than their share of memory, and those that are
// forgotten had nothing to their account.
func TestManyCallers(t *testing.T) {
	now := time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)
	l := newLimits(&Options{Rate: 1, Burst: 2})
	busy := l.of("busy", now)
	for range 2 {
		busy.AllowN(now, 1)
	}
	for i := range MaxCallers + 10 {
		c := l.of(fmt.Sprint(i), now)
		if i%2 == 0 {
			c.AllowN(now, 1)
		}
	}
	if len(l.callers) > MaxCallers {
		t.Errorf("%d callers", len(l.callers))
	}
	if l.of("busy", now) != busy {
		t.Error("one that had asked too often is forgotten")
	}
	for i := range MaxCallers {
		c := l.of(fmt.Sprint("more", i), now)
		c.AllowN(now, 1)
	}
	if c := l.of("one too many", now); c != l.rest {
		t.Error("beyond all places there is a place")
	}
	if c := l.of("an hour later", now.Add(time.Hour)); c == l.rest {
		t.Error("idle callers were not forgotten")
	}
}

// Requests beyond MaxInFlight are sent away; what costs more waits for its
// turn, as long as it has time.
func TestRoom(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	for range MaxInFlight {
		w.api.limits.inFlight <- struct{}{}
	}
	r := as(partner("PA-1"), w.h, "GET", "/v1/accounts/PA-1/balance", "")
	if p := answered[Problem](t, r, 503); p.Code != "overloaded" || r.Header().Get("Retry-After") == "" {
		t.Errorf("%+v %v", p, r.Header())
	}
	for range MaxInFlight {
		<-w.api.limits.inFlight
	}
	for range MaxFolds {
		release, err := w.api.fold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer release()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.api.fold(ctx); err == nil {
		t.Error("one more than MaxFolds got its turn")
	}
	if r := as(partner("PA-1"), w.h, "GET", "/v1/accounts/PA-1/balance", ""); r.Code != 200 {
		t.Errorf("what is cheap waits for what is not: %d", r.Code)
	}
}
