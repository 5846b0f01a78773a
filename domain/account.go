// Package domain holds the rules of the prepayment balance: the account's
// state, the commands that it takes, the events that it raises, and nothing
// that reads a clock, a file or a random number.
//
// Decide answers a command with events or a Rejection and changes nothing;
// Account.Apply folds an event into the state. Both are pure: the same input
// gives the same output, for ever. Rule numbers such as R8 refer to
// docs/rules.md.
package domain

import (
	"time"

	"prepayledger/domain/money"
)

// Limits in time that the rules set.
const (
	// MaxClockSkew is how far ahead of the recording a charge may have
	// occurred (R10): 5 minutes.
	MaxClockSkew = 5 * time.Minute
	// MaxChargeAgeMonths is how many months old a charge may be (R10).
	MaxChargeAgeMonths = 13
	// RetryAfter is the time from a failed attempt to the next (R17): 24 h.
	RetryAfter = 24 * time.Hour
	// Day is the unit of the grace period (R20): 24 h.
	Day = 24 * time.Hour
)

// Funds are the account's figures and switches: everything that an event can
// change apart from the collections of Account. It is a plain value, so that
// a decision can work on a copy.
type Funds struct {
	PartnerID string           `json:"partner_id"`
	Currency  money.Currency   `json:"currency"`
	Contract  Contract         `json:"contract"`
	Settings  RechargeSettings `json:"settings"`
	Card      string           `json:"card"`
	// Billing says whom invoices are made out to; nil until it is given. What
	// it points to is never changed.
	Billing *BillingDetails `json:"billing,omitempty"`
	Balance money.Amount    `json:"balance"`
	Opened  bool            `json:"opened"`
	Closed  bool            `json:"closed,omitempty"`
	// InitialPending says that the opening's minimum was not reached and no
	// payment was credited yet (R2).
	InitialPending bool `json:"initial_pending,omitempty"`
	// NegativeSince and BlockDeadline are zero while the balance is not
	// negative (R20).
	NegativeSince time.Time `json:"negative_since,omitzero"`
	BlockDeadline time.Time `json:"block_deadline,omitzero"`
	// OverdueBlock and ManualBlock may both stand (R23).
	OverdueBlock bool `json:"overdue_block,omitempty"`
	ManualBlock  bool `json:"manual_block,omitempty"`
	// InFlight is the card payment without outcome (R13); nil if none.
	InFlight *RechargeRequested `json:"in_flight,omitempty"`
	// RetryAt is when a failed recharge is tried again (R17); zero if never.
	RetryAt time.Time `json:"retry_at,omitzero"`
	// RechargeCount and InvoiceCount number recharges and invoices (R13, R15).
	RechargeCount int `json:"recharge_count,omitempty"`
	InvoiceCount  int `json:"invoice_count,omitempty"`
	// RefundCount and CreditNoteCount number refunds and credit notes (R36).
	RefundCount     int `json:"refund_count,omitempty"`
	CreditNoteCount int `json:"credit_note_count,omitempty"`
	// NextDaily is the next 00:00 UTC whose balance is to be published (R33).
	NextDaily time.Time `json:"next_daily,omitzero"`
}

// Channel is one hosted number (R5).
type Channel struct {
	ChannelRegistered
	// CancelledAt is zero while the channel lives.
	CancelledAt time.Time `json:"cancelled_at,omitzero"`
	// Zone is the WABA's time zone, UTC where none was given.
	Zone *time.Location `json:"-"`
}

// RechargeStatus is how a card payment ended.
type RechargeStatus string

const (
	// RechargeIsInFlight has no outcome yet.
	RechargeIsInFlight RechargeStatus = "in_flight"
	// RechargeIsCredited succeeded.
	RechargeIsCredited RechargeStatus = "succeeded"
	// RechargeIsFailed failed.
	RechargeIsFailed RechargeStatus = "failed"
	// RechargeIsReversed was taken back by the bank (R36).
	RechargeIsReversed RechargeStatus = "reversed"
)

// MonthState is what the account knows of one of its billing months.
type MonthState struct {
	// Run is the newest run posted; 0 before the first.
	Run int `json:"run,omitempty"`
	// Charged is the sum of the month's charges less corrections.
	Charged money.Amount `json:"charged"`
	// Open says that charges or corrections are not part of it.
	Open bool `json:"open,omitempty"`
}

// Account is the state of one partner account, folded from its stream. What
// grows with the number of charges is not part of it: that is asked of Facts.
type Account struct {
	Funds
	// Channels by channel id; cancelled ones stay.
	Channels map[string]*Channel `json:"channels,omitempty"`
	// Recharges by recharge id.
	Recharges map[string]RechargeStatus `json:"recharges,omitempty"`
	// References of confirmed payments, each once (R22).
	References map[string]bool `json:"references,omitempty"`
	// Months by billing month.
	Months map[Month]*MonthState `json:"months,omitempty"`
	// Refunds through the processor by refund id (R36).
	Refunds map[string]*RefundState `json:"refunds,omitempty"`
	// Returned is what went back of card payments, by recharge id (R36).
	Returned map[string]*Returned `json:"returned,omitempty"`
	// Alerts say who is told by mail; nil is nobody.
	Alerts *AlertSettings `json:"alerts,omitempty"`
}

// NewAccount returns the state before the first event.
func NewAccount() *Account {
	return &Account{
		Channels:   map[string]*Channel{},
		Recharges:  map[string]RechargeStatus{},
		References: map[string]bool{},
		Months:     map[Month]*MonthState{},
		Refunds:    map[string]*RefundState{},
		Returned:   map[string]*Returned{},
	}
}

// LoadZones gives the channels what their JSON leaves out.
func (a *Account) LoadZones() error {
	for _, c := range a.Channels {
		zone, err := LoadZone(c.TimeZone)
		if err != nil {
			return err
		}
		c.Zone = zone
	}
	return nil
}

// Standing is the account's state in one word.
type Standing string

const (
	// Active: not negative, not blocked.
	Active Standing = "active"
	// Grace: negative, the clock of R20 runs.
	Grace Standing = "grace"
	// Blocked: no channel may send.
	Blocked Standing = "blocked"
	// Closed for ever.
	Closed Standing = "closed"
)

// Standing says how the account stands: closed before blocked before grace
// before active.
func (f *Funds) Standing() Standing {
	switch {
	case f.Closed:
		return Closed
	case f.Blocked():
		return Blocked
	case !f.NegativeSince.IsZero():
		return Grace
	default:
		return Active
	}
}

// Blocked reports whether either block stands.
func (f *Funds) Blocked() bool { return f.OverdueBlock || f.ManualBlock }

// BlockedReason is "overdue", "manual", "overdue+manual" or "" (R23).
func (f *Funds) BlockedReason() string {
	switch {
	case f.OverdueBlock && f.ManualBlock:
		return "overdue+manual"
	case f.OverdueBlock:
		return "overdue"
	case f.ManualBlock:
		return "manual"
	default:
		return ""
	}
}

// AmountDue is what the balance is below zero, else zero (R19).
func (f *Funds) AmountDue() money.Amount {
	if f.Balance.Sign() < 0 {
		return f.Balance.Neg()
	}
	return money.Zero()
}

// ChannelState is what a gateway needs to know of a channel.
type ChannelState string

const (
	// ChannelOpen may send.
	ChannelOpen ChannelState = "open"
	// ChannelBlocked cannot send until the account is unblocked (R20).
	ChannelBlocked ChannelState = "blocked"
	// ChannelIsOver was cancelled, for ever.
	ChannelIsOver ChannelState = "cancelled"
)

// ChannelState says whether the channel may send. Cancelled stays cancelled
// (R20).
func (a *Account) ChannelState(c *Channel) ChannelState {
	switch {
	case !c.CancelledAt.IsZero():
		return ChannelIsOver
	case a.Blocked():
		return ChannelBlocked
	default:
		return ChannelOpen
	}
}
