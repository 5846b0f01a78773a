// Package xlsx writes workbooks row by row: sheets of 100,000 rows take little
// memory. A spreadsheet's numbers have about 15 digits: an amount is written
// as a number, and where it has more digits its exact decimal is to stand
// beside it (Exact).
package xlsx

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"prepayledger/domain/money"
)

// Limits of the format.
const (
	// MaxRows is how many rows a sheet has, header included.
	MaxRows = 1_048_576
	// MaxText is how many characters a cell has; a longer text is cut.
	MaxText = 32_767
	// MaxDigits is how many digits of a number are kept.
	MaxDigits = 15
)

// ErrTooLong says that a sheet has more rows than the format allows.
var ErrTooLong = errors.New("too many rows for a sheet")

// Column is a column of a sheet; Width is in characters.
type Column struct {
	Name  string
	Width float64
}

// Formula is a cell that the spreadsheet works out, without "=".
type Formula string

// Title is a text in bold.
type Title string

// Book is a workbook in the making.
type Book struct {
	file                        *excelize.File
	head, title, amount, number int
}

// New returns an empty workbook. It is to be closed.
func New() (*Book, error) {
	b := &Book{file: excelize.NewFile()}
	amount, number := "#,##0.00####", "#,##0"
	styles := []struct {
		id    *int
		style excelize.Style
	}{
		{&b.head, excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"DDE6F0"}}}},
		{&b.title, excelize.Style{Font: &excelize.Font{Bold: true}}},
		{&b.amount, excelize.Style{CustomNumFmt: &amount}},
		{&b.number, excelize.Style{CustomNumFmt: &number}},
	}
	for i := range styles {
		id, err := b.file.NewStyle(&styles[i].style)
		if err != nil {
			return nil, errors.Join(err, b.file.Close())
		}
		*styles[i].id = id
	}
	return b, nil
}

// Close frees what the workbook holds, temporary files too.
func (b *Book) Close() error { return b.file.Close() }

// Write writes the workbook.
func (b *Book) Write(w io.Writer) error {
	if err := b.file.DeleteSheet("Sheet1"); err != nil {
		return err
	}
	b.file.SetActiveSheet(0)
	return b.file.Write(w)
}

// Sheet is a sheet that is written from top to bottom.
type Sheet struct {
	book   *Book
	name   string
	stream *excelize.StreamWriter
	rows   int
}

// Sheet begins a sheet with a row of column names. The sheet before it has to
// be finished.
func (b *Book) Sheet(name string, columns ...Column) (*Sheet, error) {
	if _, err := b.file.NewSheet(name); err != nil {
		return nil, err
	}
	stream, err := b.file.NewStreamWriter(name)
	if err != nil {
		return nil, err
	}
	s := &Sheet{book: b, name: name, stream: stream}
	header := make([]any, len(columns))
	for i, c := range columns {
		if err := stream.SetColWidth(i+1, i+1, c.Width); err != nil {
			return nil, err
		}
		header[i] = excelize.Cell{StyleID: b.head, Value: c.Name}
	}
	if err := stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	return s, s.set(header)
}

// Rows is how many rows there are, the header included: also the number of
// the last one.
func (s *Sheet) Rows() int { return s.rows }

// Row writes a row: texts, Title, counts (int, int64), money.Amount, Formula,
// or nil for an empty cell.
func (s *Sheet) Row(values ...any) error {
	cells := make([]any, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil:
		case string:
			cells[i] = text(v)
		case Title:
			cells[i] = excelize.Cell{StyleID: s.book.title, Value: text(string(v))}
		case int:
			cells[i] = excelize.Cell{StyleID: s.book.number, Value: v}
		case int64:
			cells[i] = excelize.Cell{StyleID: s.book.number, Value: v}
		case money.Amount:
			number, err := strconv.ParseFloat(v.String(), 64)
			if err != nil {
				return fmt.Errorf("sheet %s, row %d: %w", s.name, s.rows+1, err)
			}
			cells[i] = excelize.Cell{StyleID: s.book.amount, Value: number}
		case Formula:
			cells[i] = excelize.Cell{StyleID: s.book.amount, Formula: string(v)}
		default:
			return fmt.Errorf("sheet %s, row %d: no cell for %T", s.name, s.rows+1, v)
		}
	}
	return s.set(cells)
}

func (s *Sheet) set(cells []any) error {
	if s.rows == MaxRows {
		return fmt.Errorf("%w: sheet %s, %d rows", ErrTooLong, s.name, MaxRows)
	}
	s.rows++
	return s.stream.SetRow("A"+strconv.Itoa(s.rows), cells)
}

// Finish ends the sheet.
func (s *Sheet) Finish() error { return s.stream.Flush() }

// Sum is the formula that sums a column, such as "D", over rows.
func Sum(column string, first, last int) Formula {
	return Formula(fmt.Sprintf("SUM(%s%d:%s%d)", column, first, column, max(first, last)))
}

// Exact is the decimal of an amount that has more digits than a spreadsheet's
// numbers keep; nil, an empty cell, for others.
func Exact(a money.Amount) any {
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(a.String()), "0")
	if len(digits) <= MaxDigits {
		return nil
	}
	return a.String()
}

// text is cut to what a cell holds, whole characters.
func text(s string) string {
	if utf8.RuneCountInString(s) <= MaxText {
		return s
	}
	return string([]rune(s)[:MaxText])
}

// Series is one row of bars of a chart: ranges such as "Days!$A$2:$A$32".
type Series struct{ Name, Categories, Values string }

// Charts adds a sheet of charts, one below the other.
func (b *Book) Charts(name string, charts ...Chart) error {
	if _, err := b.file.NewSheet(name); err != nil {
		return err
	}
	for i, c := range charts {
		kind := excelize.Col
		if c.Stacked {
			kind = excelize.ColStacked
		}
		if c.Bars {
			kind = excelize.Bar
		}
		chart := &excelize.Chart{
			Type: kind, Title: excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: c.Title}}},
			Dimension: excelize.ChartDimension{Width: 640, Height: chartHeight}, Legend: excelize.ChartLegend{Position: "bottom"},
			YAxis: excelize.ChartAxis{MajorGridLines: true},
		}
		if len(c.Series) < 2 {
			chart.Legend.Position = "none"
		}
		for _, s := range c.Series {
			chart.Series = append(chart.Series, excelize.ChartSeries{Name: s.Name, Categories: s.Categories, Values: s.Values})
		}
		if err := b.file.AddChart(name, fmt.Sprintf("A%d", 1+i*chartRows), chart); err != nil {
			return err
		}
	}
	return nil
}

// The height of a chart in pixels and in rows.
const (
	chartHeight = 360
	chartRows   = 20
)

// Chart is a chart of columns, or of Bars from left to right.
type Chart struct {
	Title   string
	Series  []Series
	Stacked bool
	Bars    bool
}
