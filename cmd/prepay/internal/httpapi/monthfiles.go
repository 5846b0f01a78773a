package httpapi

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/drift"
	"prepayledger/consumers/evidence"
	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
)

// Content types of files.
const (
	typeXLSX   = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	typeCSV    = "text/csv; charset=utf-8"
	typeNDJSON = "application/x-ndjson"
	typeJSON   = "application/json"
	typeAny    = "application/octet-stream"
)

// Headers that say of what a month's workbook is.
const (
	PhaseHeader    = "Prepay-Month-Phase"
	AccountsHeader = "Prepay-Month-Accounts"
)

// monthFiles registers what is had of a month as a file, or given for it.
func (a *API) monthFiles() {
	monthParameter := inPath("month", "Billing month, such as 2026-10.")
	text := &huma.Schema{Type: huma.TypeString}
	op := get("/months/{month}/workbook.xlsx", "get_month_workbook", "Get the month as a workbook for Finance.", "Months")
	op.Parameters = []*huma.Param{monthParameter}
	book := downloaded("The workbook.", typeXLSX)
	book.Headers = map[string]*huma.Param{
		PhaseHeader: {Schema: text, Description: "Where the month is, such as posted."}, AccountsHeader: {Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "How many accounts the workbook has."},
	}
	op.Responses = map[string]*huma.Response{"200": book}
	a.stream(op, access.ReadsAll(), a.monthWorkbook)

	op = get("/journal.csv", "get_journal", "Get the double entry of everything that was recorded, as CSV.", "Months")
	op.Parameters = []*huma.Param{query("month", "Only entries recorded in this month (UTC).", text), query("partner_id", "Only the lines of this partner.", text)}
	op.Responses = map[string]*huma.Response{"200": downloaded("The journal.", "text/csv")}
	a.stream(op, access.ReadsAll(), a.journal)

	op = get("/months/{month}/evidence", "get_month_evidence", "Open a line of a month to the charges and lines of Meta behind it, as JSON or CSV.", "Months")
	op.Parameters = []*huma.Param{
		monthParameter, query("partner_id", "Account of the line.", text), query("waba_id", "WABA; leave key parameters out for the account's rounding.", text),
		query("market", "Market.", text), query("category", "Category.", text), query("pricing_type", "Pricing type; regular without.", text),
		query("part", "Only this part of the difference.", &huma.Schema{Type: huma.TypeString, Enum: anys(desk.PartKinds())}),
		query("format", "json, or csv; without as Accept says.", &huma.Schema{Type: huma.TypeString, Enum: []any{"json", "csv"}}),
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "The line, its charges and sums.", Content: map[string]*huma.MediaType{
		typeJSON: {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}, "text/csv": {Schema: text},
	}}}
	a.stream(op, access.ReadsAll(), a.evidence)

	op = post("/months/{month}/drift", "Months")
	op.OperationID, op.Summary = "compare_analytics", "Compare the month so far with Meta's pricing analytics; records nothing."
	op.Parameters = []*huma.Param{monthParameter}
	upload(a, op, access.ReadsAll(), MaxFileBytes, []option{{"on", "Compare through this day, such as 2026-10-03; all there is without."}}, a.drift)
}

// anys are values for a schema.
func anys[T any](all []T) (values []any) {
	for _, v := range all {
		values = append(values, v)
	}
	return values
}

// monthOfPath is the month of the path of a request that huma does not read.
func monthOfPath(r *http.Request) (domain.Month, error) { return parseMonth(PathValue(r, "month")) }

func parseMonth(text string) (domain.Month, error) {
	if !regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`).MatchString(text) {
		return "", &commandjson.FieldError{Field: "month", Problem: "write it like 2026-10"}
	}
	return domain.Month(text), nil
}

func (a *API) monthWorkbook(w http.ResponseWriter, r *http.Request) {
	d := &download{typed: typeXLSX, name: PathValue(r, "month") + ".xlsx"}
	a.download(w, r, d, func(ctx context.Context, d *download) error {
		month, err := monthOfPath(r)
		if err != nil {
			return err
		}
		if _, err := parameters(r); err != nil {
			return err
		}
		book, err := a.desk.MonthBook(ctx, month)
		if err != nil {
			return err
		}
		d.headers = map[string]string{PhaseHeader: string(book.Phase), AccountsHeader: strconv.Itoa(len(book.Accounts))}
		return book.Write(d)
	})
}

func (a *API) journal(w http.ResponseWriter, r *http.Request) {
	a.download(w, r, &download{typed: typeCSV, name: "journal.csv"}, func(ctx context.Context, d *download) error {
		values, err := parameters(r, "month", "partner_id")
		if err != nil {
			return err
		}
		wanted := desk.JournalWanted{PartnerID: values.Get("partner_id")}
		if values.Has("month") {
			if wanted.Month, err = parseMonth(values.Get("month")); err != nil {
				return err
			}
			d.name = string(wanted.Month) + "-journal.csv"
		}
		if err := a.desk.Ledger.Settle(ctx); err != nil {
			return err
		}
		write, flush := desk.JournalCSV(d)
		if _, err := a.desk.Journal(ctx, wanted, write); err != nil {
			return err
		}
		return flush()
	})
}

func (a *API) evidence(w http.ResponseWriter, r *http.Request) {
	a.download(w, r, &download{typed: typeJSON}, func(ctx context.Context, d *download) error {
		wanted, asCSV, err := evidenceWanted(r)
		if err != nil {
			return err
		}
		line, err := a.desk.OpenLine(ctx, wanted)
		if err != nil {
			return err
		}
		if asCSV {
			d.typed, d.name = typeCSV, "evidence.csv"
			return line.CSV(ctx, d)
		}
		return line.JSON(ctx, d)
	})
}

func evidenceWanted(r *http.Request) (w evidence.Wanted, asCSV bool, err error) {
	if w.Month, err = monthOfPath(r); err != nil {
		return w, false, err
	}
	values, err := parameters(r, "partner_id", "waba_id", "market", "category", "pricing_type", "part", "format")
	if err != nil {
		return w, false, err
	}
	if w.PartnerID = values.Get("partner_id"); w.PartnerID == "" {
		return w, false, &commandjson.FieldError{Field: "partner_id", Problem: "say of which account"}
	}
	w.Part = reconciliation.PartKind(values.Get("part"))
	if w.Part != "" && !slices.Contains(desk.PartKinds(), w.Part) {
		return w, false, &commandjson.FieldError{Field: "part", Problem: "it is late, free, category, missing_at_meta, missing_here, tier, quantity, rate, currency or rounding"}
	}
	if values.Has("waba_id") {
		w.Key = reconciliation.Key{
			WABAID: values.Get("waba_id"), Market: values.Get("market"), Category: reconciliation.NormalizeCategory(values.Get("category")),
			PricingType: reconciliation.NormalizePricingType(values.Get("pricing_type")),
		}
	}
	switch format := values.Get("format"); format {
	case "":
		return w, strings.HasPrefix(r.Header.Get("Accept"), "text/csv"), nil
	case "json", "csv":
		return w, format == "csv", nil
	}
	return w, false, &commandjson.FieldError{Field: "format", Problem: "it is json or csv"}
}

func (a *API) drift(ctx context.Context, u *uploaded) (*drift.Report, error) {
	month, err := monthOfPath(u.request)
	if err != nil {
		return nil, err
	}
	var through time.Time
	if on := u.values.Get("on"); on != "" {
		if through, err = time.Parse(time.DateOnly, on); err != nil {
			return nil, &commandjson.FieldError{Field: "on", Problem: "write a day like 2026-10-03"}
		}
	}
	if len(u.files) == 0 {
		return nil, &commandjson.FieldError{Field: filePart, Problem: "give the responses of the Graph API"}
	}
	return a.desk.Drift(ctx, month, through, func(each func(desk.File) error) error {
		for _, f := range u.files {
			if err := each(f); err != nil {
				return err
			}
		}
		return nil
	})
}
