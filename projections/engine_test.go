package projections_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/projections"
	"prepayledger/projections/accounts"
	"prepayledger/projections/chargeindex"
	"prepayledger/projections/daily"
	"prepayledger/projections/months"
	"prepayledger/projections/quarantine"
	"prepayledger/projections/usage"
)

// log is a store that a test writes events to.
type log struct {
	t     testing.TB
	store eventstore.Store
	next  map[string]eventstore.Revision
	at    time.Time
}

func newLog(t testing.TB) *log {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return &log{t: t, store: store, next: map[string]eventstore.Revision{}, at: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}
}

func (l *log) append(stream string, events ...domain.Event) {
	l.t.Helper()
	c := codec.New()
	var batch []eventstore.Event
	for _, e := range events {
		l.at = l.at.Add(time.Minute)
		data, version, err := c.Encode(nil, e)
		if err != nil {
			l.t.Fatal(err)
		}
		m := codec.AppendMetadata(nil, &codec.Metadata{Version: version, OccurredAt: l.at, RecordedAt: l.at, Actor: "test", CommandID: uuid.New()})
		batch = append(batch, eventstore.Event{ID: uuid.New(), Type: e.EventType(), Data: data, Metadata: m})
	}
	l.raw(stream, batch)
}

func (l *log) raw(stream string, batch []eventstore.Event) {
	l.t.Helper()
	expected, ok := l.next[stream]
	if !ok {
		expected = eventstore.NoStream
	}
	at, err := l.store.Append(context.Background(), stream, expected, batch)
	if err != nil {
		l.t.Fatal(err)
	}
	l.next[stream] = at.LastRevision
}

// models are all read models in one folder.
type models struct {
	engine     *projections.Engine
	index      *chargeindex.Index
	accounts   *accounts.Model
	usage      *usage.Model
	quarantine *quarantine.Model
	daily      *daily.Model
}

func (l *log) models(dir string) *models {
	l.t.Helper()
	return openModels(l.t, l.store, dir)
}

func openModels(t testing.TB, store eventstore.Store, dir string) *models {
	t.Helper()
	ctx := context.Background()
	m := &models{accounts: accounts.New(), usage: usage.New(), quarantine: quarantine.New(), daily: daily.New()}
	var err error
	if m.index, err = chargeindex.Open(ctx, filepath.Join(dir, "index")); err != nil {
		t.Fatal(err)
	}
	all := []projections.Model{m.accounts, m.usage, m.quarantine, m.daily, months.New()}
	m.engine, err = projections.Open(ctx, filepath.Join(dir, "views"), store, codec.New(), all, []projections.Sink{m.index}, projections.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.engine.Start()
	return m
}

func (m *models) close(t testing.TB) {
	t.Helper()
	if err := errors.Join(m.engine.Close(), m.index.Close()); err != nil {
		t.Fatal(err)
	}
}

func (m *models) catchUp(t testing.TB) {
	t.Helper()
	if err := m.engine.CatchUp(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func dump(t testing.TB, m *models) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.engine.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func opened() *domain.AccountOpened {
	return &domain.AccountOpened{
		PartnerID: "PA-1", Currency: "EUR", CarriedOver: money.FromInt(500), Card: "sim_ok", OpenedAt: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		Contract: domain.Contract{GraceDays: 7, UnblockPolicy: domain.UnblockByFinance},
	}
}

func charged(id, amount string) *domain.ConversationCharged {
	return &domain.ConversationCharged{
		ChargeID: id, ChannelID: "CH-1", WABAID: "W-1", Market: "Spain", Category: "marketing", PricingModel: domain.PMP,
		PricingType: domain.PricingTypeRegular, OccurredAt: time.Date(2026, 10, 3, 1, 0, 0, 0, time.UTC), Month: "2026-10",
		Amount: money.MustParse(amount), Currency: "EUR",
	}
}

func quarantined(id, reason string) *domain.ChargeQuarantined {
	amount := money.FromInt(1)
	return &domain.ChargeQuarantined{
		ChargeID: id, PartnerID: "PA-1", ChannelID: "CH-1", WABAID: "W-1", Market: "Spain", Category: "marketing", PricingModel: domain.PMP,
		PricingType: domain.PricingTypeRegular, Amount: &amount, Currency: "EUR", Reason: reason,
	}
}

// TestModels follows a small history and checks each model's answer.
func TestModels(t *testing.T) {
	l := newLog(t)
	released := charged("q", "1")
	released.Released = true
	l.append("quarantine-unassigned", quarantined("n", "unknown_channel"))
	l.append("account-PA-1", opened(), &domain.ChannelRegistered{ChannelID: "CH-1", PhoneNumber: "+3491", PhoneNumberID: "P-1", WABAID: "W-1", PaymentModel: domain.PartnerPaid},
		charged("a", "2"), charged("b", "3.5"), quarantined("q", "no_rate"), quarantined("z", "no_rate"), quarantined("z", "charge_conflict"))
	m := l.models(t.TempDir())
	defer m.close(t)
	ctx := context.Background()
	if err := m.engine.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.quarantine.Counts("PA-1"), m.quarantine.Counts("")); got != "map[charge_conflict:1 no_rate:1] map[unknown_channel:1]" {
		t.Errorf("quarantine %s", got)
	}
	l.append("account-PA-1", released, charged("n", "1"), &domain.ReconciliationAdjusted{Month: "2026-10", Run: 1}, charged("late", "4"),
		&domain.BalancePublished{Day: time.Date(2026, 10, 4, 0, 0, 0, 0, time.UTC), Balance: money.FromInt(7), Currency: "EUR"})
	if err := m.engine.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.quarantine.Counts("PA-1"), m.quarantine.Counts("")); got != "map[charge_conflict:1] map[]" {
		t.Errorf("quarantine after the charges: %s", got)
	}
	a, err := m.accounts.Get("PA-1")
	if err != nil || a.State.Balance.String() != "488.5" || a.Figures.ChargedCount != 5 {
		t.Errorf("account %+v, %v", a, err)
	}
	rows, err := m.usage.Month("PA-1", "2026-10")
	if err != nil || len(rows) != 2 || rows[0].Count != 4 || rows[1].Count != 1 || !rows[1].Late {
		t.Errorf("usage %+v, %v", rows, err)
	}
	if p, ok, err := m.daily.Get("PA-1", time.Date(2026, 10, 4, 0, 0, 0, 0, time.UTC)); !ok || err != nil || p.Balance.String() != "7" {
		t.Errorf("daily %+v, %t, %v", p, ok, err)
	}
	keys := []domain.ChargeKey{domain.KeyOf("PA-1", "a"), domain.KeyOf("PA-1", "never"), domain.KeyOf("PA-1", "z"), domain.KeyOf("PA-1", "q")}
	seen := map[int]domain.Seen{}
	if err := m.index.Seen(ctx, keys, func(i int, s domain.Seen) { seen[i] = s }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 3 || !seen[0].Counted || seen[0].Content != domain.ContentOf(charged("a", "2")) || seen[2].Quarantined[0].Reason != domain.ReasonChargeConflict || len(seen[3].Quarantined) != 0 {
		t.Errorf("index %+v", seen)
	}
}
