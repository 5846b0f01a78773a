package desk

import (
	"context"
	"errors"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/statements"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// MonthEndStatement makes a partner's statement of a month. It errs with
// statements.ErrTie where it does not tie with the ledger.
func (d *Desk) MonthEndStatement(ctx context.Context, partner string, month domain.Month) (*statements.Statement, error) {
	if !d.Ledger.Exists(partner) {
		return nil, unknown(partner)
	}
	stream := ledger.AccountStream(partner)
	f := statements.NewFolding(partner, stream, month)
	if err := d.Fold(ctx, stream, func(r eventstore.Recorded, m codec.Metadata, e domain.Event) error { return f.Add(&r, &m, e) }); err != nil {
		return nil, err
	}
	s, err := f.Finish()
	if err != nil {
		return nil, err
	}
	posted, err := d.postedFor(ctx, partner, month)
	if err != nil {
		return nil, err
	}
	var lines []reconciliation.Line
	if posted != nil {
		lines = posted.Lines[partner]
		s.Documents = posted.Documents
	}
	rows, err := d.Views.Usage.Month(partner, month)
	if err != nil {
		return nil, err
	}
	s.AddUsage(rows, lines)
	days, err := d.Views.Usage.Days(partner)
	if err != nil {
		return nil, err
	}
	s.AddDays(days)
	return s, nil
}

// postedFor is the newest posted proposal of a month that an account takes
// part in; nil where there is none.
func (d *Desk) postedFor(ctx context.Context, partner string, month domain.Month) (*reconciliation.Proposal, error) {
	r := reconciliation.NewReconciliation()
	var found *reconciliation.Proposal
	err := d.Fold(ctx, reconciliation.Stream(month), func(_ eventstore.Recorded, _ codec.Metadata, e domain.Event) error {
		if err := r.Apply(e); err != nil {
			return err
		}
		if _, posted := e.(*reconciliation.ReconciliationPosted); posted {
			if _, takesPart := r.Latest().Account(partner); takesPart {
				found = r.Latest()
			}
		}
		return nil
	})
	if errors.Is(err, eventstore.ErrStreamNotFound) {
		return nil, nil
	}
	return found, err
}
