package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/projections/accounts"
)

// accountsOfMonth is how many accounts the page of a month names; all are on
// a page of their own (accounts).
const accountsOfMonth = 10

// uninvoicedShown is how many WABAs without document the page of a month lists
// (WABAs).
const uninvoicedShown = 10

// months lists the billing months.
func (w *Web) months(q *request) error {
	all, err := w.desk.Months(q.Context())
	if err != nil {
		return err
	}
	return q.show(ui.Page{Title: "Months", Live: liveAll()}, monthsPage(all, isFinance(q.who)))
}

// monthView is a month's workbench.
type monthView struct {
	*desk.Month
	documents []desk.MetaDocument
	summary   desk.MonthSummary
	// asNow says that the month is shown as it is now, not as it was proposed.
	asNow bool
	// may says that who asks gives commands; form is the one that failed, step
	// which.
	may  bool
	form *ui.Form
	step string
	// posted counts the accounts that the run is posted to.
	posted int
	// working says that a step is under way; failed is why the last one ended.
	working bool
	failed  string
	largest []reconciliation.AccountSummary
}

// month shows a month's workbench.
func (w *Web) month(q *request) error { return w.monthPage(q, "", ui.NewForm()) }

// monthOf is the month of the path.
func monthOf(q *request) (domain.Month, error) {
	if m := q.param("month"); regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`).MatchString(m) {
		return domain.Month(m), nil
	}
	return "", errNotFound
}

func (w *Web) monthPage(q *request, step string, f *ui.Form) error {
	month, err := monthOf(q)
	if err != nil {
		return err
	}
	v := &monthView{may: isFinance(q.who), form: f, step: step, asNow: q.query("now") != ""}
	if v.Month, err = w.readMonth(q, month, &v.asNow); err != nil {
		return err
	}
	if v.documents, err = w.desk.Documents(q.Context(), month); err != nil {
		return err
	}
	if err := w.summarise(q, v); err != nil {
		return err
	}
	return q.show(ui.Page{Title: monthWords(month), Crumbs: monthsCrumbs(), Live: liveAll()}, monthPage(v))
}

// readMonth reads the proposal of a month or, where there is none or asNow says
// so, the month as it is now.
func (w *Web) readMonth(q *request, month domain.Month, asNow *bool) (*desk.Month, error) {
	m, err := w.desk.ReadMonth(q.Context(), month, false)
	if err != nil {
		return nil, err
	}
	*asNow = *asNow || m.Phase == reconciliation.NotProposed || m.Phase == reconciliation.Withdrawn
	if !*asNow {
		return m, nil
	}
	now, err := w.desk.ReadMonth(q.Context(), month, true)
	if err != nil {
		return nil, err
	}
	shown := *now // the phase and what people said are the month's in any case
	shown.Phase, shown.Run, shown.ProposedBy, shown.ApprovedBy = m.Phase, m.Run, m.ProposedBy, m.ApprovedBy
	shown.Comments, shown.Withdrawal, shown.Revision = m.Comments, m.Withdrawal, m.Revision
	return &shown, nil
}

// summarise completes a month's workbench.
func (w *Web) summarise(q *request, v *monthView) error {
	all, err := w.desk.Months(q.Context())
	if err != nil {
		return err
	}
	month := v.MonthHead.Month
	if i := slices.IndexFunc(all, func(s desk.MonthSummary) bool { return s.Month == month }); i >= 0 {
		v.summary = all[i]
	}
	v.largest = slices.Clone(v.Accounts)
	slices.SortStableFunc(v.largest, func(a, b reconciliation.AccountSummary) int {
		return cmp.Or(b.Difference.Abs().Cmp(a.Difference.Abs()), strings.Compare(a.PartnerID, b.PartnerID))
	})
	v.largest = v.largest[:min(accountsOfMonth, len(v.largest))]
	if v.Phase == reconciliation.Approved {
		v.posted = w.postedTo(month, v.Run)
	}
	if t := w.jobs.find(monthJob(month)); t != nil {
		_, ended, err := t.state()
		v.working = !ended
		if err != nil {
			v.failed, _ = refusal(err)
		}
	}
	return nil
}

// postedTo counts the accounts that a run of a month is posted to.
func (w *Web) postedTo(month domain.Month, run int) (n int) {
	w.desk.Views.Accounts.Each(func(_ string, a *accounts.Account) {
		if m := a.State.Months[month]; m != nil && m.Run >= run {
			n++
		}
	})
	return n
}

// monthJob names the step of a month that is under way.
func monthJob(m domain.Month) string { return "month/" + string(m) }

// The steps of a month.
const (
	stepPropose  = "propose"
	stepWithdraw = "withdraw"
	stepApprove  = "approve"
	stepPost     = "post"
	stepComment  = "comment"
)

// errMonthChanged says that a month was changed since its page was made.
func errMonthChanged(m domain.Month) error {
	return domain.Reject(domain.CommandConflict, "%s was changed since this page was made: look at it again before you go on.", monthWords(m))
}

// monthStep gives a command to a month.
func (w *Web) monthStep(q *request) error {
	month, err := monthOf(q)
	if err != nil {
		return err
	}
	f, err := q.form()
	if err != nil {
		return err
	}
	step, m, next := q.param("step"), q.meta(f), "/months/"+string(month)
	again := func() error { return w.monthPage(q, step, f.Form) }
	switch step {
	case stepPropose:
		return q.submit(f, w.settled(q, func() error { return w.desk.ProposeMonth(q.Context(), m, month) }), "It is proposed. Another person has to approve it.", next, again)
	case stepWithdraw:
		reason := f.required("reason", "Say why.")
		return q.submit(f, w.settled(q, func() error { return w.desk.WithdrawMonth(q.Context(), m, month, reason) }), "The proposal is withdrawn.", next, again)
	case stepComment:
		text := f.required("text", "Say something.")
		return q.submit(f, w.settled(q, func() error { return w.desk.CommentMonth(q.Context(), m, month, text) }), "Your comment is kept with the month.", next, again)
	case stepPost:
		return w.posting(q, f, month, again, func(ctx context.Context) error { return w.desk.PostMonth(ctx, m, month) })
	case stepApprove:
		uninvoiced, seen := restated(f), f.text("revision")
		return w.posting(q, f, month, again, func(ctx context.Context) error {
			if err := w.unchanged(ctx, month, seen); err != nil {
				return err
			}
			return w.desk.ApproveMonth(ctx, m, month, uninvoiced)
		})
	}
	return errNotFound
}

// settled does something, and waits until the pages know it.
func (w *Web) settled(q *request, do func() error) func() error {
	return func() error {
		if err := do(); err != nil {
			return err
		}
		return w.desk.Ledger.Settle(q.Context())
	}
}

// posting does what posts a month. What takes long goes on beside the page,
// which shows to how many accounts it is posted.
func (w *Web) posting(q *request, f *form, month domain.Month, again func() error, do func(context.Context) error) error {
	next := "/months/" + string(month)
	if f.Failed() {
		q.status = unprocessable
		return again()
	}
	fresh, ended, err := w.start(q, monthJob(month), nil, true, func(ctx context.Context, _ *job) error {
		if err := do(ctx); err != nil {
			return err
		}
		return w.desk.Ledger.Settle(ctx)
	})
	switch {
	case !fresh: // the same form once more, or somebody else's
		return q.redirect(next)
	case err != nil:
		w.jobs.drop(monthJob(month))
		if err := f.take(err); err != nil {
			return err
		}
		q.status = unprocessable
		return again()
	case ended:
		w.jobs.drop(monthJob(month))
		q.flash(ui.Good, monthWords(month)+" is posted to every account.")
	}
	return q.redirect(next)
}

// unchanged errs where a month was changed since its page was made: nobody may
// approve what they did not see.
func (w *Web) unchanged(ctx context.Context, month domain.Month, seen string) error {
	m, err := w.desk.ReadMonth(ctx, month, false)
	if err != nil {
		return err
	}
	if seen != strconv.FormatInt(int64(m.Revision), 10) {
		return errMonthChanged(month)
	}
	return nil
}

// restated is the sum of uninvoiced charges as the approval states it; nil where
// it states none.
func restated(f *form) *money.Amount {
	text := f.text("uninvoiced")
	if text == "" {
		return nil
	}
	a, err := readAmount(text)
	if err != nil {
		f.Fail("uninvoiced", "This is not an amount: write it like 17.25.")
		return nil
	}
	return &a
}

// linesView are some lines of a month.
type linesView struct {
	*desk.LinesPage
	month  *desk.Month
	asNow  bool
	filter *ui.Form
	first  bool
	next   string
}

// monthLines lists the lines of a month.
func (w *Web) monthLines(q *request) error {
	month, err := monthOf(q)
	if err != nil {
		return err
	}
	v := &linesView{filter: ui.NewForm(), first: q.query("after") == "", asNow: q.query("now") != ""}
	v.filter.Values = q.URL.Query()
	if v.month, err = w.readMonth(q, month, &v.asNow); err != nil {
		return err
	}
	wanted := &desk.LinesWanted{
		PartnerID: q.query("account"), WABAID: q.query("waba"), Market: q.query("market"), Category: q.query("category"),
		Part: reconciliation.PartKind(q.query("part")), Differing: q.query("all") == "", Largest: q.query("largest") != "",
	}
	if least := bound(q, v.filter, "least"); least != nil {
		wanted.Least = least.Abs()
	}
	if v.LinesPage, err = v.month.Lines(wanted, q.query("after"), rowsPerPage); err != nil {
		return err
	}
	if v.Next != "" {
		v.next = ui.WithQuery(q.URL, "after", v.Next)
	}
	crumbs := append(monthsCrumbs(), ui.Crumb{Label: monthWords(month), URL: "/months/" + string(month)})
	return q.show(ui.Page{Title: "Lines of " + monthWords(month), Crumbs: crumbs, Live: liveAll()}, monthLinesPage(v, q.URL))
}

// monthAccounts lists the accounts of a month.
func (w *Web) monthAccounts(q *request) error {
	month, err := monthOf(q)
	if err != nil {
		return err
	}
	asNow := q.query("now") != ""
	m, err := w.readMonth(q, month, &asNow)
	if err != nil {
		return err
	}
	at := min(q.offset(), len(m.Accounts))
	rows := m.Accounts[at:min(at+rowsPerPage, len(m.Accounts))]
	crumbs := append(monthsCrumbs(), ui.Crumb{Label: monthWords(month), URL: "/months/" + string(month)})
	return q.show(ui.Page{Title: "Accounts of " + monthWords(month), Crumbs: crumbs},
		monthAccountsPage(m, rows, ui.OffsetPager(q.URL, at, rowsPerPage, len(rows), len(m.Accounts))))
}

// workbook gives a month as a workbook.
func (w *Web) workbook(q *request) error {
	month, err := monthOf(q)
	if err != nil {
		return err
	}
	book, err := w.desk.MonthBook(q.Context(), month)
	if err != nil {
		return err
	}
	return q.download(fmt.Sprintf("prepay-%s.xlsx", month), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		func(out http.ResponseWriter) error { return book.Write(out) })
}

// journal gives the double entry of a month.
func (w *Web) journal(q *request) error {
	month, err := monthOf(q)
	if err != nil {
		return err
	}
	if err := w.desk.Ledger.Settle(q.Context()); err != nil {
		return err
	}
	return q.download(fmt.Sprintf("prepay-%s-journal.csv", month), "text/csv; charset=utf-8", func(out http.ResponseWriter) error {
		write, flush := desk.JournalCSV(out)
		if _, err := w.desk.Journal(q.Context(), desk.JournalWanted{Month: month}, write); err != nil {
			return err
		}
		return flush()
	})
}
