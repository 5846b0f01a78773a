package why

import (
	"fmt"
	"slices"
	"time"

	"prepayledger/domain"
)

// by says who, for a step.
func by(s *Step) string {
	if s.Actor == "" {
		return ""
	}
	return " By " + s.Actor + "."
}

// because says in sentences why the account stands as it stands.
func (c *collector) because() (all []string) {
	f := &c.account.Funds
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	switch f.Standing() {
	case domain.Closed:
		say("The account is closed.")
		if c.closed != nil {
			say("Closed at %s.%s", when(c.closed.At), by(c.closed))
		}
		return all
	case domain.Active:
		say("The account is active: the balance is %s, nothing is due and nothing is blocked.", c.amount(f.Balance))
		if c.ended != nil {
			say("%s%s", c.ended.Text, by(c.ended))
		}
	case domain.Grace:
		say("The balance is %s: %s are due. It is negative since %s.", c.amount(f.Balance), c.amount(f.AmountDue()), when(f.NegativeSince))
	case domain.Blocked:
		say("All channels are blocked (%s).", f.BlockedReason())
		if c.manual != nil {
			say("%s%s", c.manual.Text, by(c.manual))
		}
		if c.overdue != nil {
			say("%s", c.overdue.Text)
		}
		c.balanceWhileBlocked(say)
	}
	c.story(say)
	return all
}

func (c *collector) balanceWhileBlocked(say func(string, ...any)) {
	f := &c.account.Funds
	switch {
	case !f.NegativeSince.IsZero():
		say("The balance is %s: %s are due. It is negative since %s.", c.amount(f.Balance), c.amount(f.AmountDue()), when(f.NegativeSince))
	case f.OverdueBlock:
		say("The balance is %s: nothing is due, but money that arrives does not lift the block by itself.", c.amount(f.Balance))
	default:
		say("The balance is %s: nothing is due.", c.amount(f.Balance))
	}
}

// story is what went before: crossing, charges, attempts.
func (c *collector) story(say func(string, ...any)) {
	if c.crossing != nil {
		say("What took the balance below zero: %s", c.crossing.Text)
		if c.since.Count > 0 && !c.sought {
			say("Since then: %s", c.run(c.since.Count, c.since.Sum.Neg()))
		}
	} else if c.needsGrace() {
		say("What took the balance below zero lies too far back to be shown here: see prepay export events.")
	}
	for _, a := range c.attempts {
		switch a.Outcome {
		case domain.RechargeIsFailed:
			say("Card payment %s of %s, requested at %s, failed: %s.", a.RechargeID, c.amount(a.CardTotal), when(a.RequestedAt), a.Code)
		case domain.RechargeIsCredited:
			say("Card payment %s of %s, requested at %s, succeeded.", a.RechargeID, c.amount(a.CardTotal), when(a.RequestedAt))
		default:
			say("Card payment %s of %s, requested at %s, has no outcome yet.", a.RechargeID, c.amount(a.CardTotal), when(a.RequestedAt))
		}
	}
	if c.needsGrace() && len(c.attempts) == 0 {
		say("No card payment was requested since then.")
	}
}

// next is what will happen: what has an instant in its order.
func (c *collector) next(now time.Time) (all []Next) {
	f := &c.account.Funds
	if f.Closed {
		return nil
	}
	add := func(at time.Time, format string, args ...any) {
		n := Next{Text: fmt.Sprintf(format, args...)}
		if !at.IsZero() {
			at = at.UTC()
			n.At = &at
		}
		all = append(all, n)
	}
	if r := f.InFlight; r != nil {
		add(time.Time{}, "The outcome of card payment %s is awaited: success credits %s, to a balance of %s.", r.RechargeID, c.amount(r.Amount), c.amount(f.Balance.Add(r.Amount)))
	}
	block, first := !f.NegativeSince.IsZero() && !f.OverdueBlock, len(all)
	if block {
		add(f.BlockDeadline, "All channels are blocked, in %s, unless the balance is zero or above before.", duration(max(0, f.BlockDeadline.Sub(now))))
	}
	if !f.RetryAt.IsZero() {
		add(f.RetryAt, "The card is charged again, with what is due by then, while there is still a need.")
	}
	slices.SortStableFunc(all[first:], func(a, b Next) int { return a.At.Compare(*b.At) })
	switch {
	case f.Blocked():
		add(time.Time{}, "No card payment is requested by itself while blocked; charges that arrive are deducted.")
	case block && f.InFlight == nil && f.RetryAt.IsZero():
		add(time.Time{}, "No card payment is planned: one is requested when the settings change or the card is replaced and there is a need, or by hand.")
	}
	return all
}

// duration writes what is left in days and hours, or in hours and minutes.
func duration(d time.Duration) string {
	if days := int(d / domain.Day); days > 0 {
		return fmt.Sprintf("%d d %d h", days, int(d%domain.Day/time.Hour))
	}
	return fmt.Sprintf("%d h %d min", int(d/time.Hour), int(d%time.Hour/time.Minute))
}

// lifts is what ends the state, in the order in which to do it.
func (c *collector) lifts() (all []string) {
	f := &c.account.Funds
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	due := f.AmountDue()
	switch f.Standing() {
	case domain.Grace:
		card := "a card payment (prepay account add-funds " + f.PartnerID + " AMOUNT)"
		if f.InFlight != nil {
			card = "the card payment whose outcome is awaited"
		}
		say("Any credit of %s or more before the deadline stops the clock: %s, or a payment that Finance confirms.", c.amount(due), card)
	case domain.Blocked:
		if f.OverdueBlock {
			c.liftOverdue(say)
		}
		if f.ManualBlock {
			if due.Sign() > 0 && !f.OverdueBlock {
				say("First what is due must be paid: %s.", c.amount(due))
			}
			say("Finance lifts the block by hand once nothing is due: prepay account unblock %s. No payment lifts it.", f.PartnerID)
		}
	}
	return all
}

func (c *collector) liftOverdue(say func(string, ...any)) {
	f := &c.account.Funds
	due := f.AmountDue()
	switch {
	case f.Contract.UnblockPolicy == domain.UnblockAutomatic && due.Sign() > 0:
		say("The contract unblocks by itself: any credit of %s or more lifts the overdue block (prepay account add-funds %s AMOUNT).", c.amount(due), f.PartnerID)
	case due.Sign() > 0:
		say("Finance confirms that %s were received: prepay account confirm %s AMOUNT --reference REFERENCE. A card payment that succeeds is credited and does not lift the block.", c.amount(due), f.PartnerID)
	default:
		recharge := ""
		for _, a := range c.attempts {
			if a.Outcome == domain.RechargeIsCredited {
				recharge = " --recharge " + a.RechargeID
			}
		}
		say("Nothing is due; Finance confirms the payment that arrived: prepay account confirm %s AMOUNT --reference REFERENCE%s.", f.PartnerID, recharge)
	}
}
