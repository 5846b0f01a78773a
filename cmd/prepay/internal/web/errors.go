package web

import (
	"errors"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
)

// errNotFound says that there is no such page.
var errNotFound = errors.New("there is no such page")

// userError is an error whose sentence is for the user: what was asked can't be
// read.
type userError struct{ sentence string }

// Error implements error.
func (e *userError) Error() string { return e.sentence }

// fail answers a request that could not be answered: one place that tells apart
// who may not, what is not there, what the rules refuse, and failures.
func (w *Web) fail(q *request, err error) {
	if errors.Is(err, access.ErrUnauthenticated) {
		_ = q.redirect(signInURL(q))
		return
	}
	status, title, text := w.explain(q, err)
	id := ""
	if status >= http.StatusInternalServerError {
		id = w.deps.RequestID(q.Context())
		w.log.Error("a page failed", zap.String("request", id), zap.String("path", q.URL.Path), zap.Error(err))
	}
	q.status = status
	if err := q.show(ui.Page{Title: title}, ui.ErrorPage(title, text, id)); err != nil {
		w.log.Debug("a page could not be written", zap.Error(err))
	}
}

// explain is what an error is to the user.
func (w *Web) explain(q *request, err error) (status int, title, text string) {
	var large *http.MaxBytesError
	var refused *access.Refusal
	var user *userError
	switch {
	case errors.Is(err, access.ErrForbidden):
		return http.StatusForbidden, "Not for your role", "Your sign-in may not do this. Ask an admin for another role if you need it."
	case errors.Is(err, access.ErrForeign), errors.Is(err, errNotFound), errors.Is(err, desk.ErrNotFound), errors.Is(err, desk.ErrNotThere), strings.HasPrefix(string(domain.RejectionCode(err)), "unknown_"):
		return http.StatusNotFound, "Nothing here", "There is no such page, or what it was about is not among what you may see. Check the address, or begin at the start."
	case errors.As(err, &refused):
		return refused.Code.Status(), "That was not done", refused.Message
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, "Too large", "What was sent is larger than this page takes, nothing was done."
	case errors.As(err, &user):
		return http.StatusUnprocessableEntity, "That can't be shown", user.sentence
	}
	if sentence, ok := refusal(err); ok {
		return http.StatusUnprocessableEntity, "That was not done", sentence
	}
	return http.StatusInternalServerError, "That went wrong", "The ledger could not do this. Nothing is half done: try again, and if it stays so, tell your operator."
}

// refusal is the sentence of what the rules refuse, and of conflicts: what the
// user can do something about.
func refusal(err error) (string, bool) {
	var refused *access.Refusal
	if errors.As(err, &refused) {
		return refused.Message, true
	}
	var rejection *domain.Rejection
	var field *commandjson.FieldError
	if errors.Is(err, desk.ErrBusy) {
		return err.Error(), true
	}
	if errors.As(err, &rejection) || errors.As(err, &field) {
		return commandjson.ProblemOf(err).Message, true
	}
	switch p := commandjson.ProblemOf(err); p.Code {
	case commandjson.CodeFailed:
		return "", false
	default:
		return p.Message, true
	}
}

// signInURL is the sign-in, which leads back to the page.
func signInURL(q *request) string {
	next := q.URL.RequestURI()
	if q.Method != http.MethodGet || q.htmx() {
		next = q.back()
	}
	return signInTarget("/sign-in", next)
}
