package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/journal"
)

// exportJournalCmd writes the double entry of the log.
type exportJournalCmd struct {
	Month   *billingMonth `help:"Only entries recorded in this month (UTC), such as 2026-10." placeholder:"MONTH"`
	Partner string        `help:"Only the lines of this partner."`
	CSV     bool          `help:"Write every line as CSV."`
}

// Help implements kong.HelpProvider.
func (*exportJournalCmd) Help() string {
	return `Double entry of everything that was recorded: --csv and --json write one line per
booked line, in the order of the log; without them the trial balance is shown.
An entry belongs to the month in which it was recorded (UTC), so that a month
that is over never changes; billing_month says which month of Meta it is about.

  prepay export journal --month 2026-10
  prepay export journal --month 2026-10 --csv > october-journal.csv`
}

// Run runs the command.
func (c *exportJournalCmd) Run(ctx context.Context, g *globals) error {
	if g.Server != "" {
		return c.remote(ctx, g)
	}
	return g.read(ctx, func(a *desk.Desk) error {
		wanted := desk.JournalWanted{PartnerID: c.Partner}
		if c.Month != nil {
			wanted.Month = c.Month.Month
		}
		write, flush := c.writer(g)
		trial, err := a.Journal(ctx, wanted, write)
		if err = errors.Join(err, flush()); err != nil || c.CSV || g.JSON {
			return err
		}
		writeTrial(g.Stdout, trial)
		return nil
	})
}

// remote gets the journal as CSV: a server gives no trial balance.
func (c *exportJournalCmd) remote(ctx context.Context, g *globals) error {
	if !c.CSV {
		return fmt.Errorf("a server gives the journal as CSV: add --csv, or leave --server out")
	}
	query := url.Values{}
	if c.Month != nil {
		query.Set("month", string(c.Month.Month))
	}
	if c.Partner != "" {
		query.Set("partner_id", c.Partner)
	}
	return g.download(ctx, "/v1/journal.csv?"+query.Encode(), g.Stdout)
}

// writer writes lines as they come.
func (c *exportJournalCmd) writer(g *globals) (write func(*desk.JournalLine) error, flush func() error) {
	switch {
	case g.JSON:
		return func(l *desk.JournalLine) error { return writeJSON(g.Stdout, l) }, func() error { return nil }
	case !c.CSV:
		return func(*desk.JournalLine) error { return nil }, func() error { return nil }
	}
	return desk.JournalCSV(g.Stdout)
}

func writeTrial(w io.Writer, trial *journal.Trial) {
	t := newTable("account", "opening", "debit", "credit", "closing")
	for _, b := range trial.Balances() {
		t.AppendRow(table.Row{b.Account, shown(b.Opening, b.Currency), shown(b.Debit, b.Currency), shown(b.Credit, b.Currency), shown(b.Closing, b.Currency)})
	}
	fmt.Fprintln(w, t.Render())
	for c, total := range trial.Totals() {
		if !total.IsZero() {
			fmt.Fprintf(w, "%s does not balance: it is off by %s. This is an error of prepay.\n", c, total)
			return
		}
	}
	fmt.Fprintln(w, "Debits are positive, credits negative. Every currency sums to zero.")
}
