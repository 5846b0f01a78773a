package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
)

// settings registers what people edit of an account. Partners change what is
// their own; the contract is Finance's to change.
func (a *API) settings() {
	editable(a, &part[domain.RechargeSettings]{
		name: "settings", what: "the recharge settings", op: huma.Operation{Method: http.MethodPatch}, command: "ChangeRechargeSettings",
		change: access.ChangesAccount(), of: func(s *domain.Account) domain.RechargeSettings { return s.Settings },
	})
	editable(a, &part[domain.Contract]{
		name: "contract", what: "the contract's terms", op: huma.Operation{Method: http.MethodPatch}, command: "ChangeContract",
		change: access.Finance(), of: func(s *domain.Account) domain.Contract { return s.Contract },
	})
	editable(a, &part[domain.BillingDetails]{
		name: "billing", what: "the billing details", op: huma.Operation{Method: http.MethodPut}, command: "ChangeBillingDetails",
		change: access.ChangesAccount(), of: billingOf,
	})
	editable(a, &part[desk.Alerts]{
		name: "alerts", what: "who is told by mail", op: huma.Operation{Method: http.MethodPatch}, command: "ChangeAlertSettings",
		change: access.ChangesAccount(), of: desk.AlertsOf,
	})
}

// billingOf are the billing details; empty where none were given.
func billingOf(s *domain.Account) domain.BillingDetails {
	if s.Billing == nil {
		return domain.BillingDetails{}
	}
	return *s.Billing
}
