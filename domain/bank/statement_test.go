package bank_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/bank"
	"prepayledger/domain/money"
)

func command(entries int) *bank.ImportBankStatement {
	c := &bank.ImportBankStatement{BankStatementImported: bank.BankStatementImported{StatementID: "abc", SHA256: "abcdef", Format: "csv"}}
	for range entries {
		c.Entries = append(c.Entries, bank.Entry{Reference: "R", BookedOn: "2026-11-20", Amount: money.FromInt(1), Currency: "EUR", Text: strings.Repeat("x", 100)})
	}
	return c
}

func decide(t *testing.T, s *bank.Statement, c *bank.ImportBankStatement) []domain.Event {
	t.Helper()
	events, err := s.Decide(domain.Meta{At: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}, c)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func apply(t *testing.T, s *bank.Statement, events ...domain.Event) {
	t.Helper()
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStatementIsImportedOnce(t *testing.T) {
	for _, n := range []int{0, 1, 500, 501, 2000} {
		s := &bank.Statement{}
		events := decide(t, s, command(n))
		apply(t, s, events...)
		if !s.Sealed || len(s.Entries) != n || s.StatementID != "abc" || s.ImportedAt.IsZero() {
			t.Errorf("%d entries: %d, sealed %t", n, len(s.Entries), s.Sealed)
		}
		if want := 2 + (n+499)/500; len(events) != want {
			t.Errorf("%d entries: %d events, want %d", n, len(events), want)
		}
		if again := decide(t, s, command(n)); len(again) != 0 {
			t.Errorf("the same again raises %d events", len(again))
		}
		other := command(n)
		other.SHA256 = "abcxyz"
		if _, err := s.Decide(domain.Meta{}, other); domain.RejectionCode(err) != domain.BankStatementInvalid {
			t.Errorf("another file of the same id: %v", err)
		}
	}
}

// An import that was cut short does not exist, and begins anew.
func TestAnImportThatWasCutShort(t *testing.T) {
	s := &bank.Statement{}
	events := decide(t, s, command(600))
	apply(t, s, events[:2]...)
	if s.Sealed {
		t.Fatal("sealed without its seal")
	}
	apply(t, s, decide(t, s, command(600))...)
	if !s.Sealed || len(s.Entries) != 600 {
		t.Errorf("%d entries", len(s.Entries))
	}
}

func TestStreamsThatAreDamaged(t *testing.T) {
	events := decide(t, &bank.Statement{}, command(600))
	foreign := &domain.CardReplaced{}
	for name, damaged := range map[string][]domain.Event{
		"a piece is missing": {events[0], events[2]}, "the seal comes early": {events[0], events[1], events[3]},
		"something follows": append(append([]domain.Event{}, events...), events[0]), "foreign": {foreign},
		"changed": {events[0], &bank.BankStatementEntries{First: 1, Entries: command(600).Entries[:599]}, &bank.BankStatementEntries{First: 600, Entries: []bank.Entry{{Reference: "X"}}}, events[3]},
	} {
		s := &bank.Statement{}
		var err error
		for _, e := range damaged {
			if err = s.Apply(e); err != nil {
				break
			}
		}
		if !errors.Is(err, bank.ErrStream) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
