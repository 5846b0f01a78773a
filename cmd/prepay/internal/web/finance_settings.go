package web

import (
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
)

// settingsView is who may approve how much, and what is tolerated.
type settingsView struct {
	*desk.MonthSettings
	limit, tolerance *ui.Form
	may              bool
}

// monthSettings shows the settings of month ends.
func (w *Web) monthSettings(q *request) error {
	return w.settingsPage(q, ui.NewForm("currency", "EUR"), ui.NewForm("currency", "EUR"))
}

func (w *Web) settingsPage(q *request, limit, tolerance *ui.Form) error {
	s, _, err := w.desk.MonthSettings(q.Context())
	if err != nil {
		return err
	}
	return q.show(ui.Page{Title: "Limits and tolerances", Crumbs: monthsCrumbs()}, settingsPage(&settingsView{s, limit, tolerance, isFinance(q.who)}))
}

// changeSettings sets a limit or tolerance, or takes one away.
func (w *Web) changeSettings(q *request) error {
	f, err := q.form()
	if err != nil {
		return err
	}
	limit, tolerance := ui.NewForm("currency", "EUR"), ui.NewForm("currency", "EUR")
	var cmd domain.Command
	switch f.Value("what") {
	case "limit":
		limit = f.Form
		amount := f.amount("max")
		cmd = &reconciliation.SetApprovalLimit{Pattern: f.required("actor_pattern", "Say whose limit it is."), Currency: f.text("currency"), Max: &amount}
	case "no-limit":
		cmd = &reconciliation.SetApprovalLimit{Pattern: f.text("actor_pattern"), Currency: f.text("currency")}
	case "tolerance":
		tolerance = f.Form
		cmd = &reconciliation.SetTolerance{Currency: f.text("currency"), Amount: f.amount("amount")}
	default:
		return errNotFound
	}
	return q.submit(f, w.settled(q, func() error { return w.desk.Ledger.ChangeMonthSettings(q.Context(), q.meta(f), cmd) }), "It is set.", "/months/settings",
		func() error { return w.settingsPage(q, limit, tolerance) })
}
