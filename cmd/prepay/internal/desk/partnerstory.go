package desk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/payments"
	"prepayledger/consumers/why"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
)

// Story says to a partner why the account stands as it stands, and what to do,
// without the names of people or commands of the provider.
type Story struct {
	// Because are sentences, Do what to do in its order, Lifts what ends it.
	Because []string `json:"because"`
	Do      []string `json:"do"`
	Lifts   []string `json:"lifts"`
	// Pay is what a card payment that settles what is due must be: in whole
	// minor units, within the limits of a payment by hand (R18). It is zero
	// where nothing is due.
	Pay money.Amount `json:"pay"`
	// Settle is what a transfer that settles must be, in whole minor units.
	Settle money.Amount `json:"settle"`
}

// storyTeller makes a Story.
type storyTeller struct {
	account *domain.Account
	// answer is empty where it was not asked for.
	answer *why.Answer
	full   bool
	// reason is that of a block by hand.
	reason string
	story  Story
}

// Story tells a partner why the account stands as it stands. With full it has
// what consumers/why finds in the account's stream; without it is quick.
func (d *Desk) Story(ctx context.Context, found *accounts.Account, full bool) (Story, error) {
	a := found.State
	t := storyTeller{account: a, answer: &why.Answer{}, full: full}
	t.story.Pay, t.story.Settle = settling(a), a.AmountDue().RoundUp(a.Currency.Decimals())
	if a.ManualBlock {
		blocks, err := d.Views.Activity.Entries(a.PartnerID, 0, 0, domain.TypeAccountBlocked)
		if err != nil {
			return t.story, err
		}
		for i := range blocks {
			if blocks[i].Reference == string(domain.KindManual) {
				t.reason = blocks[i].Note
				break
			}
		}
	}
	if full && (a.Standing() == domain.Grace || a.OverdueBlock) {
		source := &why.Stream{Store: d.Store, Codec: d.Views.Codec, Name: ledger.AccountStream(a.PartnerID), Last: found.Revision}
		answer, err := why.Explain(ctx, a, source, d.Ledger.Now())
		if err != nil {
			return t.story, err
		}
		t.answer = &answer
	}
	t.tell()
	return t.story, nil
}

func (t *storyTeller) tell() {
	switch t.account.Standing() {
	case domain.Grace:
		t.negative()
		t.attempts()
		t.graceEnds()
	case domain.Blocked:
		t.blocked()
	case domain.Closed:
		t.because("The account is closed: nothing more is charged, and no channel can send.")
	default:
		t.because("Nothing is due and nothing is blocked.")
	}
}

// settling is what a card payment must be to settle what is due.
func settling(a *domain.Account) money.Amount {
	due := a.AmountDue().RoundUp(a.Currency.Decimals())
	if lowest, _ := domain.AddFundsRange(); due.Sign() > 0 && due.Less(lowest) {
		return lowest
	}
	return due
}

func (t *storyTeller) because(format string, args ...any) {
	t.story.Because = append(t.story.Because, fmt.Sprintf(format, args...))
}

func (t *storyTeller) do(format string, args ...any) {
	t.story.Do = append(t.story.Do, fmt.Sprintf(format, args...))
}

func (t *storyTeller) lifts(format string, args ...any) {
	t.story.Lifts = append(t.story.Lifts, fmt.Sprintf(format, args...))
}

// amount writes an amount for people.
func (t *storyTeller) amount(a money.Amount) string {
	return strings.Replace(a.Fixed(t.account.Currency.Decimals()), "-", "−", 1) + " " + string(t.account.Currency)
}

// moment writes an instant for people.
func moment(at time.Time) string { return at.UTC().Format("2 Jan 2006, 15:04 UTC") }

// negative says since when the balance is below zero, and what took it there.
func (t *storyTeller) negative() {
	a := t.account
	if a.NegativeSince.IsZero() {
		return
	}
	t.because("The balance went below zero on %s and is %s now: %s are due.", moment(a.NegativeSince), t.amount(a.Balance), t.amount(a.AmountDue()))
	if c := t.answer.Crossing; c != nil && c.Type != domain.TypeConversationCharged {
		t.because("What took it there: %s", c.Text)
	}
	if c := t.answer.Charges; c != nil && c.Count > 0 {
		conversations := "1 conversation was"
		if c.Count > 1 {
			conversations = fmt.Sprintf("%d conversations were", c.Count)
		}
		t.because("Since then %s deducted, %s in all.", conversations, t.amount(c.Sum))
	}
}

// attempts says which card payments were tried: the last one that failed, with
// what can be done about it.
func (t *storyTeller) attempts() {
	failed := 0
	var last *why.Attempt
	for i := range t.answer.Attempts {
		if a := &t.answer.Attempts[i]; a.Outcome == domain.RechargeIsFailed {
			failed++
			last = a
		}
	}
	if last == nil {
		if t.full && len(t.answer.Attempts) == 0 {
			t.because("No card payment was tried since then.")
		}
		return
	}
	times := "once"
	if failed > 1 {
		times = fmt.Sprintf("%d times", failed)
	}
	t.because("The card could not be charged (tried %s, the last time on %s). %s", times, moment(last.RequestedAt), payments.Advice(last.Code))
}

// graceEnds says what to do before the deadline.
func (t *storyTeller) graceEnds() {
	a := t.account
	if a.InFlight != nil {
		t.do("Nothing for the moment: a card payment of %s is in progress.", t.amount(a.InFlight.CardTotal))
	} else {
		t.do("Add funds of %s or more by card, or replace the card if it is declined: the new one is charged at once.", t.amount(t.story.Pay))
	}
	if !a.RetryAt.IsZero() {
		t.do("If you do nothing, the card is charged again on %s.", moment(a.RetryAt))
	}
	t.lifts("As soon as the balance is zero or above, the deadline is gone.")
	t.lifts("Otherwise all channels are blocked on %s and cannot send.", moment(a.BlockDeadline))
}

// blocked says why, and what lifts it (R22, R23).
func (t *storyTeller) blocked() {
	a := t.account
	if a.OverdueBlock {
		t.because("What was due could not be charged to the card within the grace period.")
	}
	if a.ManualBlock {
		t.manual()
	}
	t.negative()
	if a.OverdueBlock {
		t.attempts()
		t.liftOverdue()
	}
	if a.ManualBlock {
		if !a.OverdueBlock && a.AmountDue().Sign() > 0 {
			t.do("Pay what is due, %s, by card or by bank transfer.", t.amount(a.AmountDue()))
		}
		t.do("Get in touch with us about the reason of the block.")
		t.lifts("Our finance team lifts this block by hand, once nothing is due. No payment lifts it by itself.")
	}
}

// manual says what Finance gave as its reason.
func (t *storyTeller) manual() {
	if t.reason == "" {
		t.because("Our finance team blocked the account.")
		return
	}
	t.because("Our finance team blocked the account: %s", t.reason)
}

// liftOverdue says what ends the overdue block (R22).
func (t *storyTeller) liftOverdue() {
	a := t.account
	due := a.AmountDue()
	automatic := a.Contract.UnblockPolicy == domain.UnblockAutomatic
	switch {
	case due.Sign() > 0:
		t.do("Pay %s: by bank transfer to the account shown here, with the reference, or by card (add funds of %s; the surcharge comes on top).", t.amount(due), t.amount(t.story.Pay))
		t.do("If the card was declined, replace it before you add funds.")
	case !automatic:
		t.do("Nothing more to pay: wait for our finance team to confirm the payment.")
	}
	if automatic {
		t.lifts("The block ends by itself as soon as nothing is due.")
		return
	}
	t.lifts("The block ends when our finance team has confirmed that the outstanding amount was received. A card payment is credited at once, but does not lift the block before that.")
}
