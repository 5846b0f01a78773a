package codec

import (
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// appendCharged writes what encoding/json writes for a ConversationCharged,
// several times faster: there are as many of them as there are conversations.
// A test holds the two against each other.
func appendCharged(b []byte, e *domain.ConversationCharged) []byte {
	b = append(b, `{"charge_id":`...)
	b = appendString(b, e.ChargeID)
	b = append(b, `,"channel_id":`...)
	b = appendString(b, e.ChannelID)
	b = append(b, `,"waba_id":`...)
	b = appendString(b, e.WABAID)
	b = append(b, `,"market":`...)
	b = appendString(b, e.Market)
	b = appendOptional(b, `,"country":`, e.Country)
	b = append(b, `,"category":`...)
	b = appendString(b, e.Category)
	b = append(b, `,"pricing_model":`...)
	b = appendString(b, e.PricingModel)
	b = append(b, `,"pricing_type":`...)
	b = appendString(b, e.PricingType)
	b = append(b, `,"occurred_at":"`...)
	b = e.OccurredAt.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","month":`...)
	b = appendString(b, e.Month)
	b = append(b, `,"amount":"`...)
	b = e.Amount.Append(b)
	b = append(b, `","currency":`...)
	b = appendString(b, e.Currency)
	b = appendOptional(b, `,"rate_card_id":`, e.RateCardID)
	b = appendOptional(b, `,"tier":`, e.Tier)
	b = appendOptional(b, `,"given_currency":`, e.GivenCurrency)
	if e.Released {
		b = append(b, `,"released":true`...)
	}
	return append(b, '}')
}

func appendOptional[T ~string](b []byte, key string, value T) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, key...), value)
}

// fastCharged reads what appendCharged wrote; false for any other shape.
func fastCharged(s scanner, e *domain.ConversationCharged) bool {
	s.lit(`{"charge_id":`)
	e.ChargeID = s.str()
	s.lit(`,"channel_id":`)
	e.ChannelID = s.name()
	s.lit(`,"waba_id":`)
	e.WABAID = s.name()
	s.lit(`,"market":`)
	e.Market = s.name()
	if s.has(`,"country":`) {
		e.Country = s.name()
	}
	s.lit(`,"category":`)
	e.Category = s.name()
	s.lit(`,"pricing_model":`)
	e.PricingModel = domain.PricingModel(s.name())
	s.lit(`,"pricing_type":`)
	e.PricingType = s.name()
	s.lit(`,"occurred_at":`)
	e.OccurredAt = s.time()
	s.lit(`,"month":`)
	e.Month = domain.Month(s.name())
	s.lit(`,"amount":`)
	e.Amount = s.amount()
	s.lit(`,"currency":`)
	e.Currency = money.Currency(s.name())
	if s.has(`,"rate_card_id":`) {
		e.RateCardID = s.name()
	}
	if s.has(`,"tier":`) {
		e.Tier = s.name()
	}
	if s.has(`,"given_currency":`) {
		e.GivenCurrency = money.Currency(s.name())
	}
	e.Released = s.has(`,"released":true`)
	s.lit(`}`)
	return s.done()
}
