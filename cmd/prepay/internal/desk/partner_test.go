package desk_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
)

// charge presents a charge with its price.
func charge(t *testing.T, d *desk.Desk, partner, channel, id, category, market, price string, at time.Time) {
	t.Helper()
	c := domain.Charge{
		ChargeID: id, PartnerID: partner, ChannelID: channel, Category: category, Market: market, Model: domain.PMP, OccurredAt: at,
		Priced: true, Amount: money.MustParse(price), Currency: "EUR", PricingType: domain.PricingTypeRegular,
	}
	outcomes, err := d.Ledger.Charge(t.Context(), domain.Meta{Actor: "service:intake"}, []ledger.Presented{{Charge: c}})
	if err != nil || outcomes[0].Charge != domain.ChargeDeducted {
		t.Fatalf("charge %s: %+v, %v", id, outcomes, err)
	}
}

// openPartner opens PA-1 with 500 EUR, two channels and a card.
func openPartner(t *testing.T, c *clock, card string) *desk.Desk {
	t.Helper()
	d := openDesk(t, c)
	do(t, d, "PA-1", &domain.OpenAccount{PartnerID: "PA-1", Currency: "EUR", Card: card, CarriedOver: money.FromInt(500)})
	for n := 1; n <= 2; n++ {
		do(t, d, "PA-1", &domain.RegisterChannel{
			ChannelID: fmt.Sprintf("CH-%d", n), PhoneNumber: fmt.Sprintf("+3491123456%d", n), PhoneNumberID: fmt.Sprintf("P-%d", n), WABAID: "W-1", PaymentModel: domain.PartnerPaid,
		})
	}
	return d
}

// account reads PA-1 as of now.
func account(t *testing.T, d *desk.Desk) *accounts.Account {
	t.Helper()
	found, err := d.Accounts(t.Context(), "PA-1")
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// TestDailyUsage: days, categories and totals sum to what a plain loop sums to,
// every day is there, and days outside don't count.
func TestDailyUsage(t *testing.T) {
	c := &clock{now: start}
	d := openPartner(t, c, "sim_ok")
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	from, to := start.AddDate(0, 0, -9).Truncate(domain.Day), start.Truncate(domain.Day)
	want := map[string]money.Amount{}
	counts := map[string]int64{}
	for n := range 200 {
		at := start.Add(-time.Duration(random.Int64N(int64(14 * domain.Day))))
		category := []string{"marketing", "utility", "authentication"}[random.IntN(3)]
		price := fmt.Sprintf("0.%03d", random.IntN(400))
		charge(t, d, "PA-1", "CH-1", fmt.Sprint("c", n), category, "Spain", price, at)
		if !at.Before(from) {
			for _, key := range []string{at.Format(time.DateOnly) + category, at.Format(time.DateOnly), category, ""} {
				want[key] = want[key].Add(money.MustParse(price))
				counts[key]++
			}
		}
	}
	account(t, d) // waits for the views
	u, err := d.DailyUsage("PA-1", from, to)
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Days) != 10 || !u.Days[0].Day.Equal(from) || !u.Days[9].Day.Equal(to) || !u.Estimated || u.Currency != "EUR" {
		t.Fatalf("%d days from %s, estimated %t", len(u.Days), u.Days[0].Day, u.Estimated)
	}
	check := func(key string, s desk.UsageSum) {
		t.Helper()
		if !s.Amount.Equal(want[key]) || s.Count != counts[key] {
			t.Errorf("%q: %d, %s; want %d, %s", key, s.Count, s.Amount, counts[key], want[key])
		}
	}
	check("", u.Total)
	for i, category := range u.Categories {
		check(category.Name, category)
		if i > 0 && u.Categories[i-1].Amount.Less(category.Amount) {
			t.Errorf("%s comes before %s", u.Categories[i-1].Name, category.Name)
		}
	}
	for _, day := range u.Days {
		check(day.Day.Format(time.DateOnly), day.UsageSum)
		for i, s := range day.ByCategory {
			check(day.Day.Format(time.DateOnly)+u.Categories[i].Name, s)
		}
	}
	for _, bad := range [][2]time.Time{{to, from}, {from.AddDate(-2, 0, 0), to}} {
		if _, err := d.DailyUsage("PA-1", bad[0], bad[1]); domain.RejectionCode(err) != domain.InvalidSetting {
			t.Errorf("from %s to %s: %v", bad[0], bad[1], err)
		}
	}
	if _, err := d.DailyUsage("PA-9", from, to); domain.RejectionCode(err) != domain.UnknownAccount {
		t.Errorf("of no account: %v", err)
	}
}

// TestMonthlyUsage breaks a month down, the dearest first; months are listed
// newest first.
func TestMonthlyUsage(t *testing.T) {
	c := &clock{now: start}
	d := openPartner(t, c, "sim_ok")
	charge(t, d, "PA-1", "CH-1", "a", "utility", "Spain", "1", start)
	charge(t, d, "PA-1", "CH-2", "b", "marketing", "Brazil", "2", start)
	charge(t, d, "PA-1", "CH-2", "c", "marketing", "Spain", "4", start.AddDate(0, 0, -1))
	charge(t, d, "PA-1", "CH-1", "d", "marketing", "Spain", "8", start.AddDate(0, -1, 0))
	a := account(t, d)
	for by, want := range map[desk.UsageBy]string{
		desk.ByCategory: "marketing 2 6, utility 1 1", desk.ByMarket: "Spain 2 5, Brazil 1 2", desk.ByChannel: "CH-2 2 6, CH-1 1 1",
		desk.ByWABA: "W-1 3 7", desk.ByDay: "2026-11-01 1 4, 2026-11-02 2 3",
	} {
		u, err := d.MonthlyUsage("PA-1", "2026-11", by)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range u.Lines {
			got = append(got, fmt.Sprintf("%s %d %s", l.Name, l.Count, l.Amount))
		}
		if strings.Join(got, ", ") != want || u.Total.Amount.String() != "7" || u.Total.Count != 3 || !u.Estimated {
			t.Errorf("by %s: %s, want %s; total %+v", by, strings.Join(got, ", "), want, u.Total)
		}
	}
	if _, err := d.MonthlyUsage("PA-1", "2026-11", "moon"); err == nil {
		t.Error("a month was broken down by moon")
	}
	months, err := d.BillingMonths(a.State)
	if err != nil || len(months) != 2 || months[0].Month != "2026-11" || months[1].Month != "2026-10" || months[1].Charged.String() != "8" || !months[1].Estimated {
		t.Errorf("months %+v", months)
	}
}

// TestDatedChannels says since when a channel is as it is.
func TestDatedChannels(t *testing.T) {
	c := &clock{now: start}
	d := openPartner(t, c, "sim_ok")
	read := func(want string) {
		t.Helper()
		lines, err := d.DatedChannels(account(t, d))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range lines {
			got = append(got, fmt.Sprintf("%s %s %s", l.ChannelID, l.State, l.Since.Format("15:04")))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s, want %s", strings.Join(got, ", "), want)
		}
	}
	read("CH-1 open 09:00, CH-2 open 09:00")
	c.now = c.now.Add(time.Hour)
	do(t, d, "PA-1", &domain.CancelChannel{ChannelID: "CH-1"})
	c.now = c.now.Add(time.Hour)
	do(t, d, "PA-1", &domain.Block{Reason: "fraud"})
	read("CH-2 blocked 11:00, CH-1 cancelled 10:00")
}

// TestMovements has payments in plain words, and no conversations.
func TestMovements(t *testing.T) {
	c := &clock{now: start}
	d := openPartner(t, c, "sim_ok")
	charge(t, d, "PA-1", "CH-1", "a", "utility", "Spain", "1", start)
	do(t, d, "PA-1", &domain.AddFunds{Amount: money.FromInt(50)})
	account(t, d)
	lines, err := d.Movements("PA-1", 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines {
		got = append(got, fmt.Sprintf("%s|%s|%s", l.Label, l.Detail, l.Amount))
	}
	if want := "Card payment|PA-1-R000001|50; Carried over at opening||500"; strings.Join(got, "; ") != want {
		t.Errorf("%s, want %s", strings.Join(got, "; "), want)
	}
	if _, err := d.Movements("PA-9", 0, 10); domain.RejectionCode(err) != domain.UnknownAccount {
		t.Errorf("of no account: %v", err)
	}
}

// TestStory tells a partner what happened, what to do and what lifts it, and
// never names people or commands of the provider.
func TestStory(t *testing.T) {
	c := &clock{now: start}
	d := openPartner(t, c, "sim_declined")
	tell := func(wants ...string) desk.Story {
		t.Helper()
		s, err := d.Story(t.Context(), account(t, d), true)
		if err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprintf("%q %q %q", s.Because, s.Do, s.Lifts)
		for _, want := range wants {
			if !strings.Contains(all, want) {
				t.Errorf("%q is not in %s", want, all)
			}
		}
		for _, inner := range []string{"finance:", "@", "prepay ", "ana"} {
			if strings.Contains(strings.ReplaceAll(all, "finance team", ""), inner) {
				t.Errorf("%q is in %s", inner, all)
			}
		}
		return s
	}
	tell("Nothing is due and nothing is blocked.")
	charge(t, d, "PA-1", "CH-1", "a", "utility", "Spain", "500.001", start)
	if s := tell("The balance went below zero on 2 Nov 2026, 09:00 UTC", "0.001 EUR are due", "tried once", "register another card", "Add funds of 10.00 EUR", "blocked on 9 Nov 2026, 09:00 UTC"); s.Pay.String() != "10" {
		t.Errorf("to pay: %s", s.Pay)
	}
	charge(t, d, "PA-1", "CH-1", "b", "utility", "Spain", "20.0012", start)
	c.now = start.Add(7 * domain.Day)
	if s := tell("within the grace period", "1 conversation was deducted, 20.0012 EUR", "Pay 20.0022 EUR", "add funds of 20.01 EUR", "when our finance team has confirmed"); s.Pay.String() != "20.01" {
		t.Errorf("to pay: %s", s.Pay)
	}
	do(t, d, "PA-1", &domain.Block{Reason: "suspicious traffic"})
	tell("Our finance team blocked the account: suspicious traffic", "No payment lifts it by itself")
	do(t, d, "PA-1", &domain.ReplaceCard{Card: "sim_ok"})
	do(t, d, "PA-1", &domain.AddFunds{Amount: money.FromInt(100)})
	tell("wait for our finance team to confirm")
	do(t, d, "PA-1", &domain.ConfirmPayment{Reference: "T-1", Amount: money.FromInt(100), RechargeID: account(t, d).State.PartnerID + "-R" + fmt.Sprintf("%06d", account(t, d).State.RechargeCount)})
	s := tell("suspicious traffic")
	if strings.Contains(strings.Join(s.Because, " "), "grace period") {
		t.Errorf("the overdue block is over: %q", s.Because)
	}
	do(t, d, "PA-1", &domain.ChangeContract{UnblockPolicy: domain.UnblockAutomatic})
	do(t, d, "PA-1", &domain.Unblock{})
	tell("nothing is blocked")
}

// TestOutlook says when the balance runs out, and how sure that is.
func TestOutlook(t *testing.T) {
	c := &clock{now: start}
	d := openPartner(t, c, "sim_ok")
	outlook := func() string {
		t.Helper()
		l, err := d.Forecast(account(t, d))
		if err != nil {
			t.Fatal(err)
		}
		sentence, spread := l.Outlook()
		return sentence + " " + spread
	}
	if got := outlook(); !strings.Contains(got, "needs a whole week") {
		t.Error(got)
	}
	for n := 1; n <= 14; n++ {
		charge(t, d, "PA-1", "CH-1", fmt.Sprint("c", n), "utility", "Spain", "10", start.AddDate(0, 0, -n))
	}
	if got, want := outlook(), "At your usual pace the balance lasts until 8 December 2026. A week usually costs 70.00 EUR."; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for n := 15; n <= 28; n++ {
		charge(t, d, "PA-1", "CH-1", fmt.Sprint("c", n), "utility", "Spain", "4", start.AddDate(0, 0, -n))
	}
	if got, want := outlook(), "until 15 December 2026. Between 2 December 2026 and 17 January 2027, as weeks differ."; !strings.Contains(got, want) || !strings.Contains(got, "A week usually costs 49.00 EUR (28.00 to 70.00).") {
		t.Error(got)
	}
}
