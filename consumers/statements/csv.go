package statements

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"prepayledger/domain/money"
)

// CSV writes the statement as one table; section tells what a row is. Amounts
// are exact decimals.
func (s *Statement) CSV(w io.Writer) error {
	out := csv.NewWriter(w)
	write := func(section, label, waba, market, category, at, count, amount, currency, note string) {
		_ = out.Write([]string{s.PartnerID, string(s.Month), section, label, waba, market, category, at, count, amount, currency, note})
	}
	row := func(section, label, waba, market, category, at string, count int64, amount money.Amount, note string) {
		counted := ""
		if count != 0 {
			counted = strconv.FormatInt(count, 10)
		}
		write(section, label, waba, market, category, at, counted, amount.String(), string(s.Currency), note)
	}
	_ = out.Write([]string{"partner_id", "month", "section", "label", "waba_id", "market", "category", "at", "count", "amount", "currency", "note"})
	row("opening", "Opening balance", "", "", "", "", 0, s.Opening, s.Status())
	for _, m := range s.Movements {
		row("movement", m.Kind.Label(), "", "", "", "", m.Count, m.Amount, "")
	}
	row("closing", "Closing balance", "", "", "", "", 0, s.Closing, s.Status())
	row("surcharge", "Surcharges, paid by card and not credited", "", "", "", "", 0, s.Surcharges, "")
	for _, d := range s.Details {
		row("detail", d.Kind.Label(), "", "", "", d.RecordedAt.UTC().Format(time.RFC3339), 0, d.Amount, d.Reference)
	}
	for i := range s.Usage {
		u := &s.Usage[i]
		row("usage", s.usageLabel(), u.WABAID, u.Market, u.Category, "", u.Count, u.Amount, "")
		if u.Free != 0 {
			row("usage free", "At no cost", u.WABAID, u.Market, u.Category, "", u.Free, money.Zero(), "")
		}
		if s.Adjusted != nil {
			row("usage final", "Invoiced by Meta", u.WABAID, u.Market, u.Category, "", u.Invoiced, u.InvoicedAmount, "")
		}
	}
	for _, d := range s.Days {
		row("day", "Usage of the day", "", "", d.Category, d.Day.Format(time.DateOnly), d.Count, d.Amount, "")
	}
	for _, d := range s.Documents {
		write("document", d.InvoiceID, "", "", "", "", "", "", "", fmt.Sprintf("version %d, SHA-256 %s", d.Version, d.SHA256))
	}
	for _, line := range s.TieLines() {
		write("tie", line[0], "", "", "", "", "", "", "", line[1])
	}
	out.Flush()
	return out.Error()
}

// Status is whether the usage is estimated or final, for people.
func (s *Statement) Status() string {
	if s.Estimated {
		return "ESTIMATED: the month is not reconciled with Meta's invoice"
	}
	return "FINAL: reconciled with Meta's invoice"
}

func (s *Statement) usageLabel() string {
	if s.Estimated {
		return "Charged, estimated"
	}
	return "Charged"
}

// TieLines say how the statement ties with the ledger: names and values.
func (s *Statement) TieLines() [][2]string {
	t := &s.Tie
	lines := [][2]string{
		{"Stream", t.Stream},
		{"Events of the month", strconv.FormatInt(t.Events, 10)},
	}
	for _, e := range []struct {
		name  string
		event *Event
	}{{"First event", t.First}, {"Last event", t.Last}} {
		if e.event != nil {
			lines = append(lines, [2]string{e.name, "revision " + strconv.FormatInt(int64(e.event.Revision), 10) + ", position " + e.event.Position +
				", id " + e.event.ID.String() + ", recorded " + e.event.At.UTC().Format(time.RFC3339Nano)})
		}
	}
	return append(lines,
		[2]string{"SHA-256 of the range", t.SHA256},
		[2]string{"What it is over", "each event's id, a line feed, its data, a line feed"},
		[2]string{"Check", "opening balance + movements = closing balance = the balance that the ledger's rules give at the last event"},
	)
}
