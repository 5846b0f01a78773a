package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
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
	lines, err := c.lines(ctx, g)
	if err != nil {
		return err
	}
	return g.print(lines, func(w io.Writer) { writeForecasts(w, lines) })
}

// lines are the forecasts that are asked for, the most urgent first.
func (c *accountForecastCmd) lines(ctx context.Context, g *globals) ([]desk.ForecastLine, error) {
	if g.Server != "" {
		return c.remoteLines(ctx, g)
	}
	return ask(ctx, g, nil, func(a *desk.Desk) ([]desk.ForecastLine, error) {
		found, err := a.Accounts(ctx, c.Partner)
		if err != nil {
			return nil, err
		}
		if c.All {
			return a.Forecasts(ctx, func(string) bool { return true })
		}
		line, err := a.Forecast(found[0])
		return []desk.ForecastLine{line}, err
	})
}

// remoteLines asks for one forecast, or for the most urgent ones.
func (c *accountForecastCmd) remoteLines(ctx context.Context, g *globals) ([]desk.ForecastLine, error) {
	if !c.All {
		line, err := ask[desk.ForecastLine](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.GetForecast(ctx, c.Partner, nil)
		}, nil)
		return []desk.ForecastLine{line}, err
	}
	all, err := ask[httpapi.Forecasts](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
		return r.ListForecasts(ctx, &apiclient.ListForecastsParams{Limit: pageSize()})
	}, nil)
	if err == nil && all.Total > len(all.Items) {
		fmt.Fprintf(g.Stderr, "prepay: a server lists the %d most urgent of %d accounts: name the others one by one.\n", len(all.Items), all.Total)
	}
	return all.Items, err
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
