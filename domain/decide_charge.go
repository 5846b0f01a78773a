package domain

import (
	"encoding/hex"
	"time"
)

// charge decides one presented conversation. Nothing is ever dropped: it is
// deducted, counted, told apart as a duplicate, or quarantined with the first
// reason that applies (R7 to R10).
func (d *decision) charge(c *Charge) Outcome {
	if c.Malformed != "" {
		return d.quarantine(c, ReasonMalformed, c.Malformed)
	}
	channel := d.account.Channels[c.ChannelID]
	if !d.Opened || channel == nil {
		return d.quarantine(c, ReasonUnknownChannel, "")
	}
	if reason := d.outOfTime(c, channel); reason != 0 {
		return d.quarantine(c, reason, "")
	}
	if !c.Free() && blockedDestination(c) {
		return d.quarantine(c, ReasonBlockedDestination, "")
	}
	presented := c
	if c.WABAID == "" {
		filled := *c
		filled.WABAID = channel.WABAID
		c = &filled
	}
	seen := d.facts.Seen(KeyOf(d.PartnerID, c.ChargeID))
	var content ContentHash
	if seen.Counted || len(seen.Quarantined) > 0 {
		content = c.Content()
	}
	if seen.Counted && seen.Content != content {
		return d.quarantineSeen(presented, ReasonChargeConflict, "", &seen, presented.Content())
	}
	outcome := d.settle(c, presented, channel, &seen, content)
	if outcome.Charge != ChargeQuarantinedResult && presented != c {
		d.releaseEntry(&seen, c.ChargeID, presented.Content(), outcome.Charge)
	}
	return outcome
}

// settle counts or deducts what nothing but its price can stop. An entry in
// quarantine has the content as it was presented: its WABA may be absent
// where c has the channel's.
func (d *decision) settle(c, presented *Charge, channel *Channel, seen *Seen, content ContentHash) Outcome {
	if seen.Counted {
		d.releaseEntry(seen, c.ChargeID, content, ChargeDuplicate)
		return Outcome{Charge: ChargeDuplicate}
	}
	released := seen.Reason(content) != 0
	if c.Free() || channel.PaymentModel == Direct {
		d.count(c, channel, released)
		return Outcome{Charge: ChargeFree}
	}
	if c.Currency != "" && c.Currency != d.Currency {
		return d.quarantine(presented, ReasonWrongCurrency, "")
	}
	e, ok := d.price(c, channel)
	if !ok {
		return d.quarantine(presented, ReasonNoRate, "")
	}
	e.Released = released
	d.deduct(e)
	return Outcome{Charge: ChargeDeducted}
}

// releaseEntry takes the entry with this content out of quarantine, if it is
// there (R10).
func (d *decision) releaseEntry(seen *Seen, chargeID string, content ContentHash, outcome ChargeResult) {
	if seen.Reason(content) != 0 {
		d.raise(&QuarantineReleased{ChargeID: chargeID, Content: hex.EncodeToString(content[:]), Outcome: string(outcome)})
	}
}

// outOfTime checks the charge's time against the channel's end and the clock.
func (d *decision) outOfTime(c *Charge, channel *Channel) Reason {
	switch {
	case !channel.CancelledAt.IsZero() && !c.OccurredAt.Before(channel.CancelledAt):
		return ReasonChannelCancelled
	case c.OccurredAt.After(d.meta.At.Add(MaxClockSkew)):
		return ReasonInTheFuture
	case tooOld(c.OccurredAt, d.meta.At):
		return ReasonTooOld
	default:
		return 0
	}
}

// surelyYoung is less than 13 months of any calendar: the common case is
// decided without calendar arithmetic.
const surelyYoung = 390 * Day

func tooOld(occurred, recorded time.Time) bool {
	if recorded.Sub(occurred) < surelyYoung {
		return false
	}
	return occurred.Before(monthsBefore(recorded, MaxChargeAgeMonths))
}

// monthsBefore goes back whole months; a day that the month does not have is
// its last (31 March less 13 months is 28 or 29 February).
func monthsBefore(t time.Time, months int) time.Time {
	t = t.UTC()
	back := t.AddDate(0, -months, 0)
	if back.Day() != t.Day() {
		back = back.AddDate(0, 0, -back.Day())
	}
	return back
}

func blockedDestination(c *Charge) bool {
	if _, blocked := BlockedNumber(c.RecipientPrefix); blocked {
		return true
	}
	return BlockedCountry(c.Country)
}

// price makes the event of a charge with the given or the card's price (R9).
func (d *decision) price(c *Charge, channel *Channel) (*ConversationCharged, bool) {
	month := MonthOf(c.OccurredAt, channel.Zone)
	e := &ConversationCharged{
		ChargeID: c.ChargeID, ChannelID: c.ChannelID, WABAID: c.WABAID, Market: c.Market, Country: c.Country,
		Category: c.Category, PricingModel: c.Model, PricingType: c.PricingType, OccurredAt: c.OccurredAt,
		Month: month, Currency: d.Currency,
	}
	if c.Priced {
		e.Amount = c.Amount
		return e, true
	}
	rate, ok := d.facts.Rate(RateQuery{
		Currency: d.Currency, WABAID: c.WABAID, Market: c.Market, Category: c.Category, Model: c.Model,
		OccurredAt: c.OccurredAt, Month: month,
	})
	if !ok {
		return nil, false
	}
	e.Amount, e.RateCardID, e.Tier, e.GivenCurrency = rate.Price, rate.CardID, rate.Tier, c.Currency
	return e, true
}

// deduct charges, and does what follows from a lower balance (R13).
func (d *decision) deduct(e *ConversationCharged) {
	before := d.Balance
	d.raise(e)
	d.lowered(before)
}

// count records a conversation that costs the balance nothing (R7).
func (d *decision) count(c *Charge, channel *Channel, released bool) {
	e := &ConversationCounted{
		ChargeID: c.ChargeID, ChannelID: c.ChannelID, WABAID: c.WABAID, Market: c.Market, Country: c.Country,
		Category: c.Category, PricingModel: c.Model, PricingType: c.PricingType, OccurredAt: c.OccurredAt,
		Month: MonthOf(c.OccurredAt, channel.Zone), Why: "direct", GivenCurrency: c.Currency, Released: released,
	}
	if c.Free() {
		e.Why = "free"
	}
	if c.Priced {
		amount := c.Amount
		e.GivenAmount = &amount
	}
	d.raise(e)
}

func (d *decision) quarantine(c *Charge, reason Reason, detail string) Outcome {
	content := c.Content()
	seen := d.facts.Seen(QuarantineKey(d.PartnerID, c.ChargeID, content))
	return d.quarantineSeen(c, reason, detail, &seen, content)
}

// quarantineSeen sets a charge aside. An entry that is there already with the
// same reason stays as it is; another reason becomes its latest (R10).
func (d *decision) quarantineSeen(c *Charge, reason Reason, detail string, seen *Seen, content ContentHash) Outcome {
	latest := seen.Reason(content)
	outcome := Outcome{Charge: ChargeQuarantinedResult, Reason: reason, New: latest == 0}
	if latest == reason {
		return outcome
	}
	e := &ChargeQuarantined{
		ChargeID: c.ChargeID, PartnerID: c.PartnerID, ChannelID: c.ChannelID, WABAID: c.WABAID,
		PhoneNumberID: c.PhoneNumberID, RecipientPrefix: c.RecipientPrefix, Country: c.Country, Market: c.Market, Category: c.Category,
		PricingModel: c.Model, PricingType: c.PricingType, OccurredAt: c.OccurredAt, Currency: c.Currency,
		Reason: reason.String(), Detail: detail, Raw: c.Raw,
	}
	if c.Priced {
		amount := c.Amount
		e.Amount = &amount
	}
	d.raise(e)
	return outcome
}

// QuarantineKey is the key under which a quarantined charge is found again:
// that of its charge id, or of its content where it has no id.
func QuarantineKey(partnerID, chargeID string, content ContentHash) ChargeKey {
	if chargeID == "" {
		return KeyOf(partnerID, "\x00"+string(content[:]))
	}
	return KeyOf(partnerID, chargeID)
}

// release takes an entry out of quarantine that was charged elsewhere or
// mended.
func (d *decision) release(c *ReleaseQuarantined) error {
	outcome := "charged_elsewhere"
	if c.Mended {
		outcome = "mended"
	}
	seen := d.facts.Seen(QuarantineKey(d.PartnerID, c.ChargeID, c.Content))
	if seen.Reason(c.Content) != 0 {
		d.raise(&QuarantineReleased{ChargeID: c.ChargeID, Content: hex.EncodeToString(c.Content[:]), Outcome: outcome})
	}
	return nil
}
