package desk_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// start is the instant at which the tests' ledgers begin.
var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// clock is a clock that tests put forward.
type clock struct{ now time.Time }

// openDesk opens a desk with an empty ledger.
func openDesk(t *testing.T, c *clock) *desk.Desk {
	t.Helper()
	d, err := desk.Open(t.Context(), t.TempDir(), app.Options{Clock: func() time.Time { return c.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// do gives a command and fails the test where it is refused.
func do(t *testing.T, d *desk.Desk, partner string, cmd domain.Command) {
	t.Helper()
	if err := d.Ledger.Do(t.Context(), partner, domain.Meta{Actor: "finance:ana@bsp.example"}, cmd); err != nil {
		t.Fatalf("%s %s: %v", partner, cmd.CommandName(), err)
	}
}

// openAccounts opens 30 accounts: every third in USD, of which every second is
// blocked by hand.
func openAccounts(t *testing.T, d *desk.Desk) {
	t.Helper()
	for n := range 30 {
		id, currency := fmt.Sprintf("PA-%03d", n), "EUR"
		if n%3 == 0 {
			currency = "USD"
		}
		do(t, d, id, &domain.OpenAccount{PartnerID: id, Currency: currency, Card: "sim_ok", CarriedOver: money.FromInt(int64(500 + (n*37)%100))})
		if n%6 == 0 {
			do(t, d, id, &domain.Block{Reason: "fraud"})
		}
	}
	do(t, d, "PA-007", &domain.ChangeBillingDetails{Billing: domain.BillingDetails{Company: "Ahoy GmbH", Street: "Kai 1", PostalCode: "20457", City: "Hamburg", Country: "DE"}})
	do(t, d, "PA-008", &domain.RegisterChannel{ChannelID: "CH-8", PhoneNumber: "+34911234567", PhoneNumberID: "P-8", WABAID: "W-8", PaymentModel: domain.PartnerPaid})
}

// oracle finds and orders the plain way, on copies.
func oracle(t *testing.T, d *desk.Desk, keep func(*domain.Account) bool, order func(a, b *domain.Account) int) (ids []string) {
	t.Helper()
	all, err := d.Accounts(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	var found []*domain.Account
	for _, a := range all {
		if keep(a.State) {
			found = append(found, a.State)
		}
	}
	slices.SortStableFunc(found, order)
	for _, a := range found {
		ids = append(ids, a.PartnerID)
	}
	return ids
}

func TestListAccounts(t *testing.T) {
	d := openDesk(t, &clock{start})
	openAccounts(t, d)
	low, high := money.FromInt(520), money.FromInt(560)
	byID := func(a, b *domain.Account) int { return 0 }
	byBalance := func(a, b *domain.Account) int { return a.Balance.Cmp(b.Balance) }
	for name, c := range map[string]struct {
		query desk.AccountQuery
		keep  func(*domain.Account) bool
		order func(a, b *domain.Account) int
	}{
		"all":      {desk.AccountQuery{}, func(*domain.Account) bool { return true }, byID},
		"currency": {desk.AccountQuery{Currency: "USD"}, func(a *domain.Account) bool { return a.Currency == "USD" }, byID},
		"standing": {desk.AccountQuery{Standing: domain.Blocked}, (*domain.Account).Blocked, byID},
		"waiting":  {desk.AccountQuery{Waiting: true}, (*domain.Account).Blocked, byID},
		"range": {desk.AccountQuery{AtLeast: &low, AtMost: &high, Sort: desk.SortBalance},
			func(a *domain.Account) bool { return !a.Balance.Less(low) && !high.Less(a.Balance) }, byBalance},
		"sorted": {desk.AccountQuery{Sort: desk.SortBalance}, func(*domain.Account) bool { return true }, byBalance},
		"sorted down": {desk.AccountQuery{Sort: desk.SortBalance, Descending: true}, func(*domain.Account) bool { return true },
			func(a, b *domain.Account) int { return b.Balance.Cmp(a.Balance) }},
		"company": {desk.AccountQuery{Search: " ahoy "}, func(a *domain.Account) bool { return a.PartnerID == "PA-007" }, byID},
		"number":  {desk.AccountQuery{Search: "4911234"}, func(a *domain.Account) bool { return a.PartnerID == "PA-008" }, byID},
		"id":      {desk.AccountQuery{Search: "pa-01"}, func(a *domain.Account) bool { return a.PartnerID[:5] == "PA-01" }, byID},
		"nothing": {desk.AccountQuery{Search: "nobody"}, func(*domain.Account) bool { return false }, byID},
		"failed":  {desk.AccountQuery{FailedRecharge: true}, func(*domain.Account) bool { return false }, byID},
	} {
		want := oracle(t, d, c.keep, c.order)
		var got []string
		c.query.Limit = 7
		for {
			page, err := d.ListAccounts(t.Context(), c.query)
			if err != nil {
				t.Fatal(err)
			}
			if page.Total != len(want) {
				t.Errorf("%s: total %d, want %d", name, page.Total, len(want))
			}
			if len(page.Rows) == 0 {
				break
			}
			for i := range page.Rows {
				got = append(got, page.Rows[i].PartnerID)
			}
			c.query.Offset += 7
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// TestListAccountsIsBounded asks for more than a page may have, and beyond the
// end.
func TestListAccountsIsBounded(t *testing.T) {
	d := openDesk(t, &clock{start})
	for n := range desk.MaxAccountRows + 5 {
		id := fmt.Sprintf("PA-%03d", n)
		do(t, d, id, &domain.OpenAccount{PartnerID: id, Currency: "EUR", Card: "sim_ok", CarriedOver: money.FromInt(500)})
	}
	for _, limit := range []int{0, -1, desk.MaxAccountRows + 1} {
		page, err := d.ListAccounts(t.Context(), desk.AccountQuery{Limit: limit})
		if err != nil || len(page.Rows) != desk.MaxAccountRows || page.Total != desk.MaxAccountRows+5 {
			t.Errorf("limit %d: %d rows of %d, %v", limit, len(page.Rows), page.Total, err)
		}
	}
	page, err := d.ListAccounts(t.Context(), desk.AccountQuery{Offset: 1 << 40})
	if err != nil || len(page.Rows) != 0 {
		t.Errorf("beyond the end: %d rows, %v", len(page.Rows), err)
	}
}
