package gatestate

import (
	"maps"
	"slices"
	"time"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/outbound"
	"prepayledger/domain"
)

// touched is what a batch of changes did to one account.
type touched struct {
	account *domain.Account
	last    place
	// flip is where the account was last blocked or unblocked in the batch,
	// since when and with which text; nil if it wasn't.
	flip  *place
	since time.Time
	text  string
	// own are the channels that were registered or cancelled.
	own map[string]ownChange
}

// ownChange is a change of one channel alone.
type ownChange struct {
	at    place
	since time.Time
}

// plan makes the values that follow from a batch: the last state of every
// account that it touches, and of every channel whose state changed.
func plan(changes []outbound.Change, provider string) (channels []value, accounts []*account) {
	byPartner := map[string]*touched{}
	var order []*touched
	for i := range changes {
		c := &changes[i]
		if c.Account == nil {
			continue
		}
		t := byPartner[c.PartnerID]
		if t == nil {
			t = &touched{account: c.Account, own: map[string]ownChange{}}
			byPartner[c.PartnerID] = t
			order = append(order, t)
		}
		t.add(c, provider)
	}
	for _, t := range order {
		channels = append(channels, t.channels(gate.BlockedText(provider))...)
		a := newAccount(&t.account.Funds, t.since, t.last)
		a.flipped = t.flip != nil
		accounts = append(accounts, a)
	}
	return channels, accounts
}

// add takes one change.
func (t *touched) add(c *outbound.Change, provider string) {
	at := place{c.Revision, c.Position, c.Meta.RecordedAt}
	t.last = at
	switch e := c.Event.(type) {
	case *domain.ChannelRegistered:
		t.own[e.ChannelID] = ownChange{at, c.Meta.OccurredAt}
	case *domain.ChannelCancelled:
		t.own[e.ChannelID] = ownChange{at, e.CancelledAt}
	case *domain.AccountBlocked:
		if !c.Before.Blocked() {
			t.flip, t.since, t.text = &at, e.EffectiveAt, e.Text
			if t.text == "" {
				t.text = gate.BlockedText(provider)
			}
		}
	case *domain.AccountUnblocked:
		if c.Before.Blocked() && !c.After.Blocked() {
			t.flip, t.since, t.text = &at, e.EffectiveAt, ""
		}
	}
}

// channels returns the states of the channels that changed. A block is of all
// channels, direct ones too; a cancelled one stays cancelled (R20).
func (t *touched) channels(defaultText string) (values []value) {
	if t.flip == nil && len(t.own) == 0 {
		return nil // as it is with charges
	}
	for _, id := range slices.Sorted(maps.Keys(t.account.Channels)) {
		c := t.account.Channels[id]
		own, changed := t.own[id]
		if t.flip != nil && c.CancelledAt.IsZero() && !(changed && t.flip.position.Before(own.at.position)) {
			values = append(values, newChannel(t.account, c, t.since, t.text, *t.flip))
		} else if changed {
			values = append(values, newChannel(t.account, c, own.since, defaultText, own.at))
		}
	}
	return values
}
