package apidoc

import (
	"fmt"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/bankstatement"
	"prepayledger/projections/quarantine"
)

// The files of the samples.
const (
	sampleInvoice = "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n" +
		"MI-1,INV,2026-11-01,102290129340398,,ES,Spain,marketing,regular,,1,0.06,EUR\n" +
		"MI-1,INV,2026-11-01,999,,ES,Spain,marketing,regular,,1,0.06,EUR\n"
	sampleCharge    = `{"charge_id":"wamid.2","partner_id":"PA-1","channel_id":"CH-1","waba_id":"102290129340398","market":"Spain","category":"marketing","pricing_model":"PMP","occurred_at":"2026-11-10T11:30:00Z","amount":"0.0625","currency":"EUR"}`
	sampleBank      = "booking_date,amount,currency,debtor,reference,text\n2026-11-09,12.34,EUR,Acme,BANK-77,thanks\n"
	sampleMarkets   = "calling_code_prefix,country,market,effective_from\n34,ES,Spain,2025-07-01\n"
	sampleRates     = "market,currency,category,from_volume,to_volume,rate\nSpain,EUR,marketing,1,MAX,0.0625\n"
	sampleAnalytics = `{"id":"102290129340398","currency":"EUR","pricing_analytics":{"data":[{"data_points":[{"start":1793491200,"end":1793577600,"country":"ES","pricing_type":"REGULAR","pricing_category":"MARKETING","volume":3,"cost":0.1875}]}]}}`
	sampleMapping   = `[fields]
invoice_id = { column = "A" }
document_type = { constant = "INV" }
billing_period = { constant = "2026-11-01" }
waba_id = { column = "B" }
country = { constant = "ES" }
category = { constant = "marketing" }
volume = { column = "C" }
amount = { column = "D" }
currency = { constant = "EUR" }
`
)

// mending corrects the entry that is in quarantine.
func mending(t *testing.T, d *desk.Desk) string {
	t.Helper()
	body := ""
	err := d.Views.Quarantine.List("PA-1", false, "", func(e *quarantine.Entry) error {
		body = fmt.Sprintf(`{"owner":"PA-1","charge_id":%q,"content":%q,"fields":{"amount":"0.05","currency":"EUR"}}`, e.ChargeID, e.Content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// fileHeader says that a body is a file as it is.
func fileHeader() map[string]string {
	return map[string]string{"Content-Type": "application/octet-stream"}
}

// monthSamples call what is done with months, Meta's documents, rates, bank
// statements, quarantine and events.
func monthSamples() []sample {
	const finance, admin, auditor = access.RoleFinance, access.RoleAdmin, access.RoleAuditor
	statement, err := bankstatement.Parse("b.csv", strings.NewReader(sampleBank), bankstatement.Options{Delimiter: ','})
	if err != nil {
		panic(err) // it is a constant
	}
	month, none := map[string]string{"month": "2026-11"}, map[string]string{"month": "2020-01"}
	all := []sample{
		{op: "import_meta_invoice", role: finance, query: "?filename=meta.csv", body: sampleInvoice, header: fileHeader(), status: 200, contains: "MI-1"},
		{op: "import_meta_invoice", role: finance, query: "?filename=meta.csv", body: "nonsense", header: fileHeader(), status: 422, contains: "invoice_invalid"},
		{op: "list_meta_invoices", role: auditor, query: "?month=2026-11", status: 200, contains: "MI-1"},
		{op: "get_meta_invoice", role: auditor, path: map[string]string{"invoice_id": "MI-1"}, query: "?limit=1", status: 200, contains: `"next"`},
		{op: "get_meta_invoice_original", role: auditor, path: map[string]string{"invoice_id": "MI-1"}, status: 200, contains: "billing_period"},
		{op: "check_mapping", role: finance, query: "?filename=r.csv&mapping=" + queryOf(sampleMapping), body: "A,B,C,D\nMI-2,1,2,0.14\n", header: fileHeader(), status: 200, contains: "MI-2"},
		{op: "list_months", role: auditor, status: 200, contains: "2026-11"},
		{op: "get_month", role: auditor, path: month, query: "?preview=true", status: 200},
		{op: "get_month", role: auditor, path: none, status: 200, contains: "not_proposed"},
		{op: "propose_month", role: finance, path: month, body: `{}`, status: 200},
		{op: "withdraw_month", role: finance, path: month, body: `{"reason":"wait for the memo"}`, status: 200},
		{op: "allocate_meta_invoice_line", role: finance, path: map[string]string{"invoice_id": "MI-1", "line": "2"}, body: `{"own_cost":true}`, status: 200},
		{op: "allocate_meta_invoice_line", role: finance, path: map[string]string{"invoice_id": "MI-1", "line": "9"}, body: `{"own_cost":true}`, status: 404, contains: "unknown_invoice_line"},
		{op: "get_month_settings", role: auditor, status: 200},
		{op: "set_month_settings", role: finance, body: `{"limits":[{"actor_pattern":"*","currency":"EUR","max":"100"}],"tolerances":[]}`, header: map[string]string{"If-Match": `"-1"`}, status: 200},
		{op: "set_month_settings", role: finance, body: `{"limits":[],"tolerances":[]}`, header: map[string]string{"If-Match": `"-1"`}, status: 412, contains: "precondition_failed"},
		{op: "propose_month", role: finance, path: month, body: `{}`, status: 200},
		{op: "comment_month", role: finance, path: month, body: `{"text":"a cent of rounding"}`, status: 200},
		{op: "approve_month", role: finance, path: month, body: `{}`, status: 422, contains: "same_approver"},
		{op: "approve_month", role: admin, path: month, body: `{}`, status: 200},
		{op: "post_month", role: finance, path: month, body: `{}`, status: 200},
		{op: "get_month_waterfall", role: auditor, path: month, status: 200},
		{op: "get_month_workbook", role: auditor, path: month, status: 200, contains: "PK"},
		{op: "get_month_evidence", role: auditor, path: month, query: "?partner_id=PA-1&waba_id=102290129340398&market=Spain&category=marketing", status: 200, contains: "wamid.1"},
		{op: "compare_analytics", role: finance, path: month, query: "?filename=a.json", body: sampleAnalytics, header: fileHeader(), status: 200},
		{op: "get_journal", role: auditor, query: "?month=2026-11", status: 200, contains: "PA-1"},
		{op: "import_rate_card", role: finance, query: "?filename=rates-eur-2026-10-01.csv", body: sampleRates, header: fileHeader(), status: 200},
		{op: "import_rate_card", role: finance, query: "?filename=rates-eur-2026-10-01.csv", body: "nonsense", header: fileHeader(), status: 422},
		{op: "list_rate_cards", role: auditor, status: 200, contains: "EUR"},
		{op: "import_markets", role: finance, query: "?filename=markets.csv", body: sampleMarkets, header: fileHeader(), status: 200},
		{op: "import_bank_statement", role: finance, query: "?filename=b.csv", body: sampleBank, header: fileHeader(), status: 200, contains: statement.StatementID},
		{op: "import_bank_statement", role: finance, query: "?filename=b.csv", body: "nonsense", header: fileHeader(), status: 422},
		{op: "list_bank_statements", role: auditor, status: 200, contains: statement.StatementID},
		{op: "get_bank_statement", role: auditor, path: map[string]string{"statement_id": statement.StatementID}, status: 200},
		{op: "get_payments_to_confirm", role: finance, status: 200},
		{op: "confirm_proposal", role: finance, path: map[string]string{"proposal_id": statement.StatementID + "-1"}, body: `{"partner_id":"PA-1"}`, status: 422, contains: "nothing_to_confirm"},
		{op: "block", role: finance, path: map[string]string{"partner_id": "PA-1"}, body: `{"reason":"test"}`, status: 200},
		{op: "confirm_proposal", role: finance, path: map[string]string{"proposal_id": statement.StatementID + "-1"}, body: `{"partner_id":"PA-1"}`, status: 200},
		{op: "list_quarantine", role: auditor, status: 200, contains: "wamid.q"},
		{op: "export_quarantine", role: auditor, status: 200, contains: "wamid.q"},
		{op: "mend_quarantine", role: finance, bodyOf: mending, status: 200},
		{op: "retry_quarantine", role: finance, body: `{}`, status: 200},
		{op: "follow_events", role: auditor, query: "?limit=2", header: map[string]string{"Accept": "application/json"}, status: 200, contains: "AccountOpened"},
		{op: "follow_account_events", role: access.RolePartner, path: map[string]string{"partner_id": "PA-1"}, query: "?limit=2", header: map[string]string{"Accept": "application/json"}, status: 200, contains: "AccountOpened"},
		{op: "list_streams", role: auditor, status: 200, contains: "account-PA-1"},
		{op: "get_stream", role: auditor, path: map[string]string{"stream": "account-PA-1"}, status: 200},
		{op: "get_stream", role: auditor, path: map[string]string{"stream": "account-PA-none"}, status: 404},
		{op: "list_stream_events", role: auditor, path: map[string]string{"stream": "account-PA-1"}, query: "?limit=1", status: 200},
		{op: "get_event", role: auditor, path: map[string]string{"stream": "account-PA-1", "revision": "0"}, status: 200, contains: "AccountOpened"},
		{op: "get_event", role: auditor, path: map[string]string{"stream": "account-PA-1", "revision": "999"}, status: 404},
		{op: "search", role: auditor, query: "?q=PA-1", status: 200, contains: "PA-1"},
		{op: "get_verification", role: auditor, status: 200},
		{op: "start_verification", role: auditor, status: 202},
		{op: "present_charge", role: access.RoleService, body: sampleCharge, status: 200, contains: "charged"},
		{op: "present_usage", role: access.RoleService, query: "?results=all", body: sampleCharge + "\n", header: map[string]string{"Content-Type": "application/x-ndjson"}, status: 200, contains: "duplicate"},
		{op: "present_usage", role: access.RoleService, body: sampleCharge, header: map[string]string{"Content-Type": "application/xml"}, status: 415},
		{op: "get_health", role: access.RoleService, status: 200},
	}
	for _, part := range []string{"accounts", "lines", "documents", "unallocated", "uninvoiced", "own_cost", "comments"} {
		all = append(all, sample{op: fmt.Sprintf("list_month_%s", part), role: auditor, path: month, query: "?limit=1", status: 200})
	}
	return all
}
