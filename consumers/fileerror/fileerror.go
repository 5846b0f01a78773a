// Package fileerror lists what is wrong with a file, by line and field, for the
// parsers of files that are taken whole or not at all.
package fileerror

import (
	"fmt"
	"strings"
)

// MaxProblems is how many problems of a file are listed; the others are counted.
const MaxProblems = 20

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Line counts from 1, a header included; 0 is the file as a whole.
	Line int
	// Column is the place in the line, such as `4 "Amount"`, or `D "Amount"` in
	// a workbook; empty where Field says it.
	Column string
	// Field is the field, element or mapping's key; empty where the whole line
	// is meant.
	Field string
	// Message says what is wrong and what to do.
	Message string
}

// List is what is wrong with one file.
type List struct {
	File string
	// Problems are the first MaxProblems, in order of the lines.
	Problems []Problem
	// More is how many there are beyond.
	More int
}

// Add notes a problem, or counts it where there are enough already.
func (l *List) Add(line int, column, field, format string, args ...any) {
	if len(l.Problems) >= MaxProblems {
		l.More++
		return
	}
	l.Problems = append(l.Problems, Problem{Line: line, Column: column, Field: field, Message: fmt.Sprintf(format, args...)})
}

// Error lists the problems, one a line.
func (l *List) Error() string {
	var b strings.Builder
	for i, p := range l.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l.File)
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
	if l.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more problems", l.File, l.More)
	}
	return b.String()
}
