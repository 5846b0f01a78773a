package shadow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// AverageDecimals is to how many decimals an average over time is worked out.
const AverageDecimals = 6

// Terms are the settings to try; nil fields stay as they were.
type Terms struct {
	Threshold      *money.Amount `json:"threshold,omitempty"`
	RechargeAmount *money.Amount `json:"recharge_amount,omitempty"`
	GraceDays      *int          `json:"grace_days,omitempty"`
}

// Outcome is what an account's history came to under some terms.
type Outcome struct {
	Charges int64 `json:"charges"`
	// Recharges are the card payments that were asked for, of which some
	// failed; Credited is what was credited by card.
	Recharges int          `json:"recharges"`
	Failed    int          `json:"failed"`
	Credited  money.Amount `json:"credited"`
	// Blocks counts overdue blocks.
	Blocks int `json:"blocks"`
	// GraceTime and BlockedTime are how long the balance was negative without
	// a block, and how long the account was blocked.
	GraceTime   time.Duration `json:"grace_ns"`
	BlockedTime time.Duration `json:"blocked_ns"`
	// AveragePrepaid is the average over time of the balance where it is
	// positive, to AverageDecimals; LowestBalance and ClosingBalance are
	// exact.
	AveragePrepaid money.Amount `json:"average_prepaid"`
	LowestBalance  money.Amount `json:"lowest_balance"`
	ClosingBalance money.Amount `json:"closing_balance"`
	// Skipped counts what could not be repeated under the terms, by event
	// type: such as a confirmation of a payment that was never due.
	Skipped map[string]int `json:"skipped,omitempty"`
}

// Policy is an account's history replayed as it was and under other terms.
//
// The method: everything that came from outside (charges, corrections, funds
// added by hand, confirmations, month-end adjustments, refunds, settings, card
// changes) is given to domain.Decide in its order and at the instant when it
// was recorded, with the prices that were charged; recharges, grace, blocks and
// retries then follow by the rules under the terms. A card payment ends as the
// account's real card payments did at that time: as the last one that was
// asked for at or before the instant, or the first one if there was none yet,
// after as long as that one took. Without any it succeeds at once.
//
// What it can't know: traffic stays as it was, although a blocked account
// sends nothing and one that is not blocked would have sent more; a card that
// was declined for 500 might have taken 50; what people did (adding funds,
// confirming) they do again, or it is skipped and counted where the rules
// refuse it.
type Policy struct {
	PartnerID string         `json:"partner_id"`
	Currency  money.Currency `json:"currency"`
	From      time.Time      `json:"from"`
	To        time.Time      `json:"to"`
	// Actual are the card payments that the log has: what Before should come
	// to. A difference tells how good the method is for this account.
	Actual int     `json:"actual_recharges"`
	Before Outcome `json:"before"`
	After  Outcome `json:"after"`
}

// Replay replays an account's stream up to an instant, as it was and under
// the terms. It reads the stream three times and keeps only its card payments.
func Replay(ctx context.Context, store eventstore.Store, c *codec.Codec, stream string, until time.Time, terms Terms) (*Policy, error) {
	p := &Policy{To: until}
	cards := &cardHistory{}
	err := read(ctx, store, c, stream, cardTypes(), func(m codec.Metadata, e domain.Event) error {
		if opened, ok := e.(*domain.AccountOpened); ok {
			p.PartnerID, p.Currency, p.From = opened.PartnerID, opened.Currency, opened.OpenedAt
			return nil
		}
		if !m.RecordedAt.After(until) {
			cards.add(m.RecordedAt, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if p.PartnerID == "" {
		return nil, domain.Reject(domain.UnknownAccount, "There is no such account: correct the partner id.")
	}
	p.Actual = len(cards.tries)
	cards.tries = slices.DeleteFunc(cards.tries, func(t try) bool { return t.unsettled })
	for _, run := range []struct {
		terms   Terms
		outcome *Outcome
	}{{Terms{}, &p.Before}, {terms, &p.After}} {
		r := newReplay(run.terms, cards)
		err := read(ctx, store, c, stream, nil, func(m codec.Metadata, e domain.Event) error {
			if m.RecordedAt.After(until) {
				return nil
			}
			return r.take(m, e)
		})
		if err == nil {
			err = r.finish(until)
		}
		if err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
		*run.outcome = r.outcome
	}
	return p, nil
}

func cardTypes() []string {
	return []string{domain.TypeAccountOpened, domain.TypeRechargeRequested, domain.TypeRechargeSucceeded, domain.TypeRechargeFailed}
}

// try is one real card payment.
type try struct {
	id        string
	at        time.Time
	took      time.Duration
	failed    bool
	code      string
	unsettled bool
}

// cardHistory is how the account's card payments ended.
type cardHistory struct{ tries []try }

func (h *cardHistory) add(at time.Time, e domain.Event) {
	switch e := e.(type) {
	case *domain.RechargeRequested:
		h.tries = append(h.tries, try{id: e.RechargeID, at: at, unsettled: true})
	case *domain.RechargeSucceeded:
		h.settle(e.RechargeID, at, false, "")
	case *domain.RechargeFailed:
		h.settle(e.RechargeID, at, true, e.Code)
	}
}

func (h *cardHistory) settle(id string, at time.Time, failed bool, code string) {
	for i := len(h.tries) - 1; i >= 0; i-- {
		if t := &h.tries[i]; t.id == id && t.unsettled {
			t.took, t.failed, t.code, t.unsettled = at.Sub(t.at), failed, code, false
			return
		}
	}
}

// at is how a card payment asked for at the instant ends: as the real one of
// that instant, the nth from 0 where there were several, else as the last one
// before, else as the first one.
// Only settled ones are left in tries, in order of time.
func (h *cardHistory) at(instant time.Time, nth int) try {
	i, found := slices.BinarySearchFunc(h.tries, instant, func(t try, at time.Time) int { return t.at.Compare(at) })
	switch {
	case found:
		for ; nth > 0 && i+1 < len(h.tries) && h.tries[i+1].at.Equal(instant); nth-- {
			i++
		}
		return h.tries[i]
	case i > 0:
		return h.tries[i-1]
	case len(h.tries) > 0:
		return h.tries[0]
	}
	return try{}
}
