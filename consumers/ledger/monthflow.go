package ledger

import (
	"context"

	"prepayledger/domain"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// MonthSettings returns the settings of month ends and where their stream
// ends.
func (l *Ledger) MonthSettings(ctx context.Context) (*reconciliation.Settings, eventstore.Revision, error) {
	s := &reconciliation.Settings{}
	revision, err := l.fold(ctx, reconciliation.SettingsStream, s.Apply)
	return s, revision, err
}

// ChangeMonthSettings decides a command of the settings of month ends.
func (l *Ledger) ChangeMonthSettings(ctx context.Context, m domain.Meta, cmd domain.Command) error {
	l.complete(&m)
	return decider.Retry(func() error {
		s, revision, err := l.MonthSettings(ctx)
		if err != nil {
			return err
		}
		events, err := s.Decide(m, cmd)
		if err != nil {
			return err
		}
		_, err = l.appendAll(ctx, reconciliation.SettingsStream, revision, m, events)
		return err
	})
}

// ReplaceMonthSettings decides several commands of the settings of month ends on
// the settings of a revision: all of them or none. It errs with
// eventstore.ErrWrongRevision where the settings are not of the revision.
func (l *Ledger) ReplaceMonthSettings(ctx context.Context, m domain.Meta, expected eventstore.Revision, cmds []domain.Command) error {
	l.complete(&m)
	s, revision, err := l.MonthSettings(ctx)
	if err != nil {
		return err
	}
	if revision != expected {
		return &eventstore.WrongRevisionError{Stream: reconciliation.SettingsStream, Expected: expected, Actual: revision}
	}
	var all []domain.Event
	for _, cmd := range cmds {
		events, err := s.Decide(m, cmd)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := s.Apply(e); err != nil {
				return err
			}
		}
		all = append(all, events...)
	}
	_, err = l.appendAll(ctx, reconciliation.SettingsStream, revision, m, all)
	return err
}

// CommentMonth records what somebody says about a month.
func (l *Ledger) CommentMonth(ctx context.Context, m domain.Meta, month domain.Month, text string) error {
	_, err := l.decideMonth(ctx, m, month, func(*reconciliation.Reconciliation) domain.Command {
		return &reconciliation.CommentReconciliation{Text: text}
	})
	return err
}

// WithdrawMonth takes the newest proposal of a month back (R29).
func (l *Ledger) WithdrawMonth(ctx context.Context, m domain.Meta, month domain.Month, reason string) error {
	_, err := l.decideMonth(ctx, m, month, func(*reconciliation.Reconciliation) domain.Command {
		return &reconciliation.WithdrawReconciliation{Reason: reason}
	})
	return err
}

// RatesOf is a book of all rate cards of some currencies that were imported.
// Volume tiers are not part of it.
func (l *Ledger) RatesOf(ctx context.Context, currencies ...string) (*rating.Book, error) {
	book := &rating.Book{}
	for _, currency := range currencies {
		_, err := l.fold(ctx, rateCardStream(currency), func(e domain.Event) error {
			imported, ok := e.(*rating.RateCardImported)
			if !ok {
				return nil
			}
			next, err := book.With(imported.Card)
			if err == nil {
				book = next
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return book, nil
}
