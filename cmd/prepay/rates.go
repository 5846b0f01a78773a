package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain"
	"prepayledger/domain/rating"
	"prepayledger/projections/cards"
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
	if err := readable(c.Files); err != nil {
		return err
	}
	all := []httpapi.ImportedCard{}
	err := g.once(ctx, func() error {
		for _, file := range c.Files {
			one, err := c.file(ctx, g, file, opts)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return nil
	})
	if err != nil {
		return err
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
}

// file imports one file.
func (c *ratesImportCmd) file(ctx context.Context, g *globals, file string, opts rating.CardOptions) (done httpapi.ImportedCard, err error) {
	if g.Server != "" {
		query := url.Values{"pricing_model": {c.Model}}
		if c.Replaces != "" {
			query.Set("replaces", c.Replaces)
		}
		if !c.Effective.IsZero() {
			query.Set("effective", c.Effective.Format(time.DateOnly))
		}
		return upload[httpapi.ImportedCard](ctx, g, &c.who, "/v1/rate-cards", file, query)
	}
	err = g.with(ctx, func(a *desk.Desk) error {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		card, added, err := a.Ledger.ImportRates(ctx, c.meta(), filepath.Base(file), data, opts)
		if err != nil {
			return err
		}
		done = httpapi.ImportedCard{File: filepath.Base(file), CardID: card.ID, Currency: string(card.Currency), Effective: card.Effective.Format(time.DateOnly), New: added}
		return nil
	})
	return done, err
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
	all, err := askAll(ctx, g,
		func(r *apiclient.ClientWithResponses, cursor *string) (*http.Response, error) {
			return r.ListRateCards(ctx, &apiclient.ListRateCardsParams{Limit: pageSize(), Cursor: cursor})
		},
		func(a *desk.Desk) ([]cards.Card, error) { return a.Views.Cards.All() })
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
}
