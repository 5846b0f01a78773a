package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
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
	lines, err := c.lines(ctx, g)
	if err != nil {
		return err
	}
	return g.print(lines, func(w io.Writer) { writeBalances(w, lines) })
}

// lines are the balances that are asked for.
func (c *balanceCmd) lines(ctx context.Context, g *globals) ([]desk.BalanceLine, error) {
	if g.Server != "" {
		return c.remoteLines(ctx, g)
	}
	return ask(ctx, g, nil, func(a *desk.Desk) ([]desk.BalanceLine, error) {
		all, err := a.Accounts(ctx, c.Partner)
		if err != nil {
			return nil, err
		}
		lines := []desk.BalanceLine{}
		for _, account := range all {
			line, err := a.Balance(ctx, &account.State.Funds, c.at())
			if err != nil {
				return nil, err
			}
			lines = append(lines, line)
		}
		return lines, nil
	})
}

// remoteLines asks for one balance, for a page of balances after the other, or
// for each of the past.
func (c *balanceCmd) remoteLines(ctx context.Context, g *globals) (lines []desk.BalanceLine, err error) {
	at := c.at()
	if c.Partner == "" {
		lines, err = askAll[desk.BalanceLine](ctx, g, func(r *apiclient.ClientWithResponses, cursor *string) (*http.Response, error) {
			return r.ListBalances(ctx, &apiclient.ListBalancesParams{Limit: pageSize(), Cursor: cursor})
		}, nil)
		if err != nil || at == (desk.AsOf{}) {
			return lines, err
		}
	} else {
		lines = []desk.BalanceLine{{PartnerID: c.Partner}}
	}
	for i := range lines {
		partner := lines[i].PartnerID
		lines[i], err = ask[desk.BalanceLine](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.GetBalance(ctx, partner, &apiclient.GetBalanceParams{RecordedAt: instantOf(at.Recorded), HappenedBy: instantOf(at.Happened)})
		}, nil)
		if err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// instantOf is an instant as a parameter; nil for none.
func instantOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func writeBalances(w io.Writer, lines []desk.BalanceLine) {
	t := newTable("account", "balance", "amount due", "as of", "published")
	for _, l := range lines {
		published := ""
		if l.Published != nil {
			published = shown(*l.Published, l.Currency) + " at " + l.PublishedAt.Format(time.RFC3339)
		}
		t.AppendRow(table.Row{l.PartnerID, shown(l.Balance, l.Currency), shown(l.AmountDue, l.Currency), l.AsOf, published})
	}
	fmt.Fprintln(w, t.Render())
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
