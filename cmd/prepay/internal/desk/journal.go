package desk

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"prepayledger/consumers/journal"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// JournalLine is a line of the double entry as it is written.
type JournalLine struct {
	Position   string              `json:"position"`
	EventID    string              `json:"event_id"`
	Stream     string              `json:"stream"`
	Revision   eventstore.Revision `json:"revision"`
	Type       string              `json:"type"`
	RecordedAt time.Time           `json:"recorded_at"`
	OccurredAt time.Time           `json:"occurred_at"`
	journal.Line
}

// JournalWanted says which lines of the journal are wanted; the zero value
// wants all.
type JournalWanted struct {
	// Month wants entries recorded in it (UTC).
	Month domain.Month
	// PartnerID wants the lines of one partner.
	PartnerID string
}

// beside tells whether an instant is before or after the wanted month.
func (w *JournalWanted) beside(at time.Time) (before, after bool) {
	if w.Month == "" {
		return false, false
	}
	m := domain.MonthOf(at, time.UTC)
	return m < w.Month, m > w.Month
}

// Journal books the log from its start, gives the wanted lines to write in the
// order of the log, and returns the trial balance.
func (d *Desk) Journal(ctx context.Context, w JournalWanted, write func(*JournalLine) error) (*journal.Trial, error) {
	if w.PartnerID != "" && !d.Ledger.Exists(w.PartnerID) {
		return nil, unknown(w.PartnerID)
	}
	book, trial, reader := journal.New(), journal.NewTrial(), d.Views.Codec.NewReader()
	for r, err := range d.Store.ReadAll(ctx, eventstore.Start) {
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
		before, after := w.beside(m.RecordedAt)
		if after {
			continue
		}
		for i := range lines {
			if w.PartnerID != "" && lines[i].PartnerID != w.PartnerID {
				continue
			}
			trial.Add(&lines[i], before)
			if before {
				continue
			}
			if err := write(&JournalLine{
				Position: r.Position.String(), EventID: r.ID.String(), Stream: r.Stream, Revision: r.Revision, Type: r.Type,
				RecordedAt: m.RecordedAt, OccurredAt: m.OccurredAt, Line: lines[i],
			}); err != nil {
				return nil, err
			}
		}
	}
	return trial, nil
}

// JournalCSV writes lines of the journal as CSV: its header at once, each line
// as it comes; flush ends it.
func JournalCSV(out io.Writer) (write func(*JournalLine) error, flush func() error) {
	w := csv.NewWriter(out)
	// What this errs with, Error says at the end, too.
	_ = w.Write([]string{"recorded_at", "occurred_at", "position", "event_id", "stream", "revision", "event_type", "account", "partner_id", "billing_month", "debit", "credit", "currency"})
	write = func(l *JournalLine) error {
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
	return write, func() error { w.Flush(); return w.Error() }
}
