package main

import "prepayledger/domain"

// chargeSchema describes a charge as package usage reads it. What doesn't
// fit it is quarantined as malformed.
func chargeSchema() object {
	text := func(description string) object {
		return object{{"type", []string{"string", "null"}}, {"maxLength", domain.MaxIDBytes}, {"description", description}}
	}
	needed := func(description string, more ...member) object {
		return append(object{{"type", "string"}, {"minLength", 1}, {"maxLength", domain.MaxIDBytes}}, append(more, member{"description", description})...)
	}
	return object{
		{"type", "object"},
		{"description", "One conversation (CBP) or message (PMP). One of market, country and recipient must be there. Without amount it is rated here (R9)."},
		{"required", []string{"charge_id", "category", "pricing_model", "occurred_at"}},
		{"additionalProperties", false},
		{"properties", object{
			{"charge_id", needed("Meta's conversation id under CBP, the message id under PMP: charged once ever in an account (R8).")},
			{"partner_id", text("The account.")},
			{"channel_id", text("The channel.")},
			{"waba_id", text("The WhatsApp Business Account; absent takes the channel's.")},
			{"recipient", text("The recipient's number; only its first digits are kept.")},
			{"country", text("The recipient's ISO 3166 code, such as BR.")},
			{"market", text("The recipient's market on Meta's rate card.")},
			{"category", needed("As Meta writes it, such as marketing.")},
			{"pricing_model", needed("How Meta bills.", member{"enum", []string{string(domain.PMP), string(domain.CBP)}})},
			{"pricing_type", object{
				{"type", []string{"string", "null"}}, {"enum", []any{"regular", "free_customer_service", "free_entry_point", "", nil}},
				{"description", "Absent is regular, which is charged."},
			}},
			{"occurred_at", needed("When it took place.", member{"format", "date-time"})},
			{"amount", object{
				{"description", "An upstream rater's price, zero or more; needs its currency. A string is better than a number."},
				{"oneOf", []object{{{"type", "string"}, {"pattern", `^[0-9]{1,15}(\.[0-9]{1,18})?$`}}, {{"type", "number"}, {"minimum", 0}}}},
			}},
			{"currency", text("ISO 4217 code, such as USD.")},
		}},
		{"dependencies", object{{"amount", []string{"currency"}}}},
		{"anyOf", []object{{{"required", []string{"market"}}}, {{"required", []string{"country"}}}, {{"required", []string{"recipient"}}}}},
	}
}

// webhookSchema describes a webhook as far as it is read; what Meta adds is
// no concern here.
func webhookSchema() object {
	text := func(description string) object { return object{{"type", "string"}, {"description", description}} }
	list := func(items object) object { return object{{"type", "array"}, {"items", items}} }
	properties := func(o object) object { return object{{"type", "object"}, {"properties", o}} }
	status := properties(object{
		{"id", text("The message id.")},
		{"status", text("Charged on the first delivered or read with pricing; never on sent or failed.")},
		{"timestamp", text("Unix seconds, as a string.")},
		{"recipient_id", text("The recipient's number.")},
		{"conversation", properties(object{{"id", text("The charge id under CBP.")}})},
		{"pricing", properties(object{
			{"billable", object{{"type", "boolean"}}}, {"pricing_model", text("PMP or CBP.")},
			{"type", text("regular, free_customer_service or free_entry_point.")}, {"category", text("Such as marketing.")},
		})},
	})
	tier := properties(object{
		{"tier_update_time", object{{"type", "integer"}, {"description", "Unix seconds."}}},
		{"pricing_category", text("Such as UTILITY.")}, {"tier", text("Such as 25000001:50000000.")},
		{"effective_month", text("As YYYY-MM.")}, {"region", text("The market.")},
	})
	value := properties(object{
		{"metadata", properties(object{{"phone_number_id", text("The channel's id at Meta.")}})},
		{"statuses", list(status)},
		{"volume_tier_info", tier},
		{"event", text("VOLUME_BASED_PRICING_TIER_UPDATE where it is a tier change.")},
	})
	return object{
		{"type", "object"},
		{"description", "What the Cloud API posts. Changes that are neither statuses nor tiers are ignored."},
		{"required", []string{"object", "entry"}},
		{"properties", object{
			{"object", object{{"const", "whatsapp_business_account"}}},
			{"entry", list(properties(object{
				{"id", text("The WABA id.")},
				{"changes", list(properties(object{{"field", text("messages or account_update.")}, {"value", value}}))},
			}))},
		}},
	}
}
