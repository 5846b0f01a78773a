package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// balanceCmd shows balances.
type balanceCmd struct {
	Partner  string   `arg:"" optional:"" help:"Partner id; default all accounts."`
	Recorded *instant `help:"The balance as recorded at this instant." name:"as-recorded-at" placeholder:"INSTANT" xor:"past"`
	Happened *instant `help:"The balance as it happened by this instant, late records included." name:"as-happened-by" placeholder:"INSTANT" xor:"past"`
}

// Help implements kong.HelpProvider.
func (*balanceCmd) Help() string {
	return `Shows the live balance and the one published at the last 00:00 UTC (R33), or
any past one (R35).

  prepay balance
  prepay balance PA-1001 --json
  prepay balance PA-1001 --as-recorded-at 2026-10-15T12:00:00Z`
}

// balanceLine is one account's balance.
type balanceLine struct {
	PartnerID   string         `json:"partner_id"`
	Currency    money.Currency `json:"currency"`
	Balance     money.Amount   `json:"balance"`
	AmountDue   money.Amount   `json:"amount_due"`
	AsOf        string         `json:"as_of"`
	Published   *money.Amount  `json:"published,omitempty"`
	PublishedAt *time.Time     `json:"published_at,omitempty"`
}

// Run runs the command.
func (c *balanceCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *app) error {
		all, err := a.accounts(ctx, c.Partner)
		if err != nil {
			return err
		}
		lines := []balanceLine{}
		for _, account := range all {
			line, err := c.line(ctx, a, account.State)
			if err != nil {
				return err
			}
			lines = append(lines, line)
		}
		return g.print(lines, func(w io.Writer) {
			t := newTable("account", "balance", "amount due", "as of", "published")
			for _, l := range lines {
				published := ""
				if l.Published != nil {
					published = shown(*l.Published, l.Currency) + " at " + l.PublishedAt.Format(time.RFC3339)
				}
				t.AppendRow(table.Row{l.PartnerID, shown(l.Balance, l.Currency), shown(l.AmountDue, l.Currency), l.AsOf, published})
			}
			fmt.Fprintln(w, t.Render())
		})
	})
}

func (c *balanceCmd) line(ctx context.Context, a *app, s *domain.Account) (balanceLine, error) {
	l := balanceLine{PartnerID: s.PartnerID, Currency: s.Currency, Balance: s.Balance, AmountDue: s.AmountDue(), AsOf: "now"}
	switch {
	case c.Recorded != nil:
		l.AsOf = "recorded at " + c.Recorded.Format(time.RFC3339Nano)
		err := a.past(ctx, &l, c.Recorded.Time, func(m *codec.Metadata) time.Time { return m.RecordedAt })
		return l, err
	case c.Happened != nil:
		l.AsOf = "happened by " + c.Happened.Format(time.RFC3339Nano)
		err := a.past(ctx, &l, c.Happened.Time, func(m *codec.Metadata) time.Time { return m.OccurredAt })
		return l, err
	}
	published, ok, err := a.views.daily.Get(s.PartnerID, s.NextDaily.Add(-domain.Day))
	if ok {
		l.Published, l.PublishedAt = &published.Balance, &published.Day
	}
	return l, err
}

// past sets the balance to that of an instant, by one of the events' times
// (R35).
func (a *app) past(ctx context.Context, l *balanceLine, until time.Time, timeOf func(*codec.Metadata) time.Time) error {
	l.Balance, l.AmountDue = money.Zero(), money.Zero()
	err := a.fold(ctx, ledger.AccountStream(l.PartnerID), func(_ eventstore.Recorded, m codec.Metadata, e domain.Event) error {
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

// fold reads a stream's events in order.
func (a *app) fold(ctx context.Context, stream string, each func(eventstore.Recorded, codec.Metadata, domain.Event) error) error {
	for r, err := range a.store.ReadStream(ctx, stream, 0, eventstore.Forwards) {
		if err != nil {
			return err
		}
		m, e, err := a.event(r)
		if err != nil {
			return err
		}
		if err := each(r, m, e); err != nil {
			return fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
	}
	return nil
}

// event decodes a recorded event.
func (a *app) event(r eventstore.Recorded) (codec.Metadata, domain.Event, error) {
	m, err := codec.DecodeMetadata(r.Metadata)
	if err != nil {
		return m, nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
	}
	e, err := a.views.codec.Decode(r.Type, m.Version, r.Data)
	if err != nil {
		return m, nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
	}
	return m, e, nil
}
