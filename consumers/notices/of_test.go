package notices_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/consumers/gate/schematest"
	"prepayledger/consumers/notices"
	"prepayledger/consumers/notices/histories"
	"prepayledger/consumers/outbound"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections"
)

// changes folds facts as the outbound does, the accounts being those of the
// end.
func changes(t testing.TB, facts []projections.Fact) (all []outbound.Change) {
	t.Helper()
	accounts := map[string]*domain.Account{}
	for _, f := range facts {
		c := outbound.Change{Fact: f}
		if f.PartnerID != "" {
			a := accounts[f.PartnerID]
			if a == nil {
				a = domain.NewAccount()
				accounts[f.PartnerID] = a
			}
			c.Account, c.Before = a, a.Funds
			if err := a.Apply(f.Event); err != nil {
				t.Fatal(err)
			}
			c.After = a.Funds
		}
		all = append(all, c)
	}
	return all
}

// story is an account whose notices are looked at step by step.
type story struct {
	t    *testing.T
	log  *histories.Log
	seen int
}

func newStory(t *testing.T) *story {
	s := &story{t: t, log: histories.New(1)}
	s.must(s.log.Open("PA-1", "500"))
	s.want()
	return s
}

func (s *story) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// next returns the notices of the events since the last call.
func (s *story) next() (list []notices.Notice) {
	s.t.Helper()
	for _, c := range changes(s.t, s.log.Facts)[s.seen:] {
		list = append(list, notices.Of(c)...)
	}
	s.seen = len(s.log.Facts)
	return list
}

// want compares the kinds of the notices since the last call.
func (s *story) want(kinds ...notices.Kind) []notices.Notice {
	s.t.Helper()
	list := s.next()
	var got []notices.Kind
	for _, n := range list {
		got = append(got, n.Kind)
	}
	if !slices.Equal(got, kinds) {
		s.t.Fatalf("notices %v, want %v", got, kinds)
	}
	return list
}

func TestLowBalanceOncePerCrossing(t *testing.T) {
	s := newStory(t)
	s.must(s.log.Charge("PA-1", "400")) // exactly the threshold is not below it
	s.want()
	s.must(s.log.Charge("PA-1", "0.01"))
	n := s.want(notices.LowBalance)[0].Data.(*notices.LowBalanceData)
	if n.Balance != "99.99" || n.Threshold != "100" || n.AmountDue != "0" || n.RechargeAmount != "500" || n.Standing != "active" || !strings.Contains(n.Text, "99.99 EUR") || !n.AutoRecharge {
		t.Errorf("%+v", n)
	}
	s.must(s.log.Charge("PA-1", "20")) // still low: quiet
	s.want()
	s.must(s.log.Outcome("PA-1", true))
	s.want(notices.Recharged)
	s.must(s.log.Charge("PA-1", "479.99")) // recovered, and now exactly at it
	s.want()
	s.must(s.log.Charge("PA-1", "0.01"))
	s.want(notices.LowBalance)
}

func TestLowBalanceBySettings(t *testing.T) {
	s := newStory(t)
	high, zero := money.FromInt(600), money.Zero()
	s.must(s.log.Do("PA-1", &domain.ChangeRechargeSettings{Threshold: &high}))
	s.want(notices.LowBalance)
	s.must(s.log.Do("PA-1", &domain.ChangeRechargeSettings{Threshold: &zero}))
	s.want()
	s.must(s.log.Do("PA-2", &domain.OpenAccount{PartnerID: "PA-2", Currency: "EUR", Card: "c", CarriedOver: money.FromInt(20)}))
	s.want(notices.LowBalance) // opened low
}

func TestGraceBlockUnblock(t *testing.T) {
	s := newStory(t)
	s.must(s.log.Charge("PA-1", "501"))
	since := s.log.Facts[len(s.log.Facts)-1].Meta.OccurredAt
	list := s.want(notices.LowBalance, notices.GraceStarted)
	if low := list[0].Data.(*notices.LowBalanceData); low.Standing != "grace" {
		t.Errorf("standing as the decision leaves it: %+v", low)
	}
	if g := list[1].Data.(*notices.GraceStartedData); !g.BlockDeadline.Equal(since.Add(7*domain.Day)) || !g.NegativeSince.Equal(since) || g.AmountDue != "1" || g.Standing != "grace" {
		t.Errorf("%+v", g)
	}
	s.must(s.log.Outcome("PA-1", false))
	f := s.want(notices.RechargeFailed)[0].Data.(*notices.RechargeFailedData)
	if f.Amount != "501" || f.CardTotal != "521.04" || f.Surcharge != "20.04" || f.Code != "declined" || f.Reason != "amount_due" || f.RechargeID != "PA-1-R000001" || !f.RetryAt.Equal(since.Add(domain.RetryAfter)) {
		t.Errorf("%+v", f)
	}
	s.log.Pass(7*domain.Day + time.Hour)
	s.log.Due("PA-1")
	all := s.next()
	b := all[len(all)-1].Data.(*notices.BlockedData)
	if b.BlockKind != "overdue" || !b.EffectiveAt.Equal(since.Add(7*domain.Day)) || b.SenderText != "pay" || b.Standing != "blocked" || b.BlockedReason != "overdue" || b.ChannelCount != 2 || len(b.Affected) != 2 || b.Affected[0].ChannelID != "CH-PA-1" || b.Affected[0].PhoneNumber == "" {
		t.Errorf("%+v", b)
	}
	s.must(s.log.Do("PA-1", &domain.Block{Reason: "fraud"})) // blocked already: quiet
	s.want()
	s.must(s.log.Do("PA-1", &domain.ConfirmPayment{Reference: "r", Amount: money.FromInt(1)}))
	s.want(notices.GraceEnded) // the block by hand still stands
	s.must(s.log.Do("PA-1", &domain.Unblock{}))
	u := s.want(notices.Unblocked)[0].Data.(*notices.UnblockedData)
	if u.By != "finance" || u.ChannelCount != 2 || u.Standing != "active" || u.BlockedReason != "" {
		t.Errorf("%+v", u)
	}
}

// A deadline is announced once, at the midnight before it that leaves time to
// act, and not where there is no need.
func TestBlockTomorrow(t *testing.T) {
	s := newStory(t)
	s.log.Pass(9 * time.Hour)
	s.must(s.log.Charge("PA-1", "501")) // deadline: 2026-10-08T09:00Z
	s.must(s.log.Outcome("PA-1", false))
	s.want(notices.LowBalance, notices.GraceStarted, notices.RechargeFailed)
	midnight := func(want ...notices.Kind) []notices.Notice {
		t.Helper()
		s.log.Pass(15 * time.Hour)
		s.log.Due("PA-1")
		list := s.want(want...)
		s.log.Pass(9 * time.Hour)
		return list
	}
	for range 5 {
		midnight()
		s.log.Due("PA-1") // the retry of each day
		if s.log.Account("PA-1").InFlight != nil {
			s.must(s.log.Outcome("PA-1", false))
		}
		s.next()
	}
	n := midnight(notices.BlockTomorrow)[0] // 2026-10-07T00:00Z: 33 h are left
	b := n.Data.(*notices.BlockTomorrowData)
	if !b.OccurredAt.Equal(time.Date(2026, 10, 7, 0, 0, 0, 0, time.UTC)) || !b.BlockDeadline.Equal(time.Date(2026, 10, 8, 9, 0, 0, 0, time.UTC)) ||
		b.AmountDue != "1" || b.Standing != "grace" || b.ChannelCount != 2 || !strings.Contains(b.Text, "2026-10-08 09:00 UTC") {
		t.Errorf("%+v", b)
	}
	midnight() // 9 h are left: it was told
}

func TestBlockTomorrowStaysQuiet(t *testing.T) {
	for name, change := range map[string]func(s *story){
		"paid": func(s *story) {
			s.must(s.log.Do("PA-1", &domain.ConfirmPayment{Reference: "r", Amount: money.FromInt(1)}))
		},
		"blocked":  func(s *story) { s.must(s.log.Do("PA-1", &domain.Block{Reason: "x"})) },
		"too late": func(s *story) { s.log.Pass(9 * domain.Day) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.must(s.log.Charge("PA-1", "501"))
			s.log.Pass(5 * domain.Day)
			s.log.Due("PA-1")
			change(s)
			s.log.Pass(domain.Day + time.Hour)
			s.log.Due("PA-1")
			for _, n := range s.next() {
				if n.Kind == notices.BlockTomorrow {
					t.Errorf("told at %s", n.OccurredAt)
				}
			}
		})
	}
}

func TestRecharged(t *testing.T) {
	s := newStory(t)
	s.must(s.log.Do("PA-1", &domain.AddFunds{Amount: money.FromInt(50)}))
	s.want()
	s.must(s.log.Outcome("PA-1", true))
	r := s.want(notices.Recharged)[0].Data.(*notices.RechargedData)
	if r.Amount != "50" || r.CardTotal != "52" || r.Surcharge != "2" || r.SurchargePercent != "4" || r.InvoiceNumber != "PA-1-2026-000001" || r.Balance != "550" || r.RechargeID != "PA-1-R000001" {
		t.Errorf("%+v", r)
	}
	s.must(s.log.Do("PA-1", &domain.AddFunds{Amount: money.FromInt(50)}))
	s.must(s.log.Outcome("PA-1", false))
	if f := s.want(notices.RechargeFailed)[0].Data.(*notices.RechargeFailedData); !f.RetryAt.IsZero() || f.Reason != "manual" {
		t.Errorf("a payment by hand is not tried again: %+v", f)
	}
	// An invoice that takes the place of a credit note is no charge of a card.
	paid := []domain.Payment{{RechargeID: r.RechargeID, InvoiceNumber: r.InvoiceNumber, Amount: money.FromInt(50), Surcharge: money.FromInt(2), SurchargePercent: money.FromInt(4)}}
	s.must(s.log.Do("PA-1", &domain.RecordRechargeReversed{RechargeID: r.RechargeID, Reason: "fraudulent", Payments: paid}))
	s.must(s.log.Do("PA-1", &domain.RecordRechargeReinstated{RechargeID: r.RechargeID, Payments: paid}))
	s.want()
}

func TestMonthReconciled(t *testing.T) {
	s := newStory(t)
	s.must(s.log.Charge("PA-1", "30"))
	s.want()
	s.must(s.log.Do("PA-1", &domain.AdjustReconciliation{
		Month: "2026-10", Run: 1, Amount: money.FromInt(5), Charged: money.FromInt(30), Invoiced: money.FromInt(25), Adjusted: money.FromInt(5), Documents: []string{"META-1"},
	}))
	m := s.want(notices.MonthReconciled)[0].Data.(*notices.MonthReconciledData)
	if m.Month != "2026-10" || m.Run != 1 || m.Amount != "5" || m.Charged != "30" || m.Invoiced != "25" || m.Adjusted != "5" || m.Balance != "475" || m.Documents[0] != "META-1" {
		t.Errorf("%+v", m)
	}
}

// Channels that were cancelled before the block aren't affected, and a long
// list is cut.
func TestAffectedChannels(t *testing.T) {
	s := newStory(t)
	for i := range notices.MaxChannels {
		s.must(s.log.Register("PA-1", fmt.Sprintf("X-%04d", i), domain.Direct))
	}
	s.must(s.log.Do("PA-1", &domain.CancelChannel{ChannelID: "X-0000"}))
	s.log.Pass(time.Hour)
	s.must(s.log.Do("PA-1", &domain.Block{Reason: "fraud"}))
	s.log.Pass(time.Hour)
	s.must(s.log.Do("PA-1", &domain.CancelChannel{ChannelID: "X-0001"}))
	b := s.want(notices.Blocked)[0].Data.(*notices.BlockedData)
	has := func(id string) bool {
		return slices.ContainsFunc(b.Affected, func(c notices.AffectedChannel) bool { return c.ChannelID == id })
	}
	if b.ChannelCount != notices.MaxChannels+1 || len(b.Affected) != notices.MaxChannels || has("X-0000") || !has("X-0001") {
		t.Errorf("%d channels, %d listed", b.ChannelCount, len(b.Affected))
	}
	if text, err := json.Marshal(b); err != nil || len(text) > 128<<10 {
		t.Errorf("a notice of %d bytes: %v", len(text), err)
	}
}

// payloads are the structs behind the schemas.
func payloads() map[notices.Kind]any {
	return map[notices.Kind]any{
		notices.LowBalance: &notices.LowBalanceData{}, notices.GraceStarted: &notices.GraceStartedData{}, notices.GraceEnded: &notices.GraceEndedData{}, notices.BlockTomorrow: &notices.BlockTomorrowData{},
		notices.Blocked: &notices.BlockedData{}, notices.Unblocked: &notices.UnblockedData{}, notices.Recharged: &notices.RechargedData{},
		notices.RechargeFailed: &notices.RechargeFailedData{}, notices.MonthReconciled: &notices.MonthReconciledData{},
	}
}

func schemas(t *testing.T) map[notices.Kind]*schematest.Schema {
	t.Helper()
	all := map[notices.Kind]*schematest.Schema{}
	for _, k := range notices.Kinds() {
		all[k] = schematest.Check(t, "notice-"+string(k), payloads()[k], "./consumers/notices")
	}
	return all
}

// A naive reading of the same history, by another way: from the account's
// states after each whole event, told in words.
func oracle(facts []projections.Fact) (want []string) {
	type state struct{ low, blocked bool }
	was := map[string]state{}
	accounts := map[string]*domain.Account{}
	for _, f := range facts {
		if f.PartnerID == "" {
			continue
		}
		a := accounts[f.PartnerID]
		if a == nil {
			a = domain.NewAccount()
			accounts[f.PartnerID] = a
		}
		if err := a.Apply(f.Event); err != nil {
			panic(err)
		}
		is := state{
			low:     !a.Closed && a.Balance.Cmp(a.Settings.Threshold) < 0,
			blocked: a.BlockedReason() != "",
		}
		say := func(kind string) {
			want = append(want, fmt.Sprintf("%d %s %s %s", f.Position.Commit, f.PartnerID, kind, a.Balance))
		}
		if is.low && !was[f.PartnerID].low {
			say("LowBalance")
		}
		switch f.Type {
		case "GraceStarted", "GraceEnded", "RechargeFailed":
			say(f.Type)
		case "InvoiceIssued":
			say("Recharged")
		case "BalancePublished":
			hours := a.BlockDeadline.Sub(f.Event.(*domain.BalancePublished).Day).Hours()
			if a.Standing() == domain.Grace && hours > 12 && hours <= 36 && f.Meta.RecordedAt.Before(a.BlockDeadline) {
				say("BlockTomorrow")
			}
		case "ReconciliationAdjusted":
			say("MonthReconciled")
		}
		if is.blocked != was[f.PartnerID].blocked {
			say(map[bool]string{true: "Blocked", false: "Unblocked"}[is.blocked])
		}
		was[f.PartnerID] = is
	}
	return want
}

func TestRandomHistories(t *testing.T) {
	const (
		runs  = 40
		steps = 400
	)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	valid := schemas(t)
	met := map[notices.Kind]int{}
	for run := range uint64(runs) {
		log := histories.New(seed + run)
		for range steps {
			log.Step([]string{"PA-1", "PA-2", "PA.3"})
		}
		var got []string
		ids := map[uuid.UUID]bool{}
		for _, c := range changes(t, log.Facts) {
			for _, n := range notices.Of(c) {
				met[n.Kind]++
				got = append(got, fmt.Sprintf("%d %s %s %s", n.Position.Commit, n.PartnerID, n.Kind, n.Balance))
				if ids[n.ID] {
					t.Fatalf("seed %d: id %s twice", seed+run, n.ID)
				}
				if ids[n.ID] = true; n.ID != uuid.NewSHA1(c.ID, []byte(n.Kind)) || n.ID.Version() != 5 {
					t.Fatalf("id %s is not the UUIDv5 of event and kind", n.ID)
				}
				text, err := json.Marshal(n.Data)
				if err != nil {
					t.Fatal(err)
				}
				if err := valid[n.Kind].Validate(text); err != nil {
					t.Fatalf("seed %d: %s\n%v", seed+run, text, err)
				}
			}
		}
		if want := oracle(log.Facts); !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("seed %d: notice %d is %s, want %s", seed+run, i, got[i], want[i])
				}
			}
			t.Fatalf("seed %d: %d notices, want %d", seed+run, len(got), len(want))
		}
	}
	for _, k := range notices.Kinds() {
		if met[k] < 10 {
			t.Errorf("only %d notices of kind %s: the test says little", met[k], k)
		}
	}
}

func TestSchemasRefuse(t *testing.T) {
	valid := schemas(t)
	for _, k := range notices.Kinds() {
		if err := valid[k].Validate([]byte(`{"kind":"` + k + `"}`)); err == nil {
			t.Errorf("%s: a payload without figures is taken", k)
		}
	}
}
