package why

import (
	"context"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// collector takes an account's events, the newest first, until it has what
// explains the state.
type collector struct {
	account *domain.Account
	// balance is the account's after the event that comes next.
	balance money.Amount
	read    int

	steps    []Step
	attempts []*Attempt
	byID     map[string]*Attempt
	// unrequested counts the attempts whose request was not read yet.
	unrequested int

	// What explains the state; nil until found.
	overdue, manual, closed, ended *Step
	grace                          *domain.GraceStarted
	crossing                       *Step
	// since are the charges after the crossing.
	since Charges
	// before counts the events read before the crossing; settled says that a
	// payment was credited there, so that no earlier attempt matters.
	before  int
	settled bool
	// sought says that the crossing was looked for by its instant.
	sought     bool
	incomplete bool
}

func newCollector(a *domain.Account) *collector {
	return &collector{account: a, balance: a.Balance, byID: map[string]*Attempt{}}
}

// needsGrace says whether a crossing below zero is part of the explanation.
func (c *collector) needsGrace() bool {
	return !c.account.NegativeSince.IsZero() || c.account.OverdueBlock
}

// pending says whether a card payment has no outcome or is planned.
func (c *collector) pending() bool { return c.account.InFlight != nil || !c.account.RetryAt.IsZero() }

// done says whether everything was found that explains the state.
func (c *collector) done() bool {
	a := c.account
	switch {
	case a.Closed:
		return c.closed != nil
	case a.OverdueBlock && c.overdue == nil, a.ManualBlock && c.manual == nil, c.needsGrace() && c.crossing == nil:
		return false
	case c.needsGrace():
		return c.settled && c.unrequested == 0 || c.before >= MaxEventsBefore
	case a.ManualBlock:
		return true
	case c.pending():
		return c.settled && c.unrequested == 0 || c.read >= MaxEventsBefore
	default:
		return c.ended != nil || c.read >= MaxRecent
	}
}

// take takes the next older event.
func (c *collector) take(f *Fact) {
	c.read++
	if c.crossing != nil {
		c.before++
	}
	effect := domain.Effect(f.Event)
	after := c.balance
	c.balance = after.Sub(effect)
	if e, ok := f.Event.(*domain.ConversationCharged); ok {
		c.charge(f, e, after)
		return
	}
	c.attempt(f)
	text := c.words(f)
	if text == "" {
		return
	}
	step := stepOf(f, text, effect, after)
	if c.crossing == nil && c.grace != nil && after.Sign() < 0 && c.balance.Sign() >= 0 {
		c.crossing = &step
	}
	c.note(f, &step)
	c.steps = append(c.steps, step)
}

func stepOf(f *Fact, text string, effect, after money.Amount) Step {
	return Step{
		At: f.Meta.RecordedAt.UTC(), Type: f.Event.EventType(), EventID: f.ID, Revision: f.Revision, Actor: f.Meta.Actor, Text: text,
		Effect: effect, BalanceAfter: after,
	}
}

// charge takes a charge: the one that crossed zero is a step of its own, the
// others are counted between the steps.
func (c *collector) charge(f *Fact, e *domain.ConversationCharged, after money.Amount) {
	if c.crossing == nil && c.grace != nil && after.Sign() < 0 && c.balance.Sign() >= 0 {
		step := stepOf(f, c.words(f), e.Amount.Neg(), after)
		c.crossing = &step
		c.steps = append(c.steps, step)
		return
	}
	if c.crossing == nil {
		c.since.Count++
		c.since.Sum = c.since.Sum.Add(e.Amount)
	}
	if n := len(c.steps); n > 0 && c.steps[n-1].Count > 0 {
		run := &c.steps[n-1]
		run.Count++
		run.Effect = run.Effect.Sub(e.Amount)
		run.Text = c.run(run.Count, run.Effect)
		return
	}
	step := stepOf(f, c.run(1, e.Amount.Neg()), e.Amount.Neg(), after)
	step.Count = 1
	c.steps = append(c.steps, step)
}

// note keeps what explains the state.
func (c *collector) note(f *Fact, step *Step) {
	a := c.account
	switch e := f.Event.(type) {
	case *domain.AccountClosed:
		c.closed = step
	case *domain.AccountBlocked:
		switch {
		case e.Kind == domain.KindOverdue && a.OverdueBlock && c.overdue == nil:
			c.overdue = step
		case e.Kind == domain.KindManual && a.ManualBlock && c.manual == nil:
			c.manual = step
		}
	case *domain.GraceStarted:
		// Without overdue block it is the clock that runs; with one it is the
		// clock that ran out, whatever started and ended since.
		ranOut := a.OverdueBlock && c.overdue != nil
		runs := !a.OverdueBlock && e.NegativeSince.Equal(a.NegativeSince)
		if c.grace == nil && (ranOut || runs) {
			c.grace = e
		}
	case *domain.AccountUnblocked, *domain.GraceEnded:
		if c.ended == nil {
			c.ended = step
		}
	case *domain.RechargeSucceeded, *domain.PaymentConfirmed, *domain.AccountOpened:
		if c.crossing != nil || !c.needsGrace() {
			c.settled = true
		}
	}
}

// attempt notes card payments and how they ended.
func (c *collector) attempt(f *Fact) {
	at := f.Meta.RecordedAt.UTC()
	get := func(id string) *Attempt {
		if c.byID[id] == nil {
			c.byID[id] = &Attempt{RechargeID: id, Outcome: domain.RechargeIsInFlight}
			c.unrequested++
		}
		return c.byID[id]
	}
	switch e := f.Event.(type) {
	case *domain.RechargeSucceeded:
		if c.crossing != nil || !c.needsGrace() {
			return // what matters began after it
		}
		a := get(e.RechargeID)
		a.Outcome, a.EndedAt = domain.RechargeIsCredited, &at
	case *domain.RechargeFailed:
		if c.settled {
			return
		}
		a := get(e.RechargeID)
		a.Outcome, a.Code, a.EndedAt = domain.RechargeIsFailed, e.Code, &at
		if !e.RetryAt.IsZero() {
			retry := e.RetryAt.UTC()
			a.RetryAt = &retry
		}
	case *domain.RechargeRequested:
		if c.settled && c.byID[e.RechargeID] == nil {
			return
		}
		a := get(e.RechargeID)
		c.unrequested--
		a.RequestedAt, a.Reason, a.Amount, a.CardTotal = e.RequestedAt.UTC(), e.Reason, e.Amount, e.CardTotal
		c.attempts = append(c.attempts, a)
	}
}

// seek looks for the crossing where it must have been recorded: the reading
// backwards gave up before.
func (c *collector) seek(ctx context.Context, source Source, at time.Time) error {
	read := 0
	var last *Fact
	for f, err := range source.From(ctx, at) {
		if err != nil {
			return err
		}
		if read++; read > MaxSeek {
			return nil
		}
		c.read++
		if e, ok := f.Event.(*domain.GraceStarted); ok && e.NegativeSince.Equal(at) {
			if last != nil {
				step := stepOf(last, c.words(last), domain.Effect(last.Event), money.Zero())
				c.crossing, c.sought = &step, true
			}
			return nil
		}
		if !domain.Effect(f.Event).IsZero() {
			last = &f
		}
	}
	return nil
}
