package demo

import (
	"fmt"
	"time"

	"prepayledger/domain"
)

// line writes the message down as it arrives.
func (m *message) line() Line {
	l := Line{PartnerID: m.partner.ID, Occurred: m.when, Becomes: m.becomes}
	if m.rated {
		l.Data = m.charge()
	} else {
		l.Data = m.webhook()
	}
	return l
}

// webhook writes a status as Meta sends it.
func (m *message) webhook() []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":%q,"phone_number_id":%q},`+
		`"statuses":[{"id":%q,"status":%q,"timestamp":"%d","recipient_id":%q,`+
		`"pricing":{"billable":%t,"pricing_model":"PMP","type":%q,"category":%q}}]},"field":"messages"}]}]}`+"\n",
		m.channel.WABAID, m.channel.Number[1:], m.channel.PhoneNumberID, m.id, m.status, m.when.Unix(), m.recipient,
		m.pricing == domain.PricingTypeRegular, m.pricing, m.category)
}

// charge writes a charge as an upstream rater sends it.
func (m *message) charge() []byte {
	b := fmt.Appendf(nil, `{"charge_id":%q,"partner_id":%q,"channel_id":%q,"waba_id":%q,"recipient":%q,"country":%q,"category":%q,"pricing_model":"PMP","pricing_type":%q,"occurred_at":%q`,
		m.id, m.partner.ID, m.channel.ID, m.channel.WABAID, m.recipient, m.to.country, m.category, m.pricing, m.when.Format(time.RFC3339))
	if m.amount != "" {
		b = fmt.Appendf(b, `,"amount":%q,"currency":%q`, m.amount, m.currency)
	}
	return append(b, "}\n"...)
}

// Sizes of the faults.
const (
	// ahead is how far a rater's clock is wrong.
	ahead = 26 * time.Hour
	// monthsTooOld is how old a forgotten charge is; R10 takes 13 months.
	monthsTooOld = 14
)

// spoil gives the message the next fault in turn, so that every reason of
// quarantine appears (R10). at is when it is presented.
func (g *generator) spoil(m *message, at time.Time) {
	reasons := domain.Reasons()
	reason := reasons[g.fault%len(reasons)]
	g.fault++
	if reason == domain.ReasonChannelCancelled && m.when.Before(g.plan.Cancelled.At) {
		reason = domain.ReasonUnknownChannel
	}
	m.pricing, m.becomes = domain.PricingTypeRegular, reason.String()
	if m.channel.Model == domain.Direct {
		m.channel = m.partner.Channels[0]
	}
	switch reason {
	case domain.ReasonMalformed:
		g.price(m)
		m.amount = "-" + m.amount
	case domain.ReasonUnknownChannel:
		m.rated = false
		m.channel.ID, m.channel.PhoneNumberID = "CH-unknown", "100000000000001"
	case domain.ReasonChannelCancelled:
		m.rated = true
		g.onCancelled(m)
	case domain.ReasonInTheFuture:
		m.rated, m.when = true, at.Add(ahead)
	case domain.ReasonTooOld:
		m.rated, m.when = true, at.AddDate(0, -monthsTooOld, 0)
	case domain.ReasonBlockedDestination:
		m.to = cuba
		m.rated, m.amount, m.recipient = false, "", g.recipient(cuba)
	case domain.ReasonChargeConflict:
		g.contradict(m)
	case domain.ReasonWrongCurrency:
		g.price(m)
		m.currency = "GBP"
	case domain.ReasonNoRate:
		m.rated, m.amount, m.category = false, "", unrated
	}
}

// onCancelled moves the message to the channel that was given up.
func (g *generator) onCancelled(m *message) {
	m.partner = g.plan.Partners[1]
	m.channel, m.amount, m.currency = m.partner.Channels[partnerPaidOfNorte-1], "", ""
}

// contradict tells the newest charge again as one of another category.
func (g *generator) contradict(m *message) {
	for i := len(g.recent) - 1; i >= 0; i-- {
		if g.recent[i].becomes != Charged {
			continue
		}
		*m = g.recent[i]
		m.becomes = domain.ReasonChargeConflict.String()
		if m.category = utility; g.recent[i].category == utility {
			m.category = marketing
		}
		return
	}
	m.becomes = Charged // the first of all has nothing to contradict
}
