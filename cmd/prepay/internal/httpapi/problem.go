package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/bankstatement"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/fileerror"
	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/rating"
)

// Codes of problems beside those of the rules and of commandjson.
const (
	// CodeUnauthenticated: it is not known who asks.
	CodeUnauthenticated = "unauthenticated"
	// CodeForbidden: who asks may not.
	CodeForbidden = "forbidden"
	// CodeNotFound: there is no such thing.
	CodeNotFound = "not_found"
	// CodePreconditionFailed: somebody else changed it meanwhile (If-Match).
	CodePreconditionFailed = "precondition_failed"
	// CodeTooLarge: the body is too large.
	CodeTooLarge = "too_large"
	// CodeRateLimited: too many requests.
	CodeRateLimited = "rate_limited"
)

// RetryAfter is when a request that found too much waiting should come again
// (seconds).
const RetryAfter = 1

// problemType is how the type of a problem begins; its code follows.
const problemType = "urn:prepay:problem:"

// Problem is what a caller is told whose request was not done (RFC 9457).
type Problem struct {
	Type   string `json:"type" doc:"urn:prepay:problem: and the code." example:"urn:prepay:problem:unknown_account"`
	Title  string `json:"title" doc:"The status in words." example:"Not Found"`
	Status int    `json:"status" doc:"The status of the response." example:"404"`
	// Code is stable, for machines.
	Code string `json:"code" doc:"Stable, for machines: a rejection's code, or one of the API's." example:"unknown_account"`
	// Detail is a sentence for people that says what to do.
	Detail string `json:"detail" doc:"A sentence for people that says what to do." example:"There is no partner account \"PA-1\": correct the partner id."`
	// Instance is the request's id, by which the log is searched.
	Instance string       `json:"instance,omitempty" doc:"The request's id: the operator finds it in the log."`
	Errors   []FieldError `json:"errors,omitempty" doc:"What is wrong, field by field, or line by line of a file."`
	// retryAfter is in seconds; 0 is none.
	retryAfter int
	// etag is what something that changed meanwhile is now; empty is none.
	etag string
}

// FieldError is one thing that is wrong with a request.
type FieldError struct {
	Field   string `json:"field,omitempty" doc:"Name of the field, parameter or column."`
	File    string `json:"file,omitempty" doc:"Name of the file."`
	Line    int    `json:"line,omitempty" doc:"Line of the file, counted from 1."`
	Column  string `json:"column,omitempty" doc:"Place in the line, such as 4 \"Amount\", or D \"Amount\" in a workbook."`
	Message string `json:"message" doc:"What is wrong, and what to do."`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.etag != "" {
		h.Set("Etag", p.etag)
	}
	return h
}

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// newProblem completes a problem.
func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: problemType + code, Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// problem says what an error is to the caller, and logs what is the ledger's
// own fault.
func (a *API) problem(ctx context.Context, err error) *Problem {
	p := problemOf(err)
	p.Instance = RequestID(ctx)
	if p.Status >= http.StatusInternalServerError {
		a.log.Error("the ledger failed a request over HTTP", zap.String("request", p.Instance), zap.Error(err))
	}
	return p
}

// writeProblem answers with a problem, outside of huma.
func (a *API) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	WriteProblem(w, a.problem(r.Context(), err))
}

// WriteProblem answers with a problem.
func WriteProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="prepay"`)
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// WriteFailure answers that the ledger failed.
func WriteFailure(w http.ResponseWriter, r *http.Request) {
	p := problemOf(errors.New("failed"))
	p.Instance = RequestID(r.Context())
	WriteProblem(w, p)
}

// NotFound answers a path that the API does not have.
func NotFound(w http.ResponseWriter, r *http.Request) {
	p := newProblem(http.StatusNotFound, CodeNotFound, "The API has no such path.")
	p.Instance = RequestID(r.Context())
	WriteProblem(w, p)
}

// MethodNotAllowed answers a method that a path does not have.
func MethodNotAllowed(w http.ResponseWriter, r *http.Request) {
	p := newProblem(http.StatusMethodNotAllowed, CodeNotFound, "The path has no such method.")
	p.Instance = RequestID(r.Context())
	WriteProblem(w, p)
}

// Refuse answers with what an error is to the caller.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	p.Instance = RequestID(r.Context())
	WriteProblem(w, p)
}

// Guard lets in whom the rule allows, for routes that are not the API's.
func Guard(rule access.Rule, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := allow(r.Context(), rule, PathValue(r, rule.Account)); err != nil {
			Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// problemOf tells apart who may not, what the rules refuse, conflicts and
// failures.
func problemOf(err error) *Problem {
	var ready *Problem
	var large *http.MaxBytesError
	var refused *access.Refusal
	switch {
	case errors.As(err, &ready):
		copied := *ready
		return &copied
	case errors.Is(err, access.ErrUnauthenticated):
		return newProblem(http.StatusUnauthorized, CodeUnauthenticated, "Send an API key (X-API-Key), or sign in.")
	case errors.Is(err, access.ErrForbidden):
		return newProblem(http.StatusForbidden, CodeForbidden, "This needs another role, or a key with another scope.")
	case errors.Is(err, access.ErrForeign):
		return newProblem(http.StatusNotFound, string(domain.UnknownAccount), "There is no such partner account among yours: correct the partner id.")
	case errors.As(err, &refused):
		p := newProblem(refused.Code.Status(), string(refused.Code), refused.Message)
		p.retryAfter = int(refused.RetryAfter / time.Second)
		return p
	case errors.As(err, &large):
		return newProblem(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("The body has more than %d bytes, nothing was done.", large.Limit))
	}
	known := commandjson.ProblemOf(err)
	if code := deskCode(err); code != "" {
		known = commandjson.Problem{Code: code, Message: err.Error()}
	}
	p := newProblem(statusOf(known.Code), known.Code, known.Message)
	p.Errors = fieldErrors(err)
	if p.Status == http.StatusServiceUnavailable {
		p.retryAfter = RetryAfter
	}
	return p
}

// statusOf is the status for a code.
func statusOf(code string) int {
	switch code {
	case commandjson.CodeUnknownCommand, CodeNotFound:
		return http.StatusNotFound
	case CodePreconditionFailed:
		return http.StatusPreconditionFailed
	case commandjson.CodeConflict, string(domain.CommandConflict), string(domain.AccountExists), string(domain.ChannelExists), string(domain.NumberTaken):
		return http.StatusConflict
	case commandjson.CodeOverloaded, commandjson.CodeUnavailable:
		return http.StatusServiceUnavailable
	case commandjson.CodeOutcomeUnknown:
		return http.StatusGatewayTimeout
	case commandjson.CodeFailed:
		return http.StatusInternalServerError
	}
	if strings.HasPrefix(code, "unknown_") {
		return http.StatusNotFound
	}
	return http.StatusUnprocessableEntity
}

// deskCode is the code of the desk's own errors, whose text is for people;
// empty for others.
func deskCode(err error) string {
	var file *rating.FileError
	switch {
	case errors.Is(err, desk.ErrNotFound), errors.Is(err, desk.ErrNotThere):
		return CodeNotFound
	case errors.Is(err, desk.ErrBusy):
		return commandjson.CodeOverloaded
	case errors.Is(err, desk.ErrChanged):
		return CodePreconditionFailed
	case errors.As(err, &file):
		return string(domain.RateCardInvalid)
	}
	return ""
}

// fieldErrors lists what is wrong with fields, or with a file line by line,
// where the error tells.
func fieldErrors(err error) (all []FieldError) {
	var field *commandjson.FieldError
	var invoice *metainvoice.Error
	var statement *bankstatement.Error
	var card *rating.FileError
	switch {
	case errors.As(err, &field) && field.Field != "":
		return []FieldError{{Field: field.Field, Message: field.Problem}}
	case errors.As(err, &invoice):
		return fileErrors(&invoice.List)
	case errors.As(err, &statement):
		return fileErrors(&statement.List)
	case errors.As(err, &card):
		for _, p := range card.Problems {
			all = append(all, FieldError{File: card.File, Line: p.Line, Field: p.Field, Message: p.Text})
		}
		return more(all, card.File, card.More)
	}
	return nil
}

// fileErrors lists what is wrong with a file.
func fileErrors(l *fileerror.List) (all []FieldError) {
	for _, p := range l.Problems {
		all = append(all, FieldError{File: l.File, Line: p.Line, Column: p.Column, Field: p.Field, Message: p.Message})
	}
	return more(all, l.File, l.More)
}

// more says how many problems a file has beyond those that are listed.
func more(all []FieldError, file string, n int) []FieldError {
	if n > 0 {
		all = append(all, FieldError{File: file, Message: fmt.Sprintf("and %d more problems", n)})
	}
	return all
}

// withCode turns huma's own errors, which find bad parameters and bodies, into
// problems with a code.
func withCode(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	code := commandjson.CodeInvalidRequest
	switch {
	case m.Status == http.StatusRequestEntityTooLarge:
		code = CodeTooLarge
	case m.Status >= http.StatusInternalServerError:
		code = commandjson.CodeFailed
	}
	p := newProblem(m.Status, code, m.Detail)
	p.Instance = RequestID(ctx.Context())
	for _, e := range m.Errors {
		p.Errors = append(p.Errors, FieldError{Field: e.Location, Message: e.Message})
	}
	return p, nil
}
