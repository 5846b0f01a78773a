package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/webtest"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// The accounts of these tests: ours is one of the demo's, the other one is
// opened by tests that need it.
const (
	ours  = "PA-1001"
	other = "PA-2001"
)

// giveTo gives a command to an account, as Finance.
func giveTo(t *testing.T, s *webtest.Server, partner string, cmd domain.Command) {
	t.Helper()
	if err := s.Desk.Ledger.Do(t.Context(), partner, domain.Meta{Actor: "finance:ana@bsp.example"}, cmd); err != nil {
		t.Fatalf("%s: %v", cmd.CommandName(), err)
	}
}

// use deducts a conversation from an account.
func use(t *testing.T, s *webtest.Server, partner, channel, id, category, price string, at time.Time) {
	t.Helper()
	c := domain.Charge{
		ChargeID: id, PartnerID: partner, ChannelID: channel, Category: category, Market: "Germany", Model: domain.PMP, OccurredAt: at,
		Priced: true, Amount: money.MustParse(price), Currency: "EUR", PricingType: domain.PricingTypeRegular,
	}
	outcomes, err := s.Desk.Ledger.Charge(t.Context(), domain.Meta{Actor: "service:intake"}, []ledger.Presented{{Charge: c}})
	if err != nil || outcomes[0].Charge != domain.ChargeDeducted {
		t.Fatalf("%+v, %v", outcomes, err)
	}
}

// advance works what fell due in an account, as prepay serve does.
func advance(t *testing.T, s *webtest.Server, partner string) *domain.Account {
	t.Helper()
	found, err := s.Desk.Accounts(t.Context(), partner)
	if err != nil {
		t.Fatal(err)
	}
	return found[0].State
}

// openOther opens an account whose card is declined, that was used for weeks.
func openOther(t *testing.T, s *webtest.Server) {
	t.Helper()
	giveTo(t, s, other, &domain.OpenAccount{PartnerID: other, Currency: "EUR", Card: "sim_declined", CarriedOver: money.FromInt(500)})
	giveTo(t, s, other, &domain.ChangeBillingDetails{Billing: domain.BillingDetails{Company: "Ahoy Travel GmbH", Street: "Kai 1", PostalCode: "20457", City: "Hamburg", Country: "DE"}})
	for n := 1; n <= 3; n++ {
		giveTo(t, s, other, &domain.RegisterChannel{
			ChannelID: fmt.Sprintf("CH-%d", n), PhoneNumber: fmt.Sprintf("+4940123456%d", n), PhoneNumberID: fmt.Sprintf("P-%d", n), WABAID: "W-1", PaymentModel: domain.PartnerPaid,
		})
	}
	now := s.Month.Now()
	for day := range 60 {
		at := now.Add(-time.Duration(day) * domain.Day).Add(-time.Hour)
		for n, category := range []string{"marketing", "utility", "authentication"} {
			use(t, s, other, "CH-1", fmt.Sprintf("%d-%d", day, n), category, fmt.Sprintf("%d.%02d", 3-n+(day*7)%4, day), at)
		}
	}
}

// TestPartnerDay is a partner's day: the balance falls as conversations come,
// without reload; the settings are changed, which charges the card; funds are
// added, once, however often they are sent.
func TestPartnerDay(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignInPartner(t, ours)
	p.Visit("/")
	p.WaitPath("/accounts/" + ours)
	p.WaitText("478.6541 EUR")
	p.WaitText("channels can send")
	p.WaitLive()
	p.Eval(`window.same = true`, nil)
	use(t, s, ours, "CH-1-01", "live-1", "marketing", "8.6541", s.Month.Now())
	p.WaitText("470.00 EUR")
	p.WaitText("Conversations of today")
	var same bool
	if p.Eval(`window.same === true`, &same); !same {
		t.Error("the page was loaded again")
	}

	p.Click("Recharge settings")
	p.WaitPath("/accounts/" + ours + "/settings/recharge")
	p.Fill("Threshold", "500")
	p.Fill("Recharge amount", "120,5")
	p.WaitText("125.32 EUR") // with the surcharge, while it is typed
	p.Click("Save")
	p.WaitText("Save and charge the card now?")
	p.WaitText("because the balance is below the threshold")
	p.Axe()
	p.Click("Charge 125.32 EUR")
	p.WaitPath("/accounts/" + ours + "/settings")
	p.WaitText("The recharge settings are saved.")
	p.WaitText("500.00 EUR")
	advance(t, s, ours)
	p.Visit("/accounts/" + ours)
	p.WaitText("590.50 EUR")

	giveTo(t, s, ours, &domain.ReplaceCard{Card: "sim_unknown_until=" + s.Month.Now().Add(time.Hour).Format(time.RFC3339)})
	p.Click("Add funds")
	p.Fill("Amount to add", "50")
	p.WaitText("52.00 EUR")
	p.Axe()
	p.Screenshot("partner-funds")
	p.Click("Continue")
	p.WaitText("Charge the card now?")
	p.Screenshot("partner-funds-confirm")
	// The form is sent, and sent again: the same command counts once.
	var ended []string
	p.Eval(`(async () => { const body = new URLSearchParams(new FormData(document.querySelector("main form"))), ended = [];
		for (let i = 0; i < 3; i++) ended.push(new URL((await fetch(location.pathname, { method: "POST", body })).url).pathname);
		return ended; })()`, &ended)
	if got, want := fmt.Sprint(ended), fmt.Sprintf("[/accounts/%[1]s /accounts/%[1]s /accounts/%[1]s]", ours); got != want {
		t.Errorf("the form, sent three times, led to %s", got)
	}
	p.Visit("/accounts/" + ours)
	p.WaitText("A card payment of 52.00 EUR is in progress")
	p.WaitLive()
	s.Month.At(s.Month.Now().Add(time.Hour))
	if a := advance(t, s, ours); a.RechargeCount != 3 || a.Balance.String() != "640.5" {
		t.Errorf("%d card payments, balance %s", a.RechargeCount, a.Balance)
	}
	p.WaitText("640.50 EUR")
	p.WaitNoText("is in progress")

	p.Click("Card payments")
	p.WaitText(ours + "-R000003")
	p.WaitText("funds added by hand")
	p.Axe()
}

// TestPartnerBlocked: who is blocked is told why, since when, how much is due,
// what to do and what lifts it; the page opens up as soon as Finance confirms.
func TestPartnerBlocked(t *testing.T) {
	s := webtest.Start(t)
	openOther(t, s)
	use(t, s, other, "CH-1", "last", "marketing", "200.1234", s.Month.Now())
	advance(t, s, other)
	p := s.SignInPartner(t, other)
	p.Visit("/")
	p.WaitText("Money is due")
	p.WaitText("in 7 days")
	p.Axe()
	p.Screenshot("partner-grace")
	p.Click("Why, and what to do")
	p.WaitText("The card could not be charged")
	p.WaitText("all channels are blocked on 8 Nov 2026, 00:00 UTC")
	p.Axe()
	p.WaitLive()

	s.Month.At(s.Month.Now().Add(7 * domain.Day))
	a := advance(t, s, other)
	if a.Standing() != domain.Blocked {
		t.Fatalf("the account is %s", a.Standing())
	}
	p.WaitText("What was due could not be charged to the card within the grace period.")
	p.WaitText("Could not send message due to lack of payment.")
	p.WaitText("DE02120300000000202051")
	p.WaitText("our finance team has confirmed that the outstanding amount was received")
	p.Axe()
	p.Screenshot("partner-blocked")
	p.Phone()
	p.Screenshot("partner-blocked-phone")
	p.Desktop()
	p.Visit("/accounts/" + other + "/channels")
	p.WaitText("blocked")
	p.WaitLive()
	p.Axe()
	p.Eval(`window.same = true`, nil)
	giveTo(t, s, other, &domain.ConfirmPayment{Reference: "TR-1", Amount: a.AmountDue().Add(money.FromInt(100))})
	p.WaitText("open")
	p.WaitNoText("All channels are blocked")
	var same bool
	if p.Eval(`window.same === true`, &same); !same {
		t.Error("the page was loaded again")
	}
	p.Visit("/accounts/" + other)
	p.WaitText("100.00 EUR")
	p.WaitText("reference TR-1")
}

// TestPartnerForms: what is wrong is said at its field, and nobody overwrites
// what somebody else changed without seeing it.
func TestPartnerForms(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignInPartner(t, ours)
	p.Expect(http.StatusUnprocessableEntity)
	at := "/accounts/" + ours
	p.Visit(at + "/settings/recharge")
	p.Fill("Threshold", "-1")
	p.Click("Save")
	p.WaitText("The threshold is -1; it can't be negative.")
	if got := p.Focused(); got != "Threshold" {
		t.Errorf("the focus is on %q", got)
	}
	p.Axe()
	p.Fill("Threshold", "a lot")
	p.Click("Save")
	p.WaitText("This is not an amount: write it like 500 or 499.90.")
	p.Fill("Threshold", "90")

	other := money.FromInt(77)
	giveTo(t, s, ours, &domain.ChangeRechargeSettings{RechargeAmount: &other})
	p.Click("Save")
	p.WaitText("Somebody else changed this meanwhile")
	p.WaitText("77.00 EUR are credited")
	p.Click("Save")
	p.WaitText("The recharge settings are saved.")
	if a := advance(t, s, ours); a.Settings.Threshold.String() != "90" || a.Settings.RechargeAmount.String() != "100" {
		t.Errorf("settings %+v", a.Settings)
	}

	p.Visit(at + "/funds")
	p.Fill("Amount to add", "5")
	p.Click("Continue")
	p.WaitText("5 is out of range: add between 10 and 100000 per payment.")

	p.Visit(at + "/settings/card")
	p.Fill("Card", "4242")
	p.Click("Save")
	p.WaitText("is not one of sim_ok")
	p.Fill("Card", "sim_declined")
	p.Click("Save")
	p.WaitText("The card is registered.")

	p.Visit(at + "/settings/billing")
	p.Fill("Company", "Ahoy Travel GmbH")
	p.Click("Save")
	p.WaitText("Write street and number.")
	p.Fill("Street and number", "Kai 1")
	p.Fill("Postal code", "20457")
	p.Fill("City", "Hamburg")
	p.Fill("Country", "xx")
	p.Fill("Where invoices are sent", "invoices@ahoy.example\nnobody")
	p.Click("Save")
	p.WaitText("nobody is not a mail address")
	p.Axe()
	p.Fill("Where invoices are sent", "invoices@ahoy.example")
	p.Click("Save")
	p.WaitText("The country is \"XX\"")
	p.Fill("Country", "de")
	p.Click("Save")
	p.WaitText("The billing details are saved.")
	p.WaitText("20457 Hamburg, DE")

	p.Visit(at + "/settings/alerts")
	p.Fill("Recipients", "ana@ahoy.example, ben@ahoy.example")
	p.Click("A card payment was credited")
	p.Click("Save")
	p.WaitText("The alert settings are saved.")
	p.WaitText("ana@ahoy.example, ben@ahoy.example")
	if a := advance(t, s, ours); !a.Alerts.Wants("Recharged") || !a.Alerts.Wants("Blocked") || len(a.Alerts.Recipients) != 2 {
		t.Errorf("alerts %+v", a.Alerts)
	}
}

// fetched is the status, the type and the beginning of what a path answers.
type fetched struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Begins string `json:"begins"`
}

// fetch asks for a path from within the page.
func fetch(p *webtest.Page, method, path string) (f fetched) {
	p.Eval(fmt.Sprintf(`fetch(%q, { method: %q, redirect: "manual" }).then(async r => ({ status: r.status, type: r.headers.get("content-type") ?? "",
		begins: String.fromCharCode(...new Uint8Array(await r.arrayBuffer()).slice(0, 15)) }))`, path, method), &f)
	return f
}

// TestPartnerFiles: invoices and statements are files that programs can read.
func TestPartnerFiles(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignInPartner(t, ours)
	p.Visit("/accounts/" + ours + "/invoices")
	p.WaitText(ours + "-2026-000001")
	p.Axe()
	for path, want := range map[string]fetched{
		"/invoices/" + ours + "-2026-000001/pdf": {200, "application/pdf", "%PDF"},
		"/statements/2026-10/pdf":                {200, "application/pdf", "%PDF"},
		"/statements/2026-10/xlsx":               {200, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK"},
		"/statements/2026-10/csv":                {200, "text/csv; charset=utf-8", ""},
	} {
		got := fetch(p, "GET", "/accounts/"+ours+path)
		if got.Status != want.Status || got.Type != want.Type || !strings.HasPrefix(got.Begins, want.Begins) {
			t.Errorf("%s: %+v", path, got)
		}
	}
	p.Expect(http.StatusNotFound)
	for _, path := range []string{"/invoices/" + ours + "-2026-000099/pdf", "/statements/2026-10/docx", "/statements/october", "/statements/2026-1/pdf"} {
		if got := fetch(p, "GET", "/accounts/"+ours+path); got.Status != http.StatusNotFound {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// TestPartnerForeign: another partner's account is not there, on any page; who
// only reads may not change.
func TestPartnerForeign(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignInPartner(t, ours)
	p.Expect(http.StatusNotFound)
	p.Visit("/accounts/PA-1002")
	p.WaitText("Nothing here")
	fill := strings.NewReplacer("{partner_id}", "PA-1002", "{number}", "PA-1002-2026-000001", "{month}", "2026-10", "{format}", "pdf", "{action}", "block")
	asked := 0
	for _, r := range s.Web.Routes() {
		if r.Rule.Account == "" {
			continue
		}
		asked++
		if got := fetch(p, r.Method, fill.Replace(r.Path)); got.Status != http.StatusNotFound {
			t.Errorf("%s %s: %+v", r.Method, r.Path, got)
		}
	}
	if asked < 20 {
		t.Errorf("%d routes", asked)
	}
	a := s.SignIn(t, access.RoleAuditor)
	a.Expect(http.StatusForbidden)
	a.Visit("/accounts/" + ours)
	a.WaitText("478.6541")
	a.WaitNoText("Add funds")
	a.Visit("/accounts/" + ours + "/settings")
	a.WaitNoText("Change the recharge settings")
	a.Visit("/accounts/" + ours + "/settings/recharge")
	a.WaitText("Not for your role")
}

// TestPartnerSwitch: who has several accounts goes from one to the other, each
// with its own figures.
func TestPartnerSwitch(t *testing.T) {
	s := webtest.Start(t)
	p := s.SignInPartner(t, ours, "PA-1002")
	p.Visit("/accounts/" + ours)
	p.WaitText("478.6541 EUR")
	p.Click("PA-1002")
	p.WaitPath("/accounts/PA-1002")
	p.WaitText("511.6279 USD")
	p.Axe()
}

// TestPartnerPages: every page can be used with a keyboard, a screen reader and
// a phone, in light and dark, also where there is nothing yet.
func TestPartnerPages(t *testing.T) {
	s := webtest.Start(t)
	openOther(t, s)
	giveTo(t, s, other, &domain.ReplaceCard{Card: "sim_ok"})
	giveTo(t, s, other, &domain.ChangeAlertSettings{Recipients: &[]string{"ana@ahoy.example"}})
	giveTo(t, s, other, &domain.AddFunds{Amount: money.FromInt(250)})
	advance(t, s, other)
	giveTo(t, s, "PA-3001", &domain.OpenAccount{PartnerID: "PA-3001", Currency: "JPY", Card: "sim_ok", CarriedOver: money.FromInt(1_000_000)})
	advance(t, s, "PA-3001")
	p := s.SignInPartner(t, other, "PA-3001")
	for _, page := range []struct{ path, text, picture string }{
		{"", "At your usual pace", "partner-overview"},
		{"?range=90", "Figures as a table", ""},
		{"?range=month", "Usage per day", ""},
		{"/usage", "By category", "partner-usage"},
		{"/usage?by=day&month=2026-10", "By day", ""},
		{"/usage?by=market", "Germany", ""},
		{"/recharges", "the balance was zero or below", "partner-recharges"},
		{"/channels", "+49401234561", "partner-channels"},
		{"/invoices", "-2026-000001", "partner-invoices"},
		{"/statements", "October 2026", ""},
		{"/statements/2026-11", "Closing balance", "partner-statement"},
		{"/settings", "Unblocking", "partner-settings"},
		{"/settings/recharge", "Recharge automatically", "partner-recharge"},
		{"/settings/card", "Registered now", ""},
		{"/settings/billing", "VAT id", ""},
		{"/settings/alerts", "Tell them when", ""},
		{"/funds", "The card pays", ""},
		{"/standing", "Nothing is due and nothing is blocked.", ""},
		{"/movements", "Carried over at opening", ""},
	} {
		for _, account := range []string{other, "PA-3001"} {
			p.Visit("/accounts/" + account + page.path)
			if account == other {
				p.WaitText(page.text)
			}
			p.Axe()
			if account == other && page.picture != "" {
				p.Screenshot(page.picture)
			}
			if account == other && page.path == "" {
				p.Dark()
				p.Screenshot(page.picture + "-dark")
				p.Light()
				p.Phone()
				p.Screenshot(page.picture + "-phone")
				p.Desktop()
			}
		}
	}
}
