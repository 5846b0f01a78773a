package desk

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"prepayledger/consumers/evidence"
	"prepayledger/consumers/ledger"
	"prepayledger/domain/reconciliation"
)

// Evidence is a line of a month's comparison, opened to the charges and lines
// of Meta's documents behind it.
type Evidence struct {
	*evidence.Line
	// From is where the charges are read.
	From evidence.Source
}

// ErrUntied says that what was read does not sum to what was compared:
// something was recorded meanwhile, or the read models are wrong.
var ErrUntied = errors.New("the charges and lines do not sum to what was compared: something was recorded meanwhile; run it again, and prepay verify if it stays")

// OpenLine opens a line of a month as it is now. It rejects
// (nothing_to_reconcile) where there is no such line.
func (d *Desk) OpenLine(ctx context.Context, w evidence.Wanted) (*Evidence, error) {
	r, _, err := d.Ledger.Month(ctx, w.Month)
	if err != nil {
		return nil, err
	}
	in, err := d.Ledger.MonthInput(ctx, w.Month)
	if err != nil {
		return nil, err
	}
	line, err := evidence.Find(in, r.Earlier(), w)
	if err != nil {
		return nil, err
	}
	return &Evidence{line, evidence.Source{Store: d.Store, Codec: d.Views.Codec, Stream: ledger.AccountStream(w.PartnerID)}}, nil
}

// JSON writes one JSON object, charge by charge: nothing is collected. Its sums
// say whether they tie.
func (e *Evidence) JSON(ctx context.Context, w io.Writer) error {
	head, err := json.Marshal(e.Line)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s,\"charges\":[", head[:len(head)-1]); err != nil {
		return err
	}
	between := ""
	sums, err := e.Charges(ctx, e.From, func(c *evidence.Charge) error {
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

// CSV writes charges and invoice lines below one header; ErrUntied follows
// where they do not tie.
func (e *Evidence) CSV(ctx context.Context, w io.Writer) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{
		"kind", "charge_id", "invoice_id", "line", "channel_id", "occurred_at", "recorded_at", "late", "corrected", "volume", "amount",
		"currency", "rate_card_id", "tier", "given", "given_currency", "fx_rate",
	})
	if err != nil {
		return err
	}
	sums, err := e.Charges(ctx, e.From, func(c *evidence.Charge) error {
		volume := "1"
		if c.Kind == evidence.KindCorrection {
			volume = "-1"
		}
		return out.Write([]string{
			c.Kind, c.ChargeID, "", "", c.ChannelID, c.OccurredAt.Format(time.RFC3339Nano), c.RecordedAt.Format(time.RFC3339Nano),
			strconv.FormatBool(c.Late), strconv.FormatBool(c.Corrected), volume, c.Price.String(), string(e.Currency), c.RateCardID, c.Tier, "", "", "",
		})
	})
	if err != nil {
		return err
	}
	for i, pieces := range [...][]reconciliation.Piece{e.Invoiced, e.Counterparts} {
		kind := [...]string{"invoiced", "counterpart"}[i]
		for i := range pieces {
			if err := out.Write(e.pieceRow(kind, &pieces[i])); err != nil {
				return err
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	return Tied(&sums)
}

func (e *Evidence) pieceRow(kind string, p *reconciliation.Piece) []string {
	rate := ""
	if p.Rate != nil {
		rate = p.Rate.String()
	}
	return []string{
		kind, "", p.InvoiceID, strconv.Itoa(p.Line), "", "", "", "", "", strconv.FormatInt(p.Volume, 10), p.Amount.String(),
		string(e.Currency), "", p.Tier, p.Given.String(), string(p.GivenCurrency), rate,
	}
}

// Tied is ErrUntied where sums do not tie.
func Tied(s *evidence.Sums) error {
	if s.Tie {
		return nil
	}
	return ErrUntied
}
