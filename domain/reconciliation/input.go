package reconciliation

import (
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Input is all that a run is computed from. Nothing in it is changed.
type Input struct {
	Month domain.Month
	// Accounts are all accounts, closed ones too.
	Accounts []Account
	// Channels are all channels, cancelled ones too.
	Channels []Channel
	// Usage is what was charged in the month and what was counted as free.
	Usage []Usage
	// Documents are the newest sealed versions of Meta's documents; lines of
	// other months are passed over.
	Documents []*Document
	// MarketOf resolves the market of a line that only has a country; nil or
	// an empty answer leaves the market empty.
	MarketOf func(country string) string
	// Tiers answers the card's rates of a key, the tier that holds without a
	// tier change first; nil or empty where they are not known. Only
	// explanations use it.
	Tiers func(TierQuery) []TierRate
}

// Account is what a run needs to know of an account.
type Account struct {
	PartnerID string
	Currency  money.Currency
	// MonthOpen says that something was charged or corrected in the month
	// since the last run was posted: the account takes part in the next run
	// even where nothing is to be posted.
	MonthOpen bool
}

// Channel is what a run needs to know of a channel (R5).
type Channel struct {
	PartnerID     string
	ChannelID     string
	WABAID        string
	PhoneNumberID string
	PaymentModel  domain.PaymentModel
}

// Usage is a sum of charges of one account and billing month (R25); what was
// corrected is subtracted already. Charges of direct channels are not part of
// it.
type Usage struct {
	PartnerID string
	// Currency may be empty; otherwise it is the account's.
	Currency      money.Currency
	WABAID        string
	PhoneNumberID string
	ChannelID     string
	Market        string
	Category      string
	// PricingType tells charged (regular) from counted (free_…).
	PricingType string
	// Late says that it was charged after a run of the month was posted.
	Late   bool
	Count  int64
	Amount money.Amount
}

// TierQuery asks for the rates of a market and category in a month.
type TierQuery struct {
	Currency money.Currency
	Market   string
	Category string
	Month    domain.Month
}

// TierRate is the rate of one volume tier.
type TierRate struct {
	// Tier is "from:to"; empty on a card without tiers.
	Tier string
	Rate money.Amount
}
