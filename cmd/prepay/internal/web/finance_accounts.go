package web

import (
	"net/url"
	"slices"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// rowsPerPage is how many rows a list shows (rows).
const rowsPerPage = 50

// overview is the first page of Finance.
func (w *Web) overview(q *request) error {
	o, err := w.desk.Overview(q.Context())
	if err != nil {
		return err
	}
	return q.show(ui.Page{Title: "Overview", Live: liveAll()}, financeDashboard(o))
}

// accountsView is the list of accounts as it is shown.
type accountsView struct {
	*desk.AccountPage
	filter *ui.Form
	order  *ui.Order
	pager  ui.Pager
	// filtered says that not all accounts are asked for; finance that who asks
	// may open accounts.
	filtered, finance bool
	now               time.Time
}

// accounts lists accounts: all of them, or a partner's own.
func (w *Web) accounts(q *request) error {
	query, filter := accountQuery(q)
	if q.who.Role == access.RolePartner {
		query.Sees = q.who.Sees
	}
	v := &accountsView{filter: filter, now: w.desk.Ledger.Now(), finance: isFinance(q.who)}
	v.order = &ui.Order{URL: q.URL, By: string(query.Sort), Descending: query.Descending}
	for name := range q.URL.Query() {
		v.filtered = v.filtered || name != "sort" && name != "desc" && name != "offset" && q.query(name) != ""
	}
	page, err := w.desk.ListAccounts(q.Context(), query)
	if err != nil {
		return err
	}
	v.AccountPage = page
	v.pager = ui.OffsetPager(q.URL, page.Offset, rowsPerPage, len(page.Rows), page.Total)
	live := liveAll()
	if q.who.Role == access.RolePartner {
		live = ""
	}
	return q.show(ui.Page{Title: "Accounts", Live: live}, accountsPage(v, q.URL.RequestURI()))
}

// isFinance says that somebody may give Finance's commands.
func isFinance(p *access.Principal) bool {
	return slices.Contains([]access.Role{access.RoleFinance, access.RoleAdmin}, p.Role)
}

// accountQuery is what the list is asked for; the form has what is wrong with
// it, which bounds nothing then.
func accountQuery(q *request) (desk.AccountQuery, *ui.Form) {
	f := ui.NewForm()
	f.Values = q.URL.Query()
	query := desk.AccountQuery{
		Search: q.query("search"), Currency: money.Currency(q.query("currency")), FailedRecharge: q.query("failed") != "",
		Waiting: q.query("waiting") != "", Descending: q.query("desc") != "", Offset: q.offset(), Limit: rowsPerPage,
	}
	if s := domain.Standing(q.query("standing")); slices.Contains(standings(), s) {
		query.Standing = s
	}
	query.Sort = desk.AccountSorts()[0]
	if s := desk.AccountSort(q.query("sort")); slices.Contains(desk.AccountSorts(), s) {
		query.Sort = s
	}
	query.AtLeast, query.AtMost = bound(q, f, "min"), bound(q, f, "max")
	if hours, ok := deadlineChoices()[q.query("deadline")]; ok {
		query.DeadlineBy = q.web.desk.Ledger.Now().Add(hours)
	}
	return query, f
}

// bound is an end of a range; nil is none.
func bound(q *request, f *ui.Form, name string) *money.Amount {
	text := q.query(name)
	if text == "" {
		return nil
	}
	a, err := readAmount(text)
	if err != nil {
		f.Fail(name, "This is not an amount: write it like 500 or -20.50.")
		return nil
	}
	return &a
}

// deadlineChoices are how soon a block may be that is asked for.
func deadlineChoices() map[string]time.Duration {
	return map[string]time.Duration{"24": 24 * time.Hour, "48": 48 * time.Hour, "168": 168 * time.Hour}
}

func deadlineOptions() []ui.Option {
	return []ui.Option{{Value: "", Label: "Any"}, {Value: "24", Label: "Within a day"}, {Value: "48", Label: "Within 48 hours"}, {Value: "168", Label: "Within a week"}}
}

func standingOptions() []ui.Option {
	return append([]ui.Option{{Value: "", Label: "Any"}}, ui.Options(standings()...)...)
}

// currencyOptions are those of the accounts; the one that is asked for is among
// them.
func currencyOptions(chosen string) []ui.Option {
	all := []ui.Option{{Value: "", Label: "Any"}}
	for _, c := range []string{"EUR", "USD"} {
		all = append(all, ui.Option{Value: c, Label: c})
	}
	if chosen != "" && chosen != "EUR" && chosen != "USD" {
		all = append(all, ui.Option{Value: chosen, Label: chosen})
	}
	return all
}

// openForm shows the form that opens an account.
func (w *Web) openForm(q *request) error {
	return w.openPage(q, ui.NewForm("currency", "EUR", "carried_over", "0", "surcharge_percent", "4", "grace_days", "7", "unblock_policy", "finance",
		"auto_recharge", "on", "threshold", "100", "recharge_amount", "500"))
}

func (w *Web) openPage(q *request, f *ui.Form) error {
	return q.show(ui.Page{Title: "Open an account", Crumbs: []ui.Crumb{{Label: "Accounts", URL: "/accounts"}}}, openAccountPage(f))
}

// openAccount opens an account.
func (w *Web) openAccount(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	partner := f.required("partner_id", "Give the partner's id.")
	cmd, err := openAction().command(f, partner)
	if err != nil {
		return err
	}
	return q.submit(f, func() error { return q.do(partner, f, cmd) }, "Account "+partner+" is open.", accountURL(partner)+"/finance",
		func() error { return w.openPage(q, f.Form) })
}

// channelForm shows the form that registers a channel.
func (w *Web) channelForm(q *request) error {
	v, err := w.desk.Account(q.Context(), q.param("partner_id"))
	if err != nil {
		return err
	}
	return w.channelPage(q, v, ui.NewForm("payment_model", string(domain.PartnerPaid)))
}

func (w *Web) channelPage(q *request, v *desk.AccountView, f *ui.Form) error {
	return q.show(ui.Page{Title: "Register a channel", Crumbs: accountCrumbs(v.PartnerID)}, channelFormPage(v, f))
}

// registerChannel registers a channel.
func (w *Web) registerChannel(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	partner := q.param("partner_id")
	v, err := w.desk.Account(q.Context(), partner)
	if err != nil {
		return err
	}
	cmd, err := channelAction().command(f, partner)
	if err != nil {
		return err
	}
	return q.submit(f, func() error { return q.do(partner, f, cmd) }, "Channel "+f.text("channel_id")+" is registered.", accountURL(partner)+"/finance",
		func() error { return w.channelPage(q, v, f.Form) })
}

// accountCrumbs lead to a page below an account.
func accountCrumbs(partner string) []ui.Crumb {
	return []ui.Crumb{{Label: "Accounts", URL: "/accounts"}, {Label: partner, URL: accountURL(partner)}}
}

// withQuery is a path with parameters; empty ones are left out.
func withQuery(path string, pairs ...string) string {
	return ui.WithQuery(&url.URL{Path: path}, pairs...)
}
