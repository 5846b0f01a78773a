package ledger_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore/embedded"
)

var errChanged = errors.New("it changed meanwhile")

// threshold is a change of the settings, and the condition that they are what
// was seen.
func threshold(seen, want string) (*domain.ChangeRechargeSettings, func(*domain.Account) error) {
	amount := money.MustParse(want)
	return &domain.ChangeRechargeSettings{Threshold: &amount}, func(a *domain.Account) error {
		if a.Settings.Threshold.String() != seen {
			return errChanged
		}
		return nil
	}
}

// A condition that holds lets the command be done; one that does not keeps
// everything as it was; a command that counted before is not asked again.
func TestDoIf(t *testing.T) {
	w := newWorld(t, openEmbedded(t))
	l := w.ledger(ledger.Options{})
	w.open(l, "PA-1", "500", "sim_ok")
	settings := func() (got string) {
		w.must(l.Inspect(t.Context(), "PA-1", func(a *domain.Account) { got = a.Settings.Threshold.String() }))
		return got
	}
	m := domain.Meta{Actor: "partner:pia", CommandID: uuid.New()}
	change, holds := threshold("100", "150")
	w.must(l.DoIf(t.Context(), "PA-1", m, change, holds))
	if got := settings(); got != "150" {
		t.Fatalf("the threshold is %s", got)
	}
	other, stale := threshold("100", "175")
	if err := l.DoIf(t.Context(), "PA-1", meta("partner:ben"), other, stale); !errors.Is(err, errChanged) || settings() != "150" {
		t.Errorf("a change of what was seen before: %v, the threshold is %s", err, settings())
	}
	// The same command again: its condition holds no more, and it is done.
	w.must(l.DoIf(t.Context(), "PA-1", m, change, holds))
	var rejected *domain.Rejection
	if err := l.DoIf(t.Context(), "PA-9", meta("partner:pia"), change, holds); !errors.As(err, &rejected) || rejected.Code != domain.UnknownAccount {
		t.Errorf("an account that is not there: %v", err)
	}
}

// Of many editors who saw the same, one is let through: also where they go
// through two ledgers on one store.
func TestEditorsRace(t *testing.T) {
	w := newWorld(t, openEmbedded(t))
	ledgers := []*ledger.Ledger{w.ledger(ledger.Options{}), w.ledger(ledger.Options{})}
	w.open(ledgers[0], "PA-1", "500", "sim_ok")
	const editors = 16
	results := make([]error, editors)
	var race sync.WaitGroup
	for i := range editors {
		race.Go(func() {
			change, holds := threshold("100", money.FromInt(int64(200+i)).String())
			results[i] = ledgers[i%len(ledgers)].DoIf(t.Context(), "PA-1", meta("partner:pia"), change, holds)
		})
	}
	race.Wait()
	won := -1
	for i, err := range results {
		switch {
		case err == nil && won < 0:
			won = i
		case err == nil:
			t.Errorf("editors %d and %d both changed what they saw", won, i)
		case !errors.Is(err, errChanged):
			t.Errorf("editor %d: %v", i, err)
		}
	}
	var got string
	w.must(ledgers[0].Inspect(t.Context(), "PA-1", func(a *domain.Account) { got = a.Settings.Threshold.String() }))
	if want := money.FromInt(int64(200 + won)).String(); won < 0 || got != want {
		t.Errorf("editor %d won, the threshold is %s", won, got)
	}
}

// openEmbedded opens a log of the test's own.
func openEmbedded(t *testing.T) *embedded.Store {
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
