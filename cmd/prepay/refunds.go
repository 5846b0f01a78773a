package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
)

type accountRefundRetryCmd struct {
	Partner string `arg:"" help:"Partner id."`
	Refund  string `arg:"" help:"Refund id, such as PA-1001-F000001."`
	who
}

// Help implements kong.HelpProvider.
func (*accountRefundRetryCmd) Help() string {
	return `  prepay account refund-retry PA-1001 PA-1001-F000001`
}

// Run runs the command.
func (c *accountRefundRetryCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.RetryRefund{RefundID: c.Refund})
}

type accountRefundCancelCmd struct {
	Partner string `arg:"" help:"Partner id."`
	Refund  string `arg:"" help:"Refund id, such as PA-1001-F000001."`
	Reason  string `help:"Why." required:""`
	who
}

// Help implements kong.HelpProvider.
func (*accountRefundCancelCmd) Help() string {
	return `  prepay account refund-cancel PA-1001 PA-1001-F000001 --reason "card closed" --actor finance:ana`
}

// Run runs the command.
func (c *accountRefundCancelCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.CancelRefund{RefundID: c.Refund, Reason: c.Reason})
}

// writePayback shows refunds and credit notes, where there are any.
func writePayback(w io.Writer, v *desk.AccountView) {
	if len(v.Refunds) > 0 {
		t := newTable("refund", "from", "amount", "status", "attempt", "tried again at")
		for _, r := range v.Refunds {
			status, at := string(r.Status), ""
			if r.Code != "" {
				status += " (" + r.Code + ")"
			}
			if r.RetryAt != nil {
				at = r.RetryAt.Format(time.RFC3339)
			}
			t.AppendRow(table.Row{r.RefundID, r.RechargeID, shown(r.Amount, v.Currency), status, r.Attempt, at})
		}
		fmt.Fprintf(w, "\n%s\n", t.Render())
	}
	if len(v.CreditNotes) > 0 {
		t := newTable("credit note", "issued", "of invoice", "total")
		for _, n := range v.CreditNotes {
			t.AppendRow(table.Row{n.CreditNoteNumber, n.IssuedAt.Format(time.DateOnly), n.InvoiceNumber, shown(n.Total, v.Currency)})
		}
		fmt.Fprintf(w, "\n%s\n", t.Render())
	}
}
