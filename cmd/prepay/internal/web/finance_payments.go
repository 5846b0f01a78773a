package web

import (
	"bytes"
	"net/url"
	"strings"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/bankstatement"
	"prepayledger/consumers/fileerror"
)

// statementsShown is how many bank statements the page of payments lists.
const statementsShown = 20

// paymentsView is the page of payments to confirm.
type paymentsView struct {
	*desk.AccountPage
	statements []desk.BankStatementLine
	upload     *ui.Form
	problems   *fileerror.List
	order      *ui.Order
	pager      ui.Pager
	now        time.Time
	may        bool
}

// payments lists who owes, and takes bank statements.
func (w *Web) payments(q *request) error { return w.paymentsPage(q, ui.NewForm(), nil) }

func (w *Web) paymentsPage(q *request, f *ui.Form, problems *fileerror.List) error {
	query, _ := accountQuery(q)
	query.Waiting = true
	if q.query("sort") == "" {
		query.Sort, query.Descending = desk.SortDue, true
	}
	page, err := w.desk.ListAccounts(q.Context(), query)
	if err != nil {
		return err
	}
	v := &paymentsView{AccountPage: page, upload: f, problems: problems, now: w.desk.Ledger.Now(), may: isFinance(q.who)}
	at := &url.URL{Path: "/payments", RawQuery: q.URL.RawQuery} // also below an upload that failed
	v.order = &ui.Order{URL: at, By: string(query.Sort), Descending: query.Descending}
	v.pager = ui.OffsetPager(at, page.Offset, rowsPerPage, len(page.Rows), page.Total)
	if v.statements, err = w.desk.BankStatements(q.Context(), "", statementsShown); err != nil {
		return err
	}
	return q.show(ui.Page{Title: "Payments", Live: liveAll()}, paymentsPage(v, at.RequestURI()))
}

// importStatement takes a bank statement.
func (w *Web) importStatement(q *request) error {
	u, done, err := q.upload()
	if err != nil {
		return err
	}
	defer done()
	name, data, err := u.file("statement", true)
	if err != nil {
		return err
	}
	var problems *fileerror.List
	if !u.Failed() {
		id, err := w.readStatement(q, u, name, data)
		if err == nil {
			q.flash(ui.Good, "The statement is read. Nothing is confirmed by it yet.")
			return q.redirect("/payments/statements/" + id)
		}
		problems, err = inFile(err)
		if err := u.take(err); err != nil {
			return err
		}
	}
	q.status = unprocessable
	return w.paymentsPage(q, u.Form, problems)
}

// readStatement reads a bank statement, and returns its id.
func (w *Web) readStatement(q *request, u *upload, name string, data []byte) (string, error) {
	o := bankstatement.Options{DecimalComma: u.Checked("decimal_comma")}
	if d := u.Value("delimiter"); d == ";" || d == "\t" {
		o.Delimiter = rune(d[0])
	}
	cmd, err := bankstatement.Parse(name, bytes.NewReader(data), o)
	if err != nil {
		return "", err
	}
	_, err = w.desk.ImportBankStatement(q.Context(), q.meta(u.form), cmd)
	return cmd.StatementID, err
}

// statementView is a bank statement with its proposals.
type statementView struct {
	*desk.BankStatement
	may bool
}

// statement shows a bank statement and whose payments it may have.
func (w *Web) statement(q *request) error {
	s, err := w.desk.BankStatement(q.Context(), q.param("statement"))
	if err != nil {
		return err
	}
	return q.show(ui.Page{Title: "Bank statement " + s.StatementID, Crumbs: []ui.Crumb{{Label: "Payments", URL: "/payments"}}, Live: liveAll()},
		statementPage(&statementView{s, isFinance(q.who)}))
}

// proposalView is a payment that is about to be confirmed.
type proposalView struct {
	*bankstatement.Proposal
	partner string
	form    *ui.Form
	says    []string
}

func (v *proposalView) statement() string { s, _, _ := strings.Cut(v.ID, "-"); return s }

// proposal says what confirming a payment of a statement would do.
func (w *Web) proposal(q *request) error {
	p, err := w.desk.Proposal(q.Context(), q.param("proposal"))
	if err != nil {
		return err
	}
	return w.proposalPage(q, &proposalView{Proposal: p, partner: q.query("partner_id"), form: ui.NewForm("partner_id", q.query("partner_id"))})
}

func (w *Web) proposalPage(q *request, v *proposalView) error {
	if !v.form.Failed() && v.partner != "" {
		f := &form{Form: v.form}
		_, cmd, err := desk.Confirmation(v.Proposal, v.partner)
		if err == nil && cmd != nil {
			v.says, err = w.foresee(q, f, v.partner, cmd)
		}
		if err != nil {
			if err := f.take(err); err != nil {
				return err
			}
			q.status = unprocessable
		}
	}
	crumbs := []ui.Crumb{{Label: "Payments", URL: "/payments"}, {Label: "Statement " + v.statement(), URL: "/payments/statements/" + v.statement()}}
	return q.show(ui.Page{Title: "Confirm a payment", Crumbs: crumbs}, proposalPage(v))
}

// confirmProposal confirms a payment of a statement.
func (w *Web) confirmProposal(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	p, err := w.desk.Proposal(q.Context(), q.param("proposal"))
	if err != nil {
		return err
	}
	v := &proposalView{Proposal: p, partner: f.required("partner_id", "Name the account."), form: f.Form}
	if f.Value("step") != stepDo && !f.Failed() {
		return w.proposalPage(q, v)
	}
	return q.submit(f, func() error {
		_, err := w.desk.Confirm(q.Context(), q.meta(f), p.ID, v.partner)
		return err
	}, "The payment of "+plainMoney(p.Amount, p.Currency)+" is confirmed for "+v.partner+".", "/payments/statements/"+v.statement(),
		func() error { return w.proposalPage(q, v) })
}
