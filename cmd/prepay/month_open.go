package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/evidence"
	"prepayledger/consumers/ledger"
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
	return g.read(ctx, func(a *desk.Desk) error {
		r, _, err := a.Ledger.Month(ctx, c.Month.Month)
		if err != nil {
			return err
		}
		in, err := a.Ledger.MonthInput(ctx, c.Month.Month)
		if err != nil {
			return err
		}
		line, err := evidence.Find(in, r.Earlier(), c.wanted())
		if err != nil {
			return err
		}
		from := evidence.Source{Store: a.Store, Codec: a.Views.Codec, Stream: ledger.AccountStream(c.Partner)}
		switch {
		case c.CSV:
			return openAsCSV(ctx, g.Stdout, line, from)
		case g.JSON:
			return openAsJSON(ctx, g.Stdout, line, from)
		}
		return c.text(ctx, g.Stdout, line, from)
	})
}

// openAsJSON writes one JSON object, charge by charge: nothing is collected.
func openAsJSON(ctx context.Context, w io.Writer, line *evidence.Line, from evidence.Source) error {
	head, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s,\"charges\":[", head[:len(head)-1]); err != nil {
		return err
	}
	between := ""
	sums, err := line.Charges(ctx, from, func(c *evidence.Charge) error {
		row, err := json.Marshal(c)
		if err == nil {
			_, err = fmt.Fprintf(w, "%s%s", between, row)
		}
		between = ","
		return err
	})
	if err != nil {
		return err
	}
	foot, err := json.Marshal(sums)
	if err == nil {
		_, err = fmt.Fprintf(w, "],\"sums\":%s}\n", foot)
	}
	return err
}

// openAsCSV writes charges and invoice lines below one header.
func openAsCSV(ctx context.Context, w io.Writer, line *evidence.Line, from evidence.Source) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{
		"kind", "charge_id", "invoice_id", "line", "channel_id", "occurred_at", "recorded_at", "late", "corrected", "volume", "amount",
		"currency", "rate_card_id", "tier", "given", "given_currency", "fx_rate",
	})
	if err != nil {
		return err
	}
	sums, err := line.Charges(ctx, from, func(c *evidence.Charge) error {
		volume := "1"
		if c.Kind == evidence.KindCorrection {
			volume = "-1"
		}
		return out.Write([]string{
			c.Kind, c.ChargeID, "", "", c.ChannelID, c.OccurredAt.Format(time.RFC3339Nano), c.RecordedAt.Format(time.RFC3339Nano),
			strconv.FormatBool(c.Late), strconv.FormatBool(c.Corrected), volume, c.Price.String(), string(line.Currency), c.RateCardID, c.Tier, "", "", "",
		})
	})
	if err != nil {
		return err
	}
	for i, pieces := range [...][]reconciliation.Piece{line.Invoiced, line.Counterparts} {
		kind := [...]string{"invoiced", "counterpart"}[i]
		for i := range pieces {
			p := &pieces[i]
			rate := ""
			if p.Rate != nil {
				rate = p.Rate.String()
			}
			if err := out.Write([]string{
				kind, "", p.InvoiceID, strconv.Itoa(p.Line), "", "", "", "", "", strconv.FormatInt(p.Volume, 10), p.Amount.String(),
				string(line.Currency), "", p.Tier, p.Given.String(), string(p.GivenCurrency), rate,
			}); err != nil {
				return err
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	return tied(&sums)
}

// tied is an error where sums do not tie: something was recorded while they
// were read, or the read models are wrong.
func tied(s *evidence.Sums) error {
	if s.Tie {
		return nil
	}
	return fmt.Errorf("the charges and lines do not sum to what was compared: something was recorded meanwhile; run it again, and prepay verify if it stays")
}

func (c *monthOpenCmd) text(ctx context.Context, w io.Writer, line *evidence.Line, from evidence.Source) error {
	k := line.Compared
	t := newTable("kind", "id", "occurred", "recorded", "price", "card", "tier", "")
	shownRows, hidden := 0, 0
	sums, err := line.Charges(ctx, from, func(r *evidence.Charge) error {
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
	return tied(&sums)
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
