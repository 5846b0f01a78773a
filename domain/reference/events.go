// Package reference holds the events beside the accounts' streams: rate
// cards, markets, volume tiers and who owns a number.
package reference

import (
	"time"

	"prepayledger/domain"
)

// The names under which the events are stored; they never change.
const (
	TypeRateCardImported  = "RateCardImported"
	TypeMarketsImported   = "MarketsImported"
	TypeVolumeTierChanged = "VolumeTierChanged"
	TypeNumberReserved    = "NumberReserved"
	TypeNumberReleased    = "NumberReleased"
)

// RateCardImported keeps a rate card whole, in stream ratecard-<CURRENCY>
// (R9). Content is the file as it was, so that anybody can check it.
type RateCardImported struct {
	CardID       string              `json:"card_id"`
	Currency     string              `json:"currency"`
	Effective    string              `json:"effective"`
	PricingModel domain.PricingModel `json:"pricing_model,omitempty"`
	// Replaces names the card of the same date that this one replaces.
	Replaces string `json:"replaces,omitempty"`
	FileName string `json:"file_name"`
	SHA256   string `json:"sha256"`
	Content  string `json:"content"`
}

// MarketsImported keeps a table of markets whole, in stream markets. The
// newest holds.
type MarketsImported struct {
	FileName string `json:"file_name"`
	SHA256   string `json:"sha256"`
	Content  string `json:"content"`
}

// VolumeTierChanged is Meta's tier webhook, in stream waba-<WABA id>. Of
// repeats the smallest UpdatedAt holds.
type VolumeTierChanged struct {
	WABAID    string       `json:"waba_id"`
	Market    string       `json:"market"`
	Category  string       `json:"category"`
	Month     domain.Month `json:"month"`
	Tier      string       `json:"tier"`
	UpdatedAt time.Time    `json:"updated_at"`
}

// NumberReserved says whose a number is, in stream number-<digits> (R5).
type NumberReserved struct {
	Number    string `json:"number"`
	PartnerID string `json:"partner_id"`
	ChannelID string `json:"channel_id"`
}

// NumberReleased says that the number's channel was cancelled (R5).
type NumberReleased struct {
	Number    string `json:"number"`
	PartnerID string `json:"partner_id"`
	ChannelID string `json:"channel_id"`
}

// EventType implements domain.Event.
func (*RateCardImported) EventType() string  { return TypeRateCardImported }
func (*MarketsImported) EventType() string   { return TypeMarketsImported }
func (*VolumeTierChanged) EventType() string { return TypeVolumeTierChanged }
func (*NumberReserved) EventType() string    { return TypeNumberReserved }
func (*NumberReleased) EventType() string    { return TypeNumberReleased }
