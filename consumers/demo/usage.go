package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"prepayledger/domain"
)

// The rhythm of a day: usage arrives four times, each time what was had in the
// four hours before.
const (
	batchesPerDay = 4
	firstBatch    = 8 * time.Hour
	betweenBatch  = 4 * time.Hour
	// jitter bounds how much later a batch may arrive.
	jitter = 50 * time.Minute
)

// How often things happen: one in so many.
const (
	oneFault     = 100 // has something wrong
	oneRated     = 8   // comes from a rater upstream instead of Meta
	onePriced    = 2   // of those has its price
	oneRepeat    = 40  // is told again
	oneFreeEntry = 50  // of marketing came through a free entry point
	onePaid      = 4   // of service is beyond the free quota
)

// recentMessages is how far back a repeat reaches, in messages: days.
const recentMessages = 2_000

// weightOfDay is how busy a day is, by weekday, Sunday first.
var weightOfDay = [...]int{50, 100, 105, 100, 110, 120, 75}

// weightOfBatch is how busy the hours before a batch are.
var weightOfBatch = [batchesPerDay]int{60, 130, 120, 90}

// generator makes the usage of a plan.
type generator struct {
	plan   *Plan
	random *rand.Rand
	number int
	fault  int
	recent []message
}

// message is one conversation before it is written down.
type message struct {
	partner   *Partner
	channel   Channel
	id        string
	to        destination
	recipient string
	category  string
	pricing   string
	status    string
	when      time.Time
	rated     bool
	amount    string
	currency  string
	becomes   string
}

// month makes the batches; the conversations are spread by weekday and hour.
func (g *generator) month(conversations int) {
	total, sum, done := 0, 0, 0
	for day := Start(); day.Before(End()); day = day.AddDate(0, 0, 1) {
		for i := range batchesPerDay {
			total += weightOfDay[day.Weekday()] * weightOfBatch[i]
		}
	}
	for day := Start(); day.Before(End()); day = day.AddDate(0, 0, 1) {
		for i := range batchesPerDay {
			sum += weightOfDay[day.Weekday()] * weightOfBatch[i]
			until := conversations * sum / total
			at := day.Add(firstBatch + time.Duration(i)*betweenBatch + g.seconds(jitter))
			g.plan.Batches = append(g.plan.Batches, g.batch(at, until-done))
			done = until
		}
	}
}

func (g *generator) one(in int) bool { return g.random.IntN(in) == 0 }

func (g *generator) seconds(below time.Duration) time.Duration {
	return time.Duration(g.random.IntN(int(below/time.Second))) * time.Second
}

// batch makes so many conversations, in the order in which they were had, and
// repeats of some.
func (g *generator) batch(at time.Time, conversations int) Batch {
	times := make([]time.Time, conversations)
	for i := range times {
		times[i] = at.Add(-g.seconds(betweenBatch - jitter))
	}
	slices.SortFunc(times, time.Time.Compare)
	b := Batch{At: at}
	for _, when := range times {
		m := g.message(when)
		if m.partner.ID != DeclinedPartner && g.one(oneFault) {
			g.spoil(&m, at)
		}
		b.Lines = append(b.Lines, m.line())
		if m.partner.ID == DeclinedPartner || m.becomes != Charged && m.becomes != Free {
			continue // what may never be presented can't be a repeat
		}
		if g.recent = append(g.recent, m); len(g.recent) > recentMessages {
			g.recent = g.recent[1:]
		}
		if g.one(oneRepeat) {
			b.Lines = append(b.Lines, g.repeat(when))
		}
	}
	return b
}

// repeat tells one of the recent messages again: a webhook that it is read by
// now, or the same charge. Its time may differ, but not lie behind the end of
// its channel (R8, R10).
func (g *generator) repeat(when time.Time) Line {
	m := g.recent[g.random.IntN(len(g.recent))]
	m.becomes, m.status = Duplicate, "read"
	if !m.rated && !g.givenUp(m.channel, when) {
		m.when = when
	}
	return m.line()
}

// givenUp reports whether the channel is the one that is given up, at or after
// that instant.
func (g *generator) givenUp(c Channel, at time.Time) bool {
	return c.ID == g.plan.Cancelled.ChannelID && !at.Before(g.plan.Cancelled.At)
}

// message makes a sound conversation.
func (g *generator) message(when time.Time) message {
	g.number++
	p := pick(g.plan.Partners, func(p *Partner) int { return p.share }, g.random.IntN(100))
	m := message{
		partner: p, channel: p.Channels[g.random.IntN(len(p.Channels))], when: when, status: "delivered", becomes: Charged,
		id:       fmt.Sprintf("wamid.HBgL%08d%08X", g.number, g.random.Uint32()),
		to:       pick(p.routes, func(r route) int { return r.weight }, g.random.IntN(100)).to,
		category: pick(p.categories, func(c category) int { return c.weight }, g.random.IntN(100)).name,
		pricing:  domain.PricingTypeRegular,
	}
	if g.givenUp(m.channel, when) {
		m.channel = p.Channels[0]
	}
	m.recipient = g.recipient(m.to)
	switch {
	case m.category == service && !g.one(onePaid):
		m.pricing, m.becomes = "free_customer_service", Free
	case m.category == marketing && g.one(oneFreeEntry):
		m.pricing, m.becomes = "free_entry_point", Free
	case m.channel.Model == domain.Direct:
		m.becomes = Free
	}
	if m.becomes == Charged && g.one(oneRated) {
		m.rated = true
		if g.one(onePriced) {
			g.price(&m)
		}
	}
	return m
}

func (g *generator) recipient(to destination) string {
	var b strings.Builder
	b.WriteString(to.prefix)
	for range to.digits {
		b.WriteByte(byte('0' + g.random.IntN(10)))
	}
	return b.String()
}

// price makes the message one that the upstream rater priced by the same card.
func (g *generator) price(m *message) {
	m.rated, m.currency = true, string(m.partner.Currency)
	m.amount = g.plan.prices[priceKey{m.partner.Currency, m.to.market, m.category}].String()
}

// late is one conversation of the last evening that arrives after the invoice.
func (g *generator) late() Batch {
	p := g.plan.Partners[0]
	m := message{
		partner: p, channel: p.Channels[0], id: "wamid.HBgLLATE", to: germany, category: marketing, pricing: domain.PricingTypeRegular,
		status: "delivered", when: End().Add(-150 * time.Minute), becomes: Charged,
	}
	m.recipient = g.recipient(m.to)
	return Batch{At: End().AddDate(0, 0, 2).Add(9 * time.Hour), Lines: []Line{m.line()}}
}
