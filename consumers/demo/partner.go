package demo

import (
	"fmt"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Partner is a partner of the story and how its clients use WhatsApp.
type Partner struct {
	ID, Name string
	Currency money.Currency
	// Card is one of the simulated processor's, such as "sim_ok".
	Card string
	// TimeZone is that of its WABAs; empty is UTC (R25).
	TimeZone                         string
	CarriedOver, Threshold, Recharge money.Amount
	Channels                         []Channel

	share      int // of the conversations, in percent
	routes     []route
	categories []category
}

// Channel is a hosted number. Two channels share a WABA.
type Channel struct {
	ID, Number, PhoneNumberID, WABAID string
	Model                             domain.PaymentModel
}

// channels makes a partner's channels: so many that the partner pays for, then
// direct ones, which have a WABA of their own.
func channels(partner int, number string, paid, direct int) []Channel {
	made := make([]Channel, paid+direct)
	for i := range made {
		made[i] = Channel{
			ID: fmt.Sprintf("CH-%d-%02d", partner, i+1), Number: fmt.Sprintf(number, 10_000+137*i),
			PhoneNumberID: fmt.Sprintf("106540352%02d%04d", partner, i), WABAID: fmt.Sprintf("102290129%02d%04d", partner, i/2),
			Model: domain.PartnerPaid,
		}
		if i >= paid {
			made[i].Model = domain.Direct
			made[i].WABAID = fmt.Sprintf("102290129%02d9000", partner)
		}
	}
	return made
}

// destination is where recipients are.
type destination struct {
	prefix, country, market string
	digits                  int // after the prefix
}

// The destinations of the story, with prefixes of mobile numbers.
var (
	germany     = destination{"49151", "DE", "Germany", 8}
	france      = destination{"336", "FR", "France", 8}
	britain     = destination{"447400", "GB", "United Kingdom", 6}
	brazil      = destination{"55119", "BR", "Brazil", 8}
	india       = destination{"9198", "IN", "India", 8}
	spain       = destination{"346", "ES", "Spain", 8}
	mexico      = destination{"5255", "MX", "Mexico", 8}
	argentina   = destination{"54911", "AR", "Argentina", 8}
	colombia    = destination{"57300", "CO", "Colombia", 7}
	southAfrica = destination{"2782", "ZA", "South Africa", 7}
	nigeria     = destination{"234803", "NG", "Nigeria", 7}
	cuba        = destination{"535", "CU", "", 7}
)

// The categories of the story.
const (
	marketing      = "marketing"
	utility        = "utility"
	authentication = "authentication"
	service        = "service"
	// unrated has no rate on any card.
	unrated = "referral_conversion"
)

// route and category are chosen by weight; weights sum to 100.
type (
	route struct {
		to     destination
		weight int
	}
	category struct {
		name   string
		weight int
	}
)

// pick returns the item that a number from 0 to 99 falls on.
func pick[T any](items []T, weight func(T) int, n int) T {
	for _, item := range items {
		if n -= weight(item); n < 0 {
			return item
		}
	}
	return items[len(items)-1]
}
