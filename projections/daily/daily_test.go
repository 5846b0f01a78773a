package daily_test

import (
	"fmt"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections"
	"prepayledger/projections/daily"
	"prepayledger/projections/projectionstest"
)

func published(day int, balance string) *domain.BalancePublished {
	return &domain.BalancePublished{Day: time.Date(2026, 10, day, 0, 0, 0, 0, time.UTC), Balance: money.MustParse(balance), Currency: "EUR"}
}

// TestDaily keeps each account's balance of each day (R33).
func TestDaily(t *testing.T) {
	l := projectionstest.New(t)
	l.Append("account-PA-1", published(10, "3"), published(11, "-4.5"))
	l.Append("account-PA-10", published(10, "7"))
	l.Append("account-PA-1/2026", published(10, "8")) // partner ids may look like anything
	l.Append("account-PA-1", published(12, "5"))
	m := daily.New()
	l.Follow(m)
	all, err := m.All("PA-1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range all {
		got = append(got, fmt.Sprint(p.Day.Day(), ":", p.Balance))
	}
	if fmt.Sprint(got) != "[10:3 11:-4.5 12:5]" {
		t.Errorf("got %v", got)
	}
	if p, ok, err := m.Get("PA-10", time.Date(2026, 10, 10, 0, 0, 0, 0, time.UTC)); !ok || err != nil || p.Balance.String() != "7" {
		t.Errorf("%+v, %t, %v", p, ok, err)
	}
	if p, ok, err := m.Get("PA-10", time.Date(2026, 10, 11, 0, 0, 0, 0, time.UTC)); ok || err != nil {
		t.Errorf("a day that was never published is %+v, %v", p, err)
	}
}

// TestNewestIsKept answers a day that was asked for too early as soon as it is
// published, and former days as before.
func TestNewestIsKept(t *testing.T) {
	l := projectionstest.New(t)
	l.Append("account-PA-1", published(10, "3"))
	m := daily.New()
	l.Follow(m)
	get := func(day int) string {
		t.Helper()
		p, ok, err := m.Get("PA-1", time.Date(2026, 10, day, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return "none"
		}
		return p.Balance.String()
	}
	if a, b := get(11), get(11); a != "none" || b != "none" {
		t.Errorf("before it is published: %s, then %s", a, b)
	}
	if err := m.Apply(&projections.Fact{PartnerID: "PA-1", Event: published(11, "4")}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if newest, former := get(11), get(10); newest != "4" || former != "3" {
			t.Errorf("the newest is %s, the former %s", newest, former)
		}
	}
}
