package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
)

// invoiceCmd are the commands of Meta's documents.
type invoiceCmd struct {
	Import   invoiceImportCmd   `cmd:"" help:"Import Meta's invoices and memos, each file whole or not at all."`
	List     invoiceListCmd     `cmd:"" help:"List the documents and their totals."`
	Mapping  invoiceMappingCmd  `cmd:"" help:"Work with mapping files, which say how other layouts are read."`
	Show     invoiceShowCmd     `cmd:"" help:"Show a document, line by line."`
	Original invoiceOriginalCmd `cmd:"" help:"Get back the file that a document came in, byte for byte."`
	Allocate invoiceAllocateCmd `cmd:"" help:"Give a line that belongs to no account to one, or accept it as own cost."`
}

type invoiceImportCmd struct {
	Files []string `arg:"" name:"file" help:"CSV or XLSX, normalised or as the mapping says." type:"path"`
	FX    []fxRate `help:"Rates of exchange, FROM:TO=RATE[@DATE[:SOURCE]]." placeholder:"USD:EUR=0.92@2026-10-31:ECB"`
	layout
	who
}

// layout says how files of Meta are read.
type layout struct {
	Mapping string `help:"Mapping file (TOML), where the columns are not the normalised ones." type:"path" placeholder:"FILE"`
	Sheet   string `help:"Sheet of a workbook; the first without." placeholder:"NAME"`
}

// options reads the mapping, if there is one.
func (l *layout) options() (o metainvoice.Options, err error) {
	o.Sheet = l.Sheet
	if l.Mapping != "" {
		o.Mapping, err = readMapping(l.Mapping)
	}
	return o, err
}

func readMapping(path string) (*metainvoice.Mapping, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	return metainvoice.ParseMapping(filepath.Base(path), in)
}

// readInvoice reads a file of Meta.
func readInvoice(path string, o metainvoice.Options) (*metainvoice.File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	return metainvoice.Read(filepath.Base(path), in, o)
}

// Help implements kong.HelpProvider.
func (*invoiceImportCmd) Help() string {
	return `  prepay invoice import meta-2026-10.csv --fx USD:EUR=0.92@2026-10-31:ECB
  prepay invoice import meta-2026-10.xlsx --sheet October
  prepay invoice import report.csv --mapping report.toml`
}

// Run runs the command.
func (c *invoiceImportCmd) Run(ctx context.Context, g *globals) error {
	m := c.meta()
	o, err := c.options()
	if err != nil {
		return err
	}
	for _, rate := range c.FX {
		o.FX = append(o.FX, rate.FXRate)
	}
	if err := readable(c.Files); err != nil {
		return err
	}
	return g.with(ctx, func(a *desk.Desk) error {
		all := []ledger.ImportedInvoice{}
		for _, path := range c.Files {
			file, err := readInvoice(path, o)
			if err != nil {
				return err
			}
			imported, err := a.Ledger.ImportMetaFile(ctx, m, file)
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

type invoiceListCmd struct {
	Month *billingMonth `help:"Only documents with lines in this month." placeholder:"MONTH"`
}

// Help implements kong.HelpProvider.
func (*invoiceListCmd) Help() string { return `  prepay invoice list --month 2026-10` }

// Run runs the command.
func (c *invoiceListCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		month := domain.Month("")
		if c.Month != nil {
			month = c.Month.Month
		}
		all, err := a.Documents(ctx, month)
		if err != nil {
			return err
		}
		return g.print(all, func(w io.Writer) { writeInvoices(w, all) })
	})
}

func writeInvoices(w io.Writer, all []desk.MetaDocument) {
	t := newTable("document", "version", "type", "month", "lines", "volume", "amount")
	for _, v := range all {
		for _, s := range v.Totals {
			t.AppendRow(table.Row{v.InvoiceID, v.Version, s.DocumentType, s.Month, s.Lines, s.Volume, shown(s.Amount, s.Currency)})
		}
	}
	fmt.Fprintln(w, t.Render())
}

type invoiceShowCmd struct {
	Invoice string `arg:"" help:"Document id."`
	From    int    `help:"First line to show." default:"1"`
	Limit   int    `help:"Lines to show at most." default:"50"`
}

// Help implements kong.HelpProvider.
func (*invoiceShowCmd) Help() string {
	return `  prepay invoice show MI-2026-10
  prepay invoice show MI-2026-10 --from 51 --limit 100 --json`
}

// Run runs the command.
func (c *invoiceShowCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		v, err := a.DocumentLines(ctx, c.Invoice, c.From, c.Limit)
		if err != nil {
			return err
		}
		return g.print(v, func(w io.Writer) { writeInvoice(w, v) })
	})
}

func writeInvoice(w io.Writer, v *desk.MetaDocument) {
	writeInvoices(w, []desk.MetaDocument{*v})
	for _, r := range v.FX {
		fmt.Fprintf(w, "1 %s = %s %s (%s %s)\n", r.From, r.Rate, r.To, r.Date, r.Source)
	}
	t := newTable("line", "WABA", "market", "category", "pricing type", "tier", "volume", "amount", "allocated to")
	for _, l := range v.Lines {
		to := ""
		switch {
		case l.Allocation == nil:
		case l.Allocation.OwnCost:
			to = "own cost"
		default:
			to = l.Allocation.PartnerID
		}
		t.AppendRow(table.Row{
			l.Line, l.WABAID, cmp.Or(l.Market, l.Country), l.Category, l.PricingType, l.Tier, l.Volume, shown(l.Amount, l.Currency), to,
		})
	}
	fmt.Fprintf(w, "\n%s\n%d of %d lines.\n", t.Render(), len(v.Lines), v.LineCount)
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
	return g.with(ctx, func(a *desk.Desk) error {
		err := a.Ledger.AllocateInvoiceLine(ctx, c.meta(), c.Invoice, reconciliation.AllocateInvoiceLine{Line: c.Line, PartnerID: c.Partner, OwnCost: c.OwnCost})
		if err != nil {
			return err
		}
		return g.print(map[string]any{"invoice_id": c.Invoice, "line": c.Line}, func(w io.Writer) {
			fmt.Fprintf(w, "Line %d of %s is allocated.\n", c.Line, c.Invoice)
		})
	})
}
