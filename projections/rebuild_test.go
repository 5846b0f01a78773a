package projections_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore/esdb/esdbtest"
	"prepayledger/projections"
	"prepayledger/projections/projectionstest"
	"prepayledger/projections/usage"
)

// rebuildSeed makes the same histories again.
const rebuildSeed = 11

// history appends random events of all kinds, as many as steps.
func history(l *projectionstest.Log, random *rand.Rand, steps int) {
	for range steps {
		partner := fmt.Sprint("PA-", random.IntN(3))
		stream := "account-" + partner
		id := fmt.Sprint("c", random.IntN(40))
		switch random.IntN(12) {
		case 0:
			l.Append("quarantine-unassigned", quarantined(id, "unknown_channel"))
		case 1, 2:
			l.Append(stream, quarantined(id, []string{"no_rate", "charge_conflict"}[random.IntN(2)]))
		case 3:
			hash := domain.ContentOf(quarantined(id, ""))
			l.Append(stream, &domain.QuarantineReleased{ChargeID: id, Content: hex.EncodeToString(hash[:]), Outcome: "duplicate"})
		case 4:
			l.Append(stream, &domain.ConversationCounted{ChargeID: id, ChannelID: "CH-1", Month: "2026-10", Why: []string{"free", "direct"}[random.IntN(2)]})
		case 5:
			l.Append(stream, &domain.BalancePublished{Day: time.Date(2026, 10, 1+random.IntN(28), 0, 0, 0, 0, time.UTC), Balance: money.FromInt(random.Int64N(99)), Currency: "EUR"})
		case 6:
			l.Append(stream, &domain.ReconciliationAdjusted{Month: "2026-10", Run: 1, Amount: money.FromInt(1)})
		case 7:
			l.Append("metainvoice-INV-"+id, &reconciliation.MetaInvoiceLines{Version: 1, Lines: []reconciliation.InvoiceLine{{Month: "2026-10"}}})
			l.Append("reconciliation-2026-10", &reconciliation.ReconciliationProposed{Month: "2026-10", Run: 1 + random.IntN(3), Actor: "ana"})
		case 8:
			l.Append(stream, &domain.InvoiceIssued{InvoiceNumber: id, Sequence: random.IntN(50)})
		default:
			e := charged(id, fmt.Sprintf("0.%04d", random.IntN(10_000)))
			e.Released = random.IntN(4) == 0
			e.OccurredAt = time.Date(2026, 10, 1+random.IntN(28), 1, 0, 0, 0, time.UTC)
			l.Append(stream, e)
		}
	}
}

// TestRebuild: models that followed live and were restarted again and again,
// and models built in one go, are the same byte for byte.
func TestRebuild(t *testing.T) {
	t.Logf("seed %d", rebuildSeed)
	random := rand.New(rand.NewPCG(rebuildSeed, 1))
	for round := range 3 {
		l := projectionstest.New(t)
		store := l.Store()
		if round > 0 { // over the protocol of EventStoreDB
			store = esdbtest.Connect(t, esdbtest.ServeStore(t, store))
		}
		dir := t.TempDir()
		m := openModels(t, store, dir)
		for range 8 {
			history(l, random, random.IntN(60))
			switch random.IntN(3) {
			case 0: // with what is not committed yet
				m.close(t)
				m = openModels(t, store, dir)
			case 1:
				m.catchUp(t)
			}
		}
		m.catchUp(t)
		live := dump(t, m)
		m.close(t)
		fresh := openModels(t, l.Store(), t.TempDir())
		fresh.catchUp(t)
		if rebuilt := dump(t, fresh); rebuilt != live || !strings.Contains(live, "usage/sum/") {
			t.Errorf("rebuilt:\n%.2000s\nlive:\n%.2000s", rebuilt, live)
		}
		fresh.close(t)
	}
}

// TestCrash: after a crash that loses the last commits of the read models, or
// leaves the charge index ahead of them or behind, they are the same again.
func TestCrash(t *testing.T) {
	t.Logf("seed %d", rebuildSeed)
	random := rand.New(rand.NewPCG(rebuildSeed, 2))
	l := projectionstest.New(t)
	dir := t.TempDir()
	m := openModels(t, l.Store(), dir)
	l.Append("account-PA-1", charged("first", "1"))
	for range 10 {
		history(l, random, 40)
		m.catchUp(t)
	}
	l.Append("account-PA-1", charged("last", "1"))
	m.catchUp(t)
	crashed := t.TempDir()
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	live := dump(t, m)
	m.close(t)
	lost := false
	for i := range 6 {
		again := t.TempDir()
		if err := os.CopyFS(again, os.DirFS(crashed)); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // the index got everything to disk
			if err := os.RemoveAll(filepath.Join(again, "index")); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(filepath.Join(again, "index"), os.DirFS(filepath.Join(dir, "index"))); err != nil {
				t.Fatal(err)
			}
		}
		cutLog(t, filepath.Join(again, "views"), random)
		lost = lost || behind(t, l, again)
		m := openModels(t, l.Store(), again)
		m.catchUp(t)
		if got := dump(t, m); got != live {
			t.Errorf("after the crash:\n%.2000s\nbefore:\n%.2000s", got, live)
		}
		seen := 0
		keys := []domain.ChargeKey{domain.KeyOf("PA-1", "first"), domain.KeyOf("PA-1", "last")}
		if err := m.index.Seen(context.Background(), keys, func(int, domain.Seen) { seen++ }); err != nil || seen != len(keys) {
			t.Errorf("the index knows %d of %d, %v", seen, len(keys), err)
		}
		m.close(t)
	}
	if !lost {
		t.Error("no crash lost anything")
	}
}

// cutLog cuts the newest log file of a database somewhere, as a crash does
// that loses what was not synced.
func cutLog(t *testing.T, dir string, random *rand.Rand) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no log file in %s, %v", dir, err)
	}
	newest := slices.Max(logs)
	info, err := os.Stat(newest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(newest, random.Int64N(info.Size()+1)); err != nil {
		t.Fatal(err)
	}
}

// behind says whether the read models in the folder lack something.
func behind(t *testing.T, l *projectionstest.Log, dir string) bool {
	t.Helper()
	ctx := context.Background()
	engine, err := projections.Open(ctx, filepath.Join(dir, "views"), l.Store(), codec.New(), []projections.Model{usage.New()}, nil, projections.Options{})
	if err != nil {
		t.Fatal(err)
	}
	last, err := l.Store().Last(ctx)
	if err != nil {
		t.Fatal(err)
	}
	is := engine.Position().Before(last)
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	return is
}
