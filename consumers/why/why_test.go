package why

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

var start = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

func amt(s string) money.Amount { return money.MustParse(s) }

func ptr[T any](v T) *T { return &v }

// story is an account that decides by the rules, in memory; it is a Source.
type story struct {
	t       testing.TB
	account *domain.Account
	facts   []Fact
	now     time.Time
	charged int
	// read counts the facts yielded.
	read int
}

// Seen and Rate implement domain.Facts.
func (*story) Seen(domain.ChargeKey) domain.Seen         { return domain.Seen{} }
func (*story) Rate(domain.RateQuery) (domain.Rate, bool) { return domain.Rate{}, false }

func open(t testing.TB, change ...func(*domain.OpenAccount)) *story {
	t.Helper()
	s := &story{t: t, account: domain.NewAccount(), now: start}
	c := &domain.OpenAccount{PartnerID: "PA-1", Currency: "EUR", Card: "card", CarriedOver: amt("500")}
	for _, f := range change {
		f(c)
	}
	s.do(c)
	s.do(&domain.RegisterChannel{ChannelID: "CH", PhoneNumber: "+4930123456", PhoneNumberID: "1", WABAID: "W", PaymentModel: domain.PartnerPaid})
	return s
}

func (s *story) do(cmd domain.Command) {
	s.t.Helper()
	s.doAs("finance:ana", cmd)
}

func (s *story) doAs(actor string, cmd domain.Command) {
	s.t.Helper()
	events, _, err := domain.Decide(s.account, s, domain.Meta{At: s.now, Actor: actor}, cmd)
	if err != nil {
		s.t.Fatalf("%s: %v", cmd.CommandName(), err)
	}
	for _, e := range events {
		if err := s.account.Apply(e); err != nil {
			s.t.Fatal(err)
		}
		n := len(s.facts)
		s.facts = append(s.facts, Fact{
			ID: uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)).String(), Revision: eventstore.Revision(n), Meta: codec.Metadata{RecordedAt: s.now, Actor: actor}, Event: e,
		})
	}
}

func (s *story) charge(amount string) {
	s.t.Helper()
	s.charged++
	s.doAs("system:intake", &domain.Charge{
		ChargeID: fmt.Sprintf("wamid.%d", s.charged), PartnerID: "PA-1", ChannelID: "CH", WABAID: "W", Market: "Germany", Category: "marketing",
		Model: domain.PMP, PricingType: domain.PricingTypeRegular, OccurredAt: s.now, Priced: true, Amount: amt(amount), Currency: "EUR",
	})
}

func (s *story) failed(code string) {
	s.t.Helper()
	s.doAs("system:payments", &domain.RecordRechargeFailed{RechargeID: s.account.InFlight.RechargeID, Code: code})
}

func (s *story) succeeded() {
	s.t.Helper()
	s.doAs("system:payments", &domain.RecordRechargeSucceeded{RechargeID: s.account.InFlight.RechargeID})
}

func (s *story) after(d time.Duration) { s.now = s.now.Add(d) }

// Backwards implements Source.
func (s *story) Backwards(context.Context) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		for i := len(s.facts) - 1; i >= 0; i-- {
			s.read++
			if !yield(s.facts[i], nil) {
				return
			}
		}
	}
}

// From implements Source.
func (s *story) From(_ context.Context, at time.Time) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		for i := range s.facts {
			if s.facts[i].Meta.RecordedAt.Before(at) {
				continue
			}
			if !yield(s.facts[i], nil) {
				return
			}
		}
	}
}

func (s *story) explain() Answer {
	s.t.Helper()
	a, err := Explain(context.Background(), s.account, s, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := json.Marshal(a); err != nil {
		s.t.Fatal(err)
	}
	s.adds(&a)
	return a
}

// adds checks that the steps' figures lead from one to the next, down to the
// balance.
func (s *story) adds(a *Answer) {
	s.t.Helper()
	for i, step := range a.Steps {
		if i > 0 && !a.Steps[i-1].BalanceAfter.Add(step.Effect).Equal(step.BalanceAfter) {
			s.t.Errorf("step %d, %s: %s and %s do not come to %s", i, step.Text, a.Steps[i-1].BalanceAfter, step.Effect, step.BalanceAfter)
		}
	}
	if n := len(a.Steps); n > 1 && !a.Steps[n-1].BalanceAfter.Equal(a.Balance) {
		s.t.Errorf("the last step leaves %s, the balance is %s", a.Steps[n-1].BalanceAfter, a.Balance)
	}
}

func (a *Answer) all() string {
	var parts []string
	parts = append(parts, a.Because...)
	for _, n := range a.Next {
		at := "-"
		if n.At != nil {
			at = when(*n.At)
		}
		parts = append(parts, "next "+at+": "+n.Text)
	}
	for _, l := range a.Lifts {
		parts = append(parts, "lift: "+l)
	}
	return strings.Join(parts, "\n")
}

func must(t *testing.T, a *Answer, standing domain.Standing, all ...string) {
	t.Helper()
	if a.Standing != standing {
		t.Errorf("standing is %s, want %s", a.Standing, standing)
	}
	for _, want := range all {
		if !strings.Contains(a.all(), want) {
			t.Errorf("it does not say %q:\n%s", want, a.all())
		}
	}
}

func mustNot(t *testing.T, a *Answer, all ...string) {
	t.Helper()
	for _, bad := range all {
		if strings.Contains(a.all(), bad) {
			t.Errorf("it says %q:\n%s", bad, a.all())
		}
	}
}

// negative is an account that a charge took from 1 to -20; its card failed.
func negative(t *testing.T, change ...func(*domain.OpenAccount)) *story {
	t.Helper()
	s := open(t, change...)
	s.charge("399")
	s.charge("100") // 1: below the threshold
	s.failed("declined")
	s.after(time.Hour)
	s.charge("21")
	s.failed("insufficient_funds")
	return s
}

// overdue is the same account, blocked at its deadline.
func overdue(t *testing.T, change ...func(*domain.OpenAccount)) *story {
	t.Helper()
	s := negative(t, change...)
	s.after(2 * time.Hour)
	s.charge("0.5")
	s.charge("0.25")
	s.after(7*domain.Day - 2*time.Hour)
	s.doAs("system:deadlines", &domain.BlockOverdue{Text: "pay"})
	return s
}

func automatic(c *domain.OpenAccount) { c.UnblockPolicy = domain.UnblockAutomatic }

func TestActive(t *testing.T) {
	s := open(t)
	s.charge("10")
	a := s.explain()
	must(t, &a, domain.Active, "active", "490.00 EUR")
	if len(a.Steps)+len(a.Attempts)+len(a.Next)+len(a.Lifts) != 0 || a.Crossing != nil || a.NegativeSince != nil {
		t.Errorf("an active account has more to tell: %+v", a)
	}
	// Below the threshold, with a card that failed.
	s = open(t)
	s.charge("450")
	s.failed("expired_card")
	a = s.explain()
	must(t, &a, domain.Active, "PA-1-R000001", "failed: expired_card", "next 2026-11-02 08:00:00 UTC: The card is charged again")
	if len(a.Attempts) != 1 || a.Attempts[0].Code != "expired_card" || a.Attempts[0].RetryAt == nil {
		t.Errorf("attempts: %+v", a.Attempts)
	}
	// In flight.
	s = open(t)
	s.charge("450")
	a = s.explain()
	must(t, &a, domain.Active, "has no outcome yet", "to a balance of 550.00 EUR")
}

func TestGrace(t *testing.T) {
	s := negative(t)
	s.after(2 * time.Hour)
	s.charge("0.5")
	s.charge("0.25")
	a := s.explain()
	must(t, &a, domain.Grace, "The balance is -20.75 EUR: 20.75 EUR are due. It is negative since 2026-11-01 09:00:00 UTC",
		`"wamid.3"`, "cost 21.00 EUR", "Since then: 2 conversations cost 0.75 EUR",
		"PA-1-R000001 of 520.00 EUR", "failed: declined", "PA-1-R000002 of 540.80 EUR", "failed: insufficient_funds",
		"next 2026-11-02 09:00:00 UTC: The card is charged again", "next 2026-11-08 09:00:00 UTC: All channels are blocked, in 6 d 22 h", "Any credit of 20.75 EUR")
	if a.Crossing == nil || a.Crossing.BalanceAfter.String() != "-20" || a.Charges.Count != 2 || a.Charges.Sum.String() != "0.75" {
		t.Errorf("crossing %+v, charges %+v", a.Crossing, a.Charges)
	}
	if len(a.Attempts) != 2 || a.Attempts[0].Outcome != domain.RechargeIsFailed || a.Attempts[0].RequestedAt != start {
		t.Errorf("attempts: %+v", a.Attempts)
	}
	if strings.Index(a.all(), "charged again") > strings.Index(a.all(), "All channels are blocked, in") {
		t.Errorf("the retry comes after the block:\n%s", a.all())
	}
	// Without auto-recharge and after a failed attempt by hand, nothing is planned.
	s = open(t, func(c *domain.OpenAccount) { c.AutoRecharge = ptr(false) })
	s.do(&domain.AddFunds{Amount: amt("10")})
	s.charge("501")
	s.failed("declined")
	a = s.explain()
	must(t, &a, domain.Grace, "No card payment is planned", "PA-1-R000001 of 10.40 EUR")
}

// A month's difference can be what crosses zero.
func TestGraceByAdjustment(t *testing.T) {
	s := open(t)
	s.do(&domain.AdjustReconciliation{Month: "2026-10", Run: 1, Amount: amt("-600"), Invoiced: amt("600")})
	a := s.explain()
	must(t, &a, domain.Grace, "What took the balance below zero: Meta's invoice for 2026-10 changed the balance by -600.00 EUR", "the card payment whose outcome is awaited", "has no outcome yet")
	mustNot(t, &a, "Since then")
}

func TestOverdue(t *testing.T) {
	s := overdue(t)
	s.after(time.Hour)
	a := s.explain()
	must(t, &a, domain.Blocked, "All channels are blocked (overdue)", "blocked since 2026-11-08 09:00:00 UTC", "20.75 EUR are due", `"wamid.3"`,
		"failed: insufficient_funds", "No card payment is requested by itself while blocked", "lift: Finance confirms that 20.75 EUR were received")
	mustNot(t, &a, "charged again", "unblocks by itself", "by hand at")
	if a.BlockDeadline != nil || a.NegativeSince == nil {
		t.Errorf("deadline %v, since %v", a.BlockDeadline, a.NegativeSince)
	}
	s = overdue(t, automatic)
	a = s.explain()
	must(t, &a, domain.Blocked, "unblocks by itself: any credit of 20.75 EUR")
	mustNot(t, &a, "Finance confirms")
}

// Paid by card while blocked: nothing is due, and the block stands (R22). The
// clock that ran out is told, not one that started since.
func TestOverdueAndPaid(t *testing.T) {
	s := overdue(t)
	s.after(time.Hour)
	s.do(&domain.AddFunds{Amount: amt("100")})
	s.succeeded()
	a := s.explain()
	must(t, &a, domain.Blocked, "nothing is due, but money that arrives does not lift", `"wamid.3"`, "--recharge PA-1-R000003", "succeeded")
	s.after(time.Hour)
	s.charge("500")
	a = s.explain()
	must(t, &a, domain.Blocked, "is negative since 2026-11-08 11:00:00 UTC", `What took the balance below zero: The conversation "wamid.3"`)
	if a.Crossing.Effect.String() != "-21" {
		t.Errorf("crossing: %+v", a.Crossing)
	}
}

func TestManual(t *testing.T) {
	s := open(t)
	s.charge("10")
	s.do(&domain.Block{Reason: "suspected fraud"})
	for range 50 {
		s.charge("0.1")
	}
	s.read = 0
	a := s.explain()
	must(t, &a, domain.Blocked, "blocked (manual)", "suspected fraud", "By finance:ana.", "The balance is 485.00 EUR: nothing is due", "prepay account unblock PA-1. No payment lifts it")
	mustNot(t, &a, "Finance confirms", "below zero", "First what is due")
	if s.read > 52 {
		t.Errorf("%d events were read, 51 tell it", s.read)
	}
	if len(a.Steps) != 2 || a.Steps[1].Count != 50 || a.Steps[1].Effect.String() != "-5" {
		t.Errorf("steps: %+v", a.Steps)
	}
	// In grace as well: what is due comes first, and the clock runs.
	s = negative(t)
	s.do(&domain.Block{Reason: "complaints"})
	a = s.explain()
	must(t, &a, domain.Blocked, "complaints", "First what is due must be paid: 20.00 EUR", "All channels are blocked, in 7 d 0 h", `"wamid.3"`)
}

func TestBoth(t *testing.T) {
	s := overdue(t)
	s.do(&domain.Block{Reason: "suspected fraud"})
	a := s.explain()
	must(t, &a, domain.Blocked, "blocked (overdue+manual)", "suspected fraud", "The grace period was over", "lift: Finance confirms that 20.75 EUR", "lift: Finance lifts the block by hand")
	// Confirmed: the manual one stays.
	s.do(&domain.ConfirmPayment{Reference: "BANK-1", Amount: amt("20.75")})
	a = s.explain()
	must(t, &a, domain.Blocked, "blocked (manual)", "nothing is due")
	mustNot(t, &a, "Finance confirms", "The grace period was over")
}

func TestUnblockedAfterConfirmation(t *testing.T) {
	s := overdue(t)
	s.after(time.Hour)
	s.do(&domain.ConfirmPayment{Reference: "BANK-1", Amount: amt("520.75")})
	s.after(time.Hour)
	s.charge("1")
	a := s.explain()
	must(t, &a, domain.Active, "active", "The overdue block was lifted at 2026-11-08 10:00:00 UTC, because Finance confirmed", "By finance:ana.")
	if len(a.Steps) != 1 || len(a.Lifts) != 0 {
		t.Errorf("%+v", a)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, func(c *domain.OpenAccount) { c.CarriedOver, c.MinimumOpening = money.Zero(), ptr(money.Zero()) })
	s.after(time.Hour)
	s.do(&domain.CloseAccount{})
	a := s.explain()
	must(t, &a, domain.Closed, "closed", "Closed at 2026-11-01 09:00:00 UTC. By finance:ana.")
	if len(a.Next)+len(a.Lifts) != 0 {
		t.Errorf("a closed account has something before it: %s", a.all())
	}
}

// However long the history, reading ends: at the last payment before the
// crossing, or at a limit, and then it says so.
func TestBounded(t *testing.T) {
	s := open(t, func(c *domain.OpenAccount) { c.CarriedOver = amt("100000") })
	for range 3000 {
		s.charge("0.01")
	}
	s.do(&domain.AddFunds{Amount: amt("10")})
	s.succeeded()
	for range 100 {
		s.charge("0.01")
	}
	s.charge("99990")
	s.failed("declined")
	for range 1000 {
		s.charge("0.01")
	}
	a := s.explain()
	must(t, &a, domain.Grace, `"wamid.3101"`, "Since then: 1000 conversations cost 10.00 EUR")
	if a.Incomplete || a.EventsRead > 1120 || a.EventsRead < 1100 {
		t.Errorf("%d events read, incomplete %t", a.EventsRead, a.Incomplete)
	}
	a, err := explain(context.Background(), s.account, s, s.now, 50)
	if err != nil {
		t.Fatal(err)
	}
	must(t, &a, domain.Grace, `"wamid.3101"`)
	mustNot(t, &a, "Since then")
	if !a.Incomplete || a.Charges != nil || a.Crossing == nil || a.Crossing.Effect.String() != "-99990" {
		t.Errorf("%+v", a)
	}
}
