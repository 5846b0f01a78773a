package why

import (
	"math/rand/v2"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// TestAnyHistory explains accounts after random histories and holds the
// answers against an oracle that reads each history forwards, from its start.
func TestAnyHistory(t *testing.T) {
	const histories, commands = 50, 120
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for n := range uint64(histories) {
		rng := rand.New(rand.NewPCG(seed, n))
		s := open(t, func(c *domain.OpenAccount) {
			c.AutoRecharge = ptr(rng.IntN(4) > 0)
			if rng.IntN(2) == 0 {
				c.UnblockPolicy = domain.UnblockAutomatic
			}
		})
		for range commands {
			s.anything(rng)
			if rng.IntN(6) == 0 {
				compare(t, s, seed, n)
			}
		}
		compare(t, s, seed, n)
	}
}

// anything does something at random; what the rules refuse is nothing.
func (s *story) anything(rng *rand.Rand) {
	s.after(time.Duration(rng.IntN(40)) * time.Hour)
	s.due()
	try := func(cmd domain.Command) {
		events, _, err := domain.Decide(s.account, s, domain.Meta{At: s.now, Actor: "finance:ana"}, cmd)
		if err == nil && len(events) > 0 {
			s.do(cmd)
		}
	}
	amount := money.FromInt(int64(10 + rng.IntN(400)))
	switch rng.IntN(12) {
	case 0:
		try(&domain.AddFunds{Amount: amount})
	case 1:
		try(&domain.ConfirmPayment{Reference: s.now.String(), Amount: amount})
	case 2:
		try(&domain.Block{Reason: "x"})
	case 3:
		try(&domain.Unblock{})
	case 4:
		try(&domain.AdjustReconciliation{Month: "2026-10", Run: len(s.facts), Amount: amount.Sub(money.FromInt(200))})
	case 5:
		try(&domain.ReplaceCard{Card: "other"})
	case 6, 7:
		if s.account.InFlight != nil {
			if rng.IntN(2) == 0 {
				s.succeeded()
			} else {
				s.failed("declined")
			}
		}
	default:
		for range 1 + rng.IntN(4) {
			s.charge(money.FromInt(int64(1 + rng.IntN(150))).String())
		}
	}
}

// due works what fell due, as the ledger does before a command.
func (s *story) due() {
	for {
		next := s.account.NextDue("pay")
		if next.At.IsZero() || next.At.After(s.now) {
			return
		}
		before := len(s.facts)
		s.doAs("system:deadlines", next.Command)
		if len(s.facts) == before {
			s.t.Fatalf("%T at %s does nothing", next.Command, next.At)
		}
	}
}

// oracle is what a history read forwards says.
type oracle struct {
	balance  money.Amount
	crossing *Fact // the newest step below zero
	ranOut   *Fact // the one whose clock ran out, while the overdue block stands
	manual   *Fact
	charges  map[string]Charges // since each crossing
}

func (s *story) forwards() *oracle {
	o := &oracle{charges: map[string]Charges{}}
	for i := range s.facts {
		f := &s.facts[i]
		after := o.balance.Add(domain.Effect(f.Event))
		if e, ok := f.Event.(*domain.ConversationCharged); ok {
			for id, c := range o.charges {
				o.charges[id] = Charges{c.Count + 1, c.Sum.Add(e.Amount)}
			}
		}
		if o.balance.Sign() >= 0 && after.Sign() < 0 {
			o.crossing = f
			o.charges[f.ID] = Charges{}
		}
		o.balance = after
		switch e := f.Event.(type) {
		case *domain.AccountBlocked:
			if e.Kind == domain.KindManual {
				o.manual = f
			} else {
				o.ranOut = o.crossing
			}
		case *domain.AccountUnblocked:
			if e.Kind == domain.KindManual {
				o.manual = nil
			} else {
				o.ranOut = nil
			}
		}
	}
	return o
}

func compare(t *testing.T, s *story, seed, n uint64) {
	t.Helper()
	o, a := s.forwards(), s.explain()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("seed %d, history %d, %d events: "+format, append([]any{seed, n, len(s.facts)}, args...)...)
	}
	if !o.balance.Equal(a.Balance) || a.Incomplete || a.Standing != s.account.Standing() {
		fail("balance %s, want %s; incomplete %t, standing %s", a.Balance, o.balance, a.Incomplete, a.Standing)
	}
	var want *Fact
	switch {
	case s.account.OverdueBlock:
		want = o.ranOut
	case !s.account.NegativeSince.IsZero():
		want = o.crossing
	}
	switch {
	case want == nil && a.Crossing != nil:
		fail("it names a crossing: %+v", a.Crossing)
	case want != nil && (a.Crossing == nil || a.Crossing.EventID != want.ID):
		fail("crossing is %+v, want %+v", a.Crossing, want)
	case want != nil && (a.Charges.Count != o.charges[want.ID].Count || !a.Charges.Sum.Equal(o.charges[want.ID].Sum)):
		fail("charges since are %+v, want %+v", a.Charges, o.charges[want.ID])
	}
	if s.account.Blocked() != (len(a.Lifts) > 0 && a.Standing == domain.Blocked) {
		fail("blocked, and nothing lifts it: %s", a.all())
	}
	s.attemptsOf(a, want, fail)
}

// attemptsOf checks that every card payment that ended or began after the
// crossing is told as it ended.
func (s *story) attemptsOf(a Answer, crossing *Fact, fail func(string, ...any)) {
	s.t.Helper()
	if crossing == nil {
		return
	}
	told := map[string]domain.RechargeStatus{}
	for _, attempt := range a.Attempts {
		told[attempt.RechargeID] = attempt.Outcome
	}
	for i := range s.facts {
		if s.facts[i].Revision <= crossing.Revision {
			continue
		}
		id := ""
		switch e := s.facts[i].Event.(type) {
		case *domain.RechargeRequested:
			id = e.RechargeID
		case *domain.RechargeSucceeded:
			id = e.RechargeID
		case *domain.RechargeFailed:
			id = e.RechargeID
		}
		if id != "" && told[id] != s.account.Recharges[id] {
			fail("card payment %s is told as %q, it is %q", id, told[id], s.account.Recharges[id])
		}
	}
}
