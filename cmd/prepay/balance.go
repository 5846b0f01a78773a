package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
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

// Run runs the command.
func (c *balanceCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		all, err := a.Accounts(ctx, c.Partner)
		if err != nil {
			return err
		}
		lines := []desk.BalanceLine{}
		for _, account := range all {
			line, err := a.Balance(ctx, &account.State.Funds, c.at())
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

// at is the instant that is asked for.
func (c *balanceCmd) at() desk.AsOf {
	switch {
	case c.Recorded != nil:
		return desk.AsOf{Recorded: c.Recorded.Time}
	case c.Happened != nil:
		return desk.AsOf{Happened: c.Happened.Time}
	}
	return desk.AsOf{}
}
