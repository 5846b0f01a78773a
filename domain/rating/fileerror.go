package rating

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// MaxProblems is how many problems of a file are named one by one; of the
// rest only the number is told.
const MaxProblems = 20

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Line counts from 1; 0 means the file as a whole.
	Line int
	// Field is the column, as the file calls it; may be empty.
	Field string
	// Text says what is wrong and what to do.
	Text string
}

// FileError refuses a file: none of it was taken.
type FileError struct {
	// File is the name under which the file was given.
	File string
	// Problems are at most MaxProblems, in the file's order.
	Problems []Problem
	// More is how many further problems there are.
	More int
}

// Error implements error: one line a problem.
func (e *FileError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, " line %d", p.Line)
		}
		if p.Field != "" {
			fmt.Fprintf(&b, ", field %s", p.Field)
		}
		fmt.Fprintf(&b, ": %s", p.Text)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more problems", e.File, e.More)
	}
	return b.String()
}

// add notes a problem.
func (e *FileError) add(line int, field, format string, args ...any) {
	if len(e.Problems) >= MaxProblems {
		e.More++
		return
	}
	e.Problems = append(e.Problems, Problem{Line: line, Field: field, Text: fmt.Sprintf(format, args...)})
}

// addCSV notes what encoding/csv refused.
func (e *FileError) addCSV(err error) {
	var p *csv.ParseError
	if errors.As(err, &p) {
		e.add(p.Line, "", "it is no valid CSV: %v; quote fields as RFC 4180 says", p.Err)
		return
	}
	e.add(0, "", "it is no valid CSV: %v", err)
}

// orNil returns the error where a problem was noted.
func (e *FileError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// checkName checks the name of a market or category.
func (e *FileError) checkName(text string, line int, field string) bool {
	switch {
	case text == "":
		e.add(line, field, "it is empty")
	case len(text) > MaxNameBytes:
		e.add(line, field, "%.60q is longer than %d bytes", text, MaxNameBytes)
	case strings.IndexFunc(text, unicode.IsControl) >= 0:
		e.add(line, field, "%.60q has a control character", text)
	default:
		return true
	}
	return false
}
