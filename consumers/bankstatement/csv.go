package bankstatement

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"prepayledger/domain/money"
)

// Columns returns the names that a CSV file's header may have, in any order;
// Required those that it must.
func Columns() []string {
	return append(Required(), "value_date", "debtor", "iban", "reference", "end_to_end_id", "status")
}

// Required are the columns that a CSV file must have.
func Required() []string { return []string{"booking_date", "amount", "currency", "text"} }

// csv reads a CSV file. A negative amount is a debit; a status other than
// BOOK is not booked.
func (p *parser) csv(data []byte, o Options) {
	p.Format = "csv"
	if !utf8.Valid(data) {
		p.add(0, "", "it is not UTF-8: export it so")
		return
	}
	r := csv.NewReader(bytes.NewReader(data))
	if o.Delimiter != 0 {
		r.Comma = o.Delimiter
	}
	header, err := r.Read()
	if err != nil {
		p.broken(err)
		return
	}
	if !p.header(header) {
		return
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			p.broken(err)
			return
		}
		line, _ := r.FieldPos(0)
		if !p.count(line) {
			return
		}
		values := map[string]string{}
		for i, name := range header {
			values[name] = record[i]
		}
		p.record(line, values, o)
	}
}

// broken tells of a line that is no CSV.
func (p *parser) broken(err error) {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		p.add(parse.Line, "", "%v: check the quotes, and that the delimiter is the right one", parse.Err)
		return
	}
	p.add(0, "", "it can't be read as CSV: %v", err)
}

// header checks the names of the columns and brings them into one form.
func (p *parser) header(names []string) bool {
	seen := map[string]bool{}
	for i := range names {
		names[i] = strings.ToLower(strings.TrimSpace(names[i]))
		if !slices.Contains(Columns(), names[i]) {
			p.add(1, "", "column %.40q is not known; the columns are %s, and the delimiter may be another", names[i], strings.Join(Columns(), ", "))
			return false
		}
		if seen[names[i]] {
			p.add(1, names[i], "the column is there twice")
			return false
		}
		seen[names[i]] = true
	}
	for _, name := range Required() {
		if !seen[name] {
			p.add(1, name, "the column is missing")
		}
	}
	return len(p.Problems) == 0
}

// record takes a line that is a payment received and booked.
func (p *parser) record(line int, v map[string]string, o Options) {
	amount, err := parseAmount(v["amount"], o.DecimalComma)
	if err != nil {
		p.add(line, "amount", "%v", err)
		return
	}
	if status := strings.TrimSpace(v["status"]); amount.Sign() <= 0 || status != "" && !strings.EqualFold(status, "BOOK") {
		p.Skipped++
		return
	}
	p.take(&raw{
		line: line, reference: v["reference"], endToEnd: v["end_to_end_id"], booked: v["booking_date"], value: v["value_date"],
		currency: strings.TrimSpace(v["currency"]), debtor: v["debtor"], iban: v["iban"], amount: amount, texts: []string{v["text"]},
	}, fieldNames{
		reference: "reference", endToEnd: "end_to_end_id", booked: "booking_date", value: "value_date", amount: "amount",
		currency: "currency", debtor: "debtor",
	})
}

// parseAmount reads an amount exactly. With a decimal comma, points may part
// thousands.
func parseAmount(text string, comma bool) (money.Amount, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "+")
	if !comma {
		if strings.Contains(text, ",") {
			return money.Zero(), fmt.Errorf("%.40q has a comma: say so with --decimal-comma, or write it like 1234.56", text)
		}
		return money.Parse(text)
	}
	whole, fraction, has := strings.Cut(text, ",")
	if strings.Contains(fraction, ".") || strings.Contains(fraction, ",") {
		return money.Zero(), fmt.Errorf("%.40q is no amount with a decimal comma: write it like 1.234,56", text)
	}
	groups := strings.Split(strings.TrimPrefix(whole, "-"), ".")
	for i, g := range groups {
		if len(groups) > 1 && (i > 0 && len(g) != 3 || len(g) == 0 || len(g) > 3) {
			return money.Zero(), fmt.Errorf("%.40q is no amount with a decimal comma: write it like 1.234,56", text)
		}
	}
	plain := strings.ReplaceAll(whole, ".", "")
	if has {
		plain += "." + fraction
	}
	return money.Parse(plain)
}
