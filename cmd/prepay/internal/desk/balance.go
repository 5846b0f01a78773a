package desk

import (
	"context"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// BalanceLine is one account's balance.
type BalanceLine struct {
	PartnerID   string         `json:"partner_id"`
	Currency    money.Currency `json:"currency"`
	Balance     money.Amount   `json:"balance"`
	AmountDue   money.Amount   `json:"amount_due"`
	AsOf        string         `json:"as_of"`
	Published   *money.Amount  `json:"published,omitempty"`
	PublishedAt *time.Time     `json:"published_at,omitempty"`
}

// past sets the balance to that of an instant, by one of the events' times
// (R35).
func (d *Desk) past(ctx context.Context, l *BalanceLine, until time.Time, timeOf func(*codec.Metadata) time.Time) error {
	l.Balance, l.AmountDue = money.Zero(), money.Zero()
	err := d.Fold(ctx, ledger.AccountStream(l.PartnerID), func(_ eventstore.Recorded, m codec.Metadata, e domain.Event) error {
		if !timeOf(&m).After(until) {
			l.Balance = l.Balance.Add(domain.Effect(e))
		}
		return nil
	})
	if l.Balance.Sign() < 0 {
		l.AmountDue = l.Balance.Neg()
	}
	return err
}

// AsOf is the instant of a balance (R35). The zero AsOf is now.
type AsOf struct {
	// Recorded is when its events were recorded, at the latest.
	Recorded time.Time
	// Happened is when what they are about occurred, at the latest: late
	// records included.
	Happened time.Time
}

// Balance returns an account's balance, and with a zero AsOf the one published
// at the last 00:00 UTC (R33).
func (d *Desk) Balance(ctx context.Context, s *domain.Funds, at AsOf) (BalanceLine, error) {
	l := BalanceLine{PartnerID: s.PartnerID, Currency: s.Currency, Balance: s.Balance, AmountDue: s.AmountDue(), AsOf: "now"}
	switch {
	case !at.Recorded.IsZero():
		l.AsOf = "recorded at " + at.Recorded.Format(time.RFC3339Nano)
		err := d.past(ctx, &l, at.Recorded, func(m *codec.Metadata) time.Time { return m.RecordedAt })
		return l, err
	case !at.Happened.IsZero():
		l.AsOf = "happened by " + at.Happened.Format(time.RFC3339Nano)
		err := d.past(ctx, &l, at.Happened, func(m *codec.Metadata) time.Time { return m.OccurredAt })
		return l, err
	}
	published, ok, err := d.Views.Daily.Get(s.PartnerID, s.NextDaily.Add(-domain.Day))
	if ok {
		l.Published, l.PublishedAt = &published.Balance, &published.Day
	}
	return l, err
}
