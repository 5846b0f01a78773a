package web

import (
	"strconv"

	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/projections/recharges"
)

// rechargesPerPage is how many card payments a page of their list has
// (payments).
const rechargesPerPage = 25

// rechargesView is a page of card payments.
type rechargesView struct {
	*accountView
	rows  []recharges.Row
	pager ui.Pager
}

// accountRecharges lists an account's card payments.
func (w *Web) accountRecharges(q *request) error {
	v, err := q.account("Card payments", "Every time the card was charged, or was to be.")
	if err != nil {
		return err
	}
	before, err := strconv.Atoi(q.query("before"))
	if err != nil || before < 0 {
		before = 0
	}
	p := &rechargesView{accountView: v}
	if p.rows, err = w.desk.Views.Recharges.List(v.PartnerID, before, rechargesPerPage+1); err != nil {
		return err
	}
	if len(p.rows) > rechargesPerPage {
		p.rows = p.rows[:rechargesPerPage]
		p.pager.Next = ui.WithQuery(q.URL, "before", strconv.Itoa(p.rows[rechargesPerPage-1].Number))
	}
	if before > 0 {
		p.pager.Previous = ui.WithQuery(q.URL, "before", "")
	}
	p.pager.Text = ui.Counted(len(p.rows), "payment", "payments") + " on this page"
	return q.showAccount(v, rechargesPage(p))
}

const (
	fundsTitle = "Add funds"
	fundsLead  = "Charges the registered card now, and credits the amount as soon as the bank agrees."
)

// fundsForm asks how much is to be added.
func (w *Web) fundsForm(q *request) error {
	v, err := q.account(fundsTitle, fundsLead)
	if err != nil {
		return err
	}
	amount := v.State.Settings.RechargeAmount
	if v.story.Pay.Sign() > 0 {
		amount = v.story.Pay
	}
	if asked, err := readAmount(q.query("amount")); err == nil {
		amount = asked
	}
	f := &form{Form: ui.NewForm("amount", amount.Fixed(v.Currency.Decimals()))}
	return q.showAccount(v, fundsPage(&editView{accountView: v, form: f}))
}

// addFunds charges the card by hand, once whoever asks has seen the sum (R18).
func (w *Web) addFunds(q *request) error {
	s, err := q.sent(fundsTitle, fundsLead)
	if err != nil {
		return err
	}
	amount := s.form.amount("amount")
	return q.give(&edit{
		view: s.accountView, form: s.form, cmd: &domain.AddFunds{Amount: amount}, next: s.at,
		said: "The card is being charged. The balance rises as soon as the bank agrees.",
		again: func(pay *domain.RechargeRequested) error {
			s.pay = pay
			return q.showAccount(s.accountView, fundsPage(s))
		},
	})
}
