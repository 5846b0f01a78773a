package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
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
	all := []ledger.ImportedInvoice{}
	err = g.once(ctx, func() error {
		for _, path := range c.Files {
			imported, err := c.file(ctx, g, path, o)
			if err != nil {
				return err
			}
			all = append(all, imported...)
		}
		return nil
	})
	if err != nil {
		return err
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
}

// file imports one file.
func (c *invoiceImportCmd) file(ctx context.Context, g *globals, path string, o metainvoice.Options) (imported []ledger.ImportedInvoice, err error) {
	if g.Server != "" {
		query := url.Values{}
		if c.Sheet != "" {
			query.Set("sheet", c.Sheet)
		}
		for _, rate := range c.FX {
			query.Set("fx", query.Get("fx")+rate.text()+"\n")
		}
		if c.Mapping != "" {
			text, err := os.ReadFile(c.Mapping)
			if err != nil {
				return nil, err
			}
			query.Set("mapping", string(text))
		}
		done, err := upload[httpapi.Imported](ctx, g, &c.who, "/v1/meta-invoices", path, query)
		return done.Documents, err
	}
	err = g.with(ctx, func(a *desk.Desk) error {
		file, err := readInvoice(path, o)
		if err != nil {
			return err
		}
		imported, err = a.Ledger.ImportMetaFile(ctx, c.meta(), file)
		return err
	})
	return imported, err
}

type invoiceListCmd struct {
	Month *billingMonth `help:"Only documents with lines in this month." placeholder:"MONTH"`
}

// Help implements kong.HelpProvider.
func (*invoiceListCmd) Help() string { return `  prepay invoice list --month 2026-10` }

// Run runs the command.
func (c *invoiceListCmd) Run(ctx context.Context, g *globals) error {
	month := domain.Month("")
	if c.Month != nil {
		month = c.Month.Month
	}
	all, err := askAll(ctx, g,
		func(r *apiclient.ClientWithResponses, cursor *string) (*http.Response, error) {
			return r.ListMetaInvoices(ctx, &apiclient.ListMetaInvoicesParams{Month: optional(string(month)), Limit: pageSize(), Cursor: cursor})
		},
		func(a *desk.Desk) ([]desk.MetaDocument, error) { return a.Documents(ctx, month) })
	if err != nil {
		return err
	}
	return g.print(all, func(w io.Writer) { writeInvoices(w, all) })
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
	v, err := c.document(ctx, g)
	if err != nil {
		return err
	}
	return g.print(v, func(w io.Writer) { writeInvoice(w, v) })
}

// document is the document with the lines that are asked for. A server gives
// its lines from the first, page by page.
func (c *invoiceShowCmd) document(ctx context.Context, g *globals) (*desk.MetaDocument, error) {
	if g.Server == "" {
		return ask(ctx, g, nil, func(a *desk.Desk) (*desk.MetaDocument, error) {
			return a.DocumentLines(ctx, c.Invoice, c.From, c.Limit)
		})
	}
	first := max(c.From, 1)
	var whole *desk.MetaDocument
	for cursor := ""; ; {
		page, err := ask[httpapi.MetaInvoice](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.GetMetaInvoice(ctx, c.Invoice, &apiclient.GetMetaInvoiceParams{Limit: pageSize(), Cursor: optional(cursor)})
		}, nil)
		if err != nil {
			return nil, err
		}
		if whole == nil {
			whole = &desk.MetaDocument{}
			*whole = page.MetaDocument
			whole.Lines = nil
		}
		last := 0
		for _, l := range page.Lines {
			if last = l.Line; l.Line >= first && l.Line < first+c.Limit {
				whole.Lines = append(whole.Lines, l)
			}
		}
		if cursor = page.Next; cursor == "" || last >= first+c.Limit-1 {
			return whole, nil
		}
	}
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
	if err := c.allocate(ctx, g); err != nil {
		return err
	}
	return g.print(map[string]any{"invoice_id": c.Invoice, "line": c.Line}, func(w io.Writer) {
		fmt.Fprintf(w, "Line %d of %s is allocated.\n", c.Line, c.Invoice)
	})
}

func (c *invoiceAllocateCmd) allocate(ctx context.Context, g *globals) error {
	if g.Server != "" {
		path := fmt.Sprintf("/v1/meta-invoices/%s/lines/%d/allocation", url.PathEscape(c.Invoice), c.Line)
		payload := map[string]any{}
		if c.OwnCost {
			payload["own_cost"] = true
		} else {
			payload["partner_id"] = c.Partner
		}
		_, err := order[json.RawMessage](ctx, g, &c.who, http.MethodPost, path, payload)
		return err
	}
	return g.with(ctx, func(a *desk.Desk) error {
		return a.Ledger.AllocateInvoiceLine(ctx, c.meta(), c.Invoice, reconciliation.AllocateInvoiceLine{Line: c.Line, PartnerID: c.Partner, OwnCost: c.OwnCost})
	})
}
