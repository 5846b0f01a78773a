package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// memory is a store of the test's own.
func memory(t *testing.T) eventstore.Store {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// types are the types of events.
func types(events []domain.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.EventType())
	}
	return all
}

// TestForesee: what is foreseen is what then happens, and nothing happens by
// foreseeing it.
func TestForesee(t *testing.T) {
	w := newWorld(t, memory(t))
	l := w.ledger(ledger.Options{})
	w.open(l, "PA-1", "500", "sim_declined")
	ctx := context.Background()
	if _, err := l.Charge(ctx, meta("intake"), []ledger.Presented{w.charge("PA-1", "c-1", "600")}); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(8 * 24 * time.Hour)
	w.must(l.Advance(ctx, "PA-1", w.now))
	confirm := &domain.ConfirmPayment{Reference: "bank-1", Amount: money.MustParse("100")}

	before, err := w.store.Last(ctx)
	w.must(err)
	foreseen, err := l.Foresee(ctx, "PA-1", meta("finance:ana"), confirm)
	w.must(err)
	after, err := w.store.Last(ctx)
	w.must(err)
	if before != after || balance(t, l, "PA-1") != "-100" {
		t.Fatalf("foreseeing changed the log: %s, %s", before, after)
	}
	w.must(l.Do(ctx, "PA-1", meta("finance:ana"), confirm))
	var recorded []string
	for r, err := range w.store.ReadAll(ctx, before) {
		w.must(err)
		recorded = append(recorded, r.Type)
	}
	got := types(foreseen)
	if len(got) == 0 || len(got) != len(recorded) {
		t.Fatalf("foreseen %v, recorded %v", got, recorded)
	}
	for i := range got {
		if got[i] != recorded[i] {
			t.Errorf("foreseen %v, recorded %v", got, recorded)
		}
	}
}

// TestForeseeRefusals: what would be refused is foreseen as refused.
func TestForeseeRefusals(t *testing.T) {
	w := newWorld(t, memory(t))
	l := w.ledger(ledger.Options{})
	w.open(l, "PA-1", "500", "sim_ok")
	for code, cmd := range map[domain.Code]domain.Command{
		domain.NotBlocked:           &domain.Unblock{},
		domain.NothingToConfirm:     &domain.ConfirmPayment{Reference: "bank-1", Amount: money.FromInt(1)},
		domain.RefundExceedsBalance: &domain.Refund{Amount: money.FromInt(501), Reason: "end"},
		domain.UnknownCharge:        &domain.CorrectCharge{ChargeID: "never", Reason: "wrong"},
	} {
		_, err := l.Foresee(t.Context(), "PA-1", meta("finance:ana"), cmd)
		var r *domain.Rejection
		if !errors.As(err, &r) || r.Code != code {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := l.Foresee(t.Context(), "PA-9", meta("finance:ana"), &domain.Unblock{}); err == nil {
		t.Error("something of nobody's account was foreseen")
	}
	if _, err := l.Charge(t.Context(), meta("intake"), []ledger.Presented{w.charge("PA-1", "c-1", "7")}); err != nil {
		t.Fatal(err)
	}
	foreseen, err := l.Foresee(t.Context(), "PA-1", meta("finance:ana"), &domain.CorrectCharge{ChargeID: "c-1", Reason: "wrong"})
	if got := types(foreseen); err != nil || len(got) != 1 || got[0] != domain.TypeChargeCorrected {
		t.Errorf("%v %v", got, err)
	}
}
