package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// priced is an amount with its currency, such as "1000 EUR".
type priced struct {
	money.Amount
	currency string
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *priced) UnmarshalText(text []byte) (err error) {
	amount, currency, ok := strings.Cut(strings.TrimSpace(string(text)), " ")
	if !ok {
		return fmt.Errorf("%.40q is not an amount with its currency: write it like \"1000 EUR\"", text)
	}
	p.currency = strings.TrimSpace(currency)
	p.Amount, err = money.Parse(amount)
	return err
}

type monthCommentCmd struct {
	Month billingMonth `arg:"" help:"Billing month, such as 2026-10."`
	Text  string       `help:"What you say." required:""`
	who
}

// Help implements kong.HelpProvider.
func (*monthCommentCmd) Help() string {
	return `Says something about a month, for whoever looks at it later. It changes nothing
else; prepay month show lists the comments.

  prepay month comment 2026-10 --actor finance:ana --text "Meta confirmed the missing lines for November"`
}

// Run runs the command.
func (c *monthCommentCmd) Run(ctx context.Context, g *globals) error {
	return g.once(ctx, func() error {
		err := g.orderMonth(ctx, &c.who, c.Month.Month, "comments", map[string]string{"text": c.Text}, func(a *desk.Desk, m domain.Meta, month domain.Month) error {
			return a.Ledger.CommentMonth(ctx, m, month, c.Text)
		})
		if err != nil {
			return err
		}
		comments, err := c.comments(ctx, g)
		if err != nil {
			return err
		}
		return g.print(comments, func(w io.Writer) { writeComments(w, comments) })
	})
}

// comments are all that was said about the month.
func (c *monthCommentCmd) comments(ctx context.Context, g *globals) ([]*reconciliation.ReconciliationCommented, error) {
	if g.Server != "" {
		return monthList[*reconciliation.ReconciliationCommented](ctx, g, c.Month.Month, false, "comments")
	}
	return ask(ctx, g, nil, func(a *desk.Desk) ([]*reconciliation.ReconciliationCommented, error) {
		r, _, err := a.Ledger.Month(ctx, c.Month.Month)
		if err != nil {
			return nil, err
		}
		return r.Comments(), nil
	})
}

func writeComments(w io.Writer, comments []*reconciliation.ReconciliationCommented) {
	for _, c := range comments {
		fmt.Fprintf(w, "%s %s on proposal %d: %s\n", c.At.Format(time.RFC3339), c.Actor, c.Proposal, c.Text)
	}
}

type monthWithdrawCmd struct {
	monthArg
	Reason string `help:"Why." required:""`
	who
}

// Help implements kong.HelpProvider.
func (*monthWithdrawCmd) Help() string {
	return `Takes the newest proposal back, if it is not approved. To replace a proposal,
propose again: that needs no withdrawal.

  prepay month withdraw 2026-10 --actor finance:ana --reason "the credit memo of 3 November is missing"`
}

// Run runs the command.
func (c *monthWithdrawCmd) Run(ctx context.Context, g *globals) error {
	return c.decide(ctx, g, &c.who, "withdraw", map[string]string{"reason": c.Reason}, func(a *desk.Desk, m domain.Meta, month domain.Month) error {
		return a.Ledger.WithdrawMonth(ctx, m, month, c.Reason)
	})
}

type monthLimitsCmd struct {
	Pattern  string  `help:"Actor, or the beginning of several and *, such as finance:*." name:"actor-pattern"`
	Max      *priced `help:"How much they may approve in one run, such as \"1000 EUR\"." placeholder:"AMOUNT"`
	Currency string  `help:"With --remove: the currency of the limit."`
	Remove   bool    `help:"Take the limit away."`
	who
}

// Help implements kong.HelpProvider.
func (*monthLimitsCmd) Help() string {
	return `Shows the approval limits, or sets one: how much an approver may approve in one
run, as the sum of the absolute adjustments of all accounts of the currency.
As soon as a currency has a limit, only actors that have one may approve in it.
The longest pattern that fits an actor holds.

  prepay month limits
  prepay month limits --actor-pattern 'finance:*' --max "1000 EUR" --actor finance:lead
  prepay month limits --actor-pattern 'finance:*' --remove --currency EUR --actor finance:lead`
}

// command is what the flags ask for; nil only shows.
func (c *monthLimitsCmd) command() (*reconciliation.SetApprovalLimit, error) {
	switch {
	case c.Pattern == "" && c.Max == nil && !c.Remove:
		return nil, nil
	case c.Pattern != "" && c.Max != nil && !c.Remove:
		return &reconciliation.SetApprovalLimit{Pattern: c.Pattern, Currency: c.Max.currency, Max: &c.Max.Amount}, nil
	case c.Pattern != "" && c.Max == nil && c.Remove && c.Currency != "":
		return &reconciliation.SetApprovalLimit{Pattern: c.Pattern, Currency: c.Currency}, nil
	}
	return nil, domain.Reject(domain.InvalidSetting, "Give --actor-pattern with --max to set a limit, or --actor-pattern with --remove and --currency to take it away.")
}

// Run runs the command.
func (c *monthLimitsCmd) Run(ctx context.Context, g *globals) error {
	cmd, err := c.command()
	if err != nil {
		return err
	}
	return g.changeMonthSettings(ctx, &c.who, cmd != nil, cmd)
}

type monthToleranceCmd struct {
	Amount *priced `help:"The largest absolute difference of a line that people need not look at, such as \"0.01 EUR\"; \"0 EUR\" takes it away." placeholder:"AMOUNT"`
	who
}

// Help implements kong.HelpProvider.
func (*monthToleranceCmd) Help() string {
	return `Shows the tolerances, or sets one. A tolerance hides no cent: differences within
it are posted like all others, and only listed as tolerated.

  prepay month tolerance --amount "0.01 EUR" --actor finance:lead`
}

// Run runs the command.
func (c *monthToleranceCmd) Run(ctx context.Context, g *globals) error {
	if c.Amount == nil {
		return g.changeMonthSettings(ctx, &c.who, false, nil)
	}
	return g.changeMonthSettings(ctx, &c.who, true, &reconciliation.SetTolerance{Currency: c.Amount.currency, Amount: c.Amount.Amount})
}

// changeMonthSettings changes the settings, where that is asked for, and shows
// them.
func (g *globals) changeMonthSettings(ctx context.Context, w *who, change bool, cmd domain.Command) error {
	s, err := g.monthSettings(ctx, w, change, cmd)
	if err != nil {
		return err
	}
	return g.print(s, func(w io.Writer) {
		if len(s.Limits) == 0 {
			fmt.Fprintln(w, "No approval limits: any other person may approve any sum.")
		} else {
			t := newTable("may approve", "up to")
			for _, l := range s.Limits {
				t.AppendRow(table.Row{l.Pattern, shown(l.Max, l.Currency)})
			}
			fmt.Fprintln(w, t.Render())
		}
		for _, t := range s.Tolerances {
			fmt.Fprintf(w, "Differences of lines up to %s %s are listed as tolerated; they are posted all the same.\n", t.Amount, t.Currency)
		}
	})
}

// monthSettings are the settings after the change, if there is one.
func (g *globals) monthSettings(ctx context.Context, w *who, change bool, cmd domain.Command) (s desk.MonthSettings, err error) {
	if g.Server != "" {
		return g.remoteMonthSettings(ctx, w, change, cmd)
	}
	err = g.with(ctx, func(a *desk.Desk) error {
		if change {
			if err := a.Ledger.ChangeMonthSettings(ctx, w.meta(), cmd); err != nil {
				return err
			}
		}
		now, _, err := a.MonthSettings(ctx)
		if err == nil {
			s = *now
		}
		return err
	})
	return s, err
}

// remoteMonthSettings reads the settings of the ledger at --server, and puts
// them back changed if nobody else changed them meanwhile.
func (g *globals) remoteMonthSettings(ctx context.Context, w *who, change bool, cmd domain.Command) (s desk.MonthSettings, err error) {
	etag := ""
	s, err = ask[desk.MonthSettings](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
		response, err := r.GetMonthSettings(ctx)
		if err == nil {
			etag = response.Header.Get("ETag")
		}
		return response, err
	}, nil)
	if err != nil || !change {
		return s, err
	}
	switch c := cmd.(type) {
	case *reconciliation.SetApprovalLimit:
		s.Limits = slices.DeleteFunc(s.Limits, func(l reconciliation.ApprovalLimit) bool {
			return l.Pattern == c.Pattern && string(l.Currency) == c.Currency
		})
		if c.Max != nil {
			s.Limits = append(s.Limits, reconciliation.ApprovalLimit{Pattern: c.Pattern, Currency: money.Currency(c.Currency), Max: *c.Max})
		}
	case *reconciliation.SetTolerance:
		s.Tolerances = slices.DeleteFunc(s.Tolerances, func(t reconciliation.CurrencySum) bool { return string(t.Currency) == c.Currency })
		if !c.Amount.IsZero() {
			s.Tolerances = append(s.Tolerances, reconciliation.CurrencySum{Currency: money.Currency(c.Currency), Amount: c.Amount})
		}
	}
	return order[desk.MonthSettings](ctx, g, w, http.MethodPut, "/v1/month-settings", s, "If-Match", etag)
}

// writeTolerated says what of the differences is tolerated.
func writeTolerated(w io.Writer, tolerated []reconciliation.Tolerated) {
	for _, t := range tolerated {
		fmt.Fprintf(w, "Tolerated: %d lines of up to %s %s each, %s %s in sum; they are posted all the same.\n", t.Lines, t.Tolerance, t.Currency, t.Sum, t.Currency)
	}
}
