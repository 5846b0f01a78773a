package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"prepayledger/consumers/ledger"
	"prepayledger/domain/bank"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/eventstore/esdb/esdbtest"
)

// largeStatement has more entries than fit into one append.
func largeStatement() *bank.ImportBankStatement {
	c := &bank.ImportBankStatement{BankStatementImported: bank.BankStatementImported{StatementID: "abc", SHA256: "abcdef", Format: "csv"}}
	for i := range 3000 {
		c.Entries = append(c.Entries, bank.Entry{
			Reference: fmt.Sprint("R-", i), BookedOn: "2026-10-01", Amount: money.FromInt(1), Currency: "EUR", Text: strings.Repeat("x", 1000),
		})
	}
	return c
}

// The same statement imported by two ledgers at once is there once.
func TestABankStatementIsImportedOnce(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) {
		w := newWorld(t, open(t))
		ledgers := []*ledger.Ledger{w.ledger(ledger.Options{}), w.ledger(ledger.Options{})}
		var group sync.WaitGroup
		var fresh atomic.Int64
		for _, l := range ledgers {
			group.Go(func() {
				isNew, err := l.ImportBankStatement(context.Background(), meta("finance:ana"), smallStatement())
				if err != nil {
					t.Error(err)
				}
				if isNew {
					fresh.Add(1)
				}
			})
		}
		group.Wait()
		s, err := ledgers[0].BankStatement(context.Background(), "abc")
		if err != nil || s == nil || len(s.Entries) != 3 || fresh.Load() != 1 {
			t.Errorf("%d imports were new; %+v, %v", fresh.Load(), s, err)
		}
		if s, err := ledgers[1].BankStatement(context.Background(), "none"); s != nil || err != nil {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func smallStatement() *bank.ImportBankStatement {
	c := largeStatement()
	c.Entries = c.Entries[:3]
	return c
}

// cutting fails appends to statements after some.
type cutting struct {
	eventstore.Store
	left int
}

func (c *cutting) Append(ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Appended, error) {
	if strings.HasPrefix(stream, "bankstatement-") {
		if c.left == 0 {
			return eventstore.Appended{}, eventstore.ErrUnavailable
		}
		c.left--
	}
	return c.Store.Append(ctx, stream, expected, events)
}

// An import that fails in the middle leaves no statement, and the next one is
// whole.
func TestABankStatementThatWasCutShort(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) {
		w := newWorld(t, open(t))
		whole := w.store
		w.store = &cutting{Store: whole, left: 1}
		l := w.ledger(ledger.Options{})
		if _, err := l.ImportBankStatement(context.Background(), meta("finance:ana"), largeStatement()); !errors.Is(err, eventstore.ErrUnavailable) {
			t.Fatalf("the broken store answered %v", err)
		}
		w.store = whole
		l = w.ledger(ledger.Options{})
		if s, err := l.BankStatement(context.Background(), "abc"); s != nil || err != nil {
			t.Fatalf("half a statement: %+v, %v", s, err)
		}
		if fresh, err := l.ImportBankStatement(context.Background(), meta("finance:ana"), largeStatement()); !fresh || err != nil {
			t.Fatalf("%t, %v", fresh, err)
		}
		if s, err := l.BankStatement(context.Background(), "abc"); err != nil || s == nil || len(s.Entries) != 3000 {
			t.Errorf("%v, %v", s, err)
		}
	})
}
