package metainvoice

import (
	"slices"
	"strings"
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

// maxHeaderName is how much of an unknown column's name a message shows.
const maxHeaderName = 40

// header finds the columns by name; false where nothing can be read.
func (p *parser) header(record []string) bool {
	known := names()
	for i := range p.columns {
		p.columns[i] = -1
	}
	for i, name := range record {
		name = strings.TrimSpace(name)
		switch at := slices.Index(known, name); {
		case at < 0:
			p.add(1, "", "unknown column %q: the header is %s", name[:min(len(name), maxHeaderName)], strings.Join(known, ","))
		case p.columns[at] >= 0:
			p.add(1, name, "the column is there twice: remove one")
		default:
			p.columns[at] = i
		}
	}
	for at, i := range p.columns {
		if i < 0 {
			p.add(1, known[at], "the column is missing: add it (it may be empty where the format allows that)")
		}
	}
	return len(p.Problems) == 0
}
