package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/consumers/drift"
	"prepayledger/domain"
)

type monthDriftCmd struct {
	Month     billingMonth `arg:"" help:"Billing month, such as 2026-10."`
	Analytics []string     `help:"Responses of the Graph API with pricing analytics (JSON)." type:"path" required:"" placeholder:"FILE"`
	On        *day         `help:"Compare through this day, in the WABA's time zone; all there is without." placeholder:"DAY"`
	Lines     bool         `help:"Show every line, not only the largest differences."`
}

// Help implements kong.HelpProvider.
func (*monthDriftCmd) Help() string {
	return `An early and approximate look at how far the charges so far and Meta's pricing
analytics are apart. Meta says that these may differ from its invoice: nothing is
recorded and nothing posted. With --on, the accounts' events are read, else sums.

  prepay month drift 2026-10 --analytics waba-1.json --analytics waba-2.json --on 2026-10-03`
}

// Run runs the command.
func (c *monthDriftCmd) Run(ctx context.Context, g *globals) error {
	if c.On != nil && domain.MonthOf(c.On.Time, time.UTC) != c.Month.Month {
		return domain.Reject(domain.InvalidSetting, "%s is no day of %s: correct --on.", c.On.Format(time.DateOnly), c.Month.Month)
	}
	report, err := ask(ctx, g,
		func(r *apiclient.ClientWithResponses) (*http.Response, error) { return c.send(ctx, r) },
		func(a *desk.Desk) (*drift.Report, error) { return c.compare(ctx, a) })
	if err != nil {
		return err
	}
	return g.print(report, func(w io.Writer) { writeDrift(w, report, c.Lines) })
}

// send gives the responses to the ledger at --server. It records nothing: the
// key only says that it may be sent again.
func (c *monthDriftCmd) send(ctx context.Context, r *apiclient.ClientWithResponses) (*http.Response, error) {
	kind, body, err := form(c.Analytics)
	if err != nil {
		return nil, err
	}
	path := "/v1/months/" + string(c.Month.Month) + "/drift"
	if c.On != nil {
		path += "?on=" + c.On.Format(time.DateOnly)
	}
	return r.Send(ctx, http.MethodPost, path, http.Header{"Content-Type": {kind}, "Idempotency-Key": {uuid.NewString()}}, body)
}

func (c *monthDriftCmd) compare(ctx context.Context, a *desk.Desk) (*drift.Report, error) {
	var through time.Time
	if c.On != nil {
		through = c.On.Time
	}
	return a.Drift(ctx, c.Month.Month, through, func(each func(desk.File) error) error {
		for _, path := range c.Analytics {
			if err := readAnalytics(path, each); err != nil {
				return err
			}
		}
		return nil
	})
}

func readAnalytics(path string, each func(desk.File) error) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	return each(desk.File{Name: filepath.Base(path), Reader: in})
}

func writeDrift(w io.Writer, r *drift.Report, all bool) {
	fmt.Fprintf(w, "%s, approximate: Meta's analytics may differ from its invoice. Nothing is recorded.\n", r.Month)
	if r.Points > 0 {
		fmt.Fprintf(w, "The analytics cover %s to %s.\n", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	}
	if r.Through != "" {
		fmt.Fprintf(w, "Compared through %s.\n", r.Through)
	}
	t := newTable("account", "WABA", "market", "category", "type", "here", "analytics", "count", "difference")
	hidden := 0
	for i := range r.Lines {
		l := &r.Lines[i]
		if !all && i >= mostLines {
			hidden = len(r.Lines) - i
			break
		}
		difference := "other currency"
		if l.Amount != nil {
			difference = l.Amount.String()
		}
		t.AppendRow(table.Row{
			strings.Join(l.Partners, ", "), l.WABAID, l.Market, l.Category, l.PricingType,
			fmt.Sprintf("%d: %s %s", l.Charged.Count, l.Charged.Amount, l.Currency),
			fmt.Sprintf("%d: %s %s", l.Analytics.Count, l.Analytics.Amount, l.AnalyticsCurrency), l.Count, difference,
		})
	}
	fmt.Fprintf(w, "\n%s\n", t.Render())
	if hidden > 0 {
		fmt.Fprintf(w, "%d smaller differences: --lines shows them all.\n", hidden)
	}
	for _, s := range []struct {
		what string
		ids  []string
	}{
		{"Charged here and in no response: WABA %s.\n", r.Uncovered}, {"In a response and no account's: WABA %s.\n", r.Unknown},
		{"With direct channels' usage among it, since the response does not tell numbers apart: WABA %s.\n", r.Mixed},
	} {
		if len(s.ids) > 0 {
			fmt.Fprintf(w, s.what, strings.Join(s.ids, ", "))
		}
	}
	if left := r.Direct + r.OtherMonth + r.Beyond; left > 0 {
		fmt.Fprintf(w, "Left out: %d data points of direct channels, %d of other months, %d that reach beyond the day or month.\n", r.Direct, r.OtherMonth, r.Beyond)
	}
}
