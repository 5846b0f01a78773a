package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/domain"
	"prepayledger/domain/money"
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

// refundLine is a refund through the processor, for people and machines.
type refundLine struct {
	RefundID   string              `json:"refund_id"`
	RechargeID string              `json:"recharge_id"`
	Amount     money.Amount        `json:"amount"`
	Status     domain.RefundStatus `json:"status"`
	Attempt    int                 `json:"attempt"`
	Code       string              `json:"code,omitempty"`
	RetryAt    *time.Time          `json:"retry_at,omitempty"`
}

// refundLines lists the account's refunds through the processor, by number.
func refundLines(a *domain.Account) (lines []refundLine) {
	for _, r := range a.Refunds {
		l := refundLine{RefundID: r.RefundID, RechargeID: r.RechargeID, Amount: r.Amount, Status: r.Status, Attempt: r.Attempt, Code: r.Code}
		if !r.RetryAt.IsZero() {
			l.RetryAt = &r.RetryAt
		}
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b refundLine) int { return strings.Compare(a.RefundID, b.RefundID) })
	return lines
}

// writePayback shows refunds and credit notes, where there are any.
func writePayback(w io.Writer, v *accountView) {
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
