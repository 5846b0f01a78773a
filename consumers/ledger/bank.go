package ledger

import (
	"context"

	"prepayledger/domain"
	"prepayledger/domain/bank"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// ImportBankStatement records a statement, whole or not at all, and says
// whether it is new. It changes no balance.
func (l *Ledger) ImportBankStatement(ctx context.Context, m domain.Meta, c *bank.ImportBankStatement) (fresh bool, err error) {
	l.complete(&m)
	err = decider.Retry(func() error {
		s, revision, err := l.bankStatement(ctx, c.StatementID)
		if err != nil {
			return err
		}
		events, err := s.Decide(m, c)
		if err != nil {
			return err
		}
		fresh = len(events) > 0
		_, err = l.appendAll(ctx, bank.Stream(c.StatementID), revision, m, events)
		return err
	})
	return fresh, err
}

// BankStatement returns a statement; nil where there is none, or only one
// whose import was cut short.
func (l *Ledger) BankStatement(ctx context.Context, id string) (*bank.Statement, error) {
	s, _, err := l.bankStatement(ctx, id)
	if err != nil || !s.Sealed {
		return nil, err
	}
	return s, nil
}

func (l *Ledger) bankStatement(ctx context.Context, id string) (*bank.Statement, eventstore.Revision, error) {
	s := &bank.Statement{}
	revision, err := l.fold(ctx, bank.Stream(id), s.Apply)
	return s, revision, err
}
