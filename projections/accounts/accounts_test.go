package accounts_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/projections"
	"prepayledger/projections/accounts"
	"prepayledger/projections/projectionstest"
)

const account = "account-PA-1"

var start = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

func amount(s string) money.Amount { return money.MustParse(s) }

func opened(partner string) *domain.AccountOpened {
	return &domain.AccountOpened{
		PartnerID: partner, Currency: "EUR", CarriedOver: amount("500"), Card: "sim_ok", OpenedAt: start,
		Contract: domain.Contract{MinimumOpening: amount("500"), SurchargePercent: amount("4"), GraceDays: 7, UnblockPolicy: domain.UnblockByFinance},
	}
}

func channel(id, phoneID, zone string) *domain.ChannelRegistered {
	return &domain.ChannelRegistered{ChannelID: id, PhoneNumber: "+3491" + id, PhoneNumberID: phoneID, WABAID: "W-1", PaymentModel: domain.PartnerPaid, TimeZone: zone}
}

func charged(id, price string) *domain.ConversationCharged {
	return &domain.ConversationCharged{ChargeID: id, ChannelID: "CH-1", Month: "2026-10", Amount: amount(price), Currency: "EUR", PricingType: domain.PricingTypeRegular}
}

func request(n int, credit string) *domain.RechargeRequested {
	return &domain.RechargeRequested{RechargeID: fmt.Sprintf("PA-1-R%06d", n), Number: n, Reason: domain.RechargeThreshold, Amount: amount(credit), CardTotal: amount(credit)}
}

func invoice(n int) *domain.InvoiceIssued {
	return &domain.InvoiceIssued{InvoiceNumber: fmt.Sprintf("PA-1-2026-%06d", n), Sequence: n, Prepayment: amount("500"), Total: amount("520")}
}

// history has every event that figures count.
func history(l *projectionstest.Log) {
	l.Append(account, opened("PA-1"), channel("CH-1", "P-1", "America/Sao_Paulo"), charged("a", "450.5"), charged("b", "100"),
		&domain.GraceStarted{NegativeSince: start, BlockDeadline: start.Add(7 * domain.Day)},
		request(1, "500"), &domain.RechargeFailed{RechargeID: "PA-1-R000001", Code: "declined"},
		request(2, "500"), &domain.RechargeSucceeded{RechargeID: "PA-1-R000002", Amount: amount("500"), Surcharge: amount("20"), CardTotal: amount("520")}, invoice(1),
		&domain.GraceEnded{NegativeSince: start},
		&domain.ConversationCounted{ChargeID: "c", ChannelID: "CH-1", Why: "free"},
		&domain.ChargeCorrected{ChargeID: "b", Month: "2026-10", Amount: amount("100")},
		&domain.ReconciliationAdjusted{Month: "2026-10", Run: 1, Amount: amount("-1.25"), Charged: amount("450.5"), Invoiced: amount("451.75")},
		&domain.AccountBlocked{Kind: domain.KindManual, Reason: "fraud", EffectiveAt: start.Add(time.Hour)},
		&domain.PaymentConfirmed{Reference: "bank-1", Amount: amount("10"), Credited: amount("10")},
		&domain.RefundIssued{Amount: amount("5"), Reason: "end"}, request(3, "500"))
}

// TestFigures sums up what prepay simulate prints.
func TestFigures(t *testing.T) {
	l := projectionstest.New(t)
	history(l)
	m := accounts.New()
	engine := l.Follow(m)
	a, err := m.Get("PA-1")
	if err != nil {
		t.Fatal(err)
	}
	want := accounts.Figures{
		ChargedCount: 2, Charged: amount("550.5"), CorrectedCount: 1, Corrected: amount("100"), FreeCount: 1,
		Requested: 3, Succeeded: 1, Failed: 1, Credited: amount("500"), CardTotal: amount("520"), Confirmed: amount("10"),
		ConfirmedNumber: 1, Adjusted: amount("-1.25"), Refunded: amount("5"), CarriedOver: amount("500"), InvoicesIssued: 1,
		BlockedSince: start.Add(time.Hour), LastEventAt: l.Now(),
	}
	if got, want := fmt.Sprintf("%+v", a.Figures), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("figures\n%s, want\n%s", got, want)
	}
	if a.State.Balance.String() != "553.25" || a.State.InFlight == nil || a.Revision != 17 {
		t.Errorf("balance %s at revision %d, in flight %+v", a.State.Balance, a.Revision, a.State.InFlight)
	}
	l.Append(account, &domain.AccountUnblocked{Kind: domain.KindManual, EffectiveAt: start.Add(2 * time.Hour), By: "finance"})
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, err = m.Get("PA-1"); err != nil || !a.Figures.BlockedSince.IsZero() {
		t.Errorf("blocked since %s after the block was lifted, %v", a.Figures.BlockedSince, err)
	}
	if a, err := m.Get("PA-2"); a != nil || err != nil {
		t.Errorf("nobody's account is %+v, %v", a, err)
	}
}

// TestRestart reads back what it kept: state, channels with their zones, and
// invoices in order.
func TestRestart(t *testing.T) {
	l := projectionstest.New(t)
	history(l)
	l.Append("account-PA-0", opened("PA-0"), channel("CH-7", "P-1", ""), &domain.ChannelCancelled{ChannelID: "CH-7", CancelledAt: start.Add(time.Hour)})
	for n := 2; n <= 12; n++ {
		l.Append(account, invoice(n))
	}
	l.Append("account-PA-1/0", opened("PA-1/0"), invoice(1)) // partner ids may look like anything
	dir := t.TempDir()
	var states []*accounts.Account
	for range 2 {
		m := accounts.New()
		engine, err := projections.Open(t.Context(), dir, l.Store(), codec.New(), []projections.Model{m}, nil, projections.Options{})
		if err != nil {
			t.Fatal(err)
		}
		engine.Start()
		if err := engine.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		a, err := m.Get("PA-1")
		if err != nil || a.State.Channels["CH-1"].Zone.String() != "America/Sao_Paulo" {
			t.Fatalf("account %+v, %v", a, err)
		}
		states = append(states, a)
		if got := fmt.Sprint(m.Partners()); got != "[PA-0 PA-1 PA-1/0]" {
			t.Errorf("partners %s", got)
		}
		found := m.ByPhoneNumberID("P-1")
		if len(found) != 2 || found[0].PartnerID != "PA-0" || found[0].CancelledAt.IsZero() || found[1].ChannelID != "CH-1" || !found[1].CancelledAt.IsZero() {
			t.Errorf("channels %+v", found)
		}
		if found := m.ByPhoneNumberID("P-2"); len(found) != 0 {
			t.Errorf("channels of nobody's phone: %+v", found)
		}
		invoices, err := m.Invoices("PA-1")
		if err != nil || len(invoices) != 12 || invoices[9].Sequence != 10 {
			t.Errorf("invoices %+v, %v", invoices, err)
		}
		if err := engine.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(states[0], states[1]) {
		t.Errorf("before the restart %+v, after it %+v", states[0], states[1])
	}
}

// TestCopies: what was got doesn't change with later events, and changing it
// changes nothing.
func TestCopies(t *testing.T) {
	l := projectionstest.New(t)
	l.Append(account, opened("PA-1"), channel("CH-1", "P-1", ""))
	m := accounts.New()
	engine := l.Follow(m)
	before, err := m.Get("PA-1")
	if err != nil {
		t.Fatal(err)
	}
	delete(before.State.Channels, "CH-1")
	l.Append(account, charged("a", "1"))
	if err := engine.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := m.Get("PA-1")
	if err != nil || before.State.Balance.String() != "500" || after.State.Balance.String() != "499" || len(after.State.Channels) != 1 {
		t.Errorf("before %+v, after %+v, %v", before.State, after.State, err)
	}
}

// TestRedelivery takes an event that came before only once.
func TestRedelivery(t *testing.T) {
	l := projectionstest.New(t)
	l.Append(account, opened("PA-1"))
	m := accounts.New()
	l.Follow(m)
	f := projections.Fact{Event: charged("a", "1"), PartnerID: "PA-1"}
	f.Revision = 1
	for range 2 {
		if err := m.Apply(&f); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := m.Get("PA-1"); err != nil || a.State.Balance.String() != "499" || a.Figures.ChargedCount != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	// An event that the account's stream can't hold is an error.
	f = projections.Fact{Event: &domain.ChannelCancelled{ChannelID: "CH-9"}, PartnerID: "PA-1"}
	f.Revision = 2
	if err := m.Apply(&f); err == nil {
		t.Error("a channel was cancelled that never was")
	}
}

// TestEach looks at every account once, in order, however many there are.
func TestEach(t *testing.T) {
	l := projectionstest.New(t)
	m := accounts.New()
	l.Follow(m)
	m.Each(func(id string, _ *accounts.Account) { t.Errorf("%s is nobody's account", id) })
	var want, got []string
	for n := range accounts.EachAtOnce + 1 {
		id := fmt.Sprintf("PA-%04d", n)
		want = append(want, id)
		f := projections.Fact{Event: opened(id), PartnerID: id}
		f.Revision = 0
		if err := m.Apply(&f); err != nil {
			t.Fatal(err)
		}
	}
	m.Each(func(id string, a *accounts.Account) {
		if a.State.PartnerID != id {
			t.Errorf("%s holds %s", id, a.State.PartnerID)
		}
		got = append(got, id)
	})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%d accounts, want %d", len(got), len(want))
	}
}
