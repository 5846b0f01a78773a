package desk

// Alerts are an account's alert settings as they work.
type Alerts struct {
	PartnerID  string   `json:"partner_id"`
	Recipients []string `json:"recipients"`
	Kinds      []string `json:"kinds"`
}
