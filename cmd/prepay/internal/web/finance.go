package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/ui"
)

// financePages are the pages of Finance. Auditors read them; who may change
// something is Finance and admins.
func (w *Web) financePages(r chi.Router) {
	w.page(r, http.MethodGet, "/overview", access.ReadsAll(), w.overview)
	w.page(r, http.MethodGet, "/accounts", access.ReadsOwn(), w.accounts)
	w.page(r, http.MethodGet, "/accounts/new", access.Finance(), w.openForm)
	w.page(r, http.MethodPost, "/accounts", access.Finance(), w.openAccount)
	w.page(r, http.MethodGet, "/accounts/{partner_id}/channels/new", access.Finance(), w.channelForm)
	w.page(r, http.MethodPost, "/accounts/{partner_id}/channels/new", access.Finance(), w.registerChannel)
	w.page(r, http.MethodGet, "/accounts/{partner_id}/finance", access.ReadsAll(), w.accountFinance)
	w.page(r, http.MethodGet, "/accounts/{partner_id}/finance/{action}", access.Finance(), w.actionForm)
	w.page(r, http.MethodPost, "/accounts/{partner_id}/finance/{action}", access.Finance(), w.giveAction)
	w.page(r, http.MethodGet, "/blocks", access.ReadsAll(), w.blocks)
	w.page(r, http.MethodGet, "/payments", access.ReadsAll(), w.payments)
	w.page(r, http.MethodPost, "/payments/statements", access.Finance(), w.importStatement)
	w.page(r, http.MethodGet, "/payments/statements/{statement}", access.ReadsAll(), w.statement)
	w.page(r, http.MethodGet, "/payments/proposals/{proposal}", access.Finance(), w.proposal)
	w.page(r, http.MethodPost, "/payments/proposals/{proposal}", access.Finance(), w.confirmProposal)
	w.page(r, http.MethodGet, "/quarantine", access.ReadsAll(), w.quarantine)
	w.page(r, http.MethodGet, "/quarantine/entry", access.ReadsAll(), w.entry)
	w.page(r, http.MethodPost, "/quarantine/mend", access.Finance(), w.mend)
	w.page(r, http.MethodPost, "/quarantine/retry", access.Finance(), w.retry)
	w.page(r, http.MethodGet, "/rates", access.ReadsAll(), w.rates)
	w.page(r, http.MethodPost, "/rates", access.Finance(), w.importRates)
	w.monthPages(r)
}

// monthPages are those of a month's end.
func (w *Web) monthPages(r chi.Router) {
	w.page(r, http.MethodGet, "/months", access.ReadsAll(), w.months)
	w.page(r, http.MethodGet, "/months/settings", access.ReadsAll(), w.monthSettings)
	w.page(r, http.MethodPost, "/months/settings", access.Finance(), w.changeSettings)
	w.page(r, http.MethodGet, "/months/{month}", access.ReadsAll(), w.month)
	w.page(r, http.MethodGet, "/months/{month}/lines", access.ReadsAll(), w.monthLines)
	w.page(r, http.MethodGet, "/months/{month}/accounts", access.ReadsAll(), w.monthAccounts)
	w.page(r, http.MethodGet, "/months/{month}/line", access.ReadsAll(), w.line)
	w.page(r, http.MethodGet, "/months/{month}/line.csv", access.ReadsAll(), w.lineCSV)
	w.page(r, http.MethodGet, "/months/{month}/workbook.xlsx", access.ReadsAll(), w.workbook)
	w.page(r, http.MethodGet, "/months/{month}/journal.csv", access.ReadsAll(), w.journal)
	w.page(r, http.MethodPost, "/months/{month}/{step}", access.Finance(), w.monthStep)
	w.page(r, http.MethodGet, "/documents/new", access.Finance(), w.uploadForm)
	w.page(r, http.MethodPost, "/documents", access.Finance(), w.uploadDocuments)
	w.page(r, http.MethodGet, "/documents/uploads/{upload}", access.Finance(), w.documentUpload)
	w.page(r, http.MethodGet, "/documents/{document}", access.ReadsAll(), w.document)
	w.page(r, http.MethodGet, "/documents/{document}/original", access.ReadsAll(), w.original)
	w.page(r, http.MethodPost, "/documents/{document}/allocate", access.Finance(), w.allocate)
}

// financeNavigation is what Finance sees at the side.
func financeNavigation() []ui.NavGroup {
	return []ui.NavGroup{
		{Links: []ui.NavLink{
			{Label: "Overview", URL: "/overview", Icon: "home"},
			{Label: "Accounts", URL: "/accounts", Icon: "accounts"},
			{Label: "Payments", URL: "/payments", Icon: "payments"},
			{Label: "Blocks", URL: "/blocks", Icon: "alert"},
			{Label: "Quarantine", URL: "/quarantine", Icon: "quarantine"},
		}},
		{Label: "Month's end", Links: []ui.NavLink{
			{Label: "Months", URL: "/months", Icon: "month"},
			{Label: "Rate cards", URL: "/rates", Icon: "document"},
			{Label: "Limits", URL: "/months/settings", Icon: "settings"},
		}},
	}
}
