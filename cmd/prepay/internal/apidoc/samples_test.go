package apidoc

import (
	"context"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// options are those of the API under test.
func options(t *testing.T, d *desk.Desk, now func() time.Time) httpapi.Options {
	t.Helper()
	a, links := accessUnder(t, now)
	return httpapi.Options{Desk: d, Access: a, Links: links, Rate: 1e6, Burst: 1e6, CardLink: func(context.Context, string, string) (string, error) {
		return "https://processor.example/page", nil
	}}
}

// setUp opens PA-1, which the samples are about, and PA-2, which is another
// partner's.
func setUp(t *testing.T, d *desk.Desk) {
	t.Helper()
	for _, p := range []string{"PA-1", "PA-2"} {
		open := &domain.OpenAccount{PartnerID: p, Currency: "EUR", Card: "sim_ok", CarriedOver: money.MustParse("500")}
		if err := d.Ledger.Do(t.Context(), p, domain.Meta{Actor: "test:set-up"}, open); err != nil {
			t.Fatal(err)
		}
	}
	charge(t, d)
}

// anything fills every parameter of a path with something that may stand
// there.
func anything() map[string]string {
	return map[string]string{
		"partner_id": "PA-1", "channel_id": "CH-1", "recharge_id": "PA-1-R000001", "refund_id": "PA-1-F000001", "month": "2026-11",
		"number": "PA-1-2026-000001", "user": sampleUser, "key": "gateway",
		"invoice_id": "MI-1", "line": "1", "statement_id": "5f2190dd26b9", "proposal_id": "5f2190dd26b9-1", "stream": "account-PA-1", "revision": "0",
	}
}

// sample is a call of an operation, in the order in which they are made.
type sample struct {
	op    string
	role  access.Role
	path  map[string]string
	query string
	body  string
	// bodyOf makes the body out of what there is by then, instead of body.
	bodyOf func(*testing.T, *desk.Desk) string
	header map[string]string
	status int
	// contains is in the answer.
	contains string
}

// samples call every operation so that it is done, and some so that it is not.
func samples() []sample {
	own := map[string]string{"partner_id": "PA-1"}
	return append([]sample{
		{op: "list_accounts", role: access.RolePartner, status: 200, contains: `"partner_id":"PA-1"`},
		{op: "list_accounts", role: access.RoleFinance, query: "?limit=1", status: 200, contains: `"next"`},
		{op: "get_account", role: access.RolePartner, path: own, status: 200},
		{op: "get_account", role: access.RoleAuditor, path: map[string]string{"partner_id": "PA-3"}, status: 404, contains: "unknown_account"},
		{op: "change_recharge_settings", role: access.RolePartner, path: own, body: `{"threshold":"250"}`, header: map[string]string{"Idempotency-Key": "k-1"}, status: 200},
		{op: "change_recharge_settings", role: access.RolePartner, path: own, body: `{"threshold":"-1"}`, status: 422, contains: "invalid_setting"},
	}, append(accountSamples(), monthSamples()...)...)
}
