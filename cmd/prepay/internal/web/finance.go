package web

import (
	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/web/ui"
)

// financePages are the pages of Finance.
func (w *Web) financePages(chi.Router) {}

// financeNavigation is what Finance sees at the side.
func financeNavigation() []ui.NavGroup {
	return []ui.NavGroup{{Links: []ui.NavLink{
		{Label: "Overview", URL: "/overview", Icon: "home"},
		{Label: "Accounts", URL: "/accounts", Icon: "accounts"},
		{Label: "Payments", URL: "/payments", Icon: "payments"},
		{Label: "Quarantine", URL: "/quarantine", Icon: "quarantine"},
		{Label: "Months", URL: "/months", Icon: "month"},
	}}}
}
