package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/consumers/forecast"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
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

// forecastLine is an account's forecast for people and machines.
type forecastLine struct {
	PartnerID string         `json:"partner_id"`
	Currency  money.Currency `json:"currency"`
	Balance   money.Amount   `json:"balance"`
	Mark      money.Amount   `json:"threshold_amount"`
	forecast.Forecast
}

// Run runs the command.
func (c *accountForecastCmd) Run(ctx context.Context, g *globals) error {
	if c.All == (c.Partner != "") {
		return errors.New("name a partner, or --all")
	}
	return g.read(ctx, func(a *app) error {
		found, err := a.accounts(ctx, c.Partner)
		if err != nil {
			return err
		}
		lines := []forecastLine{}
		for _, account := range found {
			if account.State.Closed && c.All {
				continue
			}
			l, err := a.forecast(account)
			if err != nil {
				return err
			}
			lines = append(lines, l)
		}
		forecast.Sort(lines, func(l *forecastLine) (*forecast.Forecast, string) { return &l.Forecast, l.PartnerID })
		return g.print(lines, func(w io.Writer) { writeForecasts(w, lines) })
	})
}

// forecast makes an account's forecast.
func (a *app) forecast(account *accounts.Account) (forecastLine, error) {
	s := account.State
	l := forecastLine{PartnerID: s.PartnerID, Currency: s.Currency, Balance: s.Balance, Mark: s.Settings.Threshold}
	sums, err := a.views.usage.Days(s.PartnerID)
	if err != nil {
		return l, err
	}
	in := forecast.Input{Now: a.ledger.Now(), Balance: s.Balance, Threshold: s.Settings.Threshold}
	for i := range sums {
		_, amount := sums[i].Net()
		in.Days = append(in.Days, forecast.Day{Day: sums[i].Day, Amount: amount})
	}
	l.Forecast = forecast.Of(in)
	return l, nil
}

func writeForecasts(w io.Writer, lines []forecastLine) {
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
