package bankstatement

import (
	"fmt"
	"strings"

	"prepayledger/domain"
)

// MaxProblems is how many problems of a file are listed.
const MaxProblems = 20

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Line counts from 1; 0 is the file as a whole.
	Line int
	// Field is the column or element; empty where the whole line is meant.
	Field string
	// Message says what is wrong and what to do.
	Message string
}

// Error says why a file was not taken. It is a rejection with the code
// BankStatementInvalid.
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
	return &domain.Rejection{Code: domain.BankStatementInvalid, Message: e.Error()}
}

// problems collects what is wrong with a file.
type problems struct{ Error }

func (p *problems) add(line int, field, format string, args ...any) {
	if len(p.Problems) >= MaxProblems {
		p.More++
		return
	}
	p.Problems = append(p.Problems, Problem{Line: line, Field: field, Message: fmt.Sprintf(format, args...)})
}
