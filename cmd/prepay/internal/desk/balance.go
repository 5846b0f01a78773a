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
	PartnerID   string         `json:"partner_id" doc:"The account's partner id."`
	Currency    money.Currency `json:"currency" doc:"ISO 4217 code." example:"EUR"`
	Balance     money.Amount   `json:"balance" doc:"The balance; below zero something is due."`
	AmountDue   money.Amount   `json:"amount_due" doc:"What the balance is below zero, else zero (R19)."`
	AsOf        string         `json:"as_of" doc:"now, or which instant it is the balance of." example:"now"`
	Published   *money.Amount  `json:"published,omitempty" doc:"The balance published at the last 00:00 UTC (R33)."`
	PublishedAt *time.Time     `json:"published_at,omitempty" doc:"When it was published."`
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
	err := d.publish(&l, s.NextDaily)
	return l, err
}

// publish adds the balance published at the last 00:00 UTC.
func (d *Desk) publish(l *BalanceLine, nextDaily time.Time) error {
	published, ok, err := d.Views.Daily.Get(l.PartnerID, nextDaily.Add(-domain.Day))
	if ok {
		l.Published, l.PublishedAt = &published.Balance, &published.Day
	}
	return err
}

// LiveBalance returns an account's balance as the read models have it now, and
// the one published at the last 00:00 UTC (R33). It is cheap; see Live.
func (d *Desk) LiveBalance(partner string) (BalanceLine, error) {
	s, known := d.Views.Accounts.Funds(partner)
	if !known {
		return BalanceLine{}, notThere(partner)
	}
	l := BalanceLine{PartnerID: s.PartnerID, Currency: s.Currency, Balance: s.Balance, AmountDue: s.AmountDue(), AsOf: "now"}
	return l, d.publish(&l, s.NextDaily)
}

// DailyBalance is a balance as it was published (R33).
type DailyBalance struct {
	Day     string       `json:"day" format:"date" doc:"The day at whose 00:00 UTC it was published." example:"2026-10-02"`
	Balance money.Amount `json:"balance" doc:"The balance of all that was recorded before."`
}

// DailyBalances returns at most limit of an account's published balances, the
// newest first: those of days before the given one, or all for "".
func (d *Desk) DailyBalances(partner, before string, limit int) ([]DailyBalance, error) {
	all, err := d.Views.Daily.All(partner)
	days := []DailyBalance{}
	for i := len(all) - 1; i >= 0 && len(days) < limit; i-- {
		if day := all[i].Day.Format(time.DateOnly); before == "" || day < before {
			days = append(days, DailyBalance{day, all[i].Balance})
		}
	}
	return days, err
}
