package usage

import (
	"strings"
	"unicode/utf8"
)

// HeaderError refuses a CSV file: nothing of it was read.
type HeaderError struct {
	Pos Position
	// Column is the column that is wrong; empty for the header as a whole.
	Column string
	// Problem says what is wrong and what to do.
	Problem string
}

// Error implements error.
func (e *HeaderError) Error() string {
	if e.Column == "" {
		return e.Pos.String() + ", header: " + e.Problem
	}
	return e.Pos.String() + ", header, column " + e.Column + ": " + e.Problem
}

// parseHeader finds the columns of a CSV file.
func parseHeader(pos Position, line string) ([]field, error) {
	refuse := func(column, problem string) ([]field, error) {
		return nil, &HeaderError{Pos: pos, Column: shorten(column), Problem: problem}
	}
	if !utf8.ValidString(line) {
		return refuse("", "it is not UTF-8; save the file as UTF-8")
	}
	names, problem := splitCSV(nil, line)
	if problem != "" {
		return refuse("", problem)
	}
	var columns []field
	var have record
	for _, name := range names {
		f, known := fieldOf(strings.TrimSpace(name))
		switch {
		case !known:
			return refuse("\""+name+"\"", "it is not a field of a charge; the fields are "+fieldList())
		case !have.mark(f):
			return refuse(name, "it is there twice; remove one")
		}
		columns = append(columns, f)
	}
	has := func(f field) bool { return have.seen&(1<<f) != 0 }
	for _, f := range []field{chargeID, category, pricingModel, occurredAt} {
		if !has(f) {
			return refuse(chargeNames()[f], "it is missing; every charge needs it")
		}
	}
	if !has(market) && !has(country) && !has(recipient) {
		return refuse("", "none of market, country and recipient is there; one of them is needed")
	}
	if has(amount) && !has(currency) {
		return refuse("currency", "it is missing; an amount needs its currency")
	}
	return columns, nil
}

// readCSV reads a line of a CSV file.
func (r *record) readCSV(line string, columns []field, buf []string) []string {
	fields, problem := splitCSV(buf[:0], line)
	if !utf8.ValidString(line) {
		problem = "it is not UTF-8"
	}
	switch {
	case problem != "":
		r.fail("", "%s", problem)
	case len(fields) != len(columns):
		r.fail("", "it has %d fields, the header has %d", len(fields), len(columns))
	}
	for i, v := range fields {
		if i < len(columns) {
			r.values[columns[i]] = v
			r.priced = r.priced || columns[i] == amount && v != ""
		}
	}
	return fields
}

// splitCSV appends the fields of one line to fields (RFC 4180), and says what
// is wrong if anything is.
func splitCSV(fields []string, line string) (_ []string, problem string) {
	for {
		if !strings.HasPrefix(line, `"`) {
			v, rest, more := strings.Cut(line, ",")
			if strings.Contains(v, `"`) {
				return fields, "a quote stands inside a field; quote the whole field and double the quotes in it"
			}
			fields = append(fields, v)
			if !more {
				return fields, ""
			}
			line = rest
			continue
		}
		v, rest, ok := cutQuoted(line[1:])
		if !ok {
			return fields, "a quoted field does not end in its line; a record can't span lines"
		}
		fields = append(fields, v)
		if rest == "" {
			return fields, ""
		}
		if rest[0] != ',' {
			return fields, "a quoted field goes on after its closing quote; put a comma between"
		}
		line = rest[1:]
	}
}

// cutQuoted returns the text of a quoted field, after its opening quote, and
// what follows its closing one.
func cutQuoted(s string) (v, rest string, ok bool) {
	doubled := false
	for i := 0; i < len(s); i++ {
		if s[i] != '"' {
			continue
		}
		if i+1 < len(s) && s[i+1] == '"' {
			doubled = true
			i++
			continue
		}
		v, rest = s[:i], s[i+1:]
		if doubled {
			v = strings.ReplaceAll(v, `""`, `"`)
		}
		return v, rest, true
	}
	return "", "", false
}
