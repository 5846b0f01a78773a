package web

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// editView is what an account is set to.
type editView struct {
	*accountView
	// form is that of the page; pay is the card payment that it leads to once
	// it is agreed to.
	form *form
	pay  *domain.RechargeRequested
	// link is where a card is registered; empty while nobody asked for it.
	// hosted says that cards are registered with the processor, hint what the
	// reference of another card looks like.
	link, hint string
	hosted     bool
}

// accountSettings shows what an account is set to.
func (w *Web) accountSettings(q *request) error {
	v, err := q.account("Settings", "When the card is charged, whom invoices are made out to, and who is told by mail.")
	if err != nil {
		return err
	}
	return q.showAccount(v, accountSettingsPage(&editView{accountView: v}))
}

// editing begins the form of a page of settings.
func (q *request) editing(title, lead string, now func(*domain.Account) any, pairs func(*domain.Account) []string) (*editView, error) {
	v, err := q.account(title, lead)
	if err != nil {
		return nil, err
	}
	v.up = &ui.Crumb{Label: "Settings", URL: v.at + "/settings"}
	f := &form{Form: ui.NewForm(pairs(v.State)...)}
	f.Values.Set(seenField, seen(now(v.State)))
	return &editView{accountView: v, form: f, hosted: q.web.deps.CardLink != nil, hint: q.web.deps.CardHint}, nil
}

// sent takes the form of a page of settings that was sent.
func (q *request) sent(title, lead string) (*editView, error) {
	v, err := q.account(title, lead)
	if err != nil {
		return nil, err
	}
	if title != fundsTitle {
		v.up = &ui.Crumb{Label: "Settings", URL: v.at + "/settings"}
	}
	f, err := q.form()
	return &editView{accountView: v, form: f, hosted: q.web.deps.CardLink != nil, hint: q.web.deps.CardHint}, err
}

const (
	rechargeTitle = "Automatic recharge"
	rechargeLead  = "When the balance falls below the threshold, the registered card is charged with the recharge amount."
	cardTitle     = "Card"
	cardLead      = "The card that is charged when the balance runs low, and when you add funds."
	billingTitle  = "Billing details"
	billingLead   = "Whom the next invoices are made out to. Invoices that were issued keep what they show."
	alertsTitle   = "Alerts"
	alertsLead    = "Who is told of this account by mail, and of what."
)

func rechargeNow(a *domain.Account) any { return a.Settings }

// rechargeForm shows the form of the recharge settings.
func (w *Web) rechargeForm(q *request) error {
	s, err := q.editing(rechargeTitle, rechargeLead, rechargeNow, func(a *domain.Account) []string {
		decimals := a.Currency.Decimals()
		pairs := []string{"threshold", a.Settings.Threshold.Fixed(decimals), "recharge_amount", a.Settings.RechargeAmount.Fixed(decimals)}
		if a.Settings.AutoRecharge {
			pairs = append(pairs, "auto_recharge", "on")
		}
		return pairs
	})
	if err != nil {
		return err
	}
	return q.showAccount(s.accountView, rechargePage(s))
}

// changeRecharge changes the recharge settings.
func (w *Web) changeRecharge(q *request) error {
	s, err := q.sent(rechargeTitle, rechargeLead)
	if err != nil {
		return err
	}
	auto, threshold, amount := s.form.Checked("auto_recharge"), s.form.amount("threshold"), s.form.amount("recharge_amount")
	return q.give(&edit{
		view: s.accountView, form: s.form, now: rechargeNow, said: "The recharge settings are saved.", next: s.at + "/settings",
		cmd:    &domain.ChangeRechargeSettings{AutoRecharge: &auto, Threshold: &threshold, RechargeAmount: &amount},
		fields: []fieldLabel{{"threshold", "The threshold"}, {"recharge_amount", "The recharge amount"}},
		again: func(pay *domain.RechargeRequested) error {
			s.pay = pay
			return q.showAccount(s.accountView, rechargePage(s))
		},
	})
}

func cardNow(a *domain.Account) any { return a.Card }

// cardForm shows the card, and how to register another one.
func (w *Web) cardForm(q *request) error {
	s, err := q.editing(cardTitle, cardLead, cardNow, func(*domain.Account) []string { return nil })
	if err != nil {
		return err
	}
	return q.showAccount(s.accountView, cardPage(s))
}

// replaceCard registers a card of the simulated processor. Real cards come by
// the processor's own page.
func (w *Web) replaceCard(q *request) error {
	s, err := q.sent(cardTitle, cardLead)
	if err != nil {
		return err
	}
	if s.hosted {
		return &userError{"Cards are registered with the payment provider: go back and use the link."}
	}
	card := s.form.required("card", "Write the card's reference.")
	return q.give(&edit{
		view: s.accountView, form: s.form, now: cardNow, said: "The card is registered.", next: s.at + "/settings",
		cmd:    &domain.ReplaceCard{Card: card},
		fields: []fieldLabel{{"card", "The card"}},
		again: func(pay *domain.RechargeRequested) error {
			s.pay = pay
			return q.showAccount(s.accountView, cardPage(s))
		},
	})
}

// cardLink makes a page of the processor's on which a card is saved.
func (w *Web) cardLink(q *request) error {
	s, err := q.sent(cardTitle, cardLead)
	if err != nil {
		return err
	}
	if !s.hosted {
		return errNotFound
	}
	s.link, err = w.deps.CardLink(q.Context(), s.PartnerID, s.State.Card)
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil {
		w.log.Warn("the card processor gave no page for a card", zap.Error(err))
		s.form.Message = "The payment provider can't be reached. Try again in a few minutes."
	}
	return q.showAccount(s.accountView, cardPage(s))
}

func billingNow(a *domain.Account) any { return a.Billing }

// billingForm shows the form of the billing details.
func (w *Web) billingForm(q *request) error {
	s, err := q.editing(billingTitle, billingLead, billingNow, func(a *domain.Account) []string {
		b := a.Billing
		if b == nil {
			return nil
		}
		return []string{
			"company", b.Company, "street", b.Street, "postal_code", b.PostalCode, "city", b.City, "country", b.Country, "vat_id", b.VATID,
			"emails", strings.Join(b.Emails, "\n"),
		}
	})
	if err != nil {
		return err
	}
	return q.showAccount(s.accountView, billingPage(s))
}

// changeBilling replaces the billing details.
func (w *Web) changeBilling(q *request) error {
	s, err := q.sent(billingTitle, billingLead)
	if err != nil {
		return err
	}
	b := domain.BillingDetails{
		Company: s.form.required("company", "Write the company's name."), Street: s.form.required("street", "Write street and number."),
		PostalCode: s.form.required("postal_code", "Write the postal code."), City: s.form.required("city", "Write the city."),
		Country: strings.ToUpper(s.form.required("country", "Write two letters, such as DE.")), VATID: s.form.text("vat_id"), Emails: lines(s.form.Value("emails")),
	}
	for _, address := range b.Emails {
		if !domain.ValidAddress(address) {
			s.form.Fail("emails", address+" is not a mail address: write it like invoices@example.com, one on each line.")
		}
	}
	return q.give(&edit{
		view: s.accountView, form: s.form, now: billingNow, said: "The billing details are saved.", next: s.at + "/settings",
		cmd: &domain.ChangeBillingDetails{Billing: b},
		fields: []fieldLabel{
			{"company", "The company"}, {"street", "The street"}, {"postal_code", "The postal code"}, {"city", "The city"},
			{"country", "The country"}, {"vat_id", "The VAT id"},
		},
		again: func(*domain.RechargeRequested) error { return q.showAccount(s.accountView, billingPage(s)) },
	})
}

// lines are the texts on the lines of a field, or between commas.
func lines(text string) []string {
	all := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ',' || r == ';' })
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

func alertsNow(a *domain.Account) any { return a.Alerts }

// alertKind is the field of a kind of alert.
func alertKind(kind string) string { return "kind_" + kind }

// alertsForm shows the form of the alert settings.
func (w *Web) alertsForm(q *request) error {
	s, err := q.editing(alertsTitle, alertsLead, alertsNow, func(a *domain.Account) []string {
		kinds := domain.DefaultAlertKinds()
		pairs := []string{}
		if a.Alerts != nil {
			pairs = append(pairs, "recipients", strings.Join(a.Alerts.Recipients, "\n"))
			if len(a.Alerts.Kinds) > 0 {
				kinds = a.Alerts.Kinds
			}
		}
		for _, k := range kinds {
			pairs = append(pairs, alertKind(k), "on")
		}
		return pairs
	})
	if err != nil {
		return err
	}
	return q.showAccount(s.accountView, alertsPage(s))
}

// changeAlerts changes the alert settings.
func (w *Web) changeAlerts(q *request) error {
	s, err := q.sent(alertsTitle, alertsLead)
	if err != nil {
		return err
	}
	recipients, kinds := lines(s.form.Value("recipients")), []string{}
	for _, k := range domain.AlertKinds() {
		if s.form.Checked(alertKind(k)) {
			kinds = append(kinds, k)
		}
	}
	for _, address := range recipients {
		if !domain.ValidAddress(address) {
			s.form.Fail("recipients", address+" is not a mail address: write it like ana@example.com, one on each line.")
		}
	}
	if len(kinds) == 0 && len(recipients) > 0 {
		s.form.Fail("kinds", "Choose at least one kind of alert, or take the recipients away.")
	}
	return q.give(&edit{
		view: s.accountView, form: s.form, now: alertsNow, said: "The alert settings are saved.", next: s.at + "/settings",
		cmd:    &domain.ChangeAlertSettings{Recipients: &recipients, Kinds: &kinds},
		fields: []fieldLabel{{"recipients", "The recipients"}, {"kinds", "The kinds"}},
		again:  func(*domain.RechargeRequested) error { return q.showAccount(s.accountView, alertsPage(s)) },
	})
}

// wantsAlert says whether a kind of alert is sent.
func (v *accountView) wantsAlert(kind string) bool { return v.State.Alerts.Wants(kind) }

// quoteView is what a card payment comes to.
type quoteView struct {
	currency        money.Currency
	amount, percent money.Amount
	surcharge       money.Amount
	// wrong says why it can't be said.
	wrong string
}

// cardQuote answers with what a card payment of an amount comes to, while it is
// typed.
func (w *Web) cardQuote(q *request) error {
	v, err := q.account("", "")
	if err != nil {
		return err
	}
	text := q.query("amount")
	if text == "" {
		text = q.query("recharge_amount")
	}
	return q.part(quotePart(v.quote(text)))
}

// quote is what a card payment of an amount comes to.
func (v *accountView) quote(text string) *quoteView {
	p := &quoteView{currency: v.Currency, percent: v.State.Contract.SurchargePercent}
	a, err := readAmount(text)
	if err != nil || a.Sign() <= 0 {
		p.wrong = "Write an amount to see what the card pays."
		return p
	}
	p.amount = a.RoundUp(v.Currency.Decimals())
	p.surcharge = v.State.Surcharge(p.amount)
	return p
}
