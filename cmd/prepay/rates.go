package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/domain"
	"prepayledger/domain/rating"
)

// ratesCmd are the commands of rate cards and markets.
type ratesCmd struct {
	Import  ratesImportCmd   `cmd:"" help:"Import rate cards, each whole or not at all."`
	Markets marketsImportCmd `cmd:"" help:"Import the table of markets, whole or not at all."`
}

type ratesImportCmd struct {
	Files     []string `arg:"" name:"file" help:"Rate cards: Meta's own layout, or with volume tiers." type:"existingfile"`
	Effective string   `help:"First day of the card (YYYY-MM-DD); default is the title's or the file name's." placeholder:"DATE"`
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
	m, err := c.meta()
	if err != nil {
		return err
	}
	opts := rating.CardOptions{Replaces: c.Replaces}
	if c.Model != "both" {
		opts.Model = domain.PricingModel(c.Model)
	}
	if c.Effective != "" {
		if opts.Effective, err = time.Parse(time.DateOnly, c.Effective); err != nil {
			return fmt.Errorf("--effective %q is not a date: write it like 2026-10-01", c.Effective)
		}
	}
	type imported struct {
		File      string `json:"file"`
		CardID    string `json:"card_id"`
		Currency  string `json:"currency"`
		Effective string `json:"effective"`
		New       bool   `json:"new"`
	}
	return g.with(ctx, func(a *app) error {
		var all []imported
		for _, file := range c.Files {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			card, added, err := a.ledger.ImportRates(ctx, m, filepath.Base(file), data, opts)
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

type marketsImportCmd struct {
	File string `arg:"" help:"Table of markets (calling_code_prefix,country,market,effective_from)." type:"existingfile"`
	who
}

// Help implements kong.HelpProvider.
func (*marketsImportCmd) Help() string { return `  prepay rates markets markets.csv` }

// Run runs the command.
func (c *marketsImportCmd) Run(ctx context.Context, g *globals) error {
	m, err := c.meta()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	return g.with(ctx, func(a *app) error {
		added, err := a.ledger.ImportMarkets(ctx, m, filepath.Base(c.File), data)
		if err != nil {
			return err
		}
		return g.print(map[string]any{"new": added}, func(w io.Writer) {
			if added {
				fmt.Fprintln(w, "The table of markets holds from now on.")
			} else {
				fmt.Fprintln(w, "This table of markets holds already.")
			}
		})
	})
}
