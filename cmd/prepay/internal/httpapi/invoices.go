package httpapi

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/invoices"
	documents "prepayledger/projections/invoices"
)

// invoices registers the reads of the invoices and credit notes that a partner
// gets (R15, R36).
func (a *API) invoices() {
	const path = "/accounts/{partner_id}/invoices"
	register(a, get(path, "list_invoices", "List an account's invoices and credit notes, the newest first.", "Invoices"), access.ReadsAccount(), a.listInvoices)
	register(a, get(path+"/{number}", "get_invoice", "Show an invoice or credit note.", "Invoices"), access.ReadsAccount(), a.showInvoice)
	op := slow(get(path+"/{number}/pdf", "get_invoice_pdf", "Download an invoice or credit note as PDF.", "Invoices"))
	op.Responses = fileResponse("application/pdf")
	register(a, op, access.ReadsAccount(), a.invoicePDF)
}

// fileResponse describes an answer that is a file.
func fileResponse(contentType string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: "The file.",
		Content:     map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
}

type invoicesInput struct {
	AccountInput
	PageInput
	AtLeast
	Kind documents.Kind `query:"kind" enum:"invoice,credit_note" doc:"Only those."`
}

// documentKey orders documents: by when they were issued, then by number.
func documentKey(d *desk.PartnerDocument) string {
	return d.IssuedAt.UTC().Format(time.RFC3339Nano) + "\x00" + d.Number
}

func (a *API) listInvoices(ctx context.Context, in *invoicesInput) (*body[Page[desk.PartnerDocument]], error) {
	before, err := in.after()
	if err != nil {
		return nil, err
	}
	at, number, found := strings.Cut(before, "\x00")
	last, err := time.Parse(time.RFC3339Nano, at)
	if before != "" && (err != nil || !found) {
		return nil, &commandjson.FieldError{Field: "cursor", Problem: "give the next of the page before, as it was"}
	}
	if _, err := a.live(ctx, in.PartnerID, in.AtLeast); err != nil {
		return nil, err
	}
	all, err := a.desk.PartnerDocumentsOf(in.PartnerID)
	if err != nil {
		return nil, err
	}
	newestFirst := func(a, b *desk.PartnerDocument) int {
		return cmp.Or(b.IssuedAt.Compare(a.IssuedAt), strings.Compare(b.Number, a.Number))
	}
	limit := &desk.PartnerDocument{IssuedAt: last, Number: number}
	all = slices.DeleteFunc(all, func(d desk.PartnerDocument) bool {
		return in.Kind != "" && d.Kind != in.Kind || before != "" && newestFirst(&d, limit) <= 0
	})
	slices.SortFunc(all, func(a, b desk.PartnerDocument) int { return newestFirst(&a, &b) })
	return &body[Page[desk.PartnerDocument]]{cut(all, in.Limit, documentKey)}, nil
}

type invoiceInput struct {
	AccountInput
	AtLeast
	Number string `path:"number" minLength:"1" maxLength:"300" doc:"The document's number." example:"PA-1001-2026-000001"`
}

// invoice is a document as it was issued, with the issuer's particulars.
func (a *API) invoice(ctx context.Context, in *invoiceInput) (*invoices.Document, error) {
	if _, err := a.live(ctx, in.PartnerID, in.AtLeast); err != nil {
		return nil, err
	}
	row, err := a.desk.PartnerDocument(in.Number, in.PartnerID)
	if err != nil {
		return nil, err
	}
	d := invoices.Make(*row, a.opts.Issuer)
	return &d, nil
}

func (a *API) showInvoice(ctx context.Context, in *invoiceInput) (*body[*invoices.Document], error) {
	d, err := a.invoice(ctx, in)
	return &body[*invoices.Document]{d}, err
}

func (a *API) invoicePDF(ctx context.Context, in *invoiceInput) (*file, error) {
	d, err := a.invoice(ctx, in)
	if err != nil {
		return nil, err
	}
	release, err := a.fold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	content, err := d.PDF()
	if err != nil {
		return nil, err
	}
	return fileOf(d.Number+".pdf", "application/pdf", content), nil
}
