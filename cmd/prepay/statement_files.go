package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/statements"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// monthEnd writes the month-end statement to the files that are asked for.
func (c *statementCmd) monthEnd(ctx context.Context, g *globals, a *app) error {
	s, err := a.monthEndStatement(ctx, c.Partner, c.Month.Month)
	if err != nil {
		return err
	}
	files := []string{}
	for _, f := range []struct {
		name, flag string
		write      func(io.Writer) error
	}{
		{c.PDF, "--pdf", func(w io.Writer) error {
			data, err := s.PDF(c.Name)
			if err == nil {
				_, err = w.Write(data)
			}
			return err
		}},
		{c.XLSX, "--xlsx", s.XLSX}, {c.FullCSV, "--full-csv", s.CSV},
	} {
		if f.name == "" {
			continue
		}
		if f.name == "-" {
			return f.write(g.Stdout)
		}
		if err := writeWhole(f.name, f.write); err != nil {
			return fmt.Errorf("%s: %w", f.flag, err)
		}
		files = append(files, f.name)
	}
	return g.print(map[string]any{"statement": s, "files": files}, func(w io.Writer) {
		for _, f := range files {
			fmt.Fprintf(w, "%s is written.\n", f)
		}
		fmt.Fprintf(w, "%s, %s: %s\n", s.PartnerID, s.Month, s.Status())
	})
}

// monthEndStatement makes a partner's statement of a month. It errs with
// statements.ErrTie where it does not tie with the ledger.
func (a *app) monthEndStatement(ctx context.Context, partner string, month domain.Month) (*statements.Statement, error) {
	if !a.ledger.Exists(partner) {
		return nil, domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: see prepay account list.", partner)
	}
	stream := ledger.AccountStream(partner)
	f := statements.NewFolding(partner, stream, month)
	if err := a.fold(ctx, stream, func(r eventstore.Recorded, m codec.Metadata, e domain.Event) error { return f.Add(&r, &m, e) }); err != nil {
		return nil, err
	}
	s, err := f.Finish()
	if err != nil {
		return nil, err
	}
	posted, err := a.postedFor(ctx, partner, month)
	if err != nil {
		return nil, err
	}
	var lines []reconciliation.Line
	if posted != nil {
		lines = posted.Lines[partner]
		s.Documents = posted.Documents
	}
	rows, err := a.views.usage.Month(partner, month)
	if err != nil {
		return nil, err
	}
	s.AddUsage(rows, lines)
	days, err := a.views.usage.Days(partner)
	if err != nil {
		return nil, err
	}
	s.AddDays(days)
	return s, nil
}

// postedFor is the newest posted proposal of a month that an account takes
// part in; nil where there is none.
func (a *app) postedFor(ctx context.Context, partner string, month domain.Month) (*reconciliation.Proposal, error) {
	r := reconciliation.NewReconciliation()
	var found *reconciliation.Proposal
	err := a.fold(ctx, reconciliation.Stream(month), func(_ eventstore.Recorded, _ codec.Metadata, e domain.Event) error {
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

// writeWhole writes a file whole or not at all.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	unfinished := path + ".tmp"
	file, err := os.Create(unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(unfinished)
		}
	}()
	if err := errors.Join(write(file), file.Close()); err != nil {
		return err
	}
	return os.Rename(unfinished, path)
}
