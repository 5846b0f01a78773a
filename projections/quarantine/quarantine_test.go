package quarantine_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/projections"
	"prepayledger/projections/projectionstest"
	"prepayledger/projections/quarantine"
)

const (
	account    = "account-PA-1"
	unassigned = "quarantine-unassigned"
)

func entry(id, amount, reason string) *domain.ChargeQuarantined {
	a := money.MustParse(amount)
	return &domain.ChargeQuarantined{
		ChargeID: id, PartnerID: "PA-1", ChannelID: "CH-1", WABAID: "W-1", Market: "Spain", Category: "marketing", PricingModel: domain.PMP,
		PricingType: domain.PricingTypeRegular, Amount: &a, Currency: "EUR", Reason: reason,
	}
}

func charged(id, amount string, released bool) *domain.ConversationCharged {
	return &domain.ConversationCharged{
		ChargeID: id, ChannelID: "CH-1", WABAID: "W-1", Market: "Spain", Category: "marketing", PricingModel: domain.PMP,
		PricingType: domain.PricingTypeRegular, Month: "2026-10", Amount: money.MustParse(amount), Currency: "EUR", Released: released,
	}
}

func list(t *testing.T, m *quarantine.Model, owner string, all bool, reason string) string {
	t.Helper()
	var got []string
	err := m.List(owner, all, reason, func(e *quarantine.Entry) error {
		got = append(got, fmt.Sprintf("%s/%s/%s", e.Owner, e.ChargeID, e.Reason))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, " ")
}

// TestEntries: an entry is one id with one content, has its latest reason,
// and leaves when that content is charged or released (R10).
func TestEntries(t *testing.T) {
	l := projectionstest.New(t)
	l.Append(account, entry("a", "1", "no_rate"), entry("a", "2", "no_rate"), entry("b", "1", "no_rate"), entry("a", "1", "charge_conflict"))
	first := l.Now().Add(-3 * time.Minute)
	m := quarantine.New()
	engine := l.Follow(m)
	if got := fmt.Sprint(m.Totals()); got != fmt.Sprint(m.Counts("PA-1")) {
		t.Errorf("totals %s, where all are of one account", got)
	}
	if got := fmt.Sprint(m.Counts("PA-1")); got != "map[charge_conflict:1 no_rate:2]" {
		t.Errorf("counts %s", got)
	}
	if got := list(t, m, "PA-1", false, "charge_conflict"); got != "PA-1/a/charge_conflict" {
		t.Errorf("conflicts %s", got)
	}
	err := m.List("PA-1", false, "charge_conflict", func(e *quarantine.Entry) error {
		if !e.FirstSeen.Equal(first) || !e.LastSeen.Equal(l.Now()) {
			t.Errorf("seen from %s to %s", e.FirstSeen, e.LastSeen)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	hash := domain.ContentOf(entry("b", "1", "no_rate"))
	l.Append(account,
		charged("a", "1", true),  // the entry with this content leaves
		charged("c", "2", false), // says nothing of quarantine
		&domain.QuarantineReleased{ChargeID: "b", Content: hex.EncodeToString(hash[:]), Outcome: "duplicate"},
		&domain.QuarantineReleased{ChargeID: "never", Content: hex.EncodeToString(hash[:]), Outcome: "duplicate"})
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := list(t, m, "", true, ""); got != "PA-1/a/no_rate" {
		t.Errorf("left over: %s", got)
	}
	if got := fmt.Sprint(m.Counts("PA-1"), m.Counts("PA-2")); got != "map[no_rate:1] map[]" {
		t.Errorf("counts %s", got)
	}
}

// TestUnassigned: what belonged to no account leaves when an account charges
// it, also where channel or WABA were not known then, and nothing else does.
// Ids may hold anything.
func TestUnassigned(t *testing.T) {
	l := projectionstest.New(t)
	odd := "x\x00y/\xff"
	for _, id := range []string{"a", "other", odd} {
		e := entry(id, "1", "unknown_channel")
		e.ChannelID, e.WABAID = "", ""
		l.Append(unassigned, e)
	}
	l.Append(unassigned, entry("a", "2", "unknown_channel")) // the same id with another content stays
	dir := t.TempDir()
	open := func(m *quarantine.Model) *projections.Engine {
		engine, err := projections.Open(t.Context(), dir, l.Store(), codec.New(), []projections.Model{m}, nil, projections.Options{})
		if err != nil {
			t.Fatal(err)
		}
		engine.Start()
		if err := engine.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		return engine
	}
	m := quarantine.New()
	if err := open(m).Close(); err != nil {
		t.Fatal(err)
	}
	// After a restart it still knows whom to look for.
	l.Append(account, charged("a", "1", false), charged(odd, "1", false), charged("b", "1", false))
	m = quarantine.New()
	engine := open(m)
	if got := list(t, m, "", true, ""); got != "/a/unknown_channel /other/unknown_channel" {
		t.Errorf("left over: %q", got)
	}
	if got := m.Totals()["unknown_channel"]; got < m.Counts("")["unknown_channel"] {
		t.Errorf("totals leave out what belongs to no account: %d", got)
	}
	if got := m.Counts("")["unknown_channel"]; got != 2 {
		t.Errorf("%d counted", got)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestListStops ends with the error of the one who lists.
func TestListStops(t *testing.T) {
	l := projectionstest.New(t)
	l.Append(account, entry("a", "1", "no_rate"), entry("b", "1", "no_rate"))
	m := quarantine.New()
	l.Follow(m)
	enough, seen := errors.New("enough"), 0
	err := m.List("PA-1", false, "", func(*quarantine.Entry) error { seen++; return enough })
	if !errors.Is(err, enough) || seen != 1 {
		t.Errorf("%v after %d", err, seen)
	}
}
