package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
	"prepayledger/domain/rating"
)

// ratesCmd are the commands of rate cards.
type ratesCmd struct {
	Import ratesImportCmd `cmd:"" help:"Import rate cards, each whole or not at all."`
	List   ratesListCmd   `cmd:"" help:"List the rate cards."`
}

type ratesImportCmd struct {
	Files     []string `arg:"" name:"file" help:"Rate cards: Meta's own layout, or with volume tiers." type:"path"`
	Effective day      `help:"First day of the card (YYYY-MM-DD); default is the title's or the file name's." placeholder:"DATE"`
	Model     string   `help:"Pricing model that it serves; default both." name:"pricing-model" enum:"PMP,CBP,both" default:"both"`
	Replaces  string   `help:"Id of the card of the same date that it replaces." placeholder:"CARD"`
	who
}

// Help implements kong.HelpProvider.
func (*ratesImportCmd) Help() string {
	return `  prepay rates import rates-usd-2026-10-01.csv
  prepay rates import rates-eur.csv --effective 2026-10-01`
}

// Run runs the command.
func (c *ratesImportCmd) Run(ctx context.Context, g *globals) error {
	opts := rating.CardOptions{Replaces: c.Replaces, Effective: c.Effective.Time}
	if c.Model != "both" {
		opts.Model = domain.PricingModel(c.Model)
	}
	type imported struct {
		File      string `json:"file"`
		CardID    string `json:"card_id"`
		Currency  string `json:"currency"`
		Effective string `json:"effective"`
		New       bool   `json:"new"`
	}
	if err := readable(c.Files); err != nil {
		return err
	}
	return g.with(ctx, func(a *desk.Desk) error {
		all := []imported{}
		for _, file := range c.Files {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			card, added, err := a.Ledger.ImportRates(ctx, c.meta(), filepath.Base(file), data, opts)
			if err != nil {
				return err
			}
			all = append(all, imported{filepath.Base(file), card.ID, string(card.Currency), card.Effective.Format(time.DateOnly), added})
		}
		return g.print(all, func(w io.Writer) {
			t := newTable("file", "card", "currency", "effective", "")
			for _, i := range all {
				note := "was there before"
				if i.New {
					note = "new"
				}
				t.AppendRow(table.Row{i.File, i.CardID, i.Currency, i.Effective, note})
			}
			fmt.Fprintln(w, t.Render())
		})
	})
}

type ratesListCmd struct{}

// Help implements kong.HelpProvider.
func (*ratesListCmd) Help() string {
	return `Lists the rate cards by currency and date: a card is in force from 00:00 UTC on
its date until the next one of its currency (R9).

  prepay rates list`
}

// Run runs the command.
func (*ratesListCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		all, err := a.Views.Cards.All()
		if err != nil {
			return err
		}
		return g.print(all, func(w io.Writer) {
			t := newTable("card", "currency", "effective", "serves", "rates", "replaces", "imported", "by", "file")
			for _, c := range all {
				serves := c.PricingModel
				if serves == "" {
					serves = "both"
				}
				t.AppendRow(table.Row{
					c.ID, c.Currency, c.Effective.Format(time.DateOnly), serves, c.Rates, c.Replaces,
					c.ImportedAt.Format(time.RFC3339), c.ImportedBy, c.FileName,
				})
			}
			fmt.Fprintln(w, t.Render())
		})
	})
}
