package metainvoice

import (
	"slices"
	"strings"
	"time"
)

// field is a column.
type field int

const (
	invoiceID field = iota
	documentType
	billingPeriod
	wabaID
	phoneNumberID
	country
	market
	category
	pricingType
	tier
	volume
	amount
	currency
	fields
)

// names are the columns' names as the header has them.
func names() []string {
	return []string{
		"invoice_id", "document_type", "billing_period", "waba_id", "phone_number_id", "country", "market", "category",
		"pricing_type", "tier", "volume", "amount", "currency",
	}
}

// String is the column's name.
func (f field) String() string { return names()[f] }

// maxHeaderName is how much of an unknown column's name a message shows, and
// maxHeaderNames how many names.
const (
	maxHeaderName  = 40
	maxHeaderNames = 40
)

// bound says where a field of a row comes from.
type bound struct {
	// at is the index of the column, -1 for none; name is its name.
	at   int
	name string
	FieldMapping
	layout string
}

// bind finds the columns; false where nothing can be read.
func (p *parser) bind(line int, header []cell) bool {
	for f := range p.bounds {
		p.bounds[f] = bound{at: -1, layout: time.DateOnly}
	}
	if p.width = len(header); p.mapping.NoHeader && p.source.ragged() {
		p.width = MaxColumns // empty cells at the end of a row are not there
	}
	if p.mapping.normalised() {
		p.bindByField(line, header)
	} else {
		p.bindByMapping(line, header)
	}
	return len(p.Problems) == 0
}

// bindByField binds the normalised layout, whose columns have the fields'
// names.
func (p *parser) bindByField(line int, header []cell) {
	known := names()
	for i := range header {
		name := strings.TrimSpace(header[i].text)
		switch at := slices.Index(known, name); {
		case at < 0:
			p.add(line, "", "unknown column %q: the header is %s; a report of another layout needs a mapping", name[:min(len(name), maxHeaderName)], strings.Join(known, ","))
		case p.bounds[at].at >= 0:
			p.add(line, name, "the column is there twice: remove one")
		default:
			p.bounds[at].at, p.bounds[at].name = i, name
		}
	}
	for at := range p.bounds {
		if p.bounds[at].at < 0 {
			p.add(line, known[at], "the column is missing: add it (it may be empty where the format allows that)")
		}
	}
}

// bindByMapping binds what the mapping names.
func (p *parser) bindByMapping(line int, header []cell) {
	there := make([]string, len(header))
	for i := range header {
		there[i] = oneLine(header[i].text)
	}
	for f := range p.bounds {
		m, ok := p.mapping.Fields[field(f).String()]
		if !ok {
			continue
		}
		b := &p.bounds[f]
		b.FieldMapping = m
		b.layout, _ = dateLayout(m.Date)
		switch {
		case m.Constant != nil:
		case m.Number > 0:
			b.at = m.Number - 1
			if b.at < len(there) && !p.mapping.NoHeader {
				b.name = there[b.at]
			}
			if p.source.ragged() {
				p.width = max(p.width, m.Number)
			}
			if b.at >= p.width {
				p.add(line, field(f).String(), "there is no column %d (fields.%s.number in %s): the header has %d", m.Number, field(f), p.mapping.Name, p.width)
			}
		default:
			p.find(line, field(f), b, there)
		}
	}
}

// find finds a column by its name.
func (p *parser) find(line int, f field, b *bound, there []string) {
	want := oneLine(b.Column)
	b.at, b.name = slices.Index(there, want), want
	switch {
	case b.at < 0:
		p.add(line, f.String(), "there is no column %q (fields.%s.column in %s): the header is %q", show(want), f, p.mapping.Name, there[:min(len(there), maxHeaderNames)])
	case slices.Contains(there[b.at+1:], want):
		p.add(line, f.String(), "the column %q is there twice (fields.%s.column in %s): give its number", show(want), f, p.mapping.Name)
	}
}

// oneLine joins the words of a text with single blanks: a name in a header
// may have line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
