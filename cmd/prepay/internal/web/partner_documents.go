package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/invoices"
	"prepayledger/consumers/statements"
	"prepayledger/domain"
)

const (
	// invoicesPerPage is how many documents a page of their list has
	// (documents).
	invoicesPerPage = 25
	// maxFolds is how many statements are made at a time (statements): each
	// reads the account's whole stream.
	maxFolds = 2
)

// invoicesView is a page of invoices and credit notes.
type invoicesView struct {
	*accountView
	rows  []desk.PartnerDocument
	pager ui.Pager
}

// accountInvoices lists an account's invoices and credit notes, the newest
// first.
func (w *Web) accountInvoices(q *request) error {
	v, err := q.account("Invoices", "An invoice for every card payment, and a credit note for what went back.")
	if err != nil {
		return err
	}
	p := &invoicesView{accountView: v}
	if p.rows, err = w.desk.PartnerDocumentsOf(v.PartnerID); err != nil {
		return err
	}
	slices.Reverse(p.rows)
	slices.SortStableFunc(p.rows, func(a, b desk.PartnerDocument) int { return b.IssuedAt.Compare(a.IssuedAt) })
	total, offset := len(p.rows), min(q.offset(), len(p.rows))
	p.rows = p.rows[offset:min(offset+invoicesPerPage, total)]
	p.pager = ui.OffsetPager(q.URL, offset, invoicesPerPage, len(p.rows), total)
	return q.showAccount(v, invoicesPage(p))
}

// invoicePDF is an invoice or a credit note as PDF.
func (w *Web) invoicePDF(q *request) error {
	row, err := w.desk.PartnerDocument(q.param("number"), q.param("partner_id"))
	if err != nil {
		return err
	}
	d := invoices.Make(*row, w.deps.Issuer)
	data, err := d.PDF()
	if err != nil {
		return err
	}
	return q.file("application/pdf", d.Number+".pdf", data)
}

// file answers with a file that is made already.
func (q *request) file(contentType, name string, data []byte) error {
	return q.download(name, contentType, func(out http.ResponseWriter) error {
		_, err := out.Write(data)
		return err
	})
}

// statementsView are the months of an account.
type statementsView struct {
	*accountView
	months []desk.BillingMonth
}

// accountStatements lists the months for which there are statements.
func (w *Web) accountStatements(q *request) error {
	v, err := q.account("Statements", "One for each month: what was paid, what was used, and what Meta invoiced in the end.")
	if err != nil {
		return err
	}
	months, err := w.desk.BillingMonths(v.State)
	if err != nil {
		return err
	}
	return q.showAccount(v, statementsPage(&statementsView{accountView: v, months: months}))
}

// statement makes a statement of the month of the path. It reads the account's
// whole stream: few are made at a time.
func (q *request) statement(partner string) (*statements.Statement, error) {
	month, err := domain.ParseMonth(q.param("month"))
	if err != nil {
		return nil, errNotFound
	}
	select {
	case q.web.folds <- struct{}{}:
		defer func() { <-q.web.folds }()
	case <-q.Context().Done():
		return nil, q.Context().Err()
	}
	return q.web.desk.MonthEndStatement(q.Context(), partner, month)
}

// accountMonthView is an account's month.
type accountMonthView struct {
	*accountView
	*statements.Statement
	// byCategory and byMarket sum the usage up, the dearest first.
	byCategory, byMarket []statements.Total
}

// accountStatement shows an account's month.
func (w *Web) accountStatement(q *request) error {
	v, err := q.account("Statement", "")
	if err != nil {
		return err
	}
	s, err := q.statement(v.PartnerID)
	if err != nil {
		return err
	}
	v.title = "Statement " + monthWords(s.Month)
	p := &accountMonthView{accountView: v, Statement: s}
	v.up = &ui.Crumb{Label: "Statements", URL: v.at + "/statements"}
	p.byCategory = dearest(s.By(func(u *statements.Usage) string { return u.Category }))
	p.byMarket = dearest(s.By(func(u *statements.Usage) string { return u.Market }))
	return q.showAccount(v, accountMonthPage(p))
}

// closingNote says what the closing balance of a month is.
func (p *accountMonthView) closingNote() string {
	if p.Statement.Month >= domain.MonthOf(p.now, time.UTC) {
		return "so far: the month is not over"
	}
	return "end of " + monthWords(p.Statement.Month)
}

// dearest puts totals in order of their amounts.
func dearest(totals []statements.Total) []statements.Total {
	slices.SortStableFunc(totals, func(a, b statements.Total) int { return b.Amount.Cmp(a.Amount) })
	return totals
}

// statementFile is an account's month as a file.
func (w *Web) statementFile(q *request) error {
	partner, format := q.param("partner_id"), q.param("format")
	write := map[string]func(*statements.Statement, io.Writer) error{
		"pdf": func(s *statements.Statement, out io.Writer) error {
			data, err := s.PDF(w.deps.Issuer.Name)
			if err == nil {
				_, err = out.Write(data)
			}
			return err
		},
		"xlsx": (*statements.Statement).XLSX, "csv": (*statements.Statement).CSV,
	}[format]
	if write == nil {
		return errNotFound
	}
	s, err := q.statement(partner)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := write(s, &file); err != nil {
		return err
	}
	return q.file(fileTypes(format), fmt.Sprintf("%s-%s.%s", partner, s.Month, format), file.Bytes())
}

// fileTypes are the types of the files of statements.
func fileTypes(format string) string {
	switch format {
	case "pdf":
		return "application/pdf"
	case "xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	default:
		return "text/csv; charset=utf-8"
	}
}
