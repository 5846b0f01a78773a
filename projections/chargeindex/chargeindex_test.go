package chargeindex_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections"
	"prepayledger/projections/chargeindex"
)

// index is an index that a test feeds.
type index struct {
	t *testing.T
	*chargeindex.Index
	dir string
	at  uint64
}

func open(t *testing.T, dir string) *index {
	t.Helper()
	x, err := chargeindex.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return &index{t: t, Index: x, dir: dir}
}

// put applies events of an account; of no account for the empty one.
func (x *index) put(partner string, events ...domain.Event) {
	x.t.Helper()
	var facts []projections.Fact
	for _, e := range events {
		x.at++
		f := projections.Fact{Event: e, PartnerID: partner, Unassigned: partner == ""}
		f.Position = eventstore.Position{Commit: x.at, Prepare: x.at}
		facts = append(facts, f)
	}
	if err := x.Apply(x.t.Context(), facts); err != nil {
		x.t.Fatal(err)
	}
	if err := x.Commit(facts[len(facts)-1].Position); err != nil {
		x.t.Fatal(err)
	}
}

// seen tells what the index knows of a key.
func (x *index) seen(key domain.ChargeKey) string {
	x.t.Helper()
	known := "nothing"
	err := x.Seen(x.t.Context(), []domain.ChargeKey{key}, func(_ int, s domain.Seen) {
		var reasons []string
		for _, q := range s.Quarantined {
			reasons = append(reasons, q.Reason.String())
		}
		slices.Sort(reasons)
		known = fmt.Sprintf("counted=%t content=%t corrected=%t %s", s.Counted, s.Content != domain.ContentHash{}, s.Corrected, strings.Join(reasons, ","))
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return known
}

func (x *index) expect(key domain.ChargeKey, want string) {
	x.t.Helper()
	if got := x.seen(key); got != want {
		x.t.Errorf("%s, want %s", got, want)
	}
}

func charged(id, price string, released bool) *domain.ConversationCharged {
	return &domain.ConversationCharged{
		ChargeID: id, ChannelID: "CH-1", WABAID: "W-1", Market: "Spain", Category: "marketing", PricingModel: domain.PMP,
		PricingType: domain.PricingTypeRegular, Amount: money.MustParse(price), Currency: "EUR", Released: released,
	}
}

func quarantined(id, price, reason string) *domain.ChargeQuarantined {
	a := money.MustParse(price)
	return &domain.ChargeQuarantined{
		ChargeID: id, ChannelID: "CH-1", WABAID: "W-1", Market: "Spain", Category: "marketing", PricingModel: domain.PMP,
		PricingType: domain.PricingTypeRegular, Amount: &a, Currency: "EUR", Reason: reason,
	}
}

// TestSeen answers what a decision asks (R8, R10).
func TestSeen(t *testing.T) {
	x := open(t, t.TempDir())
	a, b := domain.KeyOf("PA-1", "a"), domain.KeyOf("PA-1", "b")
	x.expect(a, "nothing")
	x.put("PA-1", quarantined("a", "1", "no_rate"), quarantined("a", "2", "no_rate"), quarantined("a", "1", "wrong_currency"))
	x.expect(a, "counted=false content=false corrected=false no_rate,wrong_currency")
	x.put("PA-1", charged("a", "1", true), &domain.ConversationCounted{ChargeID: "b", Why: "free"}, &domain.ChargeCorrected{ChargeID: "a"})
	x.expect(a, "counted=true content=true corrected=true no_rate")
	x.expect(b, "counted=true content=true corrected=false ")
	hash := domain.ContentOf(quarantined("a", "2", "no_rate"))
	x.put("PA-1", &domain.QuarantineReleased{ChargeID: "a", Content: hex.EncodeToString(hash[:]), Outcome: "duplicate"})
	x.expect(a, "counted=true content=true corrected=true ")
	x.expect(domain.KeyOf("PA-2", "a"), "nothing")
	x.expect(domain.KeyOf("", "a"), "nothing")

	// What belongs to no account has a place of its own, and so have records
	// without an id.
	nameless := quarantined("", "1", "malformed")
	x.put("", quarantined("a", "1", "unknown_channel"), nameless)
	x.expect(domain.KeyOf("", "a"), "counted=false content=false corrected=false unknown_channel")
	x.expect(domain.QuarantineKey("", "", domain.ContentOf(nameless)), "counted=false content=false corrected=false malformed")
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRestart keeps its entries and its place, and takes repeats.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	if p, err := x.Checkpoint(); err != nil || p != eventstore.Start {
		t.Errorf("a new index is at %s, %v", p, err)
	}
	events := []domain.Event{quarantined("a", "1", "no_rate"), charged("a", "1", true), quarantined("b", "1", "no_rate")}
	x.put("PA-1", events...)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir)
	if p, err := x.Checkpoint(); err != nil || p.Commit != 3 {
		t.Errorf("after the restart it is at %s, %v", p, err)
	}
	for range 2 {
		x.expect(domain.KeyOf("PA-1", "a"), "counted=true content=true corrected=false ")
		x.expect(domain.KeyOf("PA-1", "b"), "counted=false content=false corrected=false no_rate")
		x.put("PA-1", events...)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCommands remembers the content of commands that came with their hash,
// each in its stream.
func TestCommands(t *testing.T) {
	x := open(t, t.TempDir())
	id, hash := uuid.New(), strings.Repeat("0a", len(domain.ContentHash{}))
	f := projections.Fact{Event: &domain.CardReplaced{Card: "sim_ok"}, PartnerID: "PA-1", Meta: codec.Metadata{CommandID: id, CommandHash: hash}}
	f.Stream = "account-PA-1"
	if err := x.Apply(t.Context(), []projections.Fact{f}); err != nil {
		t.Fatal(err)
	}
	if got, seen, err := x.CommandSeen(t.Context(), "account-PA-1", id); got != hash || !seen || err != nil {
		t.Errorf("%q, %t, %v", got, seen, err)
	}
	if _, seen, err := x.CommandSeen(t.Context(), "account-PA-2", id); seen || err != nil {
		t.Errorf("another stream's command was seen, %v", err)
	}
	if _, seen, err := x.CommandSeen(t.Context(), "account-PA-1", uuid.New()); seen || err != nil {
		t.Errorf("another command was seen, %v", err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRefuses what it can't keep, and names the place.
func TestRefuses(t *testing.T) {
	x := open(t, t.TempDir())
	for _, f := range []projections.Fact{
		{Event: quarantined("a", "1", "surprise"), PartnerID: "PA-1"},
		{Event: &domain.QuarantineReleased{ChargeID: "a", Content: "abc"}, PartnerID: "PA-1"},
		{Event: &domain.CardReplaced{}, PartnerID: "PA-1", Meta: codec.Metadata{CommandHash: "zz"}},
	} {
		f.Stream, f.Revision = "account-PA-1", 7
		if err := x.Apply(t.Context(), []projections.Fact{f}); err == nil || !strings.Contains(err.Error(), "account-PA-1, revision 7") {
			t.Errorf("%T: %v", f.Event, err)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}
