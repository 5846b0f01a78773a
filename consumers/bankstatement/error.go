package bankstatement

import (
	"prepayledger/consumers/fileerror"
	"prepayledger/domain"
)

// MaxProblems is how many problems of a file are listed.
const MaxProblems = fileerror.MaxProblems

// Problem is one thing that is wrong with a file.
type Problem = fileerror.Problem

// Error says why a file was not taken. It is a rejection with the code
// BankStatementInvalid.
type Error struct{ fileerror.List }

// Unwrap answers the rejection.
func (e *Error) Unwrap() error {
	return &domain.Rejection{Code: domain.BankStatementInvalid, Message: e.Error()}
}

// problems collects what is wrong with a file.
type problems struct{ Error }

func (p *problems) add(line int, field, format string, args ...any) {
	p.Add(line, "", field, format, args...)
}
