package domain

import (
	"time"

	"prepayledger/domain/money"
)

// RateQuery asks for the price of one conversation.
type RateQuery struct {
	Currency   money.Currency
	WABAID     string
	Market     string
	Category   string
	Model      PricingModel
	OccurredAt time.Time
	// Month is the conversation's billing month (R25): volume tiers belong
	// to a month.
	Month Month
}

// Rate is the answer: everything that an event keeps, so that replay never
// needs the card (R9).
type Rate struct {
	// Price is the price of one conversation.
	Price money.Amount
	// CardID names the rate card.
	CardID string
	// Tier is the volume tier as "from:to"; empty where the card has none.
	Tier string
}
