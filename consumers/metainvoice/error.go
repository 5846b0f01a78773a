package metainvoice

import (
	"fmt"
	"strings"

	"prepayledger/domain"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Line counts from 1, the header included; 0 is the file as a whole.
	Line int
	// Column is the place in the line, such as `4 "Amount"`, or `D "Amount"` in
	// a workbook; empty in the normalised CSV, whose Field says it.
	Column string
	// Field is the field's name, or a mapping's key; empty where the whole line
	// is meant.
	Field string
	// Message says what is wrong and what to do.
	Message string
}

// Error says why a file was not taken. It is a rejection with the code
// InvoiceInvalid.
type Error struct {
	File string
	// Problems are the first MaxProblems, in order of the lines.
	Problems []Problem
	// More is how many there are beyond.
	More int
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ", line %d", p.Line)
		}
		if p.Column != "" {
			b.WriteString(", column " + p.Column)
		}
		if p.Field != "" {
			fmt.Fprintf(&b, ", field %s", p.Field)
		}
		b.WriteString(": " + p.Message)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more problems", e.File, e.More)
	}
	return b.String()
}

// Unwrap answers the rejection.
func (e *Error) Unwrap() error {
	return &domain.Rejection{Code: domain.InvoiceInvalid, Message: e.Error()}
}

// problems collects what is wrong with a file.
type problems struct{ Error }

func (p *problems) add(line int, field, format string, args ...any) {
	p.addAt(line, "", field, format, args...)
}

// addAt is add with the place in the line.
func (p *problems) addAt(line int, column, field, format string, args ...any) {
	if len(p.Problems) >= MaxProblems {
		p.More++
		return
	}
	p.Problems = append(p.Problems, Problem{Line: line, Column: column, Field: field, Message: fmt.Sprintf(format, args...)})
}

// err is nil where nothing is wrong.
func (p *problems) err() error {
	if len(p.Problems) == 0 {
		return nil
	}
	return &p.Error
}
