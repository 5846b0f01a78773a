package desk

import "prepayledger/domain"

// Alerts are an account's alert settings as they work.
type Alerts struct {
	PartnerID  string   `json:"partner_id"`
	Recipients []string `json:"recipients"`
	Kinds      []string `json:"kinds"`
}

// AlertsOf are an account's alert settings, the defaults filled in.
func AlertsOf(s *domain.Account) Alerts {
	v := Alerts{PartnerID: s.PartnerID, Recipients: []string{}, Kinds: domain.DefaultAlertKinds()}
	if s.Alerts == nil {
		return v
	}
	if len(s.Alerts.Recipients) > 0 {
		v.Recipients = s.Alerts.Recipients
	}
	if len(s.Alerts.Kinds) > 0 {
		v.Kinds = s.Alerts.Kinds
	}
	return v
}
