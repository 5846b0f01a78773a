package statements

import (
	"fmt"
	"io"
	"slices"
	"time"

	"prepayledger/consumers/xlsx"
)

// XLSX writes the statement as a workbook: sums are formulas, so that it can
// be recalculated, and the exact figures of the ledger stand beside them.
func (s *Statement) XLSX(w io.Writer) (err error) {
	b, err := xlsx.New()
	if err != nil {
		return err
	}
	defer func() {
		if e := b.Close(); err == nil {
			err = e
		}
	}()
	for _, sheet := range []func(*xlsx.Book) error{s.statementSheet, s.usageSheet, s.detailSheet, s.daySheet, s.tieSheet} {
		if err := sheet(b); err != nil {
			return err
		}
	}
	return b.Write(w)
}

func (s *Statement) statementSheet(b *xlsx.Book) error {
	sheet, err := b.Sheet("Statement", xlsx.Column{Name: "Statement", Width: 44}, xlsx.Column{Name: "Count", Width: 12},
		xlsx.Column{Name: "Amount, " + string(s.Currency), Width: 20}, xlsx.Column{Name: "Ledger, exact", Width: 26})
	if err != nil {
		return err
	}
	rows := [][]any{
		{xlsx.Title(s.PartnerID), nil, nil, s.Name}, {xlsx.Title(string(s.Month)), nil, nil, s.Status()}, {},
		{xlsx.Title("Opening balance"), nil, s.Opening, s.Opening.String()},
	}
	first := 1 + len(rows)
	for _, m := range s.Movements {
		rows = append(rows, []any{m.Kind.Label(), m.Count, m.Amount, m.Amount.String()})
	}
	last := first + len(s.Movements)
	rows = append(rows,
		[]any{xlsx.Title("Closing balance"), nil, xlsx.Sum("C", first, last), s.Closing.String()}, nil,
		[]any{"Surcharges, paid by card and not credited", nil, s.Surcharges, s.Surcharges.String()})
	if a := s.Adjusted; a != nil {
		at := len(rows) + 3
		rows = append(rows, nil, []any{"Charged in " + string(s.Month), nil, a.Charged, a.Charged.String()},
			[]any{"Adjusted at month end", nil, a.Adjusted, a.Adjusted.String()},
			[]any{"Invoiced by Meta", nil, xlsx.Formula(fmt.Sprintf("C%d-C%d", at, at+1)), a.Invoiced.String()})
	}
	return write(sheet, rows)
}

func write(sheet *xlsx.Sheet, rows [][]any) error {
	for _, r := range rows {
		if err := sheet.Row(r...); err != nil {
			return err
		}
	}
	return sheet.Finish()
}

func (s *Statement) usageSheet(b *xlsx.Book) error {
	sheet, err := b.Sheet("Usage", xlsx.Column{Name: "WABA", Width: 24}, xlsx.Column{Name: "Market", Width: 24}, xlsx.Column{Name: "Category", Width: 26},
		xlsx.Column{Name: "Charged", Width: 12}, xlsx.Column{Name: s.usageLabel() + ", " + string(s.Currency), Width: 24}, xlsx.Column{Name: "Free", Width: 10},
		xlsx.Column{Name: "Invoiced", Width: 12}, xlsx.Column{Name: "Invoiced, " + string(s.Currency), Width: 20}, xlsx.Column{Name: "Exact", Width: 26})
	if err != nil {
		return err
	}
	final := func(u *Usage) (any, any) {
		if s.Adjusted == nil {
			return nil, nil
		}
		return u.Invoiced, u.InvoicedAmount
	}
	for i := range s.Usage {
		u := &s.Usage[i]
		category := u.Category
		if last(*u) == 1 {
			category = "rounding"
		}
		count, amount := final(u)
		if err := sheet.Row(u.WABAID, u.Market, category, u.Count, u.Amount, u.Free, count, amount, xlsx.Exact(u.Amount)); err != nil {
			return err
		}
	}
	n, t := sheet.Rows(), &s.UsageTotal
	return write(sheet, [][]any{
		{xlsx.Title("Total"), nil, nil, xlsx.Sum("D", 2, n), xlsx.Sum("E", 2, n), xlsx.Sum("F", 2, n), xlsx.Sum("G", 2, n), xlsx.Sum("H", 2, n), nil},
		{"Ledger, exact", nil, nil, fmt.Sprint(t.Count), t.Amount.String(), fmt.Sprint(t.Free), fmt.Sprint(t.Invoiced), t.InvoicedAmount.String()},
	})
}

func (s *Statement) detailSheet(b *xlsx.Book) error {
	sheet, err := b.Sheet("Movements", xlsx.Column{Name: "Recorded (UTC)", Width: 22}, xlsx.Column{Name: "Kind", Width: 38}, xlsx.Column{Name: "Reference", Width: 34},
		xlsx.Column{Name: "Amount, " + string(s.Currency), Width: 20}, xlsx.Column{Name: "Surcharge, " + string(s.Currency), Width: 20}, xlsx.Column{Name: "Exact", Width: 26})
	if err != nil {
		return err
	}
	var rows [][]any
	for _, d := range s.Details {
		rows = append(rows, []any{d.RecordedAt.UTC().Format(time.DateTime), d.Kind.Label(), d.Reference, d.Amount, d.Surcharge, xlsx.Exact(d.Amount)})
	}
	if s.DetailsOmitted > 0 {
		rows = append(rows, []any{fmt.Sprintf("%d more are not listed.", s.DetailsOmitted)})
	}
	return write(sheet, rows)
}

// categories are those of the days, in order.
func (s *Statement) categories() []string {
	var names []string
	for _, d := range s.Days {
		if n, found := slices.BinarySearch(names, d.Category); !found {
			names = slices.Insert(names, n, d.Category)
		}
	}
	return names
}

// daySheet has a row per day with a column per category, and charts of them.
func (s *Statement) daySheet(b *xlsx.Book) error {
	table, names := s.perDay(), s.categories()
	if len(table) == 0 || len(names) > maxChartCategories {
		return nil
	}
	columns := []xlsx.Column{{Name: "Day (UTC)", Width: 14}}
	for _, n := range names {
		columns = append(columns, xlsx.Column{Name: n, Width: 20})
	}
	sheet, err := b.Sheet("Days", columns...)
	if err != nil {
		return err
	}
	for _, d := range table {
		row := []any{d.day}
		for _, a := range d.amounts {
			row = append(row, a)
		}
		if err := sheet.Row(row...); err != nil {
			return err
		}
	}
	if err := sheet.Finish(); err != nil {
		return err
	}
	days := xlsx.Chart{Title: fmt.Sprintf("Usage per day, %s", s.Currency), Stacked: true}
	for i := range names {
		column := string(rune('B' + i))
		days.Series = append(days.Series, xlsx.Series{
			Name: "Days!$" + column + "$1", Categories: fmt.Sprintf("Days!$A$2:$A$%d", len(table)+1),
			Values: fmt.Sprintf("Days!$%s$2:$%s$%d", column, column, len(table)+1),
		})
	}
	totals := s.By(func(u *Usage) string { return u.Category })
	by, err := b.Sheet("Categories", xlsx.Column{Name: "Category", Width: 26}, xlsx.Column{Name: "Charged", Width: 12}, xlsx.Column{Name: "Amount", Width: 20})
	if err != nil {
		return err
	}
	for _, t := range totals {
		if err := by.Row(t.Name, t.Count, t.Amount); err != nil {
			return err
		}
	}
	if err := by.Finish(); err != nil {
		return err
	}
	return b.Charts("Charts", days, xlsx.Chart{Title: fmt.Sprintf("Usage by category, %s", s.Currency), Bars: true, Series: []xlsx.Series{{
		Name: "Categories!$C$1", Categories: fmt.Sprintf("Categories!$A$2:$A$%d", len(totals)+1), Values: fmt.Sprintf("Categories!$C$2:$C$%d", len(totals)+1),
	}}})
}

// maxChartCategories is how many categories a chart can show.
const maxChartCategories = 20

func (s *Statement) tieSheet(b *xlsx.Book) error {
	sheet, err := b.Sheet("How it ties", xlsx.Column{Name: "What", Width: 28}, xlsx.Column{Name: "Value", Width: 110})
	if err != nil {
		return err
	}
	var rows [][]any
	for _, l := range s.TieLines() {
		rows = append(rows, []any{l[0], l[1]})
	}
	for _, d := range s.Documents {
		rows = append(rows, []any{"Document of Meta", fmt.Sprintf("%s, version %d, SHA-256 %s", d.InvoiceID, d.Version, d.SHA256)})
	}
	return write(sheet, rows)
}
