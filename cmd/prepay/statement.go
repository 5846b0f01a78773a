package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain/money"
)

// statementCmd shows what moved an account's balance in a month.
type statementCmd struct {
	Partner string       `arg:"" help:"Partner id."`
	Month   billingMonth `help:"Month (UTC), such as 2026-10." required:""`
	By      string       `help:"What the usage is broken down by." enum:"waba,channel,market,category,day" default:"category"`
	CSV     bool         `help:"Write movements and usage as CSV."`
	PDF     string       `name:"pdf" help:"Write the partner's month-end statement to this file as PDF; - is the standard output." placeholder:"FILE"`
	XLSX    string       `name:"xlsx" help:"Write it as workbook with formulas and charts." placeholder:"FILE"`
	FullCSV string       `name:"full-csv" help:"Write it as CSV, with everything that the PDF and the workbook have." placeholder:"FILE"`
	issuerFlags
}

// Help implements kong.HelpProvider.
func (*statementCmd) Help() string {
	return `Shows the balance at the start and the end of a calendar month (UTC, by when it
was recorded), what moved it in between, and the month's usage. Usage is
estimated until the month is reconciled.

  prepay statement PA-1001 --month 2026-10 --by market
  prepay statement PA-1001 --month 2026-10 --csv > october.csv

The month-end statement for the partner adds the usage by WABA, market and
category beside what Meta invoiced, every desk.Movement, charts, and how all of it
ties with the ledger's events:

  prepay statement PA-1001 --month 2026-10 --pdf october.pdf --xlsx october.xlsx`
}

// Run runs the command.
func (c *statementCmd) Run(ctx context.Context, g *globals) error {
	if c.PDF != "" || c.XLSX != "" || c.FullCSV != "" {
		return c.monthEnd(ctx, g)
	}
	s, err := ask(ctx, g,
		func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			by := apiclient.GetStatementParamsBy(c.By)
			return r.GetStatement(ctx, c.Partner, string(c.Month.Month), &apiclient.GetStatementParams{By: &by})
		},
		func(a *desk.Desk) (*desk.Statement, error) { return a.Statement(ctx, c.Partner, c.Month.Month, c.By) })
	if err != nil {
		return err
	}
	if c.CSV {
		return writeStatementCSV(g.Stdout, s, c.By)
	}
	return g.print(s, func(w io.Writer) { writeStatement(w, s, c.By) })
}

func writeStatement(w io.Writer, s *desk.Statement, by string) {
	t := newTable(s.PartnerID+", "+string(s.Month), "count", "amount")
	t.AppendRow(table.Row{"opening balance", "", shown(s.Opening, s.Currency)})
	for _, m := range s.Movements {
		t.AppendRow(table.Row{m.Kind, m.Count, shown(m.Amount, s.Currency)})
	}
	t.AppendRow(table.Row{"closing balance", "", shown(s.Closing, s.Currency)})
	fmt.Fprintln(w, t.Render())
	if len(s.Usage) == 0 {
		return
	}
	u := newTable("usage by "+by, "charged", "amount", "at no cost")
	for _, l := range s.Usage {
		u.AppendRow(table.Row{l.Label, l.Count, shown(l.Amount, s.Currency), l.FreeCount})
	}
	fmt.Fprintf(w, "\n%s\n", u.Render())
	if s.Estimated {
		fmt.Fprintln(w, "Usage is estimated: the month is not reconciled.")
	}
}

func writeStatementCSV(w io.Writer, s *desk.Statement, by string) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"partner_id", "month", "kind", "label", "count", "amount", "currency"}}
	row := func(kind, label, count string, amount money.Amount) {
		rows = append(rows, []string{s.PartnerID, string(s.Month), kind, label, count, amount.String(), string(s.Currency)})
	}
	row("opening balance", "", "", s.Opening)
	for _, m := range s.Movements {
		row(m.Kind, "", fmt.Sprint(m.Count), m.Amount)
	}
	row("closing balance", "", "", s.Closing)
	usage := "usage by " + by
	if s.Estimated {
		usage = "estimated " + usage
	}
	for _, l := range s.Usage {
		row(usage, l.Label, fmt.Sprint(l.Count), l.Amount)
	}
	return out.WriteAll(rows)
}
