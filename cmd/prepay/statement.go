package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections/usage"
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
category beside what Meta invoiced, every movement, charts, and how all of it
ties with the ledger's events:

  prepay statement PA-1001 --month 2026-10 --pdf october.pdf --xlsx october.xlsx`
}

// movement is one kind of movement of a month.
type movement struct {
	Kind   string       `json:"kind"`
	Count  int          `json:"count"`
	Amount money.Amount `json:"amount"`
}

// statement is an account's month.
type statement struct {
	PartnerID string         `json:"partner_id"`
	Month     domain.Month   `json:"month"`
	Currency  money.Currency `json:"currency"`
	Opening   money.Amount   `json:"opening_balance"`
	Movements []movement     `json:"movements"`
	Closing   money.Amount   `json:"closing_balance"`
	// Estimated says that the month is not reconciled yet (R31).
	Estimated bool         `json:"estimated"`
	Usage     []usage.Line `json:"usage"`
}

// Run runs the command.
func (c *statementCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *app) error {
		if c.PDF != "" || c.XLSX != "" || c.FullCSV != "" {
			return c.monthEnd(ctx, g, a)
		}
		s, err := c.statement(ctx, a, c.Month.Month)
		if err != nil {
			return err
		}
		if c.CSV {
			return s.writeCSV(g.Stdout, c.By)
		}
		return g.print(s, func(w io.Writer) { s.write(w, c.By) })
	})
}

// kindOf names the movement that an event is; empty for none.
func kindOf(e domain.Event) string {
	switch e := e.(type) {
	case *domain.AccountOpened:
		return "carried over"
	case *domain.ConversationCharged:
		return "conversations"
	case *domain.ChargeCorrected:
		return "taken back"
	case *domain.RechargeSucceeded:
		return "card payments"
	case *domain.PaymentConfirmed:
		return "confirmed payments"
	case *domain.ReconciliationAdjusted:
		return "month-end differences"
	case *domain.RefundIssued, *domain.RefundCancelled:
		return "refunds"
	case *domain.RefundPaidOut:
		if e.Debited.IsZero() {
			return ""
		}
		return "refunds"
	case *domain.RechargeReversed, *domain.RechargeReinstated:
		return "card payments taken back"
	default:
		return ""
	}
}

// kinds are the movements in the order of a statement.
var kinds = [...]string{"carried over", "conversations", "taken back", "card payments", "card payments taken back", "confirmed payments", "month-end differences", "refunds"}

func (c *statementCmd) statement(ctx context.Context, a *app, month domain.Month) (*statement, error) {
	if !a.ledger.Exists(c.Partner) {
		return nil, domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: see prepay account list.", c.Partner)
	}
	account, err := a.views.accounts.Get(c.Partner)
	if err != nil {
		return nil, err
	}
	s := &statement{PartnerID: c.Partner, Month: month, Currency: account.State.Currency}
	m := account.State.Months[month]
	s.Estimated = m == nil || m.Run == 0 || m.Open
	sums := map[string]*movement{}
	err = a.fold(ctx, ledger.AccountStream(c.Partner), func(_ eventstore.Recorded, meta codec.Metadata, e domain.Event) error {
		kind, effect := kindOf(e), domain.Effect(e)
		at := domain.MonthOf(meta.RecordedAt, time.UTC)
		if kind == "" || at > month {
			return nil
		}
		s.Closing = s.Closing.Add(effect)
		if at < month {
			s.Opening = s.Opening.Add(effect)
			return nil
		}
		if sums[kind] == nil {
			sums[kind] = &movement{Kind: kind}
		}
		sums[kind].Count++
		sums[kind].Amount = sums[kind].Amount.Add(effect)
		return nil
	})
	for _, k := range kinds {
		if sums[k] != nil {
			s.Movements = append(s.Movements, *sums[k])
		}
	}
	if err == nil {
		s.Usage, err = c.usage(a, month)
	}
	return s, err
}

// usage breaks the billing month's usage down.
func (c *statementCmd) usage(a *app, month domain.Month) ([]usage.Line, error) {
	if c.By == "day" {
		days, err := a.views.usage.Days(c.Partner)
		if err != nil {
			return nil, err
		}
		return usage.ByDay(days, month), nil
	}
	rows, err := a.views.usage.Month(c.Partner, month)
	if err != nil {
		return nil, err
	}
	return usage.Breakdown(rows, func(r *usage.Row) string {
		switch c.By {
		case "waba":
			return r.WABAID
		case "channel":
			return r.ChannelID
		case "market":
			return r.Market
		default:
			return r.Category
		}
	}), nil
}

func (s *statement) write(w io.Writer, by string) {
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

func (s *statement) writeCSV(w io.Writer, by string) error {
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
