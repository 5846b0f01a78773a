package main

import (
	"context"
	"errors"
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
	Partner  string `arg:"" optional:"" help:"Partner id; default all accounts."`
	Recorded string `help:"The balance as recorded at this instant." name:"as-recorded-at" placeholder:"INSTANT" xor:"past"`
	Happened string `help:"The balance as it happened by this instant, late records included." name:"as-happened-by" placeholder:"INSTANT" xor:"past"`
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
		if err := a.ledger.AdvanceAll(ctx); err != nil {
			return err
		}
		if err := a.ledger.Settle(ctx); err != nil {
			return err
		}
		partners := a.views.accounts.Partners()
		if c.Partner != "" {
			if !a.ledger.Exists(c.Partner) {
				return domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: see prepay account list.", c.Partner)
			}
			partners = []string{c.Partner}
		}
		var lines []balanceLine
		for _, p := range partners {
			line, err := c.line(ctx, a, p)
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

func (c *balanceCmd) line(ctx context.Context, a *app, partner string) (balanceLine, error) {
	if c.Recorded != "" || c.Happened != "" {
		return c.past(ctx, a, partner)
	}
	account, err := a.views.accounts.Get(partner)
	if err != nil {
		return balanceLine{}, err
	}
	s := account.State
	l := balanceLine{PartnerID: partner, Currency: s.Currency, Balance: s.Balance, AmountDue: s.AmountDue(), AsOf: "now"}
	published, ok, err := a.views.daily.Get(partner, s.NextDaily.Add(-domain.Day))
	if ok {
		l.Published, l.PublishedAt = &published.Balance, &published.Day
	}
	return l, err
}

// past folds the account's stream up to an instant, by either of its times.
func (c *balanceCmd) past(ctx context.Context, a *app, partner string) (balanceLine, error) {
	text := c.Recorded + c.Happened
	instant, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return balanceLine{}, fmt.Errorf("%.60q is not an instant: write it like 2026-10-15T12:00:00Z", text)
	}
	l := balanceLine{PartnerID: partner, AsOf: "recorded at " + text}
	if c.Happened != "" {
		l.AsOf = "happened by " + text
	}
	err = a.fold(ctx, ledger.AccountStream(partner), func(_ eventstore.Recorded, m codec.Metadata, e domain.Event) error {
		if opened, ok := e.(*domain.AccountOpened); ok {
			l.Currency = opened.Currency
		}
		at := m.RecordedAt
		if c.Happened != "" {
			at = m.OccurredAt
		}
		if !at.After(instant) {
			l.Balance = l.Balance.Add(domain.Effect(e))
		}
		return nil
	})
	if l.Balance.Sign() < 0 {
		l.AmountDue = l.Balance.Neg()
	}
	return l, err
}

// fold reads a stream's events in order.
func (a *app) fold(ctx context.Context, stream string, each func(eventstore.Recorded, codec.Metadata, domain.Event) error) error {
	for r, err := range a.store.ReadStream(ctx, stream, 0, eventstore.Forwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return fmt.Errorf("there is no stream %.80q", stream)
		}
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
