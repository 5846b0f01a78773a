package web

import (
	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/web/ui"
)

// partnerPages are the pages of an account, which its partner sees and Finance.
func (w *Web) partnerPages(chi.Router) {}

// partnerNavigation is what a partner sees at the side.
func partnerNavigation(partners []string) []ui.NavGroup {
	if len(partners) != 1 {
		return []ui.NavGroup{{Links: []ui.NavLink{{Label: "Accounts", URL: "/accounts", Icon: "accounts"}}}}
	}
	at := accountURL(partners[0])
	return []ui.NavGroup{{Links: []ui.NavLink{
		{Label: "Overview", URL: at, Icon: "home"},
		{Label: "Usage", URL: at + "/usage", Icon: "usage"},
		{Label: "Payments", URL: at + "/payments", Icon: "card"},
		{Label: "Channels", URL: at + "/channels", Icon: "channels"},
		{Label: "Invoices", URL: at + "/invoices", Icon: "document"},
		{Label: "Statements", URL: at + "/statements", Icon: "month"},
	}}}
}
