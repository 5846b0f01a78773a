package httpapi

import (
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/access"
)

// Balances are written digit by digit, in the provider's shape.
func TestProviderBalance(t *testing.T) {
	w := newWorld(t, nil)
	w.open("PA-1", "500", "sim_ok")
	w.charge("PA-1", "c-1", "399.55")
	get := func(p *access.Principal, path string) (int, string, string) {
		r := as(p, w.h, "GET", path, "")
		return r.Code, strings.TrimSpace(r.Body.String()), r.Header().Get("Content-Type")
	}
	const path = "/api/v2/partners/PA-1/info/balance"
	if code, text, kind := get(partner("PA-1"), path); code != 200 || text != `{"total":100.45,"currency":"eur"}` || kind != "application/json" {
		t.Errorf("%d %s %s", code, text, kind)
	}
	w.charge("PA-1", "c-2", "0.450000000000000001") // below the threshold: 500 come in
	if _, text, _ := get(partner("PA-1"), path); text != `{"total":599.999999999999999999,"currency":"eur"}` {
		t.Errorf("%s", text)
	}
	for _, c := range []struct {
		who  *access.Principal
		path string
		want string
	}{
		{nil, path, `{"meta":{"success":false,"http_code":401,"developer_message":"Send an API key (X-API-Key), or sign in.","details":[]}}`},
		{partner("PA-2"), path, `{"meta":{"success":false,"http_code":404,"developer_message":"There is no such partner account among yours: correct the partner id.","details":[]}}`},
		{staff(access.RoleService), path, `{"meta":{"success":false,"http_code":403,"developer_message":"This needs another role, or a key with another scope.","details":[]}}`},
		{staff(access.RoleFinance), "/api/v2/partners/PA-9/info/balance", `{"meta":{"success":false,"http_code":404,"developer_message":"Partner not found.","details":[]}}`},
	} {
		if _, text, kind := get(c.who, c.path); text != c.want || kind != "application/json" {
			t.Errorf("%s %s", text, kind)
		}
	}
}
