package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/journal"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// exportJournalCmd writes the double entry of the log.
type exportJournalCmd struct {
	Month   *billingMonth `help:"Only entries recorded in this month (UTC), such as 2026-10." placeholder:"MONTH"`
	Partner string        `help:"Only the lines of this partner."`
	CSV     bool          `help:"Write every line as CSV."`
}

// Help implements kong.HelpProvider.
func (*exportJournalCmd) Help() string {
	return `Double entry of everything that was recorded: --csv and --json write one line per
booked line, in the order of the log; without them the trial balance is shown.
An entry belongs to the month in which it was recorded (UTC), so that a month
that is over never changes; billing_month says which month of Meta it is about.

  prepay export journal --month 2026-10
  prepay export journal --month 2026-10 --csv > october-journal.csv`
}

// journalLine is a booked line as it is written.
type journalLine struct {
	Position   string              `json:"position"`
	EventID    string              `json:"event_id"`
	Stream     string              `json:"stream"`
	Revision   eventstore.Revision `json:"revision"`
	Type       string              `json:"type"`
	RecordedAt time.Time           `json:"recorded_at"`
	OccurredAt time.Time           `json:"occurred_at"`
	journal.Line
}

// Run runs the command.
func (c *exportJournalCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		if c.Partner != "" && !a.Ledger.Exists(c.Partner) {
			return domain.Reject(domain.UnknownAccount, "There is no partner account %.64q: see prepay account list.", c.Partner)
		}
		write, flush := c.writer(g)
		trial, err := c.read(ctx, a, write)
		if err = errors.Join(err, flush()); err != nil || c.CSV || g.JSON {
			return err
		}
		writeTrial(g.Stdout, trial)
		return nil
	})
}

// read books the log from its start and gives the wanted lines to write.
func (c *exportJournalCmd) read(ctx context.Context, a *desk.Desk, write func(*journalLine) error) (*journal.Trial, error) {
	book, trial, reader := journal.New(), journal.NewTrial(), a.Views.Codec.NewReader()
	for r, err := range a.Store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return nil, err
		}
		if !journal.Booked(r.Stream) {
			continue
		}
		m, err := reader.DecodeMetadata(r.Metadata)
		if err != nil {
			return nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
		e, err := reader.Decode(r.Type, m.Version, r.Data)
		if err != nil {
			return nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
		lines, err := book.Entries(r.Stream, e)
		if err != nil {
			return nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
		before, after := c.beside(m.RecordedAt)
		if after {
			continue
		}
		for i := range lines {
			if c.Partner != "" && lines[i].PartnerID != c.Partner {
				continue
			}
			trial.Add(&lines[i], before)
			if before {
				continue
			}
			if err := write(&journalLine{
				Position: r.Position.String(), EventID: r.ID.String(), Stream: r.Stream, Revision: r.Revision, Type: r.Type,
				RecordedAt: m.RecordedAt, OccurredAt: m.OccurredAt, Line: lines[i],
			}); err != nil {
				return nil, err
			}
		}
	}
	return trial, nil
}

// beside tells whether an instant is before or after the wanted month.
func (c *exportJournalCmd) beside(at time.Time) (before, after bool) {
	if c.Month == nil {
		return false, false
	}
	m := domain.MonthOf(at, time.UTC)
	return m < c.Month.Month, m > c.Month.Month
}

// writer writes lines as they come.
func (c *exportJournalCmd) writer(g *globals) (write func(*journalLine) error, flush func() error) {
	switch {
	case g.JSON:
		return func(l *journalLine) error { return writeJSON(g.Stdout, l) }, func() error { return nil }
	case !c.CSV:
		return func(*journalLine) error { return nil }, func() error { return nil }
	}
	w := csv.NewWriter(g.Stdout)
	err := w.Write([]string{"recorded_at", "occurred_at", "position", "event_id", "stream", "revision", "event_type", "account", "partner_id", "billing_month", "debit", "credit", "currency"})
	write = func(l *journalLine) error {
		debit, credit := l.Debit().String(), l.Credit().String()
		if l.Amount.Sign() > 0 {
			credit = ""
		} else {
			debit = ""
		}
		return w.Write([]string{
			l.RecordedAt.UTC().Format(time.RFC3339Nano), l.OccurredAt.UTC().Format(time.RFC3339Nano), l.Position, l.EventID, l.Stream,
			strconv.FormatInt(int64(l.Revision), 10), l.Type, string(l.Account), l.PartnerID, string(l.Month), debit, credit, string(l.Currency),
		})
	}
	return write, func() error { w.Flush(); return errors.Join(err, w.Error()) }
}

func writeTrial(w io.Writer, trial *journal.Trial) {
	t := newTable("account", "opening", "debit", "credit", "closing")
	for _, b := range trial.Balances() {
		t.AppendRow(table.Row{b.Account, shown(b.Opening, b.Currency), shown(b.Debit, b.Currency), shown(b.Credit, b.Currency), shown(b.Closing, b.Currency)})
	}
	fmt.Fprintln(w, t.Render())
	for c, total := range trial.Totals() {
		if !total.IsZero() {
			fmt.Fprintf(w, "%s does not balance: it is off by %s. This is an error of prepay.\n", c, total)
			return
		}
	}
	fmt.Fprintln(w, "Debits are positive, credits negative. Every currency sums to zero.")
}
