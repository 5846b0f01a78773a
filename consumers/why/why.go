// Package why answers why an account stands as it stands: what took its
// balance below zero and when, what was tried since, who blocked it, what
// happens next, and what ends it. Every sentence names the event that it rests
// on.
package why

import (
	"context"
	"iter"
	"slices"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// Limits of what is read for an answer.
const (
	// MaxEvents is how many events are read backwards at most (a count). A
	// crossing that lies further back is looked for by its instant.
	MaxEvents = 200_000
	// MaxEventsBefore is how many events are read before the crossing, for
	// card payments that had failed by then (a count).
	MaxEventsBefore = 20_000
	// MaxRecent is how many events of an active account are read for what
	// ended last (a count).
	MaxRecent = 2_000
	// MaxSteps bounds the steps of an answer (a count); the newest are kept.
	MaxSteps = 500
	// MaxSeek is how many events are read forwards from an instant at which
	// the crossing must have been recorded (a count).
	MaxSeek = 20_000
)

// Fact is an event of the account's stream.
type Fact struct {
	ID       string
	Revision eventstore.Revision
	Meta     codec.Metadata
	Event    domain.Event
}

// Source reads the account's stream up to the revision at which its state is.
type Source interface {
	// Backwards yields the events, the newest first.
	Backwards(ctx context.Context) iter.Seq2[Fact, error]
	// From yields the events recorded at the instant or later, the oldest
	// first, and maybe a few before them.
	From(ctx context.Context, at time.Time) iter.Seq2[Fact, error]
}

// Answer is why an account stands as it stands. Amounts are decimals as
// strings.
type Answer struct {
	PartnerID     string          `json:"partner_id"`
	AsOf          time.Time       `json:"as_of"`
	Standing      domain.Standing `json:"standing"`
	BlockedReason string          `json:"blocked_reason,omitempty"`
	Currency      money.Currency  `json:"currency"`
	Balance       money.Amount    `json:"balance"`
	AmountDue     money.Amount    `json:"amount_due"`
	NegativeSince *time.Time      `json:"negative_since,omitempty"`
	BlockDeadline *time.Time      `json:"block_deadline,omitempty"`
	// Because says it in sentences.
	Because []string `json:"because"`
	// Crossing is what took the balance below zero; absent where it is not
	// negative and no overdue block stands, or where it was not found.
	Crossing *Step `json:"crossing,omitempty"`
	// Charges are the conversations since the crossing.
	Charges *Charges `json:"charges_since,omitempty"`
	// Attempts are the card payments, the oldest first.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Next is what will happen, and when; Lifts is what ends the state.
	Next  []Next   `json:"next,omitempty"`
	Lifts []string `json:"lifts,omitempty"`
	// Steps are the events behind it all, the oldest first; charges between
	// two other events are one step.
	Steps []Step `json:"steps,omitempty"`
	// EventsRead is how many events were read; Incomplete says that a limit
	// ended the reading before everything was found.
	EventsRead int  `json:"events_read"`
	Incomplete bool `json:"incomplete,omitempty"`
}

// Step is an event, or a run of charges.
type Step struct {
	At       time.Time           `json:"at"`
	Type     string              `json:"type"`
	EventID  string              `json:"event_id"`
	Revision eventstore.Revision `json:"revision"`
	Actor    string              `json:"actor,omitempty"`
	Text     string              `json:"text"`
	// Effect is by how much it changed the balance, to BalanceAfter.
	Effect       money.Amount `json:"effect,omitzero"`
	BalanceAfter money.Amount `json:"balance_after"`
	// Count is how many charges it stands for; absent on other events.
	Count int `json:"count,omitempty"`
}

// Charges are conversations deducted, corrections not taken off.
type Charges struct {
	Count int          `json:"count"`
	Sum   money.Amount `json:"sum"`
}

// Attempt is a card payment.
type Attempt struct {
	RechargeID  string                `json:"recharge_id"`
	RequestedAt time.Time             `json:"requested_at"`
	Reason      domain.RechargeReason `json:"reason"`
	Amount      money.Amount          `json:"amount"`
	CardTotal   money.Amount          `json:"card_total"`
	// Outcome is in_flight, succeeded or failed; Code says why it failed.
	Outcome domain.RechargeStatus `json:"outcome"`
	Code    string                `json:"code,omitempty"`
	EndedAt *time.Time            `json:"ended_at,omitempty"`
	RetryAt *time.Time            `json:"retry_at,omitempty"`
}

// Next is something that will happen.
type Next struct {
	// At is absent where it is not known.
	At   *time.Time `json:"at,omitempty"`
	Text string     `json:"text"`
}

// Explain explains the state of an account by the events behind it. The source
// must end at the state's revision.
func Explain(ctx context.Context, account *domain.Account, source Source, now time.Time) (Answer, error) {
	return explain(ctx, account, source, now, MaxEvents)
}

func explain(ctx context.Context, account *domain.Account, source Source, now time.Time, most int) (Answer, error) {
	c := newCollector(account)
	for f, err := range source.Backwards(ctx) {
		if err != nil {
			return Answer{}, err
		}
		if c.read == most || len(c.steps) == MaxSteps {
			c.incomplete = true
			break
		}
		c.take(&f)
		if c.done() {
			break
		}
	}
	if c.crossing == nil && c.incomplete && !account.NegativeSince.IsZero() {
		if err := c.seek(ctx, source, account.NegativeSince); err != nil {
			return Answer{}, err
		}
	}
	return c.answer(now), nil
}

// answer puts together what was collected.
func (c *collector) answer(now time.Time) Answer {
	f := &c.account.Funds
	if f.Standing() == domain.Active && !c.pending() {
		c.steps, c.attempts = nil, nil
		if c.ended != nil {
			c.steps = []Step{*c.ended}
		}
	}
	slices.Reverse(c.steps)
	slices.Reverse(c.attempts)
	a := Answer{
		PartnerID: f.PartnerID, AsOf: now.UTC(), Standing: f.Standing(), BlockedReason: f.BlockedReason(), Currency: f.Currency,
		Balance: f.Balance, AmountDue: f.AmountDue(), Crossing: c.crossing, Attempts: attempts(c.attempts), Steps: c.steps, EventsRead: c.read,
		Incomplete: c.incomplete,
	}
	if !f.NegativeSince.IsZero() {
		a.NegativeSince = &f.NegativeSince
		if !f.OverdueBlock && !f.Closed {
			a.BlockDeadline = &f.BlockDeadline
		}
	}
	if c.crossing != nil && !c.sought {
		a.Charges = &c.since
	}
	a.Because = c.because()
	a.Next = c.next(now)
	a.Lifts = c.lifts()
	return a
}

func attempts(found []*Attempt) []Attempt {
	var all []Attempt
	for _, a := range found {
		all = append(all, *a)
	}
	return all
}
