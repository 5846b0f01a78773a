package domain

// ContentOf returns the content (R8) of the charge that an event speaks of:
// the same hash that Charge.Content gave when it was presented. It is zero
// for events that speak of no charge.
func ContentOf(e Event) ContentHash {
	var c Charge
	switch e := e.(type) {
	case *ConversationCharged:
		c = Charge{
			ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market, Category: e.Category,
			Model: e.PricingModel, PricingType: e.PricingType, Currency: e.GivenCurrency,
		}
		if e.RateCardID == "" {
			c.Priced, c.Amount, c.Currency = true, e.Amount, e.Currency
		}
	case *ConversationCounted:
		c = Charge{
			ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market, Category: e.Category,
			Model: e.PricingModel, PricingType: e.PricingType, Currency: e.GivenCurrency,
		}
		if e.GivenAmount != nil {
			c.Priced, c.Amount = true, *e.GivenAmount
		}
	case *ChargeQuarantined:
		c = Charge{
			ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market, Category: e.Category,
			Model: e.PricingModel, PricingType: e.PricingType, Currency: e.Currency, Raw: e.Raw,
		}
		if e.Amount != nil {
			c.Priced, c.Amount = true, *e.Amount
		}
		if e.Reason == ReasonMalformed.String() {
			c.Malformed = e.Reason
		}
	default:
		return ContentHash{}
	}
	return c.Content()
}

// UnassignedContents returns the contents under which a charge, as it was
// counted, may have waited in the quarantine of what belongs to no account
// (R10): channel and WABA may not have been known when it was presented there.
func UnassignedContents(e Event) []ContentHash {
	contents := []ContentHash{ContentOf(e)}
	switch e := e.(type) {
	case *ConversationCharged:
		noWABA, noChannel, neither := *e, *e, *e
		noWABA.WABAID, noChannel.ChannelID, neither.WABAID, neither.ChannelID = "", "", "", ""
		contents = append(contents, ContentOf(&noWABA), ContentOf(&noChannel), ContentOf(&neither))
	case *ConversationCounted:
		noWABA, noChannel, neither := *e, *e, *e
		noWABA.WABAID, noChannel.ChannelID, neither.WABAID, neither.ChannelID = "", "", "", ""
		contents = append(contents, ContentOf(&noWABA), ContentOf(&noChannel), ContentOf(&neither))
	}
	return contents
}
