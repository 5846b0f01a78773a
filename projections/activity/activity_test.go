package activity

import (
	"fmt"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/projections"
	"prepayledger/projections/projectionstest"
)

const account = "account-PA-1"

func requested(n int, card string) *domain.RechargeRequested {
	return &domain.RechargeRequested{
		RechargeID: fmt.Sprintf("PA-1-R%06d", n), Number: n, Reason: domain.RechargeThreshold, Amount: money.FromInt(500), Surcharge: money.FromInt(20),
		CardTotal: money.FromInt(520), Currency: "EUR", Card: card, RequestedAt: time.Date(2026, 10, n, 0, 0, 0, 0, time.UTC),
	}
}

func texts[T any](all []T, text func(*T) string) (list []string) {
	for i := range all {
		list = append(list, text(&all[i]))
	}
	return list
}

func entryText(e *Entry) string {
	return fmt.Sprint(e.Revision, " ", e.Type, " ", e.Effect, " ", e.Reference, " ", e.Note)
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%s:\n%q\nwant\n%q", what, got, want)
	}
}

// history has an account in which a card payment failed, one was taken back
// and given back, and one is in flight, and another account.
func history(l *projectionstest.Log) {
	l.Append(account, &domain.AccountOpened{PartnerID: "PA-1", Currency: "EUR", CarriedOver: money.FromInt(90)},
		&domain.ConversationCharged{ChargeID: "a", Amount: money.FromInt(1)}, &domain.BalancePublished{},
		requested(1, "sim_declined"), &domain.RechargeFailed{RechargeID: "PA-1-R000001", Code: "declined", RetryAt: time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC)},
		requested(2, "sim_ok"), &domain.RechargeSucceeded{RechargeID: "PA-1-R000002", Amount: money.FromInt(500)},
		&domain.InvoiceIssued{InvoiceNumber: "PA-1-2026-000001", RechargeID: "PA-1-R000002"})
	l.Append("account-PA-2", requested(1, "sim_ok"), &domain.PaymentConfirmed{Reference: "T-9", Credited: money.FromInt(7)})
	l.Append(account, &domain.RechargeReversed{RechargeID: "PA-1-R000002", Amount: money.FromInt(400), Reason: "fraudulent"}, requested(3, "sim_ok"))
}

// TestEntries has what is not usage, the newest first, by the page, and of
// one account alone.
func TestEntries(t *testing.T) {
	l := projectionstest.New(t)
	history(l)
	m := New()
	l.Follow(m)
	all, err := m.Entries("PA-1", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "entries", texts(all, entryText), []string{
		"9 RechargeRequested 0 PA-1-R000003 threshold", "8 RechargeReversed -400 PA-1-R000002 fraudulent", "7 InvoiceIssued 0 PA-1-2026-000001 ",
		"6 RechargeSucceeded 500 PA-1-R000002 ", "5 RechargeRequested 0 PA-1-R000002 threshold", "4 RechargeFailed 0 PA-1-R000001 declined",
		"3 RechargeRequested 0 PA-1-R000001 threshold", "0 AccountOpened 90  ",
	})
	if page, _ := m.Entries("PA-1", 8, 2); len(page) != 2 || page[0].Revision != 7 || page[1].Revision != 6 || page[0].Actor != "test" || page[0].At.IsZero() {
		t.Errorf("the page before revision 8: %+v", page)
	}
	if page, _ := m.Entries("PA-1", 0, 9, domain.TypeRechargeFailed, domain.TypeAccountOpened); len(page) != 2 || page[0].Revision != 4 {
		t.Errorf("of two types: %+v", page)
	}
	moves, err := m.Movements("PA-1", 8, 10)
	same(t, "movements", texts(moves, entryText), []string{"6 RechargeSucceeded 500 PA-1-R000002 ", "0 AccountOpened 90  "})
	if err != nil {
		t.Error(err)
	}
	if none, err := m.Entries("PA-3", 0, 10); err != nil || len(none) != 0 {
		t.Errorf("of no account: %v, %v", none, err)
	}
}

// TestRestart keeps what it had.
func TestRestart(t *testing.T) {
	l := projectionstest.New(t)
	history(l)
	dir := t.TempDir()
	read := func(want string) {
		t.Helper()
		m := New()
		engine, err := projections.Open(t.Context(), dir, l.Store(), codec.New(), []projections.Model{m}, nil, projections.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		engine.Start()
		if err := engine.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := m.Entries("PA-1", 0, 1)
		if err != nil || len(all) != 1 || entryText(&all[0]) != want {
			t.Errorf("the newest is %+v (%v), want %s", all, err, want)
		}
	}
	read("9 RechargeRequested 0 PA-1-R000003 threshold")
	l.Append(account, &domain.RechargeFailed{RechargeID: "PA-1-R000003", Code: "expired_card"})
	read("10 RechargeFailed 0 PA-1-R000003 expired_card")
}
