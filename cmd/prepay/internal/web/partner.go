package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
)

// partnerPages are the pages of an account, which its partner sees and Finance.
func (w *Web) partnerPages(r chi.Router) {
	const at = "/accounts/{partner_id}"
	read := func(path string, handle func(*request) error) {
		w.page(r, http.MethodGet, at+path, access.ReadsAccount(), handle)
	}
	edit := func(path string, show, change func(*request) error) {
		w.page(r, http.MethodGet, at+path, access.ChangesAccount(), show)
		w.page(r, http.MethodPost, at+path, access.ChangesAccount(), change)
	}
	read("", w.accountOverview)
	read("/banner", w.accountBanner)
	read("/standing", w.accountStanding)
	read("/movements", w.accountMovements)
	read("/usage", w.accountUsage)
	read("/recharges", w.accountRecharges)
	read("/channels", w.accountChannels)
	read("/invoices", w.accountInvoices)
	read("/invoices/{number}/pdf", w.invoicePDF)
	read("/statements", w.accountStatements)
	read("/statements/{month}", w.accountStatement)
	read("/statements/{month}/{format}", w.statementFile)
	read("/settings", w.accountSettings)
	edit("/funds", w.fundsForm, w.addFunds)
	read("/funds/quote", w.cardQuote)
	edit("/settings/recharge", w.rechargeForm, w.changeRecharge)
	edit("/settings/card", w.cardForm, w.replaceCard)
	edit("/settings/billing", w.billingForm, w.changeBilling)
	edit("/settings/alerts", w.alertsForm, w.changeAlerts)
	w.page(r, http.MethodPost, at+"/settings/card/link", access.ChangesAccount(), w.cardLink)
}

// maxSwitch is how many other accounts the navigation names (accounts); the
// list of accounts has all.
const maxSwitch = 8

// partnerNavigation is what a partner sees at the side: the pages of the account
// at which they are, and their other accounts.
func partnerNavigation(partners []string, current string) []ui.NavGroup {
	if len(partners) == 1 {
		current = partners[0]
	}
	if !slices.Contains(partners, current) {
		return []ui.NavGroup{{Links: []ui.NavLink{{Label: "Accounts", URL: "/accounts", Icon: "accounts"}}}}
	}
	pages := ui.NavGroup{Links: accountLinks(current)}
	if len(partners) == 1 {
		return []ui.NavGroup{pages}
	}
	pages.Label = current
	others := ui.NavGroup{Label: "Your accounts"}
	for _, id := range slices.Sorted(slices.Values(partners)) {
		if id != current && len(others.Links) < maxSwitch {
			others.Links = append(others.Links, ui.NavLink{Label: id, URL: accountURL(id), Icon: "accounts"})
		}
	}
	others.Links = append(others.Links, ui.NavLink{Label: "All accounts", URL: "/accounts", Icon: "stream"})
	return []ui.NavGroup{pages, others}
}

// accountLinks are the pages of an account.
func accountLinks(partner string) []ui.NavLink {
	at := accountURL(partner)
	return []ui.NavLink{
		{Label: "Overview", URL: at, Icon: "home"},
		{Label: "Usage", URL: at + "/usage", Icon: "usage"},
		{Label: "Card payments", URL: at + "/recharges", Icon: "card"},
		{Label: "Channels", URL: at + "/channels", Icon: "channels"},
		{Label: "Invoices", URL: at + "/invoices", Icon: "document"},
		{Label: "Statements", URL: at + "/statements", Icon: "month"},
		{Label: "Settings", URL: at + "/settings", Icon: "settings"},
	}
}

// accountView is what all pages of an account know.
type accountView struct {
	desk *desk.Desk
	*accounts.Account
	desk.AccountLine
	now time.Time
	// at is the account's URL.
	at string
	// changes says that who looks may change the account; partner says that
	// it is the account's own people.
	changes, partner bool
	// tabs are the account's pages, for who has another navigation.
	tabs []ui.NavLink
	// story is the account's standing in a few words.
	story desk.Story
	// title is the page's, lead a sentence below it; up is the page above it.
	title, lead string
	up          *ui.Crumb
}

// account is the account of the path, as the read models have it: what falls
// due is worked by prepay serve, not by whoever looks.
func (q *request) account(title, lead string) (*accountView, error) {
	found, err := q.web.desk.Live(q.param("partner_id"))
	if err != nil {
		return nil, err
	}
	// The accounts have an event a moment before the other read models do.
	if err := q.web.desk.Views.WaitFor(q.Context(), found.Position); err != nil {
		return nil, err
	}
	story, err := q.web.desk.Story(q.Context(), found, false)
	if err != nil {
		return nil, err
	}
	id := found.State.PartnerID
	v := &accountView{
		desk: q.web.desk, Account: found, AccountLine: desk.LineOf(found.State), now: q.web.desk.Ledger.Now(), at: accountURL(id), story: story, title: title, lead: lead,
		partner: q.who.Role == access.RolePartner,
	}
	rule := access.ChangesAccount()
	v.changes = rule.Allow(q.who, id) == nil
	if !v.partner {
		v.tabs = append(accountLinks(id), ui.NavLink{Label: "Finance", URL: v.at + "/finance"})
		groups := []ui.NavGroup{{Links: v.tabs}}
		ui.MarkCurrent(groups, q.URL.Path)
	}
	return v, nil
}

// reread reads the account again.
func (v *accountView) reread() error {
	found, err := v.desk.Live(v.PartnerID)
	if err == nil {
		v.Account, v.AccountLine = found, desk.LineOf(found.State)
	}
	return err
}

// name is the account for people, with the company where it is known.
func (v *accountView) name() string {
	if b := v.State.Billing; b != nil {
		return b.Company + " (" + v.PartnerID + ")"
	}
	return v.PartnerID
}

// blockedText is what a sender on a blocked channel is told (R21).
func (w *Web) blockedText() string { return w.deps.BlockedText }

// showAccount answers with a page of an account.
func (q *request) showAccount(v *accountView, content templ.Component) error {
	p := ui.Page{Title: v.title + " · " + v.PartnerID, Live: liveAccount(v.PartnerID)}
	if !v.partner {
		p.Crumbs = []ui.Crumb{{Label: "Accounts", URL: "/accounts"}, {Label: v.PartnerID, URL: v.at}}
	}
	if v.up != nil {
		p.Crumbs = append(p.Crumbs, *v.up)
	}
	return q.show(p, content)
}

// part answers with a part of a page.
func (q *request) part(c templ.Component) error {
	h := q.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	return c.Render(q.Context(), q.w)
}

// accountBanner answers with the account's standing alone: every page of the
// account fetches it again when something changed.
func (w *Web) accountBanner(q *request) error {
	v, err := q.account("", "")
	if err != nil {
		return err
	}
	if !q.htmx() {
		return q.redirect(v.at + "/standing")
	}
	return q.part(standingBanner(v))
}

// accountStanding says why the account stands as it stands, and what to do.
func (w *Web) accountStanding(q *request) error {
	v, err := q.account("Standing", "")
	if err != nil {
		return err
	}
	s := &standingView{accountView: v, issuer: w.deps.Issuer, text: w.blockedText()}
	if s.story, err = w.desk.Story(q.Context(), v.Account, true); err != nil {
		return err
	}
	switch v.Standing {
	case domain.Blocked:
		v.title = "Why the account is blocked"
	case domain.Grace:
		v.title = "Why money is due"
	}
	return q.showAccount(v, standingPage(s))
}

// sum is an amount in a sentence.
func (v *accountView) sum(a money.Amount) string { return sum(a, v.Currency) }

func sum(a money.Amount, c money.Currency) string {
	return ui.AmountText(a, c) + noBreak + string(c)
}

// noBreak is the no-break space.
const noBreak = "\u00a0"

// moment is an instant in a sentence.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// bannerText says that money is due or channels are blocked; it is empty while
// nothing is to be said.
func bannerText(v *accountView) (title, sentence string) {
	switch v.Standing {
	case domain.Blocked:
		sentence = "No channel of this account can send."
		if since := v.Figures.BlockedSince; !since.IsZero() {
			sentence = "No channel of this account can send since " + moment(since) + "."
		}
		if v.AmountDue.Sign() > 0 {
			return "All channels are blocked", sentence + " " + v.sum(v.AmountDue) + " are due."
		}
		return "All channels are blocked", sentence + " Nothing is due any more."
	case domain.Grace:
		return "Money is due", "The balance is below zero since " + moment(*v.NegativeSince) + ". Unless " + v.sum(v.AmountDue) + " are paid before, all channels are blocked on " +
			moment(*v.BlockDeadline) + ", " + ui.Ago(*v.BlockDeadline, v.now) + "."
	case domain.Closed:
		return "The account is closed", "Nothing more is charged, and no channel can send. What there was stays to be seen."
	default:
		return "", ""
	}
}

func bannerTone(v *accountView) ui.Tone {
	switch v.Standing {
	case domain.Blocked:
		return ui.Bad
	case domain.Grace:
		return ui.Warn
	default:
		return ui.Neutral
	}
}

// bannerWords is the standing as it is read out when it changes.
func bannerWords(v *accountView) string {
	if title, sentence := bannerText(v); title != "" {
		return title + ". " + sentence
	}
	return "The account is active."
}

// standingNote says more of the standing, in a few words.
func standingNote(v *accountView) string {
	switch v.Standing {
	case domain.Blocked:
		if since := v.Figures.BlockedSince; !since.IsZero() {
			return "since " + moment(since)
		}
	case domain.Grace:
		return "channels are blocked " + ui.Ago(*v.BlockDeadline, v.now)
	case domain.Active:
		return "channels can send"
	}
	return ""
}
