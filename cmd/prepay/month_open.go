package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/evidence"
	"prepayledger/domain/reconciliation"
)

// monthOpenCmd opens a difference to the charges and lines behind it.
type monthOpenCmd struct {
	Month       billingMonth `arg:"" help:"Billing month, such as 2026-10."`
	Partner     string       `help:"Partner id." required:""`
	WABA        string       `help:"WABA id." name:"waba" xor:"what" required:""`
	Rounding    bool         `help:"Open the rounding of the account's converted total instead of a line." xor:"what" required:""`
	Market      string       `help:"Market, as the preview shows it."`
	Category    string       `help:"Category, as the preview shows it."`
	PricingType string       `help:"Pricing type." default:"regular"`
	Part        string       `help:"Only one part: late, free, category, missing_at_meta, missing_here, tier, quantity, rate, currency, rounding." enum:",late,free,category,missing_at_meta,missing_here,tier,quantity,rate,currency,rounding" default:""`
	CSV         bool         `help:"Write charges and invoice lines as CSV."`
	Limit       int          `help:"Charges and lines that the text shows; 0 shows all. CSV and JSON always have all." default:"50"`
}

// Help implements kong.HelpProvider.
func (*monthOpenCmd) Help() string {
	return `Lists the charges of one line of a month's comparison as it is now, and the
lines of Meta's documents, and says what is certain about each part of the
difference. Where Meta has fewer than were charged nobody can say which ones
are missing: all are candidates, and the sums tie exactly.

  prepay month open 2026-10 --partner PA-1001 --waba W-1 --market Brazil --category marketing
  prepay month open 2026-10 --partner PA-1001 --waba W-1 --market Brazil --category marketing --part late --csv`
}

func (c *monthOpenCmd) wanted() evidence.Wanted {
	w := evidence.Wanted{PartnerID: c.Partner, Month: c.Month.Month, Part: reconciliation.PartKind(c.Part)}
	if !c.Rounding {
		w.Key = reconciliation.Key{
			WABAID: c.WABA, Market: c.Market, Category: reconciliation.NormalizeCategory(c.Category),
			PricingType: reconciliation.NormalizePricingType(c.PricingType),
		}
	}
	return w
}

// Run runs the command.
func (c *monthOpenCmd) Run(ctx context.Context, g *globals) error {
	if g.Server != "" {
		return c.remote(ctx, g)
	}
	return g.read(ctx, func(a *desk.Desk) error {
		line, err := a.OpenLine(ctx, c.wanted())
		if err != nil {
			return err
		}
		switch {
		case c.CSV:
			return line.CSV(ctx, g.Stdout)
		case g.JSON:
			return line.JSON(ctx, g.Stdout)
		}
		return c.text(g.Stdout, line.Line, func(each func(*evidence.Charge) error) (evidence.Sums, error) {
			return line.Charges(ctx, line.From, each)
		})
	})
}

// openedLine is a line as the API opens it.
type openedLine struct {
	evidence.Line
	Charges []evidence.Charge `json:"charges"`
	Sums    evidence.Sums     `json:"sums"`
}

// remote opens a line of the ledger at --server.
func (c *monthOpenCmd) remote(ctx context.Context, g *globals) error {
	w := c.wanted()
	query := url.Values{"partner_id": {c.Partner}, "part": {c.Part}, "format": {"json"}}
	if !c.Rounding {
		for name, value := range map[string]string{"waba_id": w.Key.WABAID, "market": w.Key.Market, "category": w.Key.Category, "pricing_type": w.Key.PricingType} {
			query.Set(name, value)
		}
	}
	if c.CSV {
		query.Set("format", "csv")
	}
	path := "/v1/months/" + string(c.Month.Month) + "/evidence?" + query.Encode()
	if c.CSV || g.JSON {
		return g.download(ctx, path, g.Stdout)
	}
	response, err := g.fetch(ctx, path)
	if err != nil {
		return err
	}
	line, err := decoded[openedLine](response)
	if err != nil {
		return err
	}
	return c.text(g.Stdout, &line.Line, func(each func(*evidence.Charge) error) (evidence.Sums, error) {
		for i := range line.Charges {
			if err := each(&line.Charges[i]); err != nil {
				return line.Sums, err
			}
		}
		return line.Sums, nil
	})
}

// text shows a line for people; charges gives its charges, and then their sums.
func (c *monthOpenCmd) text(w io.Writer, line *evidence.Line, charges func(each func(*evidence.Charge) error) (evidence.Sums, error)) error {
	k := line.Compared
	t := newTable("kind", "id", "occurred", "recorded", "price", "card", "tier", "")
	shownRows, hidden := 0, 0
	sums, err := charges(func(r *evidence.Charge) error {
		if c.Limit > 0 && shownRows >= c.Limit {
			hidden++
			return nil
		}
		shownRows++
		t.AppendRow(table.Row{r.Kind, r.ChargeID, r.OccurredAt.Format(time.RFC3339), r.RecordedAt.Format(time.RFC3339), r.Price, r.RateCardID, r.Tier, marks(r)})
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, %s: charged %d for %s, invoiced %d for %s, difference %s %s\n", line.PartnerID, line.Month,
		k.Charged.Count, k.Charged.Amount, k.Invoiced.Count, k.Invoiced.Amount, k.Difference, line.Currency)
	for _, p := range line.Parts {
		fmt.Fprintf(w, "%s %s: %s\n", p.Kind, p.Amount, p.Says)
	}
	if shownRows > 0 {
		fmt.Fprintf(w, "\n%s\n", t.Render())
	}
	if hidden > 0 {
		fmt.Fprintf(w, "%d more: --limit 0 shows all.\n", hidden)
	}
	c.pieces(w, "Meta's lines", line.Invoiced)
	c.pieces(w, "Lines that the parts refer to", line.Counterparts)
	fmt.Fprintf(w, "\nIn time %d for %s, late %d for %s, invoiced %d for %s", sums.OnTime.Count, sums.OnTime.Amount,
		sums.Late.Count, sums.Late.Amount, sums.Invoiced.Count, sums.Invoiced.Amount)
	if sums.Tie {
		fmt.Fprintf(w, ": that is the difference of %s, exactly.\n", k.Difference)
	} else {
		fmt.Fprintln(w, ".")
	}
	return desk.Tied(&sums)
}

// marks are what is special about a charge.
func marks(c *evidence.Charge) string {
	switch {
	case c.Late && c.Corrected:
		return "late, taken back"
	case c.Late:
		return "late"
	case c.Corrected:
		return "taken back"
	}
	return ""
}

func (c *monthOpenCmd) pieces(w io.Writer, title string, pieces []reconciliation.Piece) {
	if len(pieces) == 0 {
		return
	}
	hidden := 0
	if c.Limit > 0 && len(pieces) > c.Limit {
		hidden, pieces = len(pieces)-c.Limit, pieces[:c.Limit]
	}
	t := newTable("document", "line", "category", "pricing", "tier", "volume", "amount", "given", "")
	for i := range pieces {
		p := &pieces[i]
		note := string(p.DocumentType)
		if p.Shared {
			note += ", a share"
		}
		if p.Allocated {
			note += ", allocated"
		}
		if p.Rate != nil {
			note += " at " + p.Rate.String()
		}
		t.AppendRow(table.Row{p.InvoiceID, p.Line, p.Category, p.PricingType, p.Tier, p.Volume, p.Amount, p.Given.String() + " " + string(p.GivenCurrency), note})
	}
	fmt.Fprintf(w, "\n%s:\n%s\n", title, t.Render())
	if hidden > 0 {
		fmt.Fprintf(w, "%d more: --limit 0 shows all.\n", hidden)
	}
}
