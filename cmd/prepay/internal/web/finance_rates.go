package web

import (
	"time"

	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/fileerror"
	"prepayledger/domain"
	"prepayledger/domain/rating"
	"prepayledger/projections/cards"
)

// ratesView is the list of rate cards.
type ratesView struct {
	cards    []cards.Card
	form     *ui.Form
	problems *fileerror.List
	today    time.Time
	may      bool
}

// inForce says that a card is in force today: the last of its currency and
// pricing model that is effective.
func (v *ratesView) inForce(c *cards.Card) bool {
	if c.Effective.After(v.today) {
		return false
	}
	for i := range v.cards {
		o := &v.cards[i]
		replaces := o.Replaces == c.ID
		later := o.Effective.After(c.Effective) && !o.Effective.After(v.today) && (o.PricingModel == "" || o.PricingModel == c.PricingModel)
		if o.Currency == c.Currency && (replaces || later) {
			return false
		}
	}
	return true
}

// rates lists the rate cards.
func (w *Web) rates(q *request) error { return w.ratesPage(q, ui.NewForm(), nil) }

func (w *Web) ratesPage(q *request, f *ui.Form, problems *fileerror.List) error {
	if err := w.desk.Ledger.Settle(q.Context()); err != nil {
		return err
	}
	all, err := w.desk.Views.Cards.All()
	if err != nil {
		return err
	}
	return q.show(ui.Page{Title: "Rate cards"}, ratesPage(&ratesView{all, f, problems, w.desk.Ledger.Now(), isFinance(q.who)}))
}

// importRates takes a rate card.
func (w *Web) importRates(q *request) error {
	u, done, err := q.upload()
	if err != nil {
		return err
	}
	defer done()
	name, data, err := u.file("card", true)
	if err != nil {
		return err
	}
	o := rating.CardOptions{Replaces: u.text("replaces"), Model: domain.PricingModel(u.text("pricing_model"))}
	if text := u.text("effective"); text != "" {
		if o.Effective, err = time.Parse(time.DateOnly, text); err != nil {
			u.Fail("effective", "This is not a day: write it like 2026-10-01.")
		}
	}
	var problems *fileerror.List
	if !u.Failed() {
		card, added, err := w.desk.Ledger.ImportRates(q.Context(), q.meta(u.form), name, data, o)
		if err == nil {
			said := "Rate card " + card.ID + " is imported."
			if !added {
				said = "Rate card " + card.ID + " was there before: nothing changed."
			}
			q.flash(ui.Good, said)
			return q.redirect("/rates")
		}
		problems, err = inFile(err)
		if err := u.take(err); err != nil {
			return err
		}
	}
	q.status = unprocessable
	return w.ratesPage(q, u.Form, problems)
}
