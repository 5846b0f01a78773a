package usage

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"prepayledger/domain"
	"prepayledger/domain/rating"
)

// webhook is the payload of the Cloud API, as far as it is needed. What may
// have any shape is looked at piece by piece: one bad status must not spoil
// the others.
type webhook struct {
	Entry []struct {
		ID      string `json:"id"`
		Changes []struct {
			Field string          `json:"field"`
			Value json.RawMessage `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

type messagesValue struct {
	Metadata metadata          `json:"metadata"`
	Statuses []json.RawMessage `json:"statuses"`
}

type metadata struct {
	PhoneNumberID string `json:"phone_number_id"`
}

// id returns the channel's id at Meta, "" where that is no id.
func (m metadata) id() string {
	if !domain.ValidID(m.PhoneNumberID) {
		return ""
	}
	return m.PhoneNumberID
}

type status struct {
	ID           string          `json:"id"`
	Status       string          `json:"status"`
	Timestamp    json.RawMessage `json:"timestamp"`
	RecipientID  string          `json:"recipient_id"`
	Conversation struct {
		ID     string `json:"id"`
		Origin struct {
			Type string `json:"type"`
		} `json:"origin"`
	} `json:"conversation"`
	Pricing *struct {
		Billable *bool  `json:"billable"`
		Model    string `json:"pricing_model"`
		Type     string `json:"type"`
		Category string `json:"category"`
	} `json:"pricing"`
}

type accountUpdate struct {
	Event string `json:"event"`
	Tier  *struct {
		UpdateTime json.RawMessage `json:"tier_update_time"`
		Category   string          `json:"pricing_category"`
		Tier       string          `json:"tier"`
		Month      string          `json:"effective_month"`
		Region     string          `json:"region"`
	} `json:"volume_tier_info"`
}

// source is where a piece of a webhook stands.
type source struct {
	pos           Position
	waba          string
	phoneNumberID string
}

// statusesWebhook is a payload of nothing but statuses, which most are.
type statusesWebhook struct {
	Entry []struct {
		ID      string `json:"id"`
		Changes []struct {
			Field string `json:"field"`
			Value struct {
				Metadata metadata `json:"metadata"`
				Statuses []status `json:"statuses"`
			} `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

// webhook reads a payload.
func (d *Decoder) webhook(line []byte, pos Position, b *Batch) {
	items, stats := len(b.Items), b.Stats
	if !d.strictOnly && d.webhookFast(line, pos, b) {
		return
	}
	b.Items, b.Stats = b.Items[:items], stats
	d.webhookStrict(line, pos, b)
}

// webhookFast reads a payload of sound statuses in one go. It reports false
// for anything else, and the payload is then to be read again piece by piece.
func (d *Decoder) webhookFast(line []byte, pos Position, b *Batch) bool {
	// A key that is there twice would mix two statuses into one.
	for _, key := range []string{`"entry"`, `"changes"`, `"statuses"`} {
		if bytes.Count(line, []byte(key)) != 1 {
			return false
		}
	}
	var w statusesWebhook
	if !utf8.Valid(line) || json.Unmarshal(line, &w) != nil {
		return false
	}
	b.Stats.Webhooks++
	malformed := b.Stats.Malformed
	for _, entry := range w.Entry {
		for _, change := range entry.Changes {
			if change.Field != "messages" || len(change.Value.Statuses) == 0 {
				return false
			}
			at := source{pos: pos, waba: entry.ID, phoneNumberID: change.Value.Metadata.id()}
			for i := range change.Value.Statuses {
				d.record.reset(d.webhookNames)
				d.status(&change.Value.Statuses[i], nil, at, b)
			}
		}
	}
	return b.Stats.Malformed == malformed
}

// webhookStrict reads any payload. A line that is not one at all is
// malformed.
func (d *Decoder) webhookStrict(line []byte, pos Position, b *Batch) {
	b.Stats.Webhooks++
	d.record.reset(d.webhookNames)
	if !utf8.Valid(line) {
		d.record.fail("", "it is not UTF-8")
	}
	var w webhook
	if err := json.Unmarshal(line, &w); err != nil || d.record.problem != "" {
		d.record.failJSON("", err)
		d.malformed(line, source{pos: pos}, b)
		return
	}
	for _, entry := range w.Entry {
		for _, change := range entry.Changes {
			at := source{pos: pos, waba: entry.ID}
			switch change.Field {
			case "messages":
				d.statuses(change.Value, at, b)
			case "account_update":
				d.accountUpdate(change.Value, at, b)
			default:
				b.Stats.IgnoredChanges++
			}
		}
	}
}

// statuses reads the statuses of a change.
func (d *Decoder) statuses(value []byte, at source, b *Batch) {
	var v messagesValue
	if err := json.Unmarshal(value, &v); err != nil {
		d.record.reset(d.webhookNames)
		d.record.failJSON("value.", err)
		d.malformed(value, at, b)
		return
	}
	if len(v.Statuses) == 0 {
		b.Stats.IgnoredChanges++
	}
	at.phoneNumberID = v.Metadata.id()
	for _, raw := range v.Statuses {
		d.record.reset(d.webhookNames)
		var s status
		if err := json.Unmarshal(raw, &s); err != nil {
			d.record.failJSON("", err)
		}
		d.status(&s, raw, at, b)
	}
}

// status makes a charge of a status that charges (R7): delivered, read or
// played, with pricing. What is wrong already is the record's problem.
func (d *Decoder) status(s *status, raw []byte, at source, b *Batch) {
	r := &d.record
	if r.problem == "" {
		switch s.Status {
		case "delivered", "read", "played":
		case "":
			r.fail("status", "it is missing")
		default:
			b.Stats.IgnoredStatuses++
			return
		}
		if s.Pricing == nil {
			b.Stats.IgnoredStatuses++
			return
		}
	}
	if at.phoneNumberID == "" {
		r.fail("metadata.phone_number_id", "it is missing or no id of 1 to %d characters; it tells the channel", domain.MaxIDBytes)
	}
	r.fromStatus(s, at.waba, d.free)
	it := d.item(at, b)
	d.build(r, it)
	if it.Charge.Malformed != "" {
		d.spoil(raw, it, b)
	}
}

// fromStatus maps a status onto the fields of a charge.
func (r *record) fromStatus(s *status, waba string, free *rating.FreeRules) {
	r.values[wabaID], r.values[recipient] = waba, s.RecipientID
	r.values[chargeID] = s.ID
	at, ok := parseUnix(string(s.Timestamp))
	if !ok {
		r.fail(r.names[occurredAt], "%q is not a time; it must be seconds since 1970", shorten(string(s.Timestamp)))
	}
	r.at, r.values[occurredAt] = at, string(s.Timestamp)
	if s.Pricing == nil {
		return
	}
	p := rating.PricingObject{Model: domain.PricingModel(s.Pricing.Model), Type: s.Pricing.Type, Category: s.Pricing.Category, Billable: s.Pricing.Billable, At: at}
	if p.Category == "" {
		p.Category = s.Conversation.Origin.Type
	}
	if p.Model == domain.CBP { // all messages of a conversation are one charge
		if r.values[chargeID] = s.Conversation.ID; s.Conversation.ID == "" {
			r.fail("conversation.id", "it is missing; under CBP it is the charge's id")
		}
	}
	r.values[pricingModel], r.values[category], r.values[pricingType] = s.Pricing.Model, p.Category, free.TypeOf(p)
}

// accountUpdate reads a volume tier. One that can't be read is delivered as
// malformed: it decides prices.
func (d *Decoder) accountUpdate(value []byte, at source, b *Batch) {
	r := &d.record
	r.reset(d.webhookNames)
	var u accountUpdate
	err := json.Unmarshal(value, &u)
	if err == nil && u.Tier == nil {
		b.Stats.IgnoredChanges++
		return
	}
	if err != nil {
		r.failJSON("value.", err)
		d.malformed(value, at, b)
		return
	}
	t := u.Tier
	updated, ok := parseUnix(string(t.UpdateTime))
	if !ok || !inRange(updated) {
		r.fail("volume_tier_info.tier_update_time", "%q is not a time; it must be seconds since 1970", shorten(string(t.UpdateTime)))
	}
	if _, _, err := rating.ParseTier(t.Tier); err != nil {
		r.fail("volume_tier_info.tier", "%v", err)
	}
	month, err := domain.ParseMonth(t.Month)
	if err != nil {
		r.fail("volume_tier_info.effective_month", "%v", err)
	}
	for _, f := range []struct{ name, text string }{
		{"entry.id", at.waba}, {"volume_tier_info.region", t.Region}, {"volume_tier_info.pricing_category", t.Category},
	} {
		if !domain.ValidID(f.text) {
			r.fail(f.name, "it must have 1 to %d characters and no control characters", domain.MaxIDBytes)
		}
	}
	if r.problem != "" {
		d.malformed(value, at, b)
		return
	}
	b.Stats.TierChanges++
	b.Tiers = append(b.Tiers, TierItem{Pos: at.pos, Change: rating.TierChange{
		WABAID: at.waba, Market: t.Region, Category: t.Category, Month: month, Tier: t.Tier, At: updated,
	}})
}

// failJSON notes what encoding/json refused.
func (r *record) failJSON(path string, err error) {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		r.fail(path+wrong.Field, "it is a JSON %s, which is the wrong type", wrong.Value)
	case err != nil:
		r.fail(strings.TrimSuffix(path, "."), "it is not JSON of a webhook: %v", err)
	}
}
