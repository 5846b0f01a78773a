package web

import (
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// blockedAccount owes 80 EUR and is blocked for it.
func blockedAccount(t *testing.T) *domain.Account {
	t.Helper()
	a := domain.NewAccount()
	since := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for _, e := range []domain.Event{
		&domain.AccountOpened{PartnerID: "PA-1", Currency: "EUR", CarriedOver: money.FromInt(500), Card: "sim_ok", OpenedAt: since, Contract: domain.Contract{UnblockPolicy: domain.UnblockByFinance}},
		&domain.ChannelRegistered{ChannelID: "CH-1", PhoneNumber: "+34911", PhoneNumberID: "P", WABAID: "W", PaymentModel: domain.PartnerPaid},
		&domain.ConversationCharged{ChargeID: "c", ChannelID: "CH-1", Month: "2026-10", Amount: money.FromInt(580), Currency: "EUR"},
		&domain.GraceStarted{NegativeSince: since, BlockDeadline: since.Add(7 * domain.Day)},
		&domain.AccountBlocked{Kind: domain.KindOverdue, EffectiveAt: since.Add(7 * domain.Day)},
	} {
		if err := a.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestForeseen says what a confirmation does, whole and in part.
func TestForeseen(t *testing.T) {
	at := time.Date(2026, 10, 9, 0, 0, 0, 0, time.UTC)
	says, err := foreseen(blockedAccount(t), []domain.Event{
		&domain.PaymentConfirmed{Reference: "B-1", Amount: money.FromInt(80), Credited: money.FromInt(80)}, &domain.GraceEnded{},
		&domain.AccountUnblocked{Kind: domain.KindOverdue, EffectiveAt: at, By: "confirmation"},
	})
	text := strings.Join(says, " ")
	for _, want := range []string{"80.00 EUR are credited", "overdue block is lifted", "from −80.00 EUR to 0.00 EUR", "1 channel can send again"} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%q is not in %q, %v", want, text, err)
		}
	}
	says, err = foreseen(blockedAccount(t), []domain.Event{&domain.PaymentConfirmed{Reference: "B-1", Amount: money.FromInt(30), Credited: money.FromInt(30)}})
	if text := strings.Join(says, " "); err != nil || !strings.Contains(text, "stays blocked (overdue): 50.00 EUR are still due") || strings.Contains(text, "can send again") {
		t.Errorf("%q, %v", text, err)
	}
}

// TestForeseenNothing says that nothing would change, and errs with what can't be.
func TestForeseenNothing(t *testing.T) {
	if says, err := foreseen(blockedAccount(t), nil); err != nil || len(says) != 1 || !strings.Contains(says[0], "Nothing would change") {
		t.Errorf("%v, %v", says, err)
	}
	if _, err := foreseen(blockedAccount(t), []domain.Event{&domain.ChannelCancelled{ChannelID: "CH-9"}}); err == nil {
		t.Error("a channel was cancelled that never was")
	}
}
