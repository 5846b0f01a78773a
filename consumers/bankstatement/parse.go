package bankstatement

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"prepayledger/domain/bank"
	"prepayledger/domain/money"
)

// Limits of a file.
const (
	// MaxFileBytes bounds a file: 16 MiB.
	MaxFileBytes = 16 << 20
	// MaxEntries is how many entries it may have.
	MaxEntries = 20_000
	// MaxTextBytes is what is kept of what a payer wrote; more is cut.
	MaxTextBytes = 4000
	// maxFieldBytes bounds every other text.
	maxFieldBytes = 140
	// idDigits is how many hex digits of the file's hash make its id.
	idDigits = 12
)

// Options say how a CSV file is written; camt.053 needs none.
type Options struct {
	// Delimiter separates fields; 0 is a comma.
	Delimiter rune
	// DecimalComma reads amounts such as 1.234,56 instead of 1234.56.
	DecimalComma bool
}

// Parse reads a file whole and returns the command that imports it. name is
// what problems call it. The answer is a *Error, which is a rejection, where
// anything is wrong with the file; a failure to read is passed on.
func Parse(name string, r io.Reader, o Options) (*bank.ImportBankStatement, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	hash := sha256.Sum256(data)
	p := &parser{seen: map[string]int{}}
	p.File = name
	p.StatementID, p.SHA256 = hex.EncodeToString(hash[:])[:idDigits], hex.EncodeToString(hash[:])
	p.FileName, p.FileBytes = name, int64(len(data))
	text := bytes.TrimPrefix(data, []byte("\ufeff"))
	switch trimmed := bytes.TrimSpace(text); {
	case len(data) > MaxFileBytes:
		p.add(0, "", "larger than %d MiB: export fewer days", MaxFileBytes>>20)
	case len(trimmed) == 0:
		p.add(0, "", "the file is empty: export it again")
	case trimmed[0] == '<':
		p.camt(text)
	default:
		p.csv(text, o)
	}
	if len(p.Problems) > 0 {
		return nil, &p.Error
	}
	return &p.ImportBankStatement, nil
}

// parser reads one file.
type parser struct {
	problems
	bank.ImportBankStatement
	entries int
	// seen counts references, for those that a bank uses twice.
	seen map[string]int
}

// raw is a payment received as a file has it.
type raw struct {
	line int

	reference, endToEnd, booked, value, currency, debtor, iban string
	amount                                                     money.Amount
	texts                                                      []string
}

// count counts an entry; false where there are too many.
func (p *parser) count(line int) bool {
	if p.entries++; p.entries > MaxEntries {
		p.add(line, "", "more than %d entries: export fewer days", MaxEntries)
		return false
	}
	return true
}

// take adds a payment received, or says what is wrong with it.
func (p *parser) take(r *raw, names fieldNames) {
	e := bank.Entry{
		Reference: p.field(r.line, names.reference, r.reference), EndToEndID: p.field(r.line, names.endToEnd, r.endToEnd),
		Amount: r.amount, Debtor: p.field(r.line, names.debtor, r.debtor), IBAN: mask(r.iban), Text: joined(r.texts),
		BookedOn: p.date(r.line, names.booked, r.booked),
	}
	if strings.EqualFold(e.EndToEndID, "NOTPROVIDED") {
		e.EndToEndID = ""
	}
	if strings.EqualFold(e.Reference, "NONREF") {
		e.Reference = ""
	}
	if r.value != "" {
		e.ValueOn = p.date(r.line, names.value, r.value)
	}
	var err error
	if e.Currency, err = money.ParseCurrency(r.currency); err != nil {
		p.add(r.line, names.currency, "%v: write it like EUR", err)
	} else if e.Amount.Decimals() > e.Currency.Decimals() {
		p.add(r.line, names.amount, "%s has more than the %d decimals of %s", e.Amount, e.Currency.Decimals(), e.Currency)
	}
	if e.Reference == "" {
		e.Reference = contentReference(&e, mask(r.iban))
	}
	p.seen[e.Reference]++
	if n := p.seen[e.Reference]; n > 1 {
		e.Reference = fmt.Sprintf("%s/%d", e.Reference, n)
	}
	p.Entries = append(p.Entries, e)
}

// fieldNames are what a format calls the fields.
type fieldNames struct {
	reference, endToEnd, booked, value, amount, currency, debtor string
}

// field checks a short text.
func (p *parser) field(line int, name, text string) string {
	text = clean(text)
	if len(text) > maxFieldBytes {
		p.add(line, name, "longer than %d bytes", maxFieldBytes)
	}
	return text
}

// date reads a day, as YYYY-MM-DD or DD.MM.YYYY, with or without a time.
func (p *parser) date(line int, name, text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		p.add(line, name, "it is missing: write it like 2026-11-24")
		return ""
	}
	for _, layout := range []string{time.DateOnly, "02.01.2006", time.RFC3339, "2006-01-02T15:04:05", "2006-01-02-07:00", "2006-01-02Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.DateOnly)
		}
	}
	p.add(line, name, "%.40q is no date: write it like 2026-11-24", text)
	return ""
}

// contentReference stands for a payment to which the bank gave no reference:
// the same payment in another statement has the same.
func contentReference(e *bank.Entry, iban string) string {
	h := sha256.New()
	for _, part := range []string{e.BookedOn, e.Amount.String(), string(e.Currency), e.EndToEndID, e.Debtor, iban, e.Text} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return "content-" + hex.EncodeToString(h.Sum(nil))[:24]
}

// mask keeps the first and the last four characters of an IBAN: enough to
// recognise it, too little to use it.
func mask(iban string) string {
	// Banks may put any text here: cut within a letter, it would not be the
	// same after it was written and read, and the seal would not hold.
	plain := []rune(strings.ToUpper(strings.Join(strings.Fields(clean(iban)), "")))
	if len(plain) <= 8 {
		return strings.Repeat("*", len(plain))
	}
	return string(plain[:4]) + "…" + string(plain[len(plain)-4:])
}

// joined joins what a payer wrote, each part once, in MaxTextBytes at most.
func joined(parts []string) string {
	var kept []string
	seen, size := map[string]bool{"": true}, 0
	for _, part := range parts {
		part = clean(part)
		if seen[part] || size > MaxTextBytes {
			continue
		}
		seen[part] = true
		size += len(part) + 1
		kept = append(kept, part)
	}
	text := strings.Join(kept, " ")
	if len(text) <= MaxTextBytes {
		return text
	}
	cut := MaxTextBytes
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// clean makes blanks of control characters and of runs of blanks one.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	return strings.Join(strings.Fields(text), " ")
}
