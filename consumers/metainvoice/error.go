package metainvoice

import (
	"prepayledger/consumers/fileerror"
	"prepayledger/domain"
)

// Problem is one thing that is wrong with a file.
type Problem = fileerror.Problem

// Error says why a file was not taken. It is a rejection with the code
// InvoiceInvalid.
type Error struct{ fileerror.List }

// Unwrap answers the rejection.
func (e *Error) Unwrap() error {
	return &domain.Rejection{Code: domain.InvoiceInvalid, Message: e.Error()}
}

// problems collects what is wrong with a file.
type problems struct{ Error }

func (p *problems) add(line int, field, format string, args ...any) {
	p.Add(line, "", field, format, args...)
}

// addAt is add with the place in the line.
func (p *problems) addAt(line int, column, field, format string, args ...any) {
	p.Add(line, column, field, format, args...)
}

// err is nil where nothing is wrong.
func (p *problems) err() error {
	if len(p.Problems) == 0 {
		return nil
	}
	return &p.Error
}
