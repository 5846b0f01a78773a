package gatestate

import (
	"encoding/json"
	"time"

	"prepayledger/consumers/gate"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// channel is a value of prepay_channels.
type channel struct {
	gate.ChannelState
	position eventstore.Position
}

func (c *channel) key() string { return token(c.ChannelID) }

func (c *channel) slot() slot {
	bare := c.ChannelState
	bare.Revision, bare.Position, bare.UpdatedAt = 0, "", time.Time{}
	return slot{position: c.position, content: hash(bare), partner: c.PartnerID, state: c.State, since: c.Since}
}

func (c *channel) inherit(old slot) {
	if c.Since.IsZero() && old.partner == c.PartnerID && old.state == c.State {
		c.Since = old.since
	}
}

// readChannel implements reader.
func readChannel(text []byte) slot {
	var c channel
	var err error
	if err = json.Unmarshal(text, &c.ChannelState); err == nil {
		c.position, err = eventstore.ParsePosition(c.Position)
	}
	if err != nil {
		return slot{}
	}
	return c.slot()
}

// account is a value of prepay_accounts.
type account struct {
	gate.AccountState
	position eventstore.Position
	// flipped says that it was blocked or unblocked just now.
	flipped bool
}

func (a *account) key() string { return token(a.PartnerID) }

func (a *account) slot() slot {
	bare := a.AccountState
	bare.Revision, bare.Position, bare.UpdatedAt = 0, "", time.Time{}
	return slot{position: a.position, content: hash(bare), partner: a.PartnerID, standing: a.Standing, since: a.BlockedSince}
}

func (a *account) inherit(old slot) {
	if a.BlockedReason != "" && a.BlockedSince.IsZero() {
		a.BlockedSince = old.since
	}
}

// readAccount implements reader.
func readAccount(text []byte) slot {
	var a account
	var err error
	if err = json.Unmarshal(text, &a.AccountState); err == nil {
		a.position, err = eventstore.ParsePosition(a.Position)
	}
	if err != nil {
		return slot{}
	}
	return a.slot()
}

// place is where a value comes from.
type place struct {
	revision   eventstore.Revision
	position   eventstore.Position
	recordedAt time.Time
}

// newChannel makes a channel's value. text is what a blocked sender is told.
func newChannel(a *domain.Account, c *domain.Channel, since time.Time, text string, at place) *channel {
	s := gate.ChannelState{
		ChannelID: c.ChannelID, PartnerID: a.PartnerID, PhoneNumber: c.PhoneNumber,
		State: gate.State(a.ChannelState(c)), Since: since.UTC(), HTTPStatus: gate.StatusRefused,
		Revision: int64(at.revision), Position: at.position.String(), UpdatedAt: at.recordedAt.UTC(),
	}
	switch s.State {
	case gate.StateOpen:
		s.MaySend, s.HTTPStatus = true, gate.StatusOK
	case gate.StateBlocked:
		s.Text = text
	default:
		s.Text = gate.CancelledText
	}
	return &channel{s, at.position}
}

// newAccount makes an account's value. blockedSince is zero where it isn't
// known.
func newAccount(f *domain.Funds, blockedSince time.Time, at place) *account {
	s := gate.AccountState{
		PartnerID: f.PartnerID, Currency: string(f.Currency), Balance: f.Balance.String(),
		AmountDue: f.AmountDue().String(), Threshold: f.Settings.Threshold.String(), Standing: string(f.Standing()),
		NegativeSince: f.NegativeSince.UTC(), BlockDeadline: f.BlockDeadline.UTC(),
		BlockedReason: f.BlockedReason(), RetryAt: f.RetryAt.UTC(),
		Revision: int64(at.revision), Position: at.position.String(), UpdatedAt: at.recordedAt.UTC(),
	}
	if f.Blocked() {
		s.BlockedSince = blockedSince.UTC()
	}
	if f.InFlight != nil {
		s.RechargeInFlight = f.InFlight.RechargeID
	}
	return &account{AccountState: s, position: at.position}
}
