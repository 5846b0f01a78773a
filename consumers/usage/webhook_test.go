package usage

import "strings"

const delivered = `{"id":"wamid.A","status":"delivered","timestamp":"1793534473","recipient_id":"16505551234","conversation":{"id":"72b14d","expiration_timestamp":"1793620480","origin":{"type":"marketing"}},"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}`

// hook wraps statuses into a payload.
func hook(statuses ...string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"statuses":[` +
		strings.Join(statuses, ",") + `]},"field":"messages"}]}]}`
}
