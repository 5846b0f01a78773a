package web

import (
	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/web/ui"
)

// navigation is what a role sees at the side of every page; account is the one
// at which it is, if any.
func navigation(p *access.Principal, account string) []ui.NavGroup {
	switch p.Role {
	case access.RolePartner:
		return partnerNavigation(p.Partners, account)
	case access.RoleFinance:
		return financeNavigation()
	case access.RoleAdmin:
		return append(append(financeNavigation(), auditNavigation("Audit")), ui.NavGroup{Label: "Access", Links: []ui.NavLink{
			{Label: "People", URL: "/access/users", Icon: "people"},
			{Label: "API keys", URL: "/access/keys", Icon: "key"},
		}})
	case access.RoleAuditor:
		return []ui.NavGroup{auditNavigation(""), {Label: "Ledger", Links: []ui.NavLink{
			{Label: "Accounts", URL: "/accounts", Icon: "accounts"},
			{Label: "Months", URL: "/months", Icon: "month"},
			{Label: "Quarantine", URL: "/quarantine", Icon: "quarantine"},
		}}}
	}
	return nil
}

func auditNavigation(label string) ui.NavGroup {
	return ui.NavGroup{Label: label, Links: []ui.NavLink{
		{Label: "Streams", URL: "/audit/streams", Icon: "stream"},
		{Label: "Search", URL: "/audit/search", Icon: "search"},
		{Label: "Verification", URL: "/audit/verification", Icon: "verify"},
		{Label: "Access log", URL: "/audit/access", Icon: "log"},
	}}
}
