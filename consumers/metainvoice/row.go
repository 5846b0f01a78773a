package metainvoice

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// row is one line being read, its fields as the normalised layout writes
// them; bad says that something is wrong with it.
type row struct {
	parser *parser
	line   int
	record [fields]string
	bad    bool
}

// problem reports a problem of a field.
func (r *row) problem(f field, format string, args ...any) {
	r.bad = true
	r.parser.addAt(r.line, r.parser.place(f), f.String(), format, args...)
}

// text is a field without outer blanks, unchecked.
func (r *row) text(f field) string { return r.record[f] }

// show cuts a text for a message.
func show(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// field is a text that is fit to be kept; "" where it isn't.
func (r *row) field(f field, required bool) string {
	s := r.text(f)
	switch {
	case s == "":
		if required {
			r.problem(f, "is empty: fill it in")
		}
	case len(s) > reconciliation.MaxFieldBytes:
		r.problem(f, "is %d bytes long, at most %d: %q", len(s), reconciliation.MaxFieldBytes, show(s))
	case !utf8.ValidString(s):
		r.problem(f, "%q is not UTF-8: save the file as UTF-8", show(s))
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		r.problem(f, "%q has a control character: remove it", show(s))
	default:
		return s
	}
	return ""
}

func (r *row) invoiceID() string {
	id := r.field(invoiceID, true)
	if len(id) > reconciliation.MaxInvoiceIDBytes {
		r.problem(invoiceID, "is %d bytes long, at most %d", len(id), reconciliation.MaxInvoiceIDBytes)
	}
	return id
}

func (r *row) invoiceLine() reconciliation.InvoiceLine {
	l := reconciliation.InvoiceLine{
		DocumentType: r.documentType(), Month: r.month(), WABAID: r.field(wabaID, true),
		PhoneNumberID: r.field(phoneNumberID, false), Country: r.country(), Market: r.field(market, false),
		Category: r.field(category, true), PricingType: r.field(pricingType, false), Tier: r.tier(),
	}
	if r.text(market) == "" && r.text(country) == "" {
		r.problem(market, "market and country are empty: fill in one of them")
	}
	l.Volume = r.volume(l.DocumentType)
	l.Amount = r.amount(l.DocumentType)
	l.Currency = r.currency()
	return l
}

func (r *row) documentType() reconciliation.DocumentType {
	switch t := reconciliation.DocumentType(r.text(documentType)); t {
	case reconciliation.Invoice, reconciliation.CreditMemo, reconciliation.DebitMemo:
		return t
	default:
		r.problem(documentType, "%q is no type of document: write INV, CM or DM", show(string(t)))
		return ""
	}
}

func (r *row) month() domain.Month {
	s := r.text(billingPeriod)
	t, err := time.Parse(time.DateOnly, s)
	switch {
	case err != nil:
		r.problem(billingPeriod, "%q is no date: write the first day of the month, like 2026-10-01", show(s))
	case t.Day() != 1:
		r.problem(billingPeriod, "%s is not the first day of a month: write %s-01", s, s[:7])
	case t.Year() < MinYear || t.Year() > MaxYear:
		r.problem(billingPeriod, "%s is out of range: years %d to %d", s, MinYear, MaxYear)
	default:
		return domain.Month(s[:7])
	}
	return ""
}

// country is empty or two letters.
func (r *row) country() string {
	s := r.field(country, false)
	if s == "" || len(s) == 2 && letter(s[0]) && letter(s[1]) {
		return s
	}
	r.problem(country, "%q is no country: write its ISO 3166 code of two letters, like BR", show(s))
	return ""
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// tier is empty or "from:to", where to may be MAX.
func (r *row) tier() string {
	s := r.field(tier, false)
	if s == "" {
		return ""
	}
	from, to, ok := strings.Cut(s, ":")
	if !ok || !digits(from) || to != "MAX" && !digits(to) {
		r.problem(tier, "%q is no tier: write it like 0:750000 or 750001:MAX, or leave it empty", show(s))
	}
	return s
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func (r *row) volume(t reconciliation.DocumentType) int64 {
	s := r.text(volume)
	unsigned, negative := strings.CutPrefix(s, "-")
	switch {
	case !digits(unsigned):
		r.problem(volume, "%q is no whole number: write it like 1234", show(s))
		return 0
	case negative && t != reconciliation.CreditMemo && t != "":
		r.problem(volume, "%s is negative: give what Meta takes back as a credit memo (CM)", show(s))
		return 0
	case len(strings.TrimLeft(unsigned, "0")) > MaxVolumeDigits:
		r.problem(volume, "%s is too large, at most %d", show(s), int64(reconciliation.MaxVolume))
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > reconciliation.MaxVolume || n < -reconciliation.MaxVolume {
		r.problem(volume, "%s is too large, at most %d", show(s), int64(reconciliation.MaxVolume))
		return 0
	}
	return n
}

// totalVolume is a volume that may be a sum of many.
func (r *row) totalVolume() int64 {
	s := r.text(volume)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || !digits(strings.TrimPrefix(s, "-")) {
		r.problem(volume, "%q is no whole number: write it like 1234", show(s))
	}
	return n
}

func (r *row) amount(t reconciliation.DocumentType) money.Amount {
	s := r.text(amount)
	a, err := money.Parse(s)
	switch {
	case err != nil:
		r.problem(amount, "%v: a plain decimal with a point is needed", err)
	case t == reconciliation.DebitMemo && a.Sign() < 0:
		r.problem(amount, "%s is negative in a debit memo: give a credit as a credit memo (CM)", a)
	}
	return a
}

func (r *row) currency() money.Currency {
	s := r.text(currency)
	c, err := money.ParseCurrency(s)
	if err != nil {
		r.problem(currency, "%q is no currency: write its ISO 4217 code in capitals, like EUR", show(s))
	}
	return c
}
