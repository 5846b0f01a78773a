package usage

import "strings"

// field is one of a charge's fields.
type field uint8

// The fields, in the order in which they are looked at.
const (
	chargeID field = iota
	partnerID
	channelID
	wabaID
	recipient
	country
	market
	category
	pricingModel
	pricingType
	occurredAt
	amount
	currency
	numFields
	noField = numFields
)

// fieldNames are the names in files.
type fieldNames [numFields]string

func chargeNames() *fieldNames {
	return &fieldNames{
		chargeID: "charge_id", partnerID: "partner_id", channelID: "channel_id", wabaID: "waba_id", recipient: "recipient",
		country: "country", market: "market", category: "category", pricingModel: "pricing_model", pricingType: "pricing_type",
		occurredAt: "occurred_at", amount: "amount", currency: "currency",
	}
}

// webhookNames are the names in the status of a webhook.
func webhookNames() *fieldNames {
	return &fieldNames{
		chargeID: "id", partnerID: "", channelID: "", wabaID: "entry.id", recipient: "recipient_id",
		country: "", market: "", category: "pricing.category", pricingModel: "pricing.pricing_model", pricingType: "pricing.type",
		occurredAt: "timestamp", amount: "", currency: "",
	}
}

// fieldOf finds a field by its name in files.
func fieldOf(name string) (field, bool) {
	switch name {
	case "charge_id":
		return chargeID, true
	case "partner_id":
		return partnerID, true
	case "channel_id":
		return channelID, true
	case "waba_id":
		return wabaID, true
	case "recipient":
		return recipient, true
	case "country":
		return country, true
	case "market":
		return market, true
	case "category":
		return category, true
	case "pricing_model":
		return pricingModel, true
	case "pricing_type":
		return pricingType, true
	case "occurred_at":
		return occurredAt, true
	case "amount":
		return amount, true
	case "currency":
		return currency, true
	default:
		return noField, false
	}
}

// fieldList names all fields for people.
func fieldList() string { return strings.Join(chargeNames()[:], ", ") }
