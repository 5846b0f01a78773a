package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/consumers/invoices"
	"prepayledger/domain"
	documents "prepayledger/projections/invoices"
)

// documentsCmd are the commands of the documents that partners get.
// Meta's own are those of invoiceCmd.
type documentsCmd struct {
	List documentsListCmd `cmd:"" help:"List a partner's invoices and credit notes."`
	Show documentsShowCmd `cmd:"" help:"Show one, or write it as PDF."`
}

// issuerFlags say who issues invoices. They are settings: the file of --config
// and the environment may have them.
type issuerFlags struct {
	Name       string `name:"issuer-name" group:"Invoices" help:"Who issues invoices." default:"${provider}" env:"PREPAY_ISSUER_NAME"`
	Street     string `name:"issuer-street" group:"Invoices" help:"Street and number." env:"PREPAY_ISSUER_STREET"`
	PostalCode string `name:"issuer-postal-code" group:"Invoices" help:"Postal code." env:"PREPAY_ISSUER_POSTAL_CODE"`
	City       string `name:"issuer-city" group:"Invoices" help:"City." env:"PREPAY_ISSUER_CITY"`
	Country    string `name:"issuer-country" group:"Invoices" help:"Country, such as DE." env:"PREPAY_ISSUER_COUNTRY"`
	VATID      string `name:"issuer-vat-id" group:"Invoices" help:"VAT id." env:"PREPAY_ISSUER_VAT_ID"`
	Email      string `name:"issuer-email" group:"Invoices" help:"Where questions go." env:"PREPAY_ISSUER_EMAIL"`
	BankName   string `name:"issuer-bank" group:"Invoices" help:"Name of the bank." env:"PREPAY_ISSUER_BANK"`
	IBAN       string `name:"issuer-iban" group:"Invoices" help:"Bank account." env:"PREPAY_ISSUER_IBAN"`
	BIC        string `name:"issuer-bic" group:"Invoices" help:"The bank's BIC." env:"PREPAY_ISSUER_BIC"`
	Note       string `name:"issuer-note" group:"Invoices" help:"What else stands at the foot, such as the register." env:"PREPAY_ISSUER_NOTE"`
}

func (f *issuerFlags) issuer() invoices.Issuer { return invoices.Issuer(*f) }

type documentsListCmd struct {
	Partner string `arg:"" help:"Partner id."`
}

// Help implements kong.HelpProvider.
func (*documentsListCmd) Help() string { return `  prepay partner-invoice list PA-1001` }

// Run runs the command.
func (c *documentsListCmd) Run(ctx context.Context, g *globals) error {
	rows, err := askAll(ctx, g,
		func(r *apiclient.ClientWithResponses, cursor *string) (*http.Response, error) {
			return r.ListInvoices(ctx, c.Partner, &apiclient.ListInvoicesParams{Limit: pageSize(), Cursor: cursor})
		},
		func(a *desk.Desk) ([]desk.PartnerDocument, error) { return a.PartnerDocuments(ctx, c.Partner) })
	if err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b desk.PartnerDocument) int {
		return cmp.Or(a.IssuedAt.Compare(b.IssuedAt), cmp.Compare(a.Number, b.Number))
	})
	return g.print(rows, func(w io.Writer) {
		t := newTable("number", "kind", "issued", "prepayment", "surcharge", "total", "recharge")
		for _, r := range rows {
			kind := "invoice"
			if r.Kind == documents.CreditNote {
				kind = "credit note for " + r.InvoiceNumber
			}
			t.AppendRow(table.Row{
				r.Number, kind, r.IssuedAt.Format(time.DateOnly), shown(r.Prepayment, r.Currency), shown(r.Surcharge, r.Currency),
				shown(r.Total, r.Currency), r.RechargeID,
			})
		}
		fmt.Fprintln(w, t.Render())
	})
}

type documentsShowCmd struct {
	Number  string `arg:"" help:"Number of the invoice or credit note."`
	PDF     string `name:"pdf" help:"Write it to this file as PDF; - is the standard output." placeholder:"FILE"`
	Partner string `help:"Whose it is, where two partners have one of this number."`
	issuerFlags
}

// Help implements kong.HelpProvider.
func (*documentsShowCmd) Help() string {
	return `Shows a document that a partner got. prepay invoice is for Meta's documents.
The issuer's particulars are settings: put them into the file of --config.

  prepay partner-invoice show PA-1001-2026-000001 --pdf invoice.pdf --config prepay.toml
  prepay partner-invoice show PA-1001-2026-000001 --json`
}

// Run runs the command.
func (c *documentsShowCmd) Run(ctx context.Context, g *globals) error {
	d, err := c.document(ctx, g)
	if err != nil {
		return err
	}
	if c.PDF != "" {
		return c.writePDF(g, d)
	}
	return g.print(d, func(w io.Writer) { writeDocument(w, d) })
}

// document is the document that is asked for. A server puts its own issuer's
// particulars on it.
func (c *documentsShowCmd) document(ctx context.Context, g *globals) (*invoices.Document, error) {
	if g.Server != "" {
		return c.remoteDocument(ctx, g)
	}
	return ask(ctx, g, nil, func(a *desk.Desk) (*invoices.Document, error) {
		if err := a.Ledger.Settle(ctx); err != nil {
			return nil, err
		}
		row, err := a.PartnerDocument(c.Number, c.Partner)
		if err != nil {
			return nil, err
		}
		d := invoices.Make(*row, c.issuer())
		return &d, nil
	})
}

// remoteDocument asks for a document of the partner, by default of the one
// whose id the number begins with.
func (c *documentsShowCmd) remoteDocument(ctx context.Context, g *globals) (*invoices.Document, error) {
	partner := c.Partner
	if partner == "" {
		var err error
		if partner, err = partnerOf(c.Number); err != nil {
			return nil, err
		}
	}
	d, err := ask[*invoices.Document](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
		return r.GetInvoice(ctx, partner, c.Number, nil)
	}, nil)
	if apiclient.Code(err) == string(domain.UnknownAccount) {
		return nil, domain.Reject(domain.UnknownInvoice, "There is no invoice or credit note %.80q: see prepay partner-invoice list.", c.Number)
	}
	return d, err
}

// partnerOf is whose document a number is of: <partner>-<year>-<6 digits>, with
// one more part in credit notes' numbers.
func partnerOf(number string) (string, error) {
	found := regexp.MustCompile(`^(.+?)(-[A-Z]+)?-[0-9]{4}-[0-9]{6}$`).FindStringSubmatch(number)
	if found == nil {
		return "", fmt.Errorf("whose document %.80q is can't be told: add --partner", number)
	}
	return found[1], nil
}

// writePDF writes the file whole or not at all.
func (c *documentsShowCmd) writePDF(g *globals, d *invoices.Document) error {
	data, err := d.PDF()
	if err != nil {
		return err
	}
	missing, err := d.Missing()
	if err != nil {
		return err
	}
	if missing != "" {
		fmt.Fprintf(g.Stderr, "prepay: the PDF's fonts lack %q: boxes stand in their place. Write the names in Latin, Greek or Cyrillic letters.\n", missing)
	}
	if c.PDF == "-" {
		_, err := g.Stdout.Write(data)
		return err
	}
	unfinished := c.PDF + ".tmp"
	if err := os.WriteFile(unfinished, data, 0o644); err != nil {
		return fmt.Errorf("--pdf: %w", err)
	}
	if err := os.Rename(unfinished, c.PDF); err != nil {
		_ = os.Remove(unfinished)
		return fmt.Errorf("--pdf: %w", err)
	}
	return g.print(map[string]any{"number": d.Number, "file": c.PDF, "bytes": len(data)}, func(w io.Writer) {
		fmt.Fprintf(w, "%s is written to %s.\n", d.Number, c.PDF)
	})
}

func writeDocument(w io.Writer, d *invoices.Document) {
	kind := "Invoice"
	if d.Kind == documents.CreditNote {
		kind = "Credit note"
	}
	fmt.Fprintf(w, "%s %s of %s for %s", kind, d.Number, d.IssuedAt.Format(time.DateOnly), d.Recipient.PartnerID)
	if d.Recipient.Company != "" {
		fmt.Fprintf(w, ", %s", d.Recipient.Company)
	}
	fmt.Fprintf(w, "\nby %s\n\n", d.Issuer.Name)
	t := newTable("line", "rate", "amount")
	for _, l := range d.Lines {
		rate := ""
		if l.Percent != "" {
			rate = l.Percent + " %"
		}
		t.AppendRow(table.Row{l.Description, rate, l.Amount + " " + string(d.Currency)})
	}
	if d.Tax != nil && d.Tax.Rate != "" {
		t.AppendRow(table.Row{"net amount", "", d.Tax.Net + " " + string(d.Currency)})
		t.AppendRow(table.Row{"tax included", d.Tax.Rate + " %", d.Tax.Included + " " + string(d.Currency)})
	}
	t.AppendRow(table.Row{"total", "", d.Total + " " + string(d.Currency)})
	fmt.Fprintf(w, "%s\n\n", t.Render())
	for _, remark := range d.Remarks() {
		fmt.Fprintln(w, remark)
	}
}
