package desk

import (
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/quarantine"
)

// Exported is an entry in the format of usage import.
type Exported struct {
	ChargeID     string              `json:"charge_id"`
	PartnerID    string              `json:"partner_id,omitempty"`
	ChannelID    string              `json:"channel_id,omitempty"`
	WABAID       string              `json:"waba_id,omitempty"`
	Recipient    string              `json:"recipient,omitempty"`
	Country      string              `json:"country,omitempty"`
	Market       string              `json:"market,omitempty"`
	Category     string              `json:"category,omitempty"`
	PricingModel domain.PricingModel `json:"pricing_model,omitempty"`
	PricingType  string              `json:"pricing_type,omitempty"`
	OccurredAt   time.Time           `json:"occurred_at,omitzero"`
	Amount       *money.Amount       `json:"amount,omitempty"`
	Currency     money.Currency      `json:"currency,omitempty"`
}

// ChargeOf is an entry as it was presented.
func ChargeOf(e *quarantine.Entry) domain.Charge {
	c := domain.Charge{
		ChargeID: e.ChargeID, PartnerID: e.PartnerID, ChannelID: e.ChannelID, WABAID: e.WABAID, RecipientPrefix: e.RecipientPrefix,
		Country: e.Country, Market: e.Market, Category: e.Category, Model: e.PricingModel, PricingType: e.PricingType,
		OccurredAt: e.OccurredAt, Currency: e.Currency,
	}
	if e.Amount != nil {
		c.Priced, c.Amount = true, *e.Amount
	}
	return c
}
