package metainvoice

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"prepayledger/consumers/fileerror"
)

// Mapping says how a report of another layout is read as the normalised one,
// so that next year's layout needs no new code. ParseMapping reads it from
// TOML, where its keys are as below; docs/formats.md shows one.
type Mapping struct {
	// Name and Text are the file's.
	Name string `toml:"-"`
	Text string `toml:"-"`

	// Delimiter is one character, or "tab"; default ",".
	Delimiter string `toml:"delimiter"`
	// Encoding is utf-8 (default), utf-16, windows-1252 or iso-8859-1.
	Encoding string `toml:"encoding"`
	// DecimalMark is "." (default) or ",".
	DecimalMark string `toml:"decimal_mark"`
	// ThousandsMark is ".", ",", "'" or " "; default none.
	ThousandsMark string `toml:"thousands_mark"`
	// Negative says how a negative figure is written: leading (default),
	// trailing (12-) or parentheses.
	Negative string `toml:"negative"`
	// CurrencyMarks are dropped from either end of a figure, such as $ and EUR;
	// the currency is what its field says.
	CurrencyMarks []string `toml:"currency_marks"`
	// SkipLines are the lines before the header, or with NoHeader before the
	// first row. HeaderContains finds the header instead: the first line that
	// has the text.
	SkipLines      int    `toml:"skip_lines"`
	HeaderContains string `toml:"header_contains"`
	// NoHeader says that there is no header: columns go by number.
	NoHeader bool `toml:"no_header"`
	// NumberCells says what becomes of a workbook's number of more digits than
	// NumberDigits, such as 0.30000000000000004: refused (default), exact (as
	// it stands there) or 15-digits (as a spreadsheet shows it, half to even).
	NumberCells string `toml:"number_cells"`

	Footer Footer `toml:"footer"`
	// Fields says where each field comes from. Without any, the columns are
	// those of the normalised layout.
	Fields map[string]FieldMapping `toml:"fields"`
}

// Footer says where the table ends.
type Footer struct {
	// Rows are dropped from the end.
	Rows int `toml:"rows"`
	// StartsWith ends the table at the first row whose first filled cell begins
	// with one of these.
	StartsWith []string `toml:"starts_with"`
	// Check has volume, amount or both: that row states their sums over the
	// lines as given, and the sums must tie.
	Check []string `toml:"check"`
}

// FieldMapping says where a field comes from: Column, Number or Constant.
type FieldMapping struct {
	// Column is the name in the header.
	Column string `toml:"column"`
	// Number counts columns from 1.
	Number int `toml:"number"`
	// Constant is the value in every line.
	Constant *string `toml:"constant"`
	// Values replaces texts, such as Rechnung by INV. Unlisted says what
	// becomes of others: refused (default) or kept.
	Values   map[string]string `toml:"values"`
	Unlisted string            `toml:"unlisted"`
	// Date is how billing_period is written, in YYYY, MM, M, DD, D, MMM (Oct)
	// and MMMM (October); default YYYY-MM-DD. Day is first (default: other
	// days are refused) or any.
	Date string `toml:"date"`
	Day  string `toml:"day"`
}

// ParseMapping reads a mapping. The answer is a *Error, which is a rejection,
// where anything is wrong with it; a failure to read is passed on.
func ParseMapping(name string, r io.Reader) (*Mapping, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxMappingBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	m := &Mapping{Name: name, Text: string(text)}
	p := &problems{Error{fileerror.List{File: name}}}
	switch {
	case len(text) > MaxMappingBytes:
		p.add(0, "", "larger than %d KiB: leave remarks out", MaxMappingBytes>>10)
	case !utf8.Valid(text):
		p.add(0, "", "it is not UTF-8: save it as UTF-8")
	default:
		m.decode(p)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Mapping) decode(p *problems) {
	meta, err := toml.Decode(strings.TrimPrefix(m.Text, "\ufeff"), m)
	var broken toml.ParseError
	if errors.As(err, &broken) {
		p.add(broken.Position.Line, broken.LastKey, "%s", broken.Message)
		return
	}
	if err != nil {
		p.add(0, "", "%v", err)
		return
	}
	for _, key := range meta.Undecoded() {
		p.add(0, key.String(), "this key is unknown: remove it, or see docs/formats.md for the right one")
	}
	m.check(p)
}

// check reports settings that are wrong or contradict each other.
func (m *Mapping) check(p *problems) {
	oneOf(p, "encoding", m.Encoding, "", "utf-8", "utf-16", "windows-1252", "iso-8859-1")
	oneOf(p, "decimal_mark", m.DecimalMark, "", ".", ",")
	oneOf(p, "thousands_mark", m.ThousandsMark, "", ".", ",", "'", " ")
	oneOf(p, "negative", m.Negative, "", "leading", "trailing", "parentheses")
	oneOf(p, "number_cells", m.NumberCells, "", "refused", "exact", "15-digits")
	if d := m.delimiter(); utf8.RuneCountInString(m.Delimiter) > 1 && m.Delimiter != "tab" || strings.ContainsRune("\"\r\n\ufffd", d) {
		p.add(0, "delimiter", "%q can't be one: write one character, or tab", m.Delimiter)
	}
	if m.ThousandsMark != "" && m.ThousandsMark == m.decimalMark() {
		p.add(0, "thousands_mark", "is the decimal mark, too: figures could not be told apart")
	}
	for _, s := range m.CurrencyMarks {
		if strings.TrimSpace(s) == "" || strings.ContainsAny(s, "0123456789.,-()") {
			p.add(0, "currency_marks", "%q can't be one: it has no text, or a figure's", show(s))
		}
	}
	between(p, "skip_lines", m.SkipLines, MaxSkippedLines)
	between(p, "footer.rows", m.Footer.Rows, MaxSkippedLines)
	if m.HeaderContains != "" && (m.SkipLines > 0 || m.NoHeader) {
		p.add(0, "header_contains", "stands beside skip_lines or no_header: keep one of them")
	}
	for i, s := range m.Footer.StartsWith {
		if strings.TrimSpace(s) == "" {
			p.add(0, "footer.starts_with", "text %d is empty: every row would begin with it", i+1)
		}
	}
	for _, s := range m.Footer.Check {
		oneOf(p, "footer.check", s, volume.String(), amount.String())
	}
	if len(m.Footer.Check) > 0 && len(m.Footer.StartsWith) == 0 {
		p.add(0, "footer.check", "needs footer.starts_with: it says which row has the sums")
	}
	m.checkFields(p)
}

func (m *Mapping) checkFields(p *problems) {
	known := names()
	for _, name := range slices.Sorted(maps.Keys(m.Fields)) {
		at := slices.Index(known, name)
		if at < 0 {
			p.add(0, "fields."+name, "this field is unknown: the fields are %s", strings.Join(known, ", "))
			continue
		}
		f := m.Fields[name]
		f.check(p, field(at), m.NoHeader)
	}
	if len(m.Fields) == 0 {
		if m.NoHeader {
			p.add(0, "no_header", "needs fields: without a header and without them nothing says what the columns are")
		}
		return
	}
	for _, f := range [...]field{invoiceID, documentType, billingPeriod, wabaID, category, volume, amount, currency} {
		if _, ok := m.Fields[f.String()]; !ok {
			p.add(0, "fields."+f.String(), "is missing: say its column, number or constant")
		}
	}
	_, hasMarket := m.Fields[market.String()]
	if _, ok := m.Fields[country.String()]; !ok && !hasMarket {
		p.add(0, "fields.market", "is missing, and so is country: say where one of them is")
	}
}

func (f *FieldMapping) check(p *problems, of field, noHeader bool) {
	key := func(k string) string { return "fields." + of.String() + k }
	sources := 0
	for _, there := range [...]bool{f.Column != "", f.Number != 0, f.Constant != nil} {
		if there {
			sources++
		}
	}
	switch {
	case sources != 1:
		p.add(0, key(""), "needs exactly one of column, number and constant, and has %d of them", sources)
	case f.Column != "" && noHeader:
		p.add(0, key(".column"), "there is no header to find %q in: give its number", show(f.Column))
	case f.Number < 0 || f.Number > MaxColumns:
		p.add(0, key(".number"), "%d is out of range: 1 to %d", f.Number, MaxColumns)
	case f.Constant != nil && (f.Values != nil || f.Date != "" || f.Day != ""):
		p.add(0, key(".constant"), "is the value as it is: remove values, date and day")
	}
	oneOf(p, key(".unlisted"), f.Unlisted, "", "refused", "kept")
	if f.Unlisted != "" && f.Values == nil {
		p.add(0, key(".unlisted"), "stands without values: remove it")
	}
	if of != billingPeriod && (f.Date != "" || f.Day != "") {
		p.add(0, key(".date"), "only billing_period is a date: remove date and day")
		return
	}
	oneOf(p, key(".day"), f.Day, "", "first", "any")
	if _, err := dateLayout(f.Date); err != nil {
		p.add(0, key(".date"), "%v", err)
	}
}

// oneOf reports a value that is none of those that are allowed.
func oneOf(p *problems, key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	if allowed[0] == "" {
		allowed = allowed[1:]
	}
	p.add(0, key, "%q is not known: write one of %q", show(value), allowed)
}

func between(p *problems, key string, n, most int) {
	if n < 0 || n > most {
		p.add(0, key, "%d is out of range: 0 to %d", n, most)
	}
}

func (m *Mapping) delimiter() rune {
	switch m.Delimiter {
	case "":
		return ','
	case "tab":
		return '\t'
	}
	r, _ := utf8.DecodeRuneInString(m.Delimiter)
	return r
}

func (m *Mapping) decimalMark() string {
	if m.DecimalMark == "" {
		return "."
	}
	return m.DecimalMark
}

// normalised reports whether the columns are those of the normalised layout.
func (m *Mapping) normalised() bool { return len(m.Fields) == 0 }
