package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// monthCmd are the commands of a month's end.
type monthCmd struct {
	Preview monthPreviewCmd `cmd:"" help:"Compare a month with Meta's documents; records nothing."`
	Drift   monthDriftCmd   `cmd:"" help:"Compare the charges so far with Meta's pricing analytics; records nothing."`
	Propose monthProposeCmd `cmd:"" help:"Propose the month's differences for posting."`
	Approve monthApproveCmd `cmd:"" help:"Approve another person's proposal, and post it."`
	Post    monthPostCmd    `cmd:"" help:"Go on with a posting that was interrupted."`
	Show    monthShowCmd    `cmd:"" help:"Show the newest proposal or posting of a month."`
	Open    monthOpenCmd    `cmd:"" help:"Open a difference to the charges and invoice lines behind it."`

	Workbook monthWorkbookCmd `cmd:"" help:"Write the month as a workbook for Finance."`

	Comment   monthCommentCmd   `cmd:"" help:"Say something about a month."`
	Withdraw  monthWithdrawCmd  `cmd:"" help:"Take a proposal back that is not approved."`
	Limits    monthLimitsCmd    `cmd:"" help:"Who may approve how much."`
	Tolerance monthToleranceCmd `cmd:"" help:"Which differences are listed as tolerated."`
}

// monthArg is the month of a command.
type monthArg struct {
	Month billingMonth `arg:"" help:"Billing month, such as 2026-10."`
	Lines bool         `help:"Show every line, not only the largest differences."`
}

// mostLines is how many lines are shown without --lines.
const mostLines = 10

func (g *globals) showMonth(v *desk.MonthView, all bool) error {
	return g.print(v, func(w io.Writer) { writeMonth(w, v, all) })
}

func writeMonth(w io.Writer, v *desk.MonthView, all bool) {
	fmt.Fprintf(w, "%s: %s", v.Month, v.Phase)
	if v.Run > 0 {
		fmt.Fprintf(w, ", run %d", v.Run)
	}
	if v.ProposedBy != "" {
		fmt.Fprintf(w, ", proposed by %s", v.ProposedBy)
	}
	if v.ApprovedBy != "" {
		fmt.Fprintf(w, ", approved by %s", v.ApprovedBy)
	}
	if v.Withdrawal != nil {
		fmt.Fprintf(w, ", withdrawn by %s: %s", v.Withdrawal.Actor, v.Withdrawal.Reason)
	}
	fmt.Fprint(w, "\n\n")
	t := newTable("account", "charged", "invoiced", "difference", "posted before", "to post")
	for _, a := range v.Accounts {
		t.AppendRow(table.Row{
			a.PartnerID, shown(a.Charged.Amount, a.Currency), shown(a.Invoiced.Amount, a.Currency), shown(a.Difference, a.Currency),
			shown(a.PostedBefore, a.Currency), shown(a.Post, a.Currency),
		})
	}
	fmt.Fprintln(w, t.Render())
	writeMonthDocuments(w, v.Documents)
	writeMonthLines(w, v, all)
	writeTolerated(w, v.Tolerated)
	for _, u := range v.Unallocated {
		fmt.Fprintf(w, "Unallocated: line %d of %s, WABA %s, %s (%s). Allocate it with prepay invoice allocate.\n", u.Line, u.InvoiceID, u.WABAID, shown(u.Amount, u.Currency), u.Why)
	}
	for _, u := range v.Uninvoiced {
		fmt.Fprintf(w, "In no document: WABA %s of %s, %d charges, %s.\n", u.WABAID, u.PartnerID, u.Count, shown(u.Amount, u.Currency))
	}
	if !v.UninvoicedSum.IsZero() {
		fmt.Fprintf(w, "The approval has to restate their sum: --uninvoiced %s\n", v.UninvoicedSum)
	}
	writeComments(w, v.Comments)
}

// writeMonthDocuments shows the documents that the month is reconciled with,
// and how to get at their originals.
func writeMonthDocuments(w io.Writer, documents []reconciliation.DocumentRef) {
	if len(documents) == 0 {
		return
	}
	t := newTable("document", "version", "SHA-256 of its file", "get the file back")
	for _, d := range documents {
		t.AppendRow(table.Row{d.InvoiceID, d.Version, d.SHA256, fmt.Sprintf("prepay invoice original %s --version %d", d.InvoiceID, d.Version)})
	}
	fmt.Fprintf(w, "\n%s\n", t.Render())
}

// writeMonthLines shows the lines with the largest differences and what they
// come from.
func writeMonthLines(w io.Writer, v *desk.MonthView, all bool) {
	type row struct {
		partner  string
		currency money.Currency
		line     *reconciliation.Line
	}
	var rows []row
	for _, a := range v.Accounts {
		lines := v.Lines[a.PartnerID]
		for i := range lines {
			if all || !lines[i].Difference.IsZero() {
				rows = append(rows, row{a.PartnerID, a.Currency, &lines[i]})
			}
		}
	}
	if !all {
		slices.SortStableFunc(rows, func(a, b row) int { return b.line.Difference.Abs().Cmp(a.line.Difference.Abs()) })
	}
	hidden := 0
	if !all && len(rows) > mostLines {
		hidden, rows = len(rows)-mostLines, rows[:mostLines]
	}
	if len(rows) == 0 {
		return
	}
	t := newTable("account", "WABA", "market", "category", "here", "at Meta", "difference", "because of")
	for _, r := range rows {
		l := r.line
		because := ""
		for i, p := range l.Parts {
			if i > 0 {
				because += ", "
			}
			because += fmt.Sprintf("%s %s", p.Kind, p.Amount)
		}
		if reconciliation.Within(v.Tolerances, r.currency, l.Difference) {
			because += " (tolerated)"
		}
		t.AppendRow(table.Row{
			r.partner, l.WABAID, l.Market, l.Category, fmt.Sprintf("%d: %s", l.Charged.Count, l.Charged.Amount),
			fmt.Sprintf("%d: %s", l.Invoiced.Count, l.Invoiced.Amount), l.Difference, because,
		})
	}
	fmt.Fprintf(w, "\n%s\n", t.Render())
	if hidden > 0 {
		fmt.Fprintf(w, "%d smaller differences: --lines shows them all.\n", hidden)
	}
	writeLargest(w, v.Largest)
}

// writeLargest tells the largest differences.
func writeLargest(w io.Writer, largest []reconciliation.Sentence) {
	if len(largest) == 0 {
		return
	}
	fmt.Fprint(w, "\nThe largest differences:\n")
	for i := range largest {
		fmt.Fprintf(w, "%2d. %s\n", i+1, largest[i].Text)
	}
	fmt.Fprintln(w, "prepay month open shows the charges and lines behind each.")
}

type monthPreviewCmd struct{ monthArg }

// Help implements kong.HelpProvider.
func (*monthPreviewCmd) Help() string { return `  prepay month preview 2026-10` }

// Run runs the command.
func (c *monthPreviewCmd) Run(ctx context.Context, g *globals) error {
	v, err := g.month(ctx, c.Month.Month, true)
	if err != nil {
		return err
	}
	return g.showMonth(v, c.Lines)
}

type monthProposeCmd struct {
	monthArg
	who
}

// Help implements kong.HelpProvider.
func (*monthProposeCmd) Help() string { return `  prepay month propose 2026-10 --actor finance:ana` }

// Run runs the command.
func (c *monthProposeCmd) Run(ctx context.Context, g *globals) error {
	return c.decide(ctx, g, &c.who, "propose", struct{}{}, func(a *desk.Desk, m domain.Meta, month domain.Month) error {
		_, err := a.Ledger.ProposeMonth(ctx, m, month)
		return err
	})
}

// decide gives a command to a month and shows what it came to. verb and payload
// are how a server is given it.
func (c *monthArg) decide(ctx context.Context, g *globals, w *who, verb string, payload any, give func(*desk.Desk, domain.Meta, domain.Month) error) error {
	return g.once(ctx, func() error {
		if err := g.orderMonth(ctx, w, c.Month.Month, verb, payload, give); err != nil {
			return err
		}
		return c.show(ctx, g)
	})
}

func (g *globals) orderMonth(ctx context.Context, w *who, month domain.Month, verb string, payload any, give func(*desk.Desk, domain.Meta, domain.Month) error) error {
	if g.Server != "" {
		_, err := order[json.RawMessage](ctx, g, w, http.MethodPost, "/v1/months/"+string(month)+"/"+verb, payload)
		return err
	}
	return g.read(ctx, func(a *desk.Desk) error { return give(a, w.meta(), month) })
}

func (c *monthArg) show(ctx context.Context, g *globals) error {
	v, err := g.month(ctx, c.Month.Month, false)
	if err != nil {
		return err
	}
	return g.showMonth(v, c.Lines)
}

type monthApproveCmd struct {
	monthArg
	Uninvoiced *decimal `help:"Restates the sum of WABAs that were charged but are in no document."`
	who
}

// Help implements kong.HelpProvider.
func (*monthApproveCmd) Help() string {
	return `  prepay month approve 2026-10 --actor finance:ben --uninvoiced 17.25`
}

// Run runs the command.
func (c *monthApproveCmd) Run(ctx context.Context, g *globals) error {
	payload := map[string]string{}
	if c.Uninvoiced != nil {
		payload["uninvoiced"] = c.Uninvoiced.String()
	}
	return c.decide(ctx, g, &c.who, "approve", payload, func(a *desk.Desk, m domain.Meta, month domain.Month) error {
		_, err := a.Ledger.ApproveMonth(ctx, m, month, c.Uninvoiced.pointer())
		return err
	})
}

type monthPostCmd struct {
	monthArg
	who
}

// Help implements kong.HelpProvider.
func (*monthPostCmd) Help() string { return `  prepay month post 2026-10 --actor finance:ben` }

// Run runs the command.
func (c *monthPostCmd) Run(ctx context.Context, g *globals) error {
	return c.decide(ctx, g, &c.who, "post", struct{}{}, func(a *desk.Desk, m domain.Meta, month domain.Month) error {
		_, err := a.Ledger.PostMonth(ctx, m, month)
		return err
	})
}

type monthShowCmd struct{ monthArg }

// Help implements kong.HelpProvider.
func (*monthShowCmd) Help() string { return `  prepay month show 2026-10 --lines` }

// Run runs the command.
func (c *monthShowCmd) Run(ctx context.Context, g *globals) error {
	return c.show(ctx, g)
}
