// Package demo makes a believable month from a seed: three partners, about
// fifty channels, their usage as the webhooks and rated charges that would
// have come in, and Meta's invoice with every kind of variance. A Plan is
// data; a Month runs it through a ledger. The same seed makes the same month.
package demo

import (
	"fmt"
	"math/rand/v2"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// How many conversations a month can have. Fewer than the least would not
// tell every story; the most is what memory holds with ease (100 MB).
const (
	MinConversations     = 1_000
	DefaultConversations = 20_000
	MaxConversations     = 200_000
)

// Names of the story.
const (
	// BillingMonth is the month that is told.
	BillingMonth = domain.Month("2026-10")
	// InvoiceID is Meta's invoice for it.
	InvoiceID = "META-2026-10"
	// DeclinedPartner is the one whose card is declined until it is blocked.
	DeclinedPartner = "PA-1003"
	// Ana of Finance proposes, Ben approves (R29).
	Ana = "finance:ana"
	Ben = "finance:ben"
)

// Start returns the first instant of the month.
func Start() time.Time { return time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC) }

// End returns the first instant after the month.
func End() time.Time { return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) }

// Plan is a month made from a seed: nothing of it has happened yet.
type Plan struct {
	Seed     uint64
	Partners []*Partner
	Cards    []RateCard
	// Batches are in the order in which they arrive.
	Batches []Batch
	// Late is one conversation of the month that arrives after its invoice.
	Late Batch
	// Cancelled is the channel that is given up in the middle of the month.
	Cancelled Cancellation

	prices prices
}

// Cancellation says which channel is given up, and when.
type Cancellation struct {
	PartnerID, ChannelID string
	At                   time.Time
}

// Batch is usage that arrives together.
type Batch struct {
	At    time.Time
	Lines []Line
}

// Line is one line of usage (NDJSON): a webhook or a rated charge.
type Line struct {
	PartnerID string
	// Occurred is when the conversation was had.
	Occurred time.Time
	// Becomes is what the rules make of it: Charged, Free, Duplicate, or the
	// name of a domain.Reason.
	Becomes string
	Data    []byte
}

// What a line becomes, beside the reasons of quarantine (R10).
const (
	Charged   = "charged"
	Free      = "free"
	Duplicate = "duplicate"
)

// New makes the month of a seed. It refuses a number of conversations outside
// MinConversations and MaxConversations.
func New(seed uint64, conversations int) (*Plan, error) {
	if conversations < MinConversations || conversations > MaxConversations {
		return nil, fmt.Errorf("a demo has %d to %d conversations, not %d", MinConversations, MaxConversations, conversations)
	}
	p := &Plan{Seed: seed, Partners: cast(conversations)}
	var err error
	if p.Cards, p.prices, err = rateCards(); err != nil {
		return nil, err
	}
	given := p.Partners[1].Channels[partnerPaidOfNorte-1]
	p.Cancelled = Cancellation{PartnerID: p.Partners[1].ID, ChannelID: given.ID, At: Start().AddDate(0, 0, 8).Add(11 * time.Hour)}
	g := &generator{plan: p, random: rand.New(rand.NewPCG(seed, seedSalt))}
	g.month(conversations)
	p.Late = g.late()
	return p, nil
}

// seedSalt is the second half of the generator's seed.
const seedSalt = 20261001

// cast returns the partners of the story. What the declined partner carries
// over grows with the month's size, so that it is always used up about the
// 14th and the block falls on about the 21st (R20).
func cast(conversations int) []*Partner {
	lasting, _ := money.MustParse("58.20").Times(int64(conversations)).Quo(money.FromInt(DefaultConversations), 2)
	return []*Partner{
		{
			ID: "PA-1001", Name: "Lumen Retail", Currency: "EUR", Card: "sim_ok", TimeZone: "Europe/Berlin",
			CarriedOver: money.MustParse("312.40"), Threshold: money.FromInt(250), Recharge: money.FromInt(100),
			Channels: channels(1, "+493055%05d", 22, 0), share: 45,
			routes:     []route{{germany, 45}, {france, 20}, {britain, 15}, {brazil, 10}, {india, 10}},
			categories: []category{{marketing, 45}, {utility, 35}, {authentication, 12}, {service, 8}},
		},
		{
			ID: "PA-1002", Name: "Norte Viajes", Currency: "USD", Card: "sim_ok",
			CarriedOver: money.MustParse("520.75"), Threshold: money.FromInt(420), Recharge: money.FromInt(120),
			Channels: channels(2, "+349155%05d", partnerPaidOfNorte, 2), share: 30,
			routes:     []route{{spain, 30}, {mexico, 25}, {brazil, 20}, {argentina, 15}, {colombia, 10}},
			categories: []category{{marketing, 50}, {utility, 30}, {authentication, 12}, {service, 8}},
		},
		{
			ID: DeclinedPartner, Name: "Kiosk Cloud", Currency: "USD", Card: "sim_declined",
			CarriedOver: lasting, Threshold: money.FromInt(100), Recharge: money.FromInt(200),
			Channels: channels(3, "+27115%06d", 11, 0), share: 25,
			routes:     []route{{southAfrica, 40}, {nigeria, 25}, {india, 20}, {britain, 15}},
			categories: []category{{marketing, 60}, {utility, 30}, {authentication, 5}, {service, 5}},
		},
	}
}

// partnerPaidOfNorte is how many channels Norte pays for; two more are direct.
const partnerPaidOfNorte = 17
