package metainvoice

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"prepayledger/domain/reconciliation"
)

// place says where in a line a field stands; "" in the normalised CSV, where
// the field's name says it.
func (p *parser) place(f field) string {
	b := &p.bounds[f]
	if b.at < 0 || !p.mapped && !p.source.ragged() {
		return ""
	}
	if b.name == "" {
		return p.source.column(b.at)
	}
	return fmt.Sprintf("%s %q", p.source.column(b.at), show(b.name))
}

// fill reads the fields of a row from its cells.
func (p *parser) fill(cells []cell) {
	for f := range field(fields) {
		b := &p.bounds[f]
		switch {
		case b.Constant != nil:
			p.row.record[f] = strings.TrimSpace(*b.Constant)
		case b.at >= 0 && b.at < len(cells):
			s, err := p.value(f, b, &cells[b.at])
			if err != nil {
				p.row.problem(f, "%v", err)
			}
			p.row.record[f] = s
		}
	}
}

// value is what a cell means, as the normalised layout writes it.
func (p *parser) value(f field, b *bound, c *cell) (string, error) {
	s := strings.TrimSpace(c.text)
	if c.kind == fault {
		return "", fmt.Errorf("%q is an error of the workbook: correct it there", show(s))
	}
	if b.Values != nil {
		v, ok := b.Values[s]
		switch {
		case ok:
			return v, nil
		case s != "" && b.Unlisted != "kept":
			return "", fmt.Errorf("%q is none of the values in %s: add it to fields.%s.values", show(s), p.mapping.Name, f)
		}
	}
	if s == "" {
		return "", nil
	}
	if strings.Contains(s, "\ufffd") {
		return "", fmt.Errorf("%q can't be decoded: is the encoding right?", show(s))
	}
	switch f {
	case volume, amount:
		return p.figure(f, c.kind, s)
	case billingPeriod:
		return p.period(b, c.kind, s)
	default:
		return words(c.kind, s)
	}
}

// figure reads a volume or an amount.
func (p *parser) figure(f field, k kind, s string) (plain string, err error) {
	switch {
	case k == day:
		return "", errors.New("is a date in the workbook: format the column as a number")
	case k == number:
		plain, err = p.marks.cell(s)
	case p.mapped:
		if plain, err = p.marks.plain(s); err != nil {
			err = fmt.Errorf("%q %w", show(s), err)
		}
	default:
		return s, nil
	}
	if f == volume {
		plain = whole(plain)
	}
	return plain, err
}

// period reads the billing period.
func (p *parser) period(b *bound, k kind, s string) (string, error) {
	var at time.Time
	switch {
	case k == day:
		d, err := exact(s)
		ok := err == nil
		if ok {
			at, ok = serialDay(d.Text('f'), p.from1904)
		}
		if !ok {
			return "", fmt.Errorf("%q is no whole day: write it like 2026-10-01", show(s))
		}
	case b.layout == time.DateOnly && b.Day != "any":
		return s, nil // checked where it is used
	default:
		var err error
		if at, err = time.Parse(b.layout, s); err != nil {
			return "", fmt.Errorf("%q is no date like %s", show(s), b.dateName())
		}
	}
	if b.Day == "any" {
		at = at.AddDate(0, 0, 1-at.Day())
	}
	return at.Format(time.DateOnly), nil
}

func (b *bound) dateName() string {
	if b.Date == "" {
		return "YYYY-MM-DD"
	}
	return b.Date
}

// words reads a text; a number that stands for one must have every digit.
func words(k kind, s string) (string, error) {
	switch k {
	case day:
		return "", errors.New("is a date in the workbook: format the column as text")
	case number:
		d, err := exact(s)
		if err != nil {
			return "", err
		}
		if s = d.Text('f'); len(strings.TrimLeft(s, "-0.")) > NumberDigits {
			return "", fmt.Errorf("%q is a number of more digits than the %d that a spreadsheet keeps: format the column as text before it is filled in", show(s), NumberDigits)
		}
	}
	return s, nil
}

// share makes equal texts one, and cuts them loose from their row: lines are
// kept, rows are not.
func (p *parser) share(l *reconciliation.InvoiceLine) {
	for _, s := range [...]*string{
		(*string)(&l.DocumentType), (*string)(&l.Month), &l.WABAID, &l.PhoneNumberID, &l.Country, &l.Market, &l.Category,
		&l.PricingType, &l.Tier, (*string)(&l.Currency),
	} {
		*s = p.shared(*s)
	}
}

func (p *parser) shared(s string) string {
	if s == "" {
		return ""
	}
	if known, ok := p.texts[s]; ok {
		return known
	}
	s = strings.Clone(s)
	if len(p.texts) < maxInterned {
		p.texts[s] = s
	}
	return s
}

// blank reports whether a row has no text.
func blank(cells []cell) bool {
	for i := range cells {
		if strings.TrimSpace(cells[i].text) != "" {
			return false
		}
	}
	return true
}

// contains reports whether a cell has the text in it.
func contains(cells []cell, s string) bool {
	for i := range cells {
		if strings.Contains(cells[i].text, s) {
			return true
		}
	}
	return false
}
