package ui

import (
	"fmt"

	"prepayledger/domain/money"
)

// ChartKind is how a chart is drawn.
type ChartKind string

// The kinds. A waterfall has one series of steps, and may have a second one
// with values that stand by themselves: a first and a last sum.
const (
	Line      ChartKind = "line"
	Bars      ChartKind = "bars"
	Stacked   ChartKind = "stacked"
	Waterfall ChartKind = "waterfall"
)

// Chart is a picture of figures. It is shown with a table of the same figures.
type Chart struct {
	Kind ChartKind `json:"kind"`
	// X are days (2026-10-31), or names.
	X []string `json:"x"`
	// Dates says that X are days.
	Dates  bool          `json:"dates"`
	Series []ChartSeries `json:"series"`
	// Marks are horizontal lines, such as a threshold.
	Marks []ChartMark `json:"marks,omitempty"`
	// Unit is the currency, or what is counted.
	Unit string `json:"unit"`
	// Head is what X is, for the table: Day, Category.
	Head string `json:"-"`
}

// ChartSeries is a row of figures, one for each X; nil is none.
type ChartSeries struct {
	Label  string          `json:"label"`
	Values []*money.Amount `json:"values"`
}

// ChartMark is a horizontal line.
type ChartMark struct {
	Label string       `json:"label"`
	Value money.Amount `json:"value"`
}

// cell is a figure of the table.
func (c *Chart) cell(a *money.Amount) string {
	if a == nil {
		return "–"
	}
	if len(c.Unit) == 3 {
		return AmountText(*a, money.Currency(c.Unit))
	}
	return group(a.String())
}

func legendClass(i int) string { return fmt.Sprintf("c%d", i%8+1) }
