package httpapi

import (
	"testing"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/domain"
)

// TestGateByNumber finds the channel that lives among those that had a number.
func TestGateByNumber(t *testing.T) {
	w := newWorld(t, nil)
	gateway := &access.Principal{Kind: access.KindKey, ID: "k-1", Name: "gateway", Role: access.RoleService, Scopes: []access.Scope{access.ScopeGate}}
	w.open("PA-1", "500", "sim_ok")
	register := func(id, number string) {
		t.Helper()
		w.do("PA-1", &domain.RegisterChannel{ChannelID: id, PhoneNumber: number, PhoneNumberID: "1065", WABAID: "W-1", PaymentModel: domain.PartnerPaid})
	}
	register("CH-1", "+4930123456")
	w.do("PA-1", &domain.CancelChannel{ChannelID: "CH-1"})
	if err := w.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := answered[GateAnswer](t, as(gateway, w.h, "GET", "/v1/gate?phone_number_id=1065", ""), 200); got.MaySend || got.State != domain.ChannelIsOver || got.HTTPStatus != 400 {
		t.Errorf("%+v", got)
	}
	register("CH-2", "+4930123457")
	if err := w.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := answered[GateAnswer](t, as(gateway, w.h, "GET", "/v1/gate?phone_number_id=1065", ""), 200); !got.MaySend || got.ChannelID != "CH-2" || got.HTTPStatus != 200 || got.Text != "" {
		t.Errorf("%+v", got)
	}
	if got := as(gateway, w.h, "GET", "/v1/accounts/PA-1", ""); got.Code != 403 {
		t.Errorf("a key for the gate alone reads accounts: %d", got.Code)
	}
}
