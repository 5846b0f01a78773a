package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/consumers/ledger"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// invoiceCmd are the commands of Meta's documents.
type invoiceCmd struct {
	Import   invoiceImportCmd   `cmd:"" help:"Import Meta's invoices and memos, each file whole or not at all."`
	Allocate invoiceAllocateCmd `cmd:"" help:"Give a line that belongs to no account to one, or accept it as own cost."`
}

type invoiceImportCmd struct {
	Files []string `arg:"" name:"file" help:"Normalised invoice CSV." type:"existingfile"`
	FX    []string `help:"Rates of exchange, FROM:TO=RATE[@DATE[:SOURCE]]." placeholder:"USD:EUR=0.92@2026-10-31:ECB"`
	who
}

// Help implements kong.HelpProvider.
func (*invoiceImportCmd) Help() string {
	return `  prepay invoice import meta-2026-10.csv --fx USD:EUR=0.92@2026-10-31:ECB`
}

// fxRate reads FROM:TO=RATE[@DATE[:SOURCE]].
func fxRate(text string) (r reconciliation.FXRate, err error) {
	pair, rest, ok := strings.Cut(text, "=")
	from, to, okPair := strings.Cut(pair, ":")
	if !ok || !okPair {
		return r, fmt.Errorf("--fx %q: write it like USD:EUR=0.92@2026-10-31:ECB", text)
	}
	rate, when, _ := strings.Cut(rest, "@")
	r.From, r.To = money.Currency(from), money.Currency(to)
	r.Date, r.Source, _ = strings.Cut(when, ":")
	if r.Rate, err = money.Parse(rate); err != nil {
		return r, fmt.Errorf("--fx %q: the rate is %w", text, err)
	}
	return r, nil
}

// Run runs the command.
func (c *invoiceImportCmd) Run(ctx context.Context, g *globals) error {
	m, err := c.meta()
	if err != nil {
		return err
	}
	var fx []reconciliation.FXRate
	for _, text := range c.FX {
		rate, err := fxRate(text)
		if err != nil {
			return err
		}
		fx = append(fx, rate)
	}
	return g.with(ctx, func(a *app) error {
		all := []ledger.ImportedInvoice{}
		for _, file := range c.Files {
			in, err := os.Open(file)
			if err != nil {
				return err
			}
			imported, err := a.ledger.ImportMetaInvoice(ctx, m, filepath.Base(file), in, fx)
			_ = in.Close()
			if err != nil {
				return err
			}
			all = append(all, imported...)
		}
		return g.print(all, func(w io.Writer) {
			t := newTable("document", "lines", "")
			for _, i := range all {
				note := "was there before"
				if i.New {
					note = "new"
				}
				t.AppendRow(table.Row{i.InvoiceID, i.Lines, note})
			}
			fmt.Fprintf(w, "%s\nSee prepay month preview.\n", t.Render())
		})
	})
}

type invoiceAllocateCmd struct {
	Invoice string `arg:"" help:"Document id."`
	Line    int    `arg:"" help:"Line, counted from 1 within the document."`
	Partner string `help:"Partner that it belongs to." xor:"to" required:""`
	OwnCost bool   `help:"Accept it as the provider's own cost." xor:"to" required:""`
	who
}

// Help implements kong.HelpProvider.
func (*invoiceAllocateCmd) Help() string {
	return `  prepay invoice allocate MI-2026-10 17 --partner PA-1001 --actor finance:ana
  prepay invoice allocate MI-2026-10 18 --own-cost --actor finance:ana`
}

// Run runs the command.
func (c *invoiceAllocateCmd) Run(ctx context.Context, g *globals) error {
	m, err := c.meta()
	if err != nil {
		return err
	}
	return g.with(ctx, func(a *app) error {
		err := a.ledger.AllocateInvoiceLine(ctx, m, c.Invoice, reconciliation.AllocateInvoiceLine{Line: c.Line, PartnerID: c.Partner, OwnCost: c.OwnCost})
		if err != nil {
			return err
		}
		return g.print(map[string]any{"invoice_id": c.Invoice, "line": c.Line}, func(w io.Writer) {
			fmt.Fprintf(w, "Line %d of %s is allocated.\n", c.Line, c.Invoice)
		})
	})
}
