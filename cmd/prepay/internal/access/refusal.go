package access

import (
	"fmt"
	"net/http"
	"time"
)

// Code names why something was refused; it never changes.
type Code string

// The codes.
const (
	// CodeSignIn: the e-mail or the password is wrong, or there is no such user.
	CodeSignIn Code = "sign_in_failed"
	// CodeTooMany: there were too many failures; Refusal.RetryAfter says when to
	// try again.
	CodeTooMany Code = "too_many_attempts"
	// CodeBusy: too many sign in at this moment.
	CodeBusy Code = "busy"
	// CodeCredential: the API key, token or session is wrong, expired or ended.
	CodeCredential Code = "credential_invalid"
	// CodeCrossSite: a page of another site sent the request.
	CodeCrossSite Code = "cross_site_request"
	// CodeLink: the invitation or reset is wrong, expired or used.
	CodeLink Code = "link_invalid"
	// CodePassword: the password can't be used as one.
	CodePassword Code = "password_invalid"
	// CodeInvalid: something given is not right.
	CodeInvalid Code = "access_invalid"
	// CodeExists: a user with this e-mail, or a key with this name, is there.
	CodeExists Code = "access_exists"
	// CodeUnknown: there is no such user or key.
	CodeUnknown Code = "access_unknown"
	// CodeState: the user's or key's state does not allow it.
	CodeState Code = "access_state"
	// CodeLastAdmin: nobody could manage access any more.
	CodeLastAdmin Code = "last_admin"
	// CodeLimit: there are as many as there may be.
	CodeLimit Code = "access_limit"
	// CodeProvider: the identity provider can't be reached, or says no.
	CodeProvider Code = "identity_provider"
)

// Codes returns all codes, in the order of the documents.
func Codes() []Code {
	return []Code{
		CodeSignIn, CodeTooMany, CodeBusy, CodeCredential, CodeCrossSite, CodeLink, CodePassword, CodeInvalid, CodeExists,
		CodeUnknown, CodeState, CodeLastAdmin, CodeLimit, CodeProvider,
	}
}

// Status is the HTTP status that a code is answered with.
func (c Code) Status() int {
	switch c {
	case CodeSignIn, CodeCredential:
		return http.StatusUnauthorized
	case CodeTooMany:
		return http.StatusTooManyRequests
	case CodeBusy, CodeProvider:
		return http.StatusServiceUnavailable
	case CodeCrossSite:
		return http.StatusForbidden
	case CodeUnknown:
		return http.StatusNotFound
	case CodeExists, CodeState, CodeLastAdmin, CodeLimit:
		return http.StatusConflict
	default:
		return http.StatusUnprocessableEntity
	}
}

// Refusal says why something was refused, to people and to programs.
type Refusal struct {
	Code    Code
	Message string
	// RetryAfter is how long to wait (time); zero where waiting does not help.
	RetryAfter time.Duration
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// Is makes refusals of one code the same to errors.Is.
func (r *Refusal) Is(target error) bool {
	other, ok := target.(*Refusal)
	return ok && other.Code == r.Code
}

func refuse(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Refused is for errors.Is: it matches every refusal of a code.
func Refused(code Code) error { return &Refusal{Code: code} }

// wait refuses until some time has gone by.
func wait(d time.Duration) *Refusal {
	d = (d + time.Second - 1).Truncate(time.Second)
	return &Refusal{Code: CodeTooMany, RetryAfter: d, Message: fmt.Sprintf("There were too many failed attempts: try again in %s.", d)}
}
