package simulate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// opening are the lines that most stories begin with: rates, an account of
// 500 USD with one channel.
const opening = `{"at":"2026-10-01T00:00:00Z","do":"ImportRates","file":"rates-usd-2026-10-01.csv","effective":"2026-10-01"}
{"at":"2026-10-01T06:00:00Z","do":"OpenAccount","partner_id":"PA-1","currency":"USD","carried_over":"500","card":"CARD"SETTINGS}
{"at":"2026-10-01T06:00:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-1","phone_number":"+34911001000","phone_number_id":"910010","waba_id":"W-1","payment_model":"partner_paid"}
`

// charge is a rated Charge line; rest may hold further fields.
func charge(at, id, amount, rest string) string {
	return fmt.Sprintf(`{"at":%q,"do":"Charge","charge_id":%q,"partner_id":"PA-1","channel_id":"CH-1","waba_id":"W-1","category":"marketing","pricing_model":"PMP","market":"Spain","amount":%q,"currency":"USD"%s}`+"\n", at, id, amount, rest)
}

// story runs lines after the opening and compares fields of the first
// account, written as in the output; rejected codes are joined by blanks.
func story(t *testing.T, card, settings, lines string, want map[string]string) {
	t.Helper()
	const webhook = `{"object":"whatsapp_business_account","entry":[{"id":"W-1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"34911001001","phone_number_id":"910099"},"statuses":[{"id":"wamid.B","status":"delivered","timestamp":"1793534473","recipient_id":"5511987654321","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}]},"field":"messages"}]}]}`
	scenario := strings.NewReplacer("CARD", card, "SETTINGS", settings).Replace(opening) + strings.ReplaceAll(lines, "WEBHOOK", webhook)
	rejected := []string{}
	var account map[string]any
	nobody := ""
	for _, o := range run(t, scenario, "testdata/1") {
		switch {
		case o["rejected"] != nil:
			rejected = append(rejected, o["rejected"].(map[string]any)["code"].(string))
		case o["partner_id"] == "PA-1":
			account = o
		case o["partner_id"] == nil:
			nobody = fmt.Sprint(o["quarantined"])
		}
	}
	for field, value := range want {
		got := ""
		switch field {
		case "rejected":
			got = strings.Join(rejected, " ")
		case "nobody":
			got = nobody
		default:
			var at any = account
			for _, part := range strings.Split(field, "/") {
				at = at.(map[string]any)[part]
			}
			got = fmt.Sprint(at)
		}
		if got != value {
			t.Errorf("%s: got %s, want %s", field, got, value)
		}
	}
}

func TestStories(t *testing.T) {
	tests := []struct {
		name, card, settings, lines string
		want                        map[string]string
	}{
		{"equal to the threshold is not below (R11)", "sim_ok", "", charge("2026-10-01T07:00:00Z", "a", "400", ""),
			map[string]string{"balance": "100", "recharges/requested": "0"}},
		{"below the threshold charges the auto-renew amount (R11, R14)", "sim_ok", "", charge("2026-10-01T07:00:00Z", "a", "400.01", ""),
			map[string]string{"balance": "599.99", "recharges/card_total": "520", "invoices": "[PA-1-2026-000001]"}},
		{"at zero the amount due plus the auto-renew amount (R12)", "sim_ok", "", charge("2026-10-01T07:00:00Z", "a", "510.005", ""),
			map[string]string{"balance": "500.005", "recharges/credited": "510.01", "negative_since": "<nil>"}},
		{"with auto-recharge off the amount due alone (R12)", "sim_ok", `,"auto_recharge":false`, charge("2026-10-01T07:00:00Z", "a", "510.005", ""),
			map[string]string{"balance": "0.005", "recharges/credited": "10.01"}},
		{"with auto-recharge off nothing at exactly zero (R12)", "sim_ok", `,"auto_recharge":false`, charge("2026-10-01T07:00:00Z", "a", "500", ""),
			map[string]string{"balance": "0", "recharges/requested": "0", "standing": "active"}},
		{"one second before the deadline nothing is blocked (R20)", "sim_declined", "", charge("2026-10-01T07:00:00Z", "a", "501", "") + `{"at":"2026-10-08T06:59:59Z","do":"Tick"}`,
			map[string]string{"standing": "grace", "block_deadline": "2026-10-08T07:00:00Z", "channels/CH-1": "open", "recharges/failed": "7"}},
		{"at the deadline all channels are blocked and the retry is gone (R13, R20)", "sim_declined", "", charge("2026-10-01T07:00:00Z", "a", "501", "") + `{"at":"2026-10-09T07:00:00Z","do":"Tick"}`,
			map[string]string{"standing": "blocked", "blocked_reason": "overdue", "channels/CH-1": "blocked", "recharges/failed": "7"}},
		{"a success while blocked credits and does not unblock (R22)", "sim_declined", "",
			charge("2026-10-01T07:00:00Z", "a", "501", "") +
				`{"at":"2026-10-09T07:00:00Z","do":"ReplaceCard","partner_id":"PA-1","card":"sim_ok"}
{"at":"2026-10-09T08:00:00Z","do":"AddFunds","partner_id":"PA-1","amount":"50"}`,
			map[string]string{"standing": "blocked", "balance": "49", "recharges/succeeded": "1", "negative_since": "<nil>"}},
		{"a confirmation naming a credited recharge lifts without credit (R22)", "sim_declined", "",
			charge("2026-10-01T07:00:00Z", "a", "501", "") +
				`{"at":"2026-10-09T07:00:00Z","do":"ReplaceCard","partner_id":"PA-1","card":"sim_ok"}
{"at":"2026-10-09T08:00:00Z","do":"AddFunds","partner_id":"PA-1","amount":"50"}
{"at":"2026-10-09T09:00:00Z","do":"ConfirmPayment","partner_id":"PA-1","reference":"B-1","amount":"50","recharge_id":"PA-1-R000008","actor":"finance:ana"}
{"at":"2026-10-09T10:00:00Z","do":"ConfirmPayment","partner_id":"PA-1","reference":"B-1","amount":"50","actor":"finance:ana"}`,
			map[string]string{"standing": "active", "balance": "49", "rejected": "nothing_to_confirm"}},
		{"a partial confirmation is credited and the block stays (R22)", "sim_declined", "",
			charge("2026-10-01T07:00:00Z", "a", "600", "") +
				`{"at":"2026-10-09T09:00:00Z","do":"ConfirmPayment","partner_id":"PA-1","reference":"B-1","amount":"50","actor":"finance:ana"}
{"at":"2026-10-09T09:00:00Z","do":"ConfirmPayment","partner_id":"PA-1","reference":"B-1","amount":"50","actor":"finance:ana"}`,
			map[string]string{"standing": "blocked", "balance": "-50", "rejected": "reference_used"}},
		{"no grace blocks after the outcome of the instant (R20)", "sim_declined", `,"grace_days":0`, charge("2026-10-01T07:00:00Z", "a", "501", ""),
			map[string]string{"standing": "blocked", "recharges/requested": "1", "recharges/failed": "1"}},
		{"no grace and a good card does not block (R20)", "sim_ok", `,"grace_days":0`, charge("2026-10-01T07:00:00Z", "a", "501", ""),
			map[string]string{"standing": "active", "balance": "500"}},
		{"a block in flight: the deadline comes before the outcome (R20)", "sim_unknown_until=2026-10-08T07:00:00Z", "", charge("2026-10-01T07:00:00Z", "a", "501", "") + `{"at":"2026-10-08T07:00:00Z","do":"Tick"}`,
			map[string]string{"standing": "blocked", "balance": "500", "recharges/succeeded": "1"}},
		{"midnight: outcomes count for the daily balance, charges do not (R33)", "sim_unknown_until=2026-10-02T00:00:00Z", "",
			charge("2026-10-01T07:00:00Z", "a", "450", "") + charge("2026-10-02T00:00:00Z", "b", "7", ""),
			map[string]string{"daily/2026-10-02": "550", "balance": "543"}},
		{"a duplicate counts, with another time too; other content is a conflict (R8)", "sim_ok", "",
			charge("2026-10-01T07:00:00Z", "a", "1.50", "") + charge("2026-10-01T08:00:00Z", "a", "1.5", "") + charge("2026-10-01T09:00:00Z", "a", "2", "") + charge("2026-10-01T09:30:00Z", "a", "2", ""),
			map[string]string{"balance": "498.5", "duplicates": "1", "quarantined": "map[charge_conflict:1]", "charges/count": "1"}},
		{"a quarantined charge leaves when it is charged (R10)", "sim_ok", "",
			strings.Replace(charge("2026-10-01T07:00:00Z", "a", "1", ""), "CH-1", "CH-2", 1) +
				`{"at":"2026-10-01T08:00:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-2","phone_number":"+34911001001","phone_number_id":"910011","waba_id":"W-1","payment_model":"partner_paid"}` + "\n" +
				strings.Replace(charge("2026-10-01T09:00:00Z", "a", "1", ""), "CH-1", "CH-2", 1),
			map[string]string{"balance": "499", "quarantined": "map[]", "duplicates": "0"}},
		{"direct channels and free conversations are counted (R7)", "sim_ok", "",
			`{"at":"2026-10-01T08:00:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-D","phone_number":"+34911001001","phone_number_id":"910011","waba_id":"W-2","payment_model":"direct"}` + "\n" +
				strings.Replace(charge("2026-10-01T09:00:00Z", "d", "1", ""), "CH-1", "CH-D", 1) + charge("2026-10-01T09:00:00Z", "f", "1", `,"pricing_type":"free_entry_point"`),
			map[string]string{"balance": "500", "free/count": "2", "charges/count": "0"}},
		{"what belongs to nobody (R10)", "sim_ok", "", strings.Replace(charge("2026-10-01T09:00:00Z", "d", "1", ""), "PA-1", "PA-9", 1),
			map[string]string{"nobody": "map[unknown_channel:1]", "quarantined": "map[]"}},
		{"malformed amounts (R10)", "sim_ok", "", charge("2026-10-01T07:00:00Z", "a", "NaN", "") + charge("2026-10-01T07:00:00Z", "b", "1e999999", "") + charge("2026-10-01T07:00:00Z", "c", "-1", "") + charge("2026-10-01T08:00:00Z", "c", "-1", ""),
			map[string]string{"quarantined": "map[malformed:3]", "balance": "500"}},
		{"thirteen months to the instant, and a second more (R10)", "sim_ok", "",
			charge("2026-10-01T07:00:00Z", "a", "1", `,"occurred_at":"2025-09-01T07:00:00Z"`) + charge("2026-10-01T07:00:00Z", "b", "1", `,"occurred_at":"2025-09-01T06:59:59Z"`),
			map[string]string{"quarantined": "map[too_old:1]", "balance": "499"}},
		{"five minutes ahead to the instant, and a second more (R10)", "sim_ok", "",
			charge("2026-10-01T07:00:00Z", "a", "1", `,"occurred_at":"2026-10-01T07:05:00Z"`) + charge("2026-10-01T07:00:00Z", "b", "1", `,"occurred_at":"2026-10-01T07:05:01Z"`),
			map[string]string{"quarantined": "map[in_the_future:1]", "balance": "499"}},
		{"a webhook finds its channel by phone number id and its rate by recipient (R9)", "sim_ok", "",
			`{"at":"2026-11-01T12:02:00Z","do":"Webhook","payload":{"object":"whatsapp_business_account","entry":[{"id":"W-1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"34911001000","phone_number_id":"910010"},"statuses":[{"id":"wamid.A","status":"sent","timestamp":"1793534473","recipient_id":"5511987654321","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}},{"id":"wamid.A","status":"delivered","timestamp":"1793534473","recipient_id":"5511987654321","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}}]},"field":"messages"}]}]}}`,
			map[string]string{"charges/count": "1", "charges/amount": "0.0625"}},
		{"a webhook of an unknown number leaves nobody's quarantine once its channel is there (R10)", "sim_ok", "",
			`{"at":"2026-11-01T12:02:00Z","do":"Webhook","payload":WEBHOOK}` + "\n" +
				`{"at":"2026-11-01T12:03:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-2","phone_number":"+34911001001","phone_number_id":"910099","waba_id":"W-1","payment_model":"partner_paid"}` + "\n" +
				`{"at":"2026-11-01T12:04:00Z","do":"Webhook","payload":WEBHOOK}`,
			map[string]string{"charges/count": "1", "nobody": "", "quarantined": "map[]"}},
		{"a charge without WABA leaves nobody's quarantine once its account is there (R10)", "sim_ok", "",
			`{"at":"2026-10-02T07:00:00Z","do":"Charge","charge_id":"x","partner_id":"PA-2","channel_id":"CH-7","category":"marketing","pricing_model":"PMP","market":"Spain"}
{"at":"2026-10-02T08:00:00Z","do":"OpenAccount","partner_id":"PA-2","currency":"USD","carried_over":"500","card":"sim_ok"}
{"at":"2026-10-02T08:00:00Z","do":"RegisterChannel","partner_id":"PA-2","channel_id":"CH-7","phone_number":"+34911001007","phone_number_id":"7","waba_id":"W-7","payment_model":"partner_paid"}
{"at":"2026-10-02T09:00:00Z","do":"Charge","charge_id":"x","partner_id":"PA-2","channel_id":"CH-7","category":"marketing","pricing_model":"PMP","market":"Spain"}`,
			map[string]string{"nobody": ""}},
		{"both blocks stand; each is lifted by its own (R23)", "sim_declined", "",
			charge("2026-10-01T07:00:00Z", "a", "501", "") +
				`{"at":"2026-10-02T07:00:00Z","do":"Block","partner_id":"PA-1","reason":"fraud","actor":"finance:ana"}
{"at":"2026-10-09T07:00:00Z","do":"Unblock","partner_id":"PA-1","actor":"finance:ana"}
{"at":"2026-10-09T08:00:00Z","do":"ConfirmPayment","partner_id":"PA-1","reference":"B","amount":"1","actor":"finance:ana"}`,
			map[string]string{"standing": "blocked", "blocked_reason": "manual", "rejected": "amount_due", "balance": "0", "recharges/requested": "2"}}, // the retry of 07:00 comes before the block of 07:00 (R20)
		{"never moved, never for licences (R1, R3)", "sim_ok", "",
			`{"at":"2026-10-02T07:00:00Z","do":"Transfer","from":"PA-1","to":"PA-1","amount":"1"}
{"at":"2026-10-02T07:00:00Z","do":"Transfer","from":"PA-1","to":"PA-2","amount":"1"}
{"at":"2026-10-02T07:00:00Z","do":"ChargeLicenceFee","partner_id":"PA-1","channel_id":"CH-1","amount":"1"}
{"at":"2026-10-02T07:00:00Z","do":"AddFunds","partner_id":"PA-1","amount":"10","method":"bank_transfer"}`,
			map[string]string{"rejected": "transfer_not_supported unknown_account not_covered_by_prepayment payment_method_not_accepted", "balance": "500"}},
		{"numbers: blocked, taken, free again after a cancellation (R5, R6)", "sim_ok", "",
			`{"at":"2026-10-02T07:00:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-2","phone_number":"+989120000000","phone_number_id":"1","waba_id":"W-1","payment_model":"partner_paid"}
{"at":"2026-10-02T07:00:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-2","phone_number":"+34911001000","phone_number_id":"1","waba_id":"W-1","payment_model":"partner_paid"}
{"at":"2026-10-02T07:00:00Z","do":"CancelChannel","partner_id":"PA-1","channel_id":"CH-1"}
{"at":"2026-10-02T07:00:00Z","do":"CancelChannel","partner_id":"PA-1","channel_id":"CH-1"}
{"at":"2026-10-02T08:00:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-1","phone_number":"+34911001000","phone_number_id":"1","waba_id":"W-1","payment_model":"partner_paid"}
{"at":"2026-10-02T08:00:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-2","phone_number":"+34911001000","phone_number_id":"1","waba_id":"W-1","payment_model":"partner_paid"}`,
			map[string]string{"rejected": "blocked_number number_taken channel_cancelled channel_exists", "channels": "map[CH-1:cancelled CH-2:open]"}},
		{"a correction gives the charge back once (R34); a refund triggers nothing (R32)", "sim_ok", "",
			charge("2026-10-01T07:00:00Z", "a", "10", "") +
				`{"at":"2026-10-02T07:00:00Z","do":"CorrectCharge","charge_id":"a","reason":"wrong number","actor":"finance:ana"}
{"at":"2026-10-02T07:00:00Z","do":"CorrectCharge","charge_id":"a","reason":"wrong number","actor":"finance:ana"}
{"at":"2026-10-02T07:00:00Z","do":"CorrectCharge","charge_id":"zzz","reason":"wrong number","actor":"finance:ana"}
{"at":"2026-10-02T08:00:00Z","do":"Refund","partner_id":"PA-1","amount":"500.01","reason":"end","actor":"finance:ana"}
{"at":"2026-10-02T08:00:00Z","do":"Refund","partner_id":"PA-1","amount":"500","reason":"end","actor":"finance:ana"}
{"at":"2026-10-02T09:00:00Z","do":"CloseAccount","partner_id":"PA-1","actor":"finance:ana"}`,
			map[string]string{"rejected": "already_corrected unknown_charge refund_exceeds_balance not_closable", "balance": "0", "recharges/requested": "0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { story(t, test.card, test.settings, test.lines, test.want) })
	}
}

// TestMonthEnd tells the month end of RULES: a WABA's zone decides the month,
// a WABA without document must be restated, a line of nobody's WABA must be
// allocated, and the same invoice again changes nothing.
func TestMonthEnd(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"rates-usd-2026-10-01.csv": "",
		"invoice.csv": "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n" +
			"MI-1,INV,2026-10-01,W-1,,,Spain,marketing,regular,,1,8,USD\nMI-1,INV,2026-10-01,W-9,,,Spain,marketing,regular,,1,3,USD\n",
	} {
		if text == "" {
			b, err := os.ReadFile("testdata/1/" + name)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.NewReplacer("CARD", "sim_ok", "SETTINGS", "").Replace(opening) +
		`{"at":"2026-10-01T06:00:00Z","do":"RegisterChannel","partner_id":"PA-1","channel_id":"CH-2","phone_number":"+34911001001","phone_number_id":"910011","waba_id":"W-2","payment_model":"partner_paid","time_zone":"America/New_York"}` + "\n" +
		charge("2026-10-15T00:00:00Z", "a", "10", "") +
		// 1 November in UTC, still 31 October in New York: October's.
		strings.NewReplacer("CH-1", "CH-2", "W-1", "W-2").Replace(charge("2026-11-01T02:00:00Z", "b", "5", "")) +
		// November everywhere.
		charge("2026-11-01T05:00:00Z", "c", "1", "") +
		`{"at":"2026-11-01T05:30:00Z","do":"ProposeReconciliation","month":"2026-10","actor":"finance:ana"}
{"at":"2026-11-01T06:00:00Z","do":"ImportMetaInvoice","file":"invoice.csv"}
{"at":"2026-11-01T06:00:00Z","do":"ApproveReconciliation","month":"2026-10","actor":"finance:ben"}
{"at":"2026-11-01T06:01:00Z","do":"ProposeReconciliation","month":"2026-10","actor":""}
{"at":"2026-11-01T06:01:00Z","do":"ProposeReconciliation","month":"2026-10","actor":"finance:ana"}
{"at":"2026-11-01T06:02:00Z","do":"ApproveReconciliation","month":"2026-10","actor":"finance:ben"}
{"at":"2026-11-01T06:03:00Z","do":"AllocateInvoiceLine","invoice_id":"MI-1","line":2,"own_cost":true,"actor":"finance:ana"}
{"at":"2026-11-01T06:04:00Z","do":"ApproveReconciliation","month":"2026-10","actor":"finance:ben"}
{"at":"2026-11-01T06:05:00Z","do":"ApproveReconciliation","month":"2026-10","actor":"finance:ben","uninvoiced":"5"}
{"at":"2026-11-01T06:06:00Z","do":"ImportMetaInvoice","file":"invoice.csv"}
{"at":"2026-11-01T06:07:00Z","do":"ProposeReconciliation","month":"2026-10","actor":"finance:ana"}
`
	rejected := []string{}
	var account map[string]any
	for _, o := range run(t, lines, dir) {
		if o["rejected"] != nil {
			rejected = append(rejected, o["rejected"].(map[string]any)["code"].(string))
		} else {
			account = o
		}
	}
	if got, want := strings.Join(rejected, " "), "nothing_to_reconcile nothing_to_reconcile actor_required unallocated_lines uninvoiced_charges already_posted"; got != want {
		t.Errorf("rejected %s, want %s", got, want)
	}
	if account["adjustments"] != "7" || account["balance"] != "491" { // 10 + 5 − 8; 500 − 16 + 7
		t.Errorf("adjustments %v, balance %v; want 7 and 491", account["adjustments"], account["balance"])
	}
}
