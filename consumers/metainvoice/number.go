package metainvoice

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// marks are how a report writes figures.
type marks struct {
	decimal, thousands string
	negative           string
	currency           []string
	// cells is Mapping.NumberCells.
	cells string
}

// errFigure says that a text is no figure in the given marks.
var errFigure = errors.New("is no figure")

// plain writes a figure as the normalised layout has it: digits and a point.
func (m *marks) plain(s string) (string, error) {
	rest, negative := m.bare(s), false
	switch m.negative {
	case "trailing":
		rest, negative = strings.CutSuffix(rest, "-")
	case "parentheses":
		if inner, ok := strings.CutPrefix(rest, "("); ok {
			if rest, ok = strings.CutSuffix(inner, ")"); !ok {
				return "", fmt.Errorf("%w: the parenthesis is not closed", errFigure)
			}
			negative = true
		}
	default:
		rest, negative = strings.CutPrefix(rest, "-")
	}
	if negative {
		rest = m.bare(rest)
	}
	whole, fraction, hasFraction := strings.Cut(rest, m.decimal)
	whole, err := m.ungrouped(whole)
	if err != nil {
		return "", err
	}
	if !digits(whole) || hasFraction && !digits(fraction) {
		return "", fmt.Errorf("%w: digits with %q as the decimal mark%s are needed", errFigure, m.decimal, m.andThousands())
	}
	if hasFraction {
		whole += "." + fraction
	}
	if negative {
		whole = "-" + whole
	}
	return whole, nil
}

// bare drops blanks and one mark of a currency.
func (m *marks) bare(s string) string {
	s = strings.TrimSpace(s)
	for _, c := range m.currency {
		if rest, ok := strings.CutPrefix(s, c); ok {
			return strings.TrimSpace(rest)
		}
		if rest, ok := strings.CutSuffix(s, c); ok {
			return strings.TrimSpace(rest)
		}
	}
	return s
}

func (m *marks) andThousands() string {
	if m.thousands == "" {
		return ""
	}
	return fmt.Sprintf(" and %q between thousands", m.thousands)
}

// ungrouped drops the marks between thousands. One that stands elsewhere is
// refused: it may be a decimal mark.
func (m *marks) ungrouped(s string) (string, error) {
	if m.thousands == "" {
		return s, nil
	}
	if m.thousands == " " {
		s = strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s)
	}
	if m.thousands == "'" {
		s = strings.ReplaceAll(s, "\u2019", "'")
	}
	groups := strings.Split(s, m.thousands)
	for i, g := range groups {
		if len(groups) > 1 && (i == 0 && (g == "" || len(g) > thousand) || i > 0 && len(g) != thousand) {
			return "", fmt.Errorf("%w: %q does not stand between thousands; is it the decimal mark?", errFigure, m.thousands)
		}
	}
	return strings.Join(groups, ""), nil
}

// thousand is how many digits stand between two marks.
const thousand = 3

// cell writes the number of a workbook's cell as plain digits, exactly:
// 1.5E-05 is 0.000015. What has more digits than a spreadsheet keeps is
// refused, unless the mapping says otherwise.
func (m *marks) cell(s string) (string, error) {
	d, err := exact(s)
	if err != nil {
		return "", err
	}
	if n := d.NumDigits(); n > NumberDigits && m.cells != "exact" {
		if m.cells != "15-digits" {
			return "", fmt.Errorf("%q has %d digits and a spreadsheet keeps %d: give the column as text, or say number_cells in a mapping", show(s), n, NumberDigits)
		}
		c := apd.Context{Precision: NumberDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}
		if _, err := c.Round(d, d); err != nil {
			return "", err
		}
		d.Reduce(d)
	}
	return d.Text('f'), nil
}

const (
	// maxExponent bounds the exponent of a number, maxNumberBytes its text:
	// beyond it no figure is meant.
	maxExponent    = 40
	maxNumberBytes = 100
)

// exact is a workbook's number as the decimal that its text says, without
// zeros at the end.
func exact(s string) (*apd.Decimal, error) {
	if len(s) > maxNumberBytes || s == "" || strings.Trim(s, "0123456789.eE+-") != "" {
		return nil, fmt.Errorf("%q %w", show(s), errFigure)
	}
	d, _, err := apd.NewFromString(s)
	if err != nil || d.Form != apd.Finite || d.Exponent < -maxExponent-maxNumberBytes || d.Exponent > maxExponent {
		return nil, fmt.Errorf("%q %w", show(s), errFigure)
	}
	d.Reduce(d)
	if d.IsZero() {
		d.Negative = false
	}
	return d, nil
}

// whole drops a fraction of zeros: 4.00 messages are 4.
func whole(plain string) string {
	n, fraction, _ := strings.Cut(plain, ".")
	if strings.Trim(fraction, "0") == "" {
		return n
	}
	return plain
}
