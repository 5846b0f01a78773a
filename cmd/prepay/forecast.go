package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/forecast"
)

// accountForecastCmd says when balances will have run out.
type accountForecastCmd struct {
	Partner string `arg:"" optional:"" help:"Partner id."`
	All     bool   `help:"All accounts, the most urgent first."`
}

// Help implements kong.HelpProvider.
func (*accountForecastCmd) Help() string {
	return `Says when the balance is expected to be at the threshold and at zero, if it is used
as in the last four weeks, by the days of the week, and nothing is credited. Earliest
and latest are by the quartiles of the days. What is further away than 90 days is not
in sight.

  prepay account forecast PA-1001
  prepay account forecast --all --json`
}

// Run runs the command.
func (c *accountForecastCmd) Run(ctx context.Context, g *globals) error {
	if c.All == (c.Partner != "") {
		return errors.New("name a partner, or --all")
	}
	return g.read(ctx, func(a *desk.Desk) error {
		found, err := a.Accounts(ctx, c.Partner)
		if err != nil {
			return err
		}
		lines := []desk.ForecastLine{}
		for _, account := range found {
			if account.State.Closed && c.All {
				continue
			}
			l, err := a.Forecast(account)
			if err != nil {
				return err
			}
			lines = append(lines, l)
		}
		forecast.Sort(lines, func(l *desk.ForecastLine) (*forecast.Forecast, string) { return &l.Forecast, l.PartnerID })
		return g.print(lines, func(w io.Writer) { writeForecasts(w, lines) })
	})
}

func writeForecasts(w io.Writer, lines []desk.ForecastLine) {
	t := newTable("account", "balance", "a week costs", "at the threshold", "at zero", "at zero, earliest to latest")
	for i := range lines {
		l := &lines[i]
		week := shown(l.Week.Expected.RoundHalfUp(l.Currency.Decimals()), l.Currency)
		spread := ""
		switch {
		case l.Reason == forecast.TooLittleHistory:
			week = "in use for less than a week"
		case l.Reason == forecast.NoConsumption:
			week = "nothing was used in four weeks"
		case !l.Zero.Reached && l.Zero.Earliest != nil:
			spread = when(l.Zero.Earliest) + " to " + when(l.Zero.Latest)
		}
		t.AppendRow(table.Row{l.PartnerID, shown(l.Balance, l.Currency), week, mark(&l.Threshold), mark(&l.Zero), spread})
	}
	fmt.Fprintln(w, t.Render())
}

// mark says when a mark is reached.
func mark(i *forecast.Instants) string {
	if i.Reached {
		return "now"
	}
	return when(i.Expected)
}

func when(t *time.Time) string {
	if t == nil {
		return "not in sight"
	}
	return t.Format("2006-01-02 15:04")
}
