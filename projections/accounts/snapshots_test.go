package accounts

import (
	"encoding/json"
	"fmt"
	"testing"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections/projectionstest"
)

// TestSnapshot: the snapshots are what the events before them fold to, and
// every revision has one that is near.
func TestSnapshot(t *testing.T) {
	l := projectionstest.New(t)
	state := domain.NewAccount()
	want := map[eventstore.Revision]string{}
	events := []domain.Event{&domain.AccountOpened{PartnerID: "PA-1", Currency: "EUR", CarriedOver: money.FromInt(900)}}
	for i := 1; i < 2*SnapshotEvery+10; i++ {
		events = append(events, &domain.ConversationCharged{ChargeID: fmt.Sprint(i), Amount: money.MustParse("0.01"), Month: "2026-10"})
	}
	l.Append("account-PA-1", events...)
	for i, e := range events {
		if err := state.Apply(e); err != nil {
			t.Fatal(err)
		}
		if (i+1)%SnapshotEvery == 0 {
			text, err := json.Marshal(state)
			if err != nil {
				t.Fatal(err)
			}
			want[eventstore.Revision(i)] = string(text)
		}
	}
	m := New()
	l.Follow(m)
	for at, near := range map[eventstore.Revision]eventstore.Revision{
		0: eventstore.NoStream, SnapshotEvery - 2: eventstore.NoStream, SnapshotEvery - 1: SnapshotEvery - 1,
		SnapshotEvery: SnapshotEvery - 1, 2*SnapshotEvery + 9: 2*SnapshotEvery - 1,
	} {
		got, r, err := m.Snapshot("PA-1", at)
		if err != nil || r != near {
			t.Errorf("at %d: revision %d, %v; want %d", at, r, err, near)
			continue
		}
		if near == eventstore.NoStream {
			if got.Opened {
				t.Errorf("at %d: the state before the first event is open", at)
			}
			continue
		}
		if text, err := json.Marshal(got); err != nil || string(text) != want[near] {
			t.Errorf("at %d: %s %v\nwant %s", at, text, err, want[near])
		}
	}
	if _, _, err := m.Snapshot("PA-2", SnapshotEvery); err == nil {
		t.Error("an account that is not there has a snapshot")
	}
}
