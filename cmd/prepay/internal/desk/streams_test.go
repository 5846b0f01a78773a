package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections/accounts"
)

// counting counts the events that are read of streams.
type counting struct {
	eventstore.Store
	read atomic.Int64
}

func (c *counting) ReadStream(ctx context.Context, stream string, from eventstore.Revision, dir eventstore.Direction) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for r, err := range c.Store.ReadStream(ctx, stream, from, dir) {
			c.read.Add(1)
			if !yield(r, err) {
				return
			}
		}
	}
}

// long is an account with more than two snapshots, charged once a second; the
// states after some revisions are folded by the way.
type long struct {
	begin time.Time
	count int
	after map[eventstore.Revision]string
}

// write appends the account's events.
func (l *long) write(t *testing.T, store eventstore.Store) {
	t.Helper()
	c, state, batch := codec.New(), domain.NewAccount(), []eventstore.Event{}
	expected := eventstore.NoStream
	for i := range l.count {
		var e domain.Event = &domain.ConversationCharged{ChargeID: fmt.Sprintf("charge %d", i), ChannelID: "CH-1", Month: "2026-10", Amount: money.MustParse("0.01"), Currency: "EUR"}
		if i == 0 {
			e = &domain.AccountOpened{PartnerID: "PA-1", Currency: "EUR", CarriedOver: money.FromInt(900)}
		}
		if err := state.Apply(e); err != nil {
			t.Fatal(err)
		}
		if _, asked := l.after[eventstore.Revision(i)]; asked {
			l.after[eventstore.Revision(i)] = jsonOf(t, state)
		}
		data, version, err := c.Encode(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		at := l.begin.Add(time.Duration(i) * time.Second)
		meta := codec.Metadata{Version: version, OccurredAt: at, RecordedAt: at, Actor: "test:long", CommandID: uuid.New()}
		batch = append(batch, eventstore.Event{ID: uuid.New(), Type: e.EventType(), Data: data, Metadata: codec.AppendMetadata(nil, &meta)})
		if len(batch) == 1000 || i == l.count-1 {
			if _, err := store.Append(t.Context(), ledger.AccountStream("PA-1"), expected, batch); err != nil {
				t.Fatal(err)
			}
			expected, batch = eventstore.Revision(i), batch[:0]
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAccountAt: the states before and after an event are what all events up to
// there fold to, and few events are read for it; an instant is found by a few
// reads.
func TestAccountAt(t *testing.T) {
	l := &long{begin: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), count: 2*accounts.SnapshotEvery + 10, after: map[eventstore.Revision]string{}}
	asked := []eventstore.Revision{0, 1, accounts.SnapshotEvery - 1, accounts.SnapshotEvery, accounts.SnapshotEvery + 1, 2*accounts.SnapshotEvery + 9}
	for _, r := range asked {
		l.after[r], l.after[r-1] = "", ""
	}
	delete(l.after, -1)
	dir := t.TempDir()
	store, err := app.OpenStore(dir, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	l.write(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	reads := &counting{}
	d, err := Open(t.Context(), dir, app.Options{
		Clock: func() time.Time { return l.begin.Add(30 * 24 * time.Hour) },
		Wrap:  func(s eventstore.Store) eventstore.Store { reads.Store = s; return reads },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, r := range asked {
		reads.read.Store(0)
		before, after, err := d.AccountAt(t.Context(), "PA-1", r)
		if err != nil {
			t.Fatalf("revision %d: %v", r, err)
		}
		if got := jsonOf(t, after); got != l.after[r] {
			t.Errorf("after %d: %s\nwant %s", r, got, l.after[r])
		}
		if want := l.after[r-1]; r > 0 && jsonOf(t, before) != want {
			t.Errorf("before %d: %s\nwant %s", r, jsonOf(t, before), want)
		}
		if n := reads.read.Load(); n > accounts.SnapshotEvery+1 {
			t.Errorf("revision %d: %d events were read", r, n)
		}
	}
	s, err := d.Stream(t.Context(), ledger.AccountStream("PA-1"))
	if err != nil {
		t.Fatal(err)
	}
	reads.read.Store(0)
	for _, want := range []int{0, 1, 4711, l.count - 1, l.count} {
		at := l.begin.Add(time.Duration(want)*time.Second - time.Millisecond)
		if got, err := d.RevisionAt(t.Context(), s, at); err != nil || int(got) != want {
			t.Errorf("at %s: %d, %v; want %d", at, got, err, want)
		}
	}
	if n := reads.read.Load(); n > 5*20 {
		t.Errorf("%d events were read for five instants", n)
	}
	found, err := d.Find(t.Context(), "charge 40000", l.begin.Add(11*time.Hour).Truncate(24*time.Hour))
	if err != nil || len(found) != 1 || found[0].Revision != 40000 {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, _, err := d.AccountAt(t.Context(), "PA-1", eventstore.Revision(l.count)); err == nil {
		t.Error("a revision after the last has a state")
	}
}
