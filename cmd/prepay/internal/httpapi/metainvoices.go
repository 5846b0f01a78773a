package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// PreviewRows is how many rows the check of a mapping shows (rows).
const PreviewRows = 20

// metaInvoices registers the operations of Meta's documents.
func (a *API) metaInvoices() {
	layout := []option{
		{"sheet", "Sheet of a workbook; the first without."},
		{"mapping", "Text of a mapping file (TOML), where the columns are not the normalised ones."},
	}
	fx := option{"fx", "Rates of exchange, FROM:TO=RATE[@DATE[:SOURCE]], separated by commas or lines, such as USD:EUR=0.92@2026-10-31:ECB."}
	op := post("/meta-invoices", "Meta's documents")
	op.OperationID, op.Summary = "import_meta_invoice", "Import a file of Meta's invoices and memos, whole or not at all."
	upload(a, op, access.Finance(), metainvoice.MaxFileBytes, append(layout, fx), a.importMetaInvoice)
	op = post("/meta-invoice-mapping-checks", "Meta's documents")
	op.OperationID, op.Summary = "check_mapping", "Check how a mapping reads a sample; records nothing."
	upload(a, op, access.ReadsAll(), metainvoice.MaxFileBytes, layout, a.checkMapping)

	register(a, get("/meta-invoices", "list_meta_invoices", "List Meta's documents with their totals.", "Meta's documents"), access.ReadsAll(), a.listMetaInvoices)
	register(a, get("/meta-invoices/{invoice_id}", "get_meta_invoice", "Show a document of Meta with a page of its lines.", "Meta's documents"), access.ReadsAll(), a.metaInvoice)
	op = post("/meta-invoices/{invoice_id}/lines/{line}/allocation", "Meta's documents")
	op.OperationID, op.Summary = "allocate_meta_invoice_line", "Give a line that belongs to no account to one, or accept it as own cost."
	register(a, op, access.Finance(), a.allocate)

	op = get("/meta-invoices/{invoice_id}/original", "get_meta_invoice_original", "Get back the file that a document came in, byte for byte.", "Meta's documents")
	op.Parameters = []*huma.Param{
		inPath("invoice_id", "Id of the document."),
		query("version", "Version of the document; the newest without.", &huma.Schema{Type: huma.TypeInteger}),
		query("mapping", "true: the mapping by which the file was read instead.", &huma.Schema{Type: huma.TypeBoolean}),
	}
	op.Responses = map[string]*huma.Response{"200": downloaded("The file; Digest and Repr-Digest have its SHA-256.", typeAny)}
	a.stream(op, access.ReadsAll(), a.original)
}

// options reads how files are read.
func (u *uploaded) options() (o metainvoice.Options, err error) {
	o.Sheet = u.values.Get("sheet")
	if text := u.values.Get("mapping"); text != "" {
		if o.Mapping, err = metainvoice.ParseMapping("mapping", strings.NewReader(text)); err != nil {
			return o, err
		}
	}
	for _, text := range strings.FieldsFunc(u.values.Get("fx"), func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if strings.TrimSpace(text) == "" {
			continue
		}
		rate, err := fxRate(strings.TrimSpace(text))
		if err != nil {
			return o, err
		}
		o.FX = append(o.FX, rate)
	}
	return o, nil
}

// fxRate reads a rate of exchange such as USD:EUR=0.92@2026-10-31:ECB; date and
// source may be left out.
func fxRate(text string) (f reconciliation.FXRate, err error) {
	pair, rest, ok := strings.Cut(text, "=")
	from, to, okPair := strings.Cut(pair, ":")
	rate, when, _ := strings.Cut(rest, "@")
	f.From, f.To = money.Currency(from), money.Currency(to)
	f.Date, f.Source, _ = strings.Cut(when, ":")
	if f.Rate, err = money.Parse(rate); err != nil || !ok || !okPair {
		return f, &commandjson.FieldError{Field: "fx", Problem: strconv.QuoteToASCII(cutText(text)) + " is not a rate of exchange: write it like USD:EUR=0.92@2026-10-31:ECB"}
	}
	return f, nil
}

// cutText cuts a text for a message.
func cutText(text string) string {
	const most = 60 // bytes
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// Imported is what an import of Meta's documents came to.
type Imported struct {
	Documents []ledger.ImportedInvoice `json:"documents"`
}

func (a *API) importMetaInvoice(ctx context.Context, u *uploaded) (answer Imported, err error) {
	file, err := u.file()
	if err != nil {
		return answer, err
	}
	options, err := u.options()
	if err != nil {
		return answer, err
	}
	read, err := metainvoice.Read(file.Name, file, options)
	if err != nil {
		return answer, err
	}
	if answer.Documents, err = a.desk.Ledger.ImportMetaFile(ctx, u.meta(ctx), read); err != nil {
		return answer, err
	}
	return answer, a.desk.Ledger.Settle(ctx)
}

// MappingCheck is how a sample is read.
type MappingCheck struct {
	Sample *metainvoice.Preview `json:"sample"`
	// Problems say what is wrong with the sample.
	Problems []FieldError `json:"problems"`
}

// checkMapping answers also where the sample is wrong: how its first rows are
// read says why.
func (a *API) checkMapping(_ context.Context, u *uploaded) (check MappingCheck, err error) {
	file, err := u.file()
	if err != nil {
		return check, err
	}
	options, err := u.options()
	if err != nil {
		return check, err
	}
	sample, bad := metainvoice.Look(file.Name, file, options, PreviewRows)
	if sample == nil {
		return check, bad
	}
	check = MappingCheck{sample, []FieldError{}}
	if bad != nil {
		if check.Problems = fieldErrors(bad); len(check.Problems) == 0 {
			return check, bad
		}
	}
	return check, nil
}

type metaInvoicesInput struct {
	PageInput
	Month string `query:"month" pattern:"^([0-9]{4}-(0[1-9]|1[0-2]))?$" doc:"Only documents with lines in this month."`
}

func (a *API) listMetaInvoices(ctx context.Context, in *metaInvoicesInput) (*body[Page[desk.MetaDocument]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if err := a.desk.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	all, err := a.desk.DocumentsAfter(ctx, domain.Month(in.Month), after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return &body[Page[desk.MetaDocument]]{cut(all, in.Limit, func(d *desk.MetaDocument) string { return d.InvoiceID })}, nil
}

type metaInvoiceInput struct {
	InvoiceID string `path:"invoice_id" maxLength:"128" doc:"Id of the document."`
	PageInput
}

// MetaInvoice is a document with a page of its lines.
type MetaInvoice struct {
	desk.MetaDocument
	Next string `json:"next,omitempty" doc:"Cursor of the next page of lines; absent on the last."`
}

func (a *API) metaInvoice(ctx context.Context, in *metaInvoiceInput) (*body[*MetaInvoice], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	from := 1
	if after != "" {
		if from, err = strconv.Atoi(after); err != nil || from < 1 {
			return nil, errCursor()
		}
	}
	d, err := a.desk.DocumentLines(ctx, in.InvoiceID, from, in.Limit)
	if err != nil {
		return nil, err
	}
	v := &MetaInvoice{MetaDocument: *d}
	if last := from - 1 + len(d.Lines); last < d.LineCount && len(d.Lines) > 0 {
		v.Next = cursor(strconv.Itoa(last + 1))
	}
	return &body[*MetaInvoice]{v}, nil
}

type allocateInput struct {
	InvoiceID string `path:"invoice_id" maxLength:"128" doc:"Id of the document."`
	Line      int    `path:"line" minimum:"1" maximum:"1000000" doc:"Line, counted from 1 within the document."`
	IdempotencyKey
	Body struct {
		PartnerID string `json:"partner_id,omitempty" maxLength:"256" doc:"Account that it belongs to; or own_cost."`
		OwnCost   bool   `json:"own_cost,omitempty" doc:"Accept it as the provider's own cost."`
	}
}

func (a *API) allocate(ctx context.Context, in *allocateInput) (*body[*MetaInvoice], error) {
	if !domain.ValidID(in.InvoiceID) {
		return nil, noDocument(in.InvoiceID)
	}
	cmd := reconciliation.AllocateInvoiceLine{Line: in.Line, PartnerID: in.Body.PartnerID, OwnCost: in.Body.OwnCost}
	if err := a.desk.Ledger.AllocateInvoiceLine(ctx, in.meta(ctx), in.InvoiceID, cmd); err != nil {
		return nil, err
	}
	return a.metaInvoice(ctx, &metaInvoiceInput{InvoiceID: in.InvoiceID, PageInput: PageInput{Limit: 1, Cursor: cursor(strconv.Itoa(in.Line))}})
}

// noDocument says that an id can be no document's.
func noDocument(id string) error {
	return domain.Reject(domain.UnknownInvoiceLine, "There is no document %.64q: list the documents.", id)
}

func (a *API) original(w http.ResponseWriter, r *http.Request) {
	a.download(w, r, &download{typed: typeAny}, func(ctx context.Context, d *download) error {
		values, err := parameters(r, "version", "mapping")
		if err != nil {
			return err
		}
		id := PathValue(r, "invoice_id")
		if !domain.ValidID(id) {
			return noDocument(id)
		}
		version := 0
		if text := values.Get("version"); text != "" {
			if version, err = strconv.Atoi(text); err != nil || version < 0 {
				return &commandjson.FieldError{Field: "version", Problem: "it is a number, counted from 1"}
			}
		}
		// The first reading finds name and hash, which go before the file.
		o, err := a.desk.Ledger.Original(ctx, id, version, io.Discard)
		if err != nil {
			return err
		}
		if values.Get("mapping") == "true" {
			d.typed, d.name = "application/toml", o.InvoiceID+".toml"
			_, err := d.Write([]byte(o.Mapping))
			return err
		}
		sum, err := hex.DecodeString(o.SHA256)
		if err != nil {
			return err
		}
		digest := base64.StdEncoding.EncodeToString(sum)
		d.name = o.FileName
		d.headers = map[string]string{
			"Digest": "sha-256=" + digest, "Repr-Digest": "sha-256=:" + digest + ":", "Content-Length": strconv.FormatInt(o.Bytes, 10),
			"X-Invoice-Version": strconv.Itoa(o.Version),
		}
		_, err = a.desk.Ledger.Original(ctx, o.InvoiceID, o.Version, d)
		return err
	})
}
