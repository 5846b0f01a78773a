package desk

import (
	"context"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
)

// AccountLine is an account for people and machines.
type AccountLine struct {
	PartnerID     string          `json:"partner_id"`
	Currency      money.Currency  `json:"currency"`
	Balance       money.Amount    `json:"balance"`
	AmountDue     money.Amount    `json:"amount_due"`
	Standing      domain.Standing `json:"standing"`
	BlockedReason string          `json:"blocked_reason,omitempty"`
	NegativeSince *time.Time      `json:"negative_since,omitempty"`
	BlockDeadline *time.Time      `json:"block_deadline,omitempty"`
}

// LineOf is an account as it stands.
func LineOf(a *domain.Account) AccountLine {
	l := AccountLine{
		PartnerID: a.PartnerID, Currency: a.Currency, Balance: a.Balance, AmountDue: a.AmountDue(),
		Standing: a.Standing(), BlockedReason: a.BlockedReason(),
	}
	if !a.NegativeSince.IsZero() {
		l.NegativeSince, l.BlockDeadline = &a.NegativeSince, &a.BlockDeadline
	}
	return l
}

// Accounts returns the accounts, of one partner or, for "", of all, in order
// of partner id and as of now: what fell due is worked first.
func (d *Desk) Accounts(ctx context.Context, partner string) ([]*accounts.Account, error) {
	partners := d.Views.Accounts.Partners()
	if partner != "" {
		if !d.Ledger.Exists(partner) {
			return nil, unknown(partner)
		}
		partners = []string{partner}
	}
	now := d.Ledger.Now()
	for _, id := range partners {
		if err := d.Ledger.Advance(ctx, id, now); err != nil {
			return nil, err
		}
	}
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	all := make([]*accounts.Account, len(partners))
	for i, id := range partners {
		account, err := d.Views.Accounts.Get(id)
		if err != nil {
			return nil, err
		}
		all[i] = account
	}
	return all, nil
}

// AccountView is all that is shown of an account.
type AccountView struct {
	AccountLine
	Settings domain.RechargeSettings        `json:"settings"`
	Contract domain.Contract                `json:"contract"`
	Card     string                         `json:"card"`
	Figures  accounts.Figures               `json:"figures"`
	InFlight *domain.RechargeRequested      `json:"recharge_in_flight,omitempty"`
	RetryAt  *time.Time                     `json:"retry_at,omitempty"`
	Channels map[string]domain.ChannelState `json:"channels"`
	Invoices []domain.InvoiceIssued         `json:"invoices"`

	Refunds     []RefundLine              `json:"refunds,omitempty"`
	CreditNotes []domain.CreditNoteIssued `json:"credit_notes,omitempty"`
}

// Account shows an account as of now, and everything that was written.
func (d *Desk) Account(ctx context.Context, partner string) (*AccountView, error) {
	found, err := d.Accounts(ctx, partner)
	if err != nil {
		return nil, err
	}
	return d.ViewOf(found[0])
}

// ViewOf shows all of an account.
func (d *Desk) ViewOf(found *accounts.Account) (_ *AccountView, err error) {
	s := found.State
	v := &AccountView{
		AccountLine: LineOf(s), Settings: s.Settings, Contract: s.Contract, Card: s.Card, Figures: found.Figures,
		InFlight: s.InFlight, Channels: map[string]domain.ChannelState{}, Refunds: RefundLines(s),
	}
	if !s.RetryAt.IsZero() {
		v.RetryAt = &s.RetryAt
	}
	for id, c := range s.Channels {
		v.Channels[id] = s.ChannelState(c)
	}
	if v.Invoices, err = d.Views.Accounts.Invoices(s.PartnerID); err != nil {
		return nil, err
	}
	v.CreditNotes, err = d.Views.Accounts.CreditNotes(s.PartnerID)
	return v, err
}

// unknown says that there is no such account.
func unknown(partner string) error {
	return domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: correct the partner id.", partner)
}
