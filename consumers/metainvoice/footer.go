package metainvoice

import (
	"slices"
	"strings"

	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// footer watches for the row at which a mapping ends the table.
type footer struct {
	line int
	// sums over the lines as given, and what the footer states.
	statedVolume         string
	count                int64
	amount, statedAmount money.Amount
	currency             money.Currency
	currencies           int
}

// add adds a line to the sums.
func (t *footer) add(l *reconciliation.InvoiceLine) {
	t.count += l.Volume
	t.amount = t.amount.Add(l.Amount)
	if l.Currency != t.currency {
		t.currency = l.Currency
		t.currencies++
	}
}

// takes reports whether the row is the footer's or stands below it.
func (t *footer) takes(p *parser, line int, cells []cell) bool {
	if t.line > 0 {
		if full(p, cells) {
			p.add(line, "", "this looks like a line of the table, but the table ended with the footer in line %d (footer.starts_with in %s): correct the mapping", t.line, p.mapping.Name)
		}
		return true
	}
	if !begins(cells, p.mapping.Footer.StartsWith) {
		return false
	}
	t.line = line
	p.row = row{parser: p, line: line}
	for _, name := range p.mapping.Footer.Check {
		t.read(p, field(slices.Index(names(), name)), cells)
	}
	return true
}

// full reports whether a row has what every line of the table has.
func full(p *parser, cells []cell) bool {
	for _, f := range [...]field{wabaID, volume, amount} {
		at := p.bounds[f].at
		if at >= 0 && (at >= len(cells) || strings.TrimSpace(cells[at].text) == "") {
			return false
		}
	}
	return true
}

// begins reports whether the first filled cell begins with one of the texts.
func begins(cells []cell, texts []string) bool {
	for i := range cells {
		if len(texts) == 0 {
			break
		}
		s := strings.TrimSpace(cells[i].text)
		if s == "" {
			continue
		}
		return slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(s, text) })
	}
	return false
}

// read reads a sum that the footer states.
func (t *footer) read(p *parser, f field, cells []cell) {
	at := p.bounds[f].at
	if at < 0 || at >= len(cells) || strings.TrimSpace(cells[at].text) == "" {
		p.row.problem(f, "the footer has no sum in this column (footer.check in %s): correct the mapping or the file", p.mapping.Name)
		return
	}
	plain, err := p.value(f, &bound{}, &cells[at])
	if err != nil {
		p.row.problem(f, "%v", err)
		return
	}
	p.row.record[f] = plain
	if f == volume {
		t.statedVolume = plain
		p.row.totalVolume()
		return
	}
	t.statedAmount = p.row.amount("")
}

// check compares the sums with what the footer states.
func (t *footer) check(p *parser) {
	if len(p.Problems) > 0 || len(p.mapping.Footer.Check) == 0 {
		return
	}
	if t.line == 0 {
		p.add(0, "", "no row begins with %q: the footer whose sums are to be checked is missing (footer.starts_with in %s)", p.mapping.Footer.StartsWith, p.mapping.Name)
		return
	}
	for _, name := range p.mapping.Footer.Check {
		f := field(slices.Index(names(), name))
		switch {
		case f == amount && t.currencies > 1:
			p.addAt(t.line, p.place(f), name, "the lines have several currencies and can't have one sum: leave amount out of footer.check in %s", p.mapping.Name)
		case f == amount && !t.amount.Equal(t.statedAmount):
			p.addAt(t.line, p.place(f), name, "the footer says %s, the lines sum to %s: ask for a complete file", t.statedAmount, t.amount)
		case f == volume && t.statedVolume != money.FromInt(t.count).String():
			p.addAt(t.line, p.place(f), name, "the footer says %s, the lines sum to %d: ask for a complete file", t.statedVolume, t.count)
		}
	}
}
