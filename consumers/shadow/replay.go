package shadow

import (
	"errors"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
)

// replay is one account in the making under some terms.
type replay struct {
	terms   Terms
	cards   *cardHistory
	account *domain.Account
	outcome Outcome
	// now is up to when the time is counted; prepaid is balance × seconds.
	now     time.Time
	prepaid money.Amount
	seconds int64
	// rest is what of the time is not a whole second yet.
	rest time.Duration
	// outcomeAt is when the card payment in flight ends.
	outcomeAt time.Time
	ends      try
	// asked is when the newest card payment was asked for, nth how many were
	// at that instant.
	asked time.Time
	nth   int
	// credited is the newest card payment that was credited.
	credited string
}

func newReplay(terms Terms, cards *cardHistory) *replay {
	return &replay{terms: terms, cards: cards, account: domain.NewAccount(), outcome: Outcome{Skipped: map[string]int{}}}
}

// Seen implements domain.Facts: every charge of the log counts.
func (*replay) Seen(domain.ChargeKey) domain.Seen { return domain.Seen{} }

// Rate implements domain.Facts: charges bring the price that was charged.
func (*replay) Rate(domain.RateQuery) (domain.Rate, bool) { return domain.Rate{}, false }

// take repeats one event of the log.
func (r *replay) take(m codec.Metadata, e domain.Event) error {
	at := m.RecordedAt
	if err := r.advance(at); err != nil {
		return err
	}
	cmd := r.command(e)
	if cmd == nil {
		return nil
	}
	actor := m.Actor
	if actor == "" {
		actor = "shadow"
	}
	err := r.decide(domain.Meta{At: at, Actor: actor, CommandID: m.CommandID}, cmd)
	var rejection *domain.Rejection
	if errors.As(err, &rejection) {
		r.outcome.Skipped[e.EventType()]++
		return nil
	}
	if _, ok := e.(*domain.ConversationCharged); ok {
		r.outcome.Charges++
	}
	return err
}

// decide decides a command and folds what follows from it.
func (r *replay) decide(m domain.Meta, cmd domain.Command) error {
	events, _, err := domain.Decide(r.account, r, m, cmd)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := r.account.Apply(e); err != nil {
			return err
		}
		switch e := e.(type) {
		case *domain.RechargeRequested:
			r.outcome.Recharges++
			if !m.At.Equal(r.asked) {
				r.asked, r.nth = m.At, 0
			}
			r.ends = r.cards.at(m.At, r.nth)
			r.nth++
			r.outcomeAt = m.At.Add(r.ends.took)
		case *domain.RechargeSucceeded:
			r.outcome.Credited = r.outcome.Credited.Add(e.Amount)
			r.credited = e.RechargeID
		case *domain.RechargeFailed:
			r.outcome.Failed++
		case *domain.AccountBlocked:
			if e.Kind == domain.KindOverdue {
				r.outcome.Blocks++
			}
		}
		if r.account.Balance.Less(r.outcome.LowestBalance) || e.EventType() == domain.TypeAccountOpened {
			r.outcome.LowestBalance = r.account.Balance
		}
	}
	return nil
}

// advance works what falls due up to an instant, in the order of R20.
func (r *replay) advance(to time.Time) error {
	for {
		due := r.account.NextDue("")
		outcome := r.account.InFlight != nil && !r.outcomeAt.After(to)
		outcomeFirst := outcome && (due.At.IsZero() || r.outcomeAt.Before(due.At) || r.outcomeAt.Equal(due.At) && due.AfterOutcome)
		switch {
		case outcomeFirst:
			r.pass(r.outcomeAt)
			if err := r.settle(); err != nil {
				return err
			}
		case !due.At.IsZero() && !due.At.After(to):
			r.pass(due.At)
			if err := r.decide(domain.Meta{At: due.At, Actor: "system:shadow"}, due.Command); err != nil {
				return err
			}
		default:
			r.pass(to)
			return nil
		}
	}
}

// settle ends the card payment in flight.
func (r *replay) settle() error {
	m := domain.Meta{At: r.outcomeAt, Actor: "system:shadow"}
	id := r.account.InFlight.RechargeID
	if r.ends.failed {
		return r.decide(m, &domain.RecordRechargeFailed{RechargeID: id, Code: r.ends.code})
	}
	return r.decide(m, &domain.RecordRechargeSucceeded{RechargeID: id, ProcessorRef: "shadow"})
}

// pass counts the time up to an instant as the account stands.
func (r *replay) pass(to time.Time) {
	if r.account.Opened && to.After(r.now) {
		span := to.Sub(r.now)
		switch r.account.Standing() {
		case domain.Grace:
			r.outcome.GraceTime += span
		case domain.Blocked:
			r.outcome.BlockedTime += span
		}
		r.rest += span
		seconds := int64(r.rest / time.Second)
		r.rest -= time.Duration(seconds) * time.Second
		r.seconds += seconds
		if r.account.Balance.Sign() > 0 {
			r.prepaid = r.prepaid.Add(r.account.Balance.Times(seconds))
		}
	}
	if to.After(r.now) {
		r.now = to
	}
}

// finish counts the time up to the end.
func (r *replay) finish(until time.Time) error {
	if err := r.advance(until); err != nil {
		return err
	}
	if r.seconds > 0 {
		r.outcome.AveragePrepaid, _ = r.prepaid.Quo(money.FromInt(r.seconds), AverageDecimals)
	}
	r.outcome.ClosingBalance = r.account.Balance
	return nil
}
