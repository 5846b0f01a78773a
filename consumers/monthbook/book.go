// Package monthbook writes Finance's workbook of a month's end: every account,
// line and part, what is nobody's, rates of exchange, documents, and how all
// of it ties. Sums are formulas; the exact figures of the ledger stand beside
// them.
package monthbook

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"prepayledger/consumers/xlsx"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// Month is what the workbook is made of: a proposal, posted or not, or a
// preview.
type Month struct {
	Month      domain.Month
	Phase      reconciliation.Phase
	Run        int
	ProposedBy string
	ApprovedBy string

	Accounts []reconciliation.AccountSummary
	// Lines of each account, in order.
	Lines map[string][]reconciliation.Line
	// Runs is the newest run that an account took part in: its adjustment is
	// that run's. Absent in a preview.
	Runs        map[string]int
	Documents   []reconciliation.DocumentRef
	Unallocated []reconciliation.LineRef
	OwnCost     []reconciliation.LineRef
	Direct      []reconciliation.DirectTotal
	Uninvoiced  []reconciliation.Uninvoiced
	// Tie are names and values of how the month ties with the log.
	Tie [][2]string
}

// kinds are the parts in the order in which they take a difference.
func kinds() []reconciliation.PartKind {
	return []reconciliation.PartKind{
		reconciliation.PartLate, reconciliation.PartFree, reconciliation.PartCategory, reconciliation.PartMissingAtMeta, reconciliation.PartMissingHere,
		reconciliation.PartTier, reconciliation.PartQuantity, reconciliation.PartRate, reconciliation.PartCurrency, reconciliation.PartRounding,
	}
}

// Write writes the workbook. It errs with xlsx.ErrTooLong where a sheet would
// have more rows than the format allows.
func (m *Month) Write(w io.Writer) (err error) {
	b, err := xlsx.New()
	if err != nil {
		return err
	}
	defer func() {
		if e := b.Close(); err == nil {
			err = e
		}
	}()
	for _, sheet := range []func(*xlsx.Book) error{
		m.summary, m.lines, m.parts, m.nobodys, m.direct, m.uninvoiced, m.rates, m.documents, m.tie,
	} {
		if err := sheet(b); err != nil {
			return err
		}
	}
	return b.Write(w)
}

// Totals are the control totals of one currency.
type Totals struct {
	Currency                                                    money.Currency
	Charged, Invoiced, Difference, PostedBefore, Post, Rounding money.Amount
}

// Totals are the control totals by currency, in order.
func (m *Month) Totals() []Totals {
	of := map[money.Currency]*Totals{}
	for i := range m.Accounts {
		a := &m.Accounts[i]
		t := of[a.Currency]
		if t == nil {
			t = &Totals{Currency: a.Currency}
			of[a.Currency] = t
		}
		t.Charged, t.Invoiced, t.Difference = t.Charged.Add(a.Charged.Amount), t.Invoiced.Add(a.Invoiced.Amount), t.Difference.Add(a.Difference)
		t.PostedBefore, t.Post, t.Rounding = t.PostedBefore.Add(a.PostedBefore), t.Post.Add(a.Post), t.Rounding.Add(a.Rounding)
	}
	totals := make([]Totals, 0, len(of))
	for _, c := range slices.Sorted(maps.Keys(of)) {
		totals = append(totals, *of[c])
	}
	return totals
}

func columns(width float64, names ...string) []xlsx.Column {
	c := make([]xlsx.Column, len(names))
	for i, n := range names {
		c[i] = xlsx.Column{Name: n, Width: max(width, float64(len(n)+2))}
	}
	return c
}

// sumIf sums a column over the rows of one currency, which column B has.
func sumIf(c money.Currency, column string, last int) xlsx.Formula {
	return xlsx.Formula(fmt.Sprintf(`SUMIF(B2:B%d,"%s",%s2:%s%d)`, last, c, column, column, last))
}

// summary has a row per account and one per currency.
func (m *Month) summary(b *xlsx.Book) error {
	names := []string{"Account", "Currency", "Charges", "Charged", "Invoiced count", "Invoiced", "Difference", "Posted before", "Adjustment", "Rounding", "Free", "Adjustment, exact"}
	for _, k := range kinds() {
		names = append(names, string(k))
	}
	names = append(names, "Run")
	sheet, err := b.Sheet("Summary", columns(16, names...)...)
	if err != nil {
		return err
	}
	for i := range m.Accounts {
		a := &m.Accounts[i]
		n := sheet.Rows() + 1
		row := []any{
			a.PartnerID, string(a.Currency), a.Charged.Count, a.Charged.Amount, a.Invoiced.Count, a.Invoiced.Amount,
			xlsx.Formula(fmt.Sprintf("D%d-F%d", n, n)), a.PostedBefore, xlsx.Formula(fmt.Sprintf("G%d-H%d", n, n)), a.Rounding, a.Free, a.Post.String(),
		}
		sums := map[reconciliation.PartKind]money.Amount{}
		for j := range m.Lines[a.PartnerID] {
			for _, p := range m.Lines[a.PartnerID][j].Parts {
				sums[p.Kind] = sums[p.Kind].Add(p.Amount)
			}
		}
		for _, k := range kinds() {
			row = append(row, sums[k])
		}
		row = append(row, m.Runs[a.PartnerID])
		if err := sheet.Row(row...); err != nil {
			return err
		}
	}
	last := max(2, sheet.Rows())
	for _, t := range m.Totals() {
		row := []any{xlsx.Title("Total " + string(t.Currency)), nil}
		for column := 'C'; column <= 'K'; column++ {
			row = append(row, sumIf(t.Currency, string(column), last))
		}
		row = append(row, t.Post.String())
		for i := range kinds() {
			row = append(row, sumIf(t.Currency, string(rune('M'+i)), last))
		}
		if err := sheet.Row(row...); err != nil {
			return err
		}
	}
	return sheet.Finish()
}

// lines has a row per line of every account.
func (m *Month) lines(b *xlsx.Book) error {
	sheet, err := b.Sheet("Lines", columns(14, "Account", "Currency", "WABA", "Market", "Category", "Pricing type", "Charges", "Charged", "Invoiced count", "Invoiced",
		"Late count", "Late", "Difference", "Posted before", "Adjustment", "Exact")...)
	if err != nil {
		return err
	}
	err = m.each(func(a *reconciliation.AccountSummary, l *reconciliation.Line) error {
		return sheet.Row(a.PartnerID, string(a.Currency), l.WABAID, l.Market, category(l), l.PricingType, l.Charged.Count, l.Charged.Amount,
			l.Invoiced.Count, l.Invoiced.Amount, l.Late.Count, l.Late.Amount, l.Difference, l.PostedBefore, l.Post, xlsx.Exact(l.Difference))
	})
	if err != nil {
		return err
	}
	last := max(2, sheet.Rows())
	for _, t := range m.Totals() {
		row := []any{xlsx.Title("Total " + string(t.Currency)), nil, nil, nil, nil, nil}
		for column := 'G'; column <= 'O'; column++ {
			row = append(row, sumIf(t.Currency, string(column), last))
		}
		if err := sheet.Row(append(row, t.Difference.String())...); err != nil {
			return err
		}
	}
	return sheet.Finish()
}

func category(l *reconciliation.Line) string {
	if l.IsRounding() {
		return "rounding"
	}
	return l.Category
}

func (m *Month) each(line func(*reconciliation.AccountSummary, *reconciliation.Line) error) error {
	for i := range m.Accounts {
		a := &m.Accounts[i]
		lines := m.Lines[a.PartnerID]
		for j := range lines {
			if err := line(a, &lines[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// parts has a row per part of a difference (R26).
func (m *Month) parts(b *xlsx.Book) error {
	sheet, err := b.Sheet("Parts", columns(14, "Account", "Currency", "WABA", "Market", "Category", "Pricing type", "Part", "Count", "Amount", "With", "Exact")...)
	if err != nil {
		return err
	}
	err = m.each(func(a *reconciliation.AccountSummary, l *reconciliation.Line) error {
		for i := range l.Parts {
			p := &l.Parts[i]
			if err := sheet.Row(a.PartnerID, string(a.Currency), l.WABAID, l.Market, category(l), l.PricingType, string(p.Kind), p.Count, p.Amount, p.With, xlsx.Exact(p.Amount)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	last := max(2, sheet.Rows())
	for _, t := range m.Totals() {
		if err := sheet.Row(xlsx.Title("Total "+string(t.Currency)), nil, nil, nil, nil, nil, nil, nil, sumIf(t.Currency, "I", last), nil, t.Difference.String()); err != nil {
			return err
		}
	}
	return sheet.Finish()
}
