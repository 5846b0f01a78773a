package usage

import (
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/rating"
)

const delivered = `{"id":"wamid.A","status":"delivered","timestamp":"1793534473","recipient_id":"16505551234","conversation":{"id":"72b14d","expiration_timestamp":"1793620480","origin":{"type":"marketing"}},"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}`

// hook wraps statuses into a payload.
func hook(statuses ...string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"statuses":[` +
		strings.Join(statuses, ",") + `]},"field":"messages"}]}]}`
}

// update wraps a tier change into a payload.
func update(value string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","time":1,"changes":[{"field":"account_update","value":` + value + `}]}]}`
}

const tierValue = `{"volume_tier_info":{"tier_update_time":1793451903,"pricing_category":"UTILITY","tier":"25000001:50000000","effective_month":"2026-10","region":"India"},"event":"VOLUME_BASED_PRICING_TIER_UPDATE"}`

func status1(replace ...string) string {
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(delivered, replace[i]) {
			panic(replace[i])
		}
	}
	return strings.NewReplacer(replace...).Replace(delivered)
}

func webhookCharge() domain.Charge {
	return domain.Charge{
		ChargeID: "wamid.A", WABAID: "102290129340398", RecipientPrefix: "1650555", Country: "US", Market: "North America", Category: "marketing",
		Model: domain.PMP, PricingType: "regular", OccurredAt: time.Unix(1793534473, 0).UTC(),
	}
}

// R7: charged is the first delivered, read or played that carries pricing,
// never sent or failed; under CBP the conversation, under PMP the message.
func TestWebhookCharges(t *testing.T) {
	change := func(f func(*domain.Charge)) []domain.Charge {
		c := webhookCharge()
		f(&c)
		return []domain.Charge{c}
	}
	same := change(func(*domain.Charge) {})
	cbp := []string{`"PMP"`, `"CBP"`}
	for _, c := range []struct {
		status  string
		want    []domain.Charge
		ignored int
	}{
		{delivered, same, 0},
		{status1("delivered", "read"), same, 0},
		{status1("delivered", "played"), same, 0},
		{status1("delivered", "sent"), nil, 1},
		{status1("delivered", "failed"), nil, 1},
		{status1("delivered", "deleted"), nil, 1},
		{status1(`,"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}`, ""), nil, 1},
		{status1(`"conversation":{"id":"72b14d","expiration_timestamp":"1793620480","origin":{"type":"marketing"}},`, ""), same, 0},
		{status1(cbp...), change(func(c *domain.Charge) { c.Model, c.ChargeID = domain.CBP, "72b14d" }), 0},
		{status1(append(cbp, `"type":"regular",`, "")...), change(func(c *domain.Charge) { c.Model, c.ChargeID = domain.CBP, "72b14d" }), 0},
		{status1(append(cbp, `"billable":true`, `"billable":false`, `"type":"regular",`, "")...), change(func(c *domain.Charge) {
			c.Model, c.ChargeID, c.PricingType = domain.CBP, "72b14d", rating.TypeFreeCustomerService
		}), 0},
		{status1(`"billable":true`, `"billable":false`), same, 0}, // the type wins
		{status1(`"billable":true,`, ``), same, 0},
		{status1(`"regular"`, `"free_entry_point"`), change(func(c *domain.Charge) { c.PricingType = "free_entry_point" }), 0},
		{status1(`"category":"marketing"`, `"category":"authentication-international"`), change(func(c *domain.Charge) { c.Category = "authentication-international" }), 0},
		{status1(`,"category":"marketing"`, ``), same, 0}, // the origin's
		{status1(`"1793534473"`, `1793534473`), same, 0},
		{status1("16505551234", "5511987654321"), change(func(c *domain.Charge) { c.RecipientPrefix, c.Country, c.Market = "5511987", "BR", "Brazil" }), 0},
	} {
		b := decode(t, hook(c.status))
		if len(b.Items) != len(c.want) || b.Stats.IgnoredStatuses != c.ignored || b.Stats.Malformed != 0 || b.Stats.Webhooks != 1 {
			t.Errorf("%s: %+v", c.status, b)
			continue
		}
		for i, it := range b.Items {
			if it.Charge != c.want[i] || it.PhoneNumberID != "106540352242922" || it.Pos != (Position{"u.ndjson", 1}) {
				t.Errorf("%s:\n got  %+v\n want %+v", c.status, it, c.want[i])
			}
		}
	}
}

// One bad status does not spoil the others, and carries what tells its
// account.
func TestMalformedStatus(t *testing.T) {
	for _, c := range []struct{ status, says, id string }{
		{status1(`"id":"wamid.A",`, ``), "field id: it is missing", ""},
		{status1(`"PMP"`, `"CBP"`, `"id":"72b14d",`, ``), "field conversation.id: it is missing; under CBP", ""},
		{status1(`"PMP"`, `"XXX"`), "field pricing.pricing_model: \"XXX\" is not a pricing model", "wamid.A"},
		{status1(`"regular"`, `"gratis"`), "field pricing.type: \"gratis\" is not a pricing type", "wamid.A"},
		{status1(`"1793534473"`, `"yesterday"`), "field timestamp: \"\\\"yesterday\\\"\" is not a time", "wamid.A"},
		{status1(`"timestamp":"1793534473",`, ``), "field timestamp", "wamid.A"},
		{status1(`1793534473`, `17`), "field timestamp: 1970-01-01T00:00:17Z is not between", "wamid.A"},
		{status1(`"recipient_id":"16505551234",`, ``), "none of market, country and recipient", "wamid.A"},
		{status1(`16505551234`, `abc`), "field recipient_id: not an international number", "wamid.A"},
		{status1(`"billable":true`, `"billable":"yes"`), "field pricing.billable: it is a JSON string", "wamid.A"},
		{status1(`"wamid.A"`, `7`), "field id: it is a JSON number", ""},
		{status1(`"status":"delivered",`, ``), "field status: it is missing", "wamid.A"},
		{`17`, "it is a JSON number", ""},
	} {
		b := decode(t, hook(delivered, c.status, delivered))
		if len(b.Items) != 3 || b.Stats.Malformed != 1 || b.Items[0].Charge.Malformed+b.Items[2].Charge.Malformed != "" {
			t.Errorf("%s: %+v", c.status, b.Stats)
			continue
		}
		bad := b.Items[1]
		if !strings.Contains(bad.Charge.Malformed, c.says) || !strings.HasPrefix(bad.Charge.Malformed, "u.ndjson line 1") || bad.Charge.Raw != c.status {
			t.Errorf("%s: %q, raw %q", c.status, bad.Charge.Malformed, bad.Charge.Raw)
		}
		if bad.PhoneNumberID != "106540352242922" || bad.Charge.WABAID != "102290129340398" || bad.Charge.ChargeID != c.id {
			t.Errorf("%s: %+v", c.status, bad)
		}
	}
	noChannel := strings.Replace(hook(delivered), `"phone_number_id":"106540352242922"`, `"x":1`, 1)
	if b := decode(t, noChannel); len(b.Items) != 1 || !strings.Contains(b.Items[0].Charge.Malformed, "field metadata.phone_number_id: it is missing") {
		t.Errorf("without phone_number_id: %+v", b.Items)
	}
}

// Payloads of any composition: several entries, changes and statuses, and
// changes that are none; whole payloads that are broken.
func TestWebhookPayloads(t *testing.T) {
	message := `{"field":"messages","value":{"messages":[{"id":"x"}],"metadata":{}}}`
	other := `{"field":"phone_number_quality_update","value":{"metadata":"any","statuses":7}}`
	inner := func(h string) string { // the changes of a payload
		return h[strings.Index(h, `"changes":[`)+len(`"changes":[`) : strings.LastIndex(h, `]}]}`)]
	}
	entry := func(id string, changes ...string) string {
		return `{"id":"` + id + `","changes":[` + strings.Join(changes, ",") + `]}`
	}
	payload := func(entries ...string) string {
		return `{"object": "whatsapp_business_account","entry":[` + strings.Join(entries, ",") + `]}`
	}
	sent := status1("delivered", "sent")
	for _, c := range []struct {
		data string
		want Stats
	}{
		{payload(entry("A", inner(hook(delivered, sent)), message, inner(update(tierValue))), entry("B", other, inner(hook(delivered)))),
			Stats{Lines: 1, Charges: 2, Webhooks: 1, IgnoredStatuses: 1, IgnoredChanges: 2, TierChanges: 1}},
		{payload(), Stats{Lines: 1, Webhooks: 1}},
		{payload(entry("A")), Stats{Lines: 1, Webhooks: 1}},
		{payload(entry("A", message)), Stats{Lines: 1, Webhooks: 1, IgnoredChanges: 1}},
		{sound + "\n" + hook(delivered) + "\n" + sound, Stats{Lines: 3, Charges: 3, Webhooks: 1}},
		{strings.Replace(hook(delivered), `{"object":"whatsapp_business_account",`, `{`, 1), Stats{Lines: 1, Charges: 1, Malformed: 1}},
		{`{"entry":[],"object":"whatsapp_business_account"}`, Stats{Lines: 1, Webhooks: 1}},
		{hook(delivered)[:300], Stats{Lines: 1, Charges: 1, Malformed: 1, Webhooks: 1}},
		{hook(delivered) + "x", Stats{Lines: 1, Charges: 1, Malformed: 1, Webhooks: 1}},
		{strings.Replace(hook(delivered), "wamid", "wa\xffmid", 1), Stats{Lines: 1, Charges: 1, Malformed: 1, Webhooks: 1}},
		{`{"object":"whatsapp_business_account","entry":7}`, Stats{Lines: 1, Charges: 1, Malformed: 1, Webhooks: 1}},
		{strings.Replace(hook(delivered), `"statuses":[`, `"statuses":[7],"x":[`, 1), Stats{Lines: 1, Charges: 1, Malformed: 1, Webhooks: 1}},
		{strings.Replace(hook(delivered), `"metadata":{`, `"metadata":7,"x":{`, 1), Stats{Lines: 1, Charges: 1, Malformed: 1, Webhooks: 1}},
	} {
		if b := decode(t, c.data); b.Stats != c.want {
			t.Errorf("%s:\n got  %+v\n want %+v", c.data, b.Stats, c.want)
		}
	}
}

func TestTierChange(t *testing.T) {
	b := decode(t, sound+"\n"+update(tierValue))
	want := TierItem{Pos: Position{"u.ndjson", 2}, Change: rating.TierChange{
		WABAID: "102290129340398", Market: "India", Category: "UTILITY", Month: "2026-10", Tier: "25000001:50000000", At: time.Unix(1793451903, 0).UTC(),
	}}
	if len(b.Tiers) != 1 || b.Tiers[0] != want || b.Stats != (Stats{Lines: 2, Charges: 1, Webhooks: 1, TierChanges: 1}) {
		t.Errorf("%+v", b)
	}
	for _, c := range []struct{ old, new, says string }{
		{`25000001:50000000`, `50000000`, "field volume_tier_info.tier: \"50000000\" is not a volume tier"},
		{`2026-10`, `October`, "field volume_tier_info.effective_month: \"October\" is not a month"},
		{`1793451903`, `"soon"`, "field volume_tier_info.tier_update_time"},
		{`1793451903`, `17`, "field volume_tier_info.tier_update_time"},
		{`"UTILITY"`, `""`, "field volume_tier_info.pricing_category"},
		{`,"region":"India"`, ``, "field volume_tier_info.region"},
		{`"UTILITY"`, `7`, "field value.volume_tier_info.pricing_category: it is a JSON number"},
	} {
		b := decode(t, update(strings.Replace(tierValue, c.old, c.new, 1)))
		if len(b.Tiers) != 0 || len(b.Items) != 1 || !strings.Contains(b.Items[0].Charge.Malformed, c.says) || b.Items[0].Charge.WABAID != "102290129340398" {
			t.Errorf("%s: %+v", c.new, b)
		}
	}
	if b := decode(t, update(`{"event":"ACCOUNT_UPDATE"}`)); b.Stats != (Stats{Lines: 1, Webhooks: 1, IgnoredChanges: 1}) {
		t.Errorf("another account_update: %+v", b.Stats)
	}
}

// A message may be laid out over lines, or be NDJSON.
func TestDecodeMessage(t *testing.T) {
	d, b := NewDecoder(Options{}), Batch{}
	for _, c := range []struct {
		data string
		want Stats
	}{
		{sound, Stats{Lines: 1, Charges: 1}},
		{sound + "\n" + sound + "\n", Stats{Lines: 2, Charges: 2}},
		{strings.ReplaceAll(sound, ",", ",\r\n  "), Stats{Lines: 1, Charges: 1}},
		{strings.ReplaceAll(hook(delivered), "{", "{\n"), Stats{Lines: 1, Charges: 1, Webhooks: 1}},
		{"", Stats{}},
		{"{\n", Stats{Lines: 1, Charges: 1, Malformed: 1}},
	} {
		if d.DecodeMessage("msg", []byte(c.data), &b); b.Stats != c.want {
			t.Errorf("%q: %+v", c.data, b.Stats)
		}
	}
}
