package apidoc

import (
	"context"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/payments"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// noPayouts is a processor that takes card payments, and can't pay back.
type noPayouts struct{ payments.Simulated }

// PayOut implements payments.Payer.
func (noPayouts) PayOut(_ context.Context, _ payments.Payout, now time.Time) (payments.Outcome, bool, error) {
	return payments.Outcome{At: now, Code: "declined"}, true, nil
}

// charge gives PA-1 a channel and a charge.
func charge(t *testing.T, d *desk.Desk) {
	t.Helper()
	ctx, m := t.Context(), domain.Meta{Actor: "test:set-up"}
	err := d.Ledger.Do(ctx, "PA-1", m, &domain.RegisterChannel{
		ChannelID: "CH-1", PhoneNumber: "+34911234567", PhoneNumberID: "106540352242922", WABAID: "102290129340398", PaymentModel: domain.PartnerPaid,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Ledger.Charge(ctx, m, []ledger.Presented{{Charge: domain.Charge{
		ChargeID: "wamid.1", PartnerID: "PA-1", ChannelID: "CH-1", WABAID: "102290129340398", Market: "Spain", Category: "marketing", Model: domain.PMP,
		PricingType: domain.PricingTypeRegular, OccurredAt: d.Ledger.Now().Add(-time.Hour), Priced: true, Amount: money.MustParse("0.0625"), Currency: "EUR",
	}}})
	if err == nil { // and one that is not priced, for which there is no rate
		_, err = d.Ledger.Charge(ctx, m, []ledger.Presented{{Charge: domain.Charge{
			ChargeID: "wamid.q", PartnerID: "PA-1", ChannelID: "CH-1", WABAID: "102290129340398", Market: "Spain", Category: "marketing", Model: domain.PMP,
			PricingType: domain.PricingTypeRegular, OccurredAt: d.Ledger.Now().Add(-time.Hour),
		}}})
	}
	if err == nil {
		err = d.Ledger.Settle(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// neverDone are operations that the rules always refuse.
func neverDone() []string { return []string{"transfer", "charge_licence_fee"} }

// accountSamples call what is done with accounts and their money. PA-9 is
// opened and closed on the way.
func accountSamples() []sample {
	own, new := map[string]string{"partner_id": "PA-1"}, map[string]string{"partner_id": "PA-9"}
	with := func(name, value string) map[string]string {
		return map[string]string{"partner_id": "PA-1", name: value}
	}
	const partner, finance, auditor, service = access.RolePartner, access.RoleFinance, access.RoleAuditor, access.RoleService
	return []sample{
		{op: "open_account", role: finance, body: `{"partner_id":"PA-9","currency":"EUR","card":"sim_ok","carried_over":"500","auto_recharge":false}`, status: 201, contains: `"partner_id":"PA-9"`},
		{op: "open_account", role: finance, body: `{"partner_id":"PA-9","currency":"EUR","card":"sim_ok"}`, status: 409, contains: "account_exists"},
		{op: "open_account", role: finance, body: `{"currency":"EUR","card":"sim_ok"}`, status: 422, contains: `"field":"partner_id"`},
		{op: "list_accounts", role: partner, query: "?standing=active&currency=EUR&min_balance=0.5&max_balance=1000&search=pa&sort=balance&order=desc", status: 200, contains: `"total":1`},
		{op: "list_accounts", role: finance, query: "?min_balance=much", status: 422, contains: `"field":"min_balance"`},
		{op: "list_accounts", role: finance, query: "?cursor=e30", status: 422, contains: `"field":"cursor"`},
		{op: "get_account_why", role: partner, path: own, status: 200, contains: `"standing":"active"`},

		{op: "get_settings", role: partner, path: own, status: 200, contains: `"threshold":"250"`},
		{op: "get_settings", role: auditor, path: own, header: map[string]string{"If-None-Match": "*"}, status: 304},
		{op: "change_recharge_settings", role: partner, path: own, body: `{"threshold":"300"}`, header: map[string]string{"If-Match": `"0123"`}, status: 412, contains: "precondition_failed"},
		{op: "get_contract", role: partner, path: own, status: 200, contains: `"grace_days":7`},
		{op: "change_contract", role: finance, path: own, body: `{"grace_days":14}`, header: map[string]string{"If-Match": "*"}, status: 200, contains: `"grace_days":14`},
		{op: "change_contract", role: finance, path: own, body: `{"grace_days":-1}`, status: 422, contains: "invalid_setting"},
		{op: "get_billing", role: partner, path: own, status: 200, contains: `"company":""`},
		{op: "change_billing_details", role: partner, path: own, body: `{"company":"Ahoy GmbH","street":"Kai 1","postal_code":"20457","city":"Hamburg","country":"DE"}`, status: 200, contains: "Ahoy"},
		{op: "change_billing_details", role: partner, path: own, body: `{"company":"Ahoy GmbH"}`, status: 422},
		{op: "get_alerts", role: partner, path: own, status: 200, contains: `"recipients":[]`},
		{op: "change_alert_settings", role: partner, path: own, body: `{"recipients":["ana@partner.example"]}`, status: 200, contains: "ana@partner.example"},

		{op: "get_balance", role: partner, path: own, status: 200, contains: `"balance":"499.9375"`},
		{op: "get_balance", role: partner, path: own, query: "?recorded_at=2026-11-10T11:00:00Z", status: 200, contains: `"balance":"0"`},
		{op: "get_balance", role: partner, path: own, query: "?recorded_at=yesterday", status: 422},
		{op: "get_balance", role: partner, path: own, query: "?at_least=99999999%2F99999999", status: 422, contains: `"field":"at_least"`},
		{op: "list_balances", role: partner, status: 200, contains: `"partner_id":"PA-1"`},
		{op: "list_daily_balances", role: auditor, path: own, status: 200, contains: `"items":[]`},

		{op: "register_channel", role: finance, path: own, body: `{"channel_id":"CH-2","phone_number":"+34911234568","phone_number_id":"2","waba_id":"W-2","payment_model":"direct"}`, status: 201, contains: `"state":"open"`},
		{op: "register_channel", role: finance, path: own, body: `{"channel_id":"CH-3","phone_number":"+5312345678","phone_number_id":"3","waba_id":"W-3","payment_model":"direct"}`, status: 422, contains: "blocked_number"},
		{op: "list_channels", role: partner, path: own, query: "?state=open", status: 200, contains: `"channel_id":"CH-2"`},
		{op: "get_channel", role: partner, path: with("channel_id", "CH-1"), status: 200},
		{op: "check_gate", role: service, query: "?partner_id=PA-1&channel_id=CH-1", status: 200, contains: `"may_send":true`},
		{op: "check_gate", role: service, query: "?phone_number_id=nobody", status: 404, contains: "unknown_channel"},
		{op: "check_gate", role: service, query: "?phone_number_id=1&channel_id=CH-1", status: 422, contains: "phone_number_id"},
		{op: "check_gate", role: partner, query: "?partner_id=PA-1&channel_id=CH-1", status: 403},
		{op: "get_channel", role: partner, path: with("channel_id", "CH-8"), status: 404, contains: "unknown_channel"},
		{op: "cancel_channel", role: finance, path: with("channel_id", "CH-2"), status: 200},
		{op: "cancel_channel", role: finance, path: with("channel_id", "CH-2"), body: `{"channel_id":"CH-1"}`, status: 422, contains: "it is in the path"},

		{op: "replace_card", role: finance, path: own, body: `{"card":"sim_ok"}`, status: 200, contains: "sim_ok"},
		{op: "replace_card", role: partner, path: own, body: `{"card":"sim_ok"}`, status: 403, contains: "use_card_link"},
		{op: "create_card_link", role: partner, path: own, status: 200, contains: "https://processor.example/page"},
		{op: "add_funds", role: partner, path: own, body: `{"amount":"100"}`, header: map[string]string{"Idempotency-Key": "funds"}, status: 200, contains: `"balance":"599.9375"`},
		{op: "add_funds", role: partner, path: own, body: `{"amount":"100"}`, header: map[string]string{"Idempotency-Key": "funds"}, status: 200, contains: `"balance":"599.9375"`},
		{op: "add_funds", role: partner, path: own, body: `{"amount":"200"}`, header: map[string]string{"Idempotency-Key": "funds"}, status: 409, contains: "command_conflict"},
		{op: "list_recharges", role: partner, path: own, status: 200, contains: `"recharge_id":"PA-1-R000001"`},
		{op: "get_recharge", role: partner, path: with("recharge_id", "PA-1-R000001"), status: 200, contains: `"status":"succeeded"`},
		{op: "get_recharge", role: partner, path: with("recharge_id", "PA-1-R000009"), status: 404, contains: "unknown_recharge"},
		{op: "list_invoices", role: partner, path: own, query: "?kind=invoice", status: 200, contains: "PA-1-2026-000001"},
		{op: "get_invoice", role: partner, path: with("number", "PA-1-2026-000001"), status: 200, contains: "Ahoy"},
		{op: "get_invoice", role: partner, path: with("number", "PA-2-2026-000001"), status: 404, contains: "unknown_invoice"},
		{op: "get_invoice_pdf", role: partner, path: with("number", "PA-1-2026-000001"), status: 200, contains: "%PDF-"},

		{op: "get_statement", role: partner, path: with("month", "2026-11"), query: "?by=day", status: 200, contains: `"closing_balance":"599.9375"`},
		{op: "get_statement", role: partner, path: with("month", "2026-13"), status: 422},
		{op: "get_month_end_statement", role: partner, path: with("month", "2026-11"), status: 200, contains: `"closing_balance":"599.9375"`},
		{op: "get_statement_pdf", role: partner, path: with("month", "2026-11"), status: 200, contains: "%PDF-"},
		{op: "get_statement_xlsx", role: partner, path: with("month", "2026-11"), status: 200, contains: "PK"},
		{op: "get_statement_csv", role: partner, path: with("month", "2026-11"), status: 200, contains: "partner_id,month,section"},
		{op: "get_usage", role: partner, path: own, query: "?by=market", status: 200, contains: `"label":"Spain"`},
		{op: "list_usage_days", role: partner, path: own, query: "?from=2026-11-01&to=2026-11-30", status: 200, contains: `"day":"2026-11-10"`},
		{op: "list_usage_days", role: partner, path: own, query: "?from=2026-11-30&to=2026-11-01", status: 422, contains: `"field":"from"`},
		{op: "get_forecast", role: partner, path: own, status: 200, contains: "too_little_history"},
		{op: "list_forecasts", role: auditor, status: 200, contains: `"total":3`},

		{op: "correct_charge", role: finance, path: own, body: `{"charge_id":"wamid.1","reason":"test traffic"}`, status: 200, contains: `"balance":"600"`},
		{op: "correct_charge", role: finance, path: own, body: `{"charge_id":"wamid.9","reason":"test traffic"}`, status: 404, contains: "unknown_charge"},
		{op: "block", role: finance, path: own, body: `{"reason":"fraud"}`, status: 200, contains: `"blocked_reason":"manual"`},
		{op: "get_channel", role: partner, path: with("channel_id", "CH-1"), status: 200, contains: "Could not send message"},
		{op: "check_gate", role: service, query: "?partner_id=PA-1&channel_id=CH-1", status: 200, contains: `"http_status":400,"text":"Could not send message`},
		{op: "confirm_payment", role: finance, path: own, body: `{"reference":"BANK-1","amount":"10"}`, status: 200, contains: `"balance":"610"`},
		{op: "unblock", role: finance, path: own, status: 200, contains: `"standing":"active"`},
		{op: "unblock", role: finance, path: own, status: 422, contains: "not_blocked"},
		{op: "refund", role: finance, path: own, body: `{"amount":"10","reason":"goodwill"}`, status: 200, contains: `"balance":"600"`},
		{op: "refund", role: finance, path: own, body: `{"amount":"50","reason":"goodwill","payout":true}`, status: 200, contains: "PA-1-F000001"},
		{op: "refund", role: finance, path: own, body: `{"amount":"5000","reason":"goodwill"}`, status: 422, contains: "refund_exceeds_balance"},
		{op: "list_refunds", role: partner, path: own, status: 200, contains: `"status":"failed"`},
		{op: "retry_refund", role: finance, path: with("refund_id", "PA-1-F000001"), status: 200},
		{op: "cancel_refund", role: finance, path: with("refund_id", "PA-1-F000001"), body: `{"reason":"card closed"}`, status: 200, contains: `"balance":"600"`},
		{op: "cancel_refund", role: finance, path: with("refund_id", "PA-1-F000007"), body: `{"reason":"card closed"}`, status: 404, contains: "unknown_refund"},
		{op: "transfer", role: finance, path: own, body: `{"to":"PA-2","amount":"1"}`, status: 422, contains: "transfer_not_supported"},
		{op: "charge_licence_fee", role: finance, path: own, body: `{"channel_id":"CH-1","amount":"1"}`, status: 422, contains: "not_covered_by_prepayment"},
		{op: "refund", role: finance, path: new, body: `{"amount":"500","reason":"end of contract"}`, status: 200, contains: `"balance":"0"`},
		{op: "close_account", role: finance, path: new, status: 200, contains: `"standing":"closed"`},
		{op: "close_account", role: finance, path: own, status: 422, contains: "not_closable"},

		{op: "get_provider_balance", role: partner, path: own, status: 200, contains: `{"total":600,"currency":"eur"}`},
	}
}
