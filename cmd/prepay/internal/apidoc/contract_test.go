package apidoc

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	validator "github.com/pb33f/libopenapi-validator"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
)

// contract is an API over a data folder, and its document, with which every
// request and answer is compared.
type contract struct {
	t    *testing.T
	api  *httpapi.API
	h    http.Handler
	desk *desk.Desk
	v    validator.Validator
	// done and failed count calls by operation, with good answers and with
	// problems.
	done, failed map[string]int
}

// newContract opens a ledger with what the samples need.
func newContract(t *testing.T) *contract {
	t.Helper()
	now := time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)
	d, err := desk.Open(t.Context(), t.TempDir(), app.Options{Clock: func() time.Time { return now }, Processor: noPayouts{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &contract{t: t, desk: d, done: map[string]int{}, failed: map[string]int{}}
	_, c.v = document(t)
	r := chi.NewRouter()
	c.api = httpapi.New(r, options(t, d, func() time.Time { return now }))
	c.h = httpapi.WithRequestID(r)
	setUp(t, d)
	return c
}

// who are those that make requests, by role.
func who(role access.Role) *access.Principal {
	p := &access.Principal{Kind: access.KindUser, ID: "u-" + string(role), Name: string(role) + "@bsp.example", Role: role}
	if role == access.RolePartner {
		p.Partners = []string{"PA-1"}
	}
	return p
}

// call makes a request; the zero role is nobody.
type call struct {
	role         access.Role
	method, path string
	body         string
	header       map[string]string
}

// answer makes a request and compares request and answer with the document.
// Requests that must fail may differ from it: that is why they fail.
func (c *contract) answer(q call) *httptest.ResponseRecorder {
	c.t.Helper()
	request := func() *http.Request {
		r := httptest.NewRequest(q.method, q.path, strings.NewReader(q.body))
		if q.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for name, value := range q.header {
			r.Header.Set(name, value)
		}
		if q.role != "" {
			r.Header.Set("X-API-Key", "of-the-test")
			r = r.WithContext(access.With(r.Context(), who(q.role)))
		}
		return r
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, request())
	name := q.method + " " + q.path
	if w.Code < http.StatusBadRequest {
		if ok, problems := c.v.ValidateHttpRequestSync(request()); !ok {
			for _, p := range problems {
				c.t.Errorf("%s was done, but is not as the document says: %s: %s %v", name, p.Message, p.Reason, p.SchemaValidationErrors)
			}
		}
	}
	result := w.Result()
	result.Body = io.NopCloser(bytes.NewReader(w.Body.Bytes()))
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/x-ndjson") {
		return w // the validator takes the lines for one document
	}
	if ok, problems := c.v.ValidateHttpResponse(request(), result); !ok {
		for _, p := range problems {
			c.t.Errorf("%s: the answer is not as the document says: %s: %s %v\n%.500s", name, p.Message, p.Reason, p.SchemaValidationErrors, w.Body)
		}
	}
	c.problem(name, w)
	return w
}

// queryOf writes a value of a query.
func queryOf(text string) string { return url.QueryEscape(text) }

// problem checks what the document can't say of a problem.
func (c *contract) problem(name string, w *httptest.ResponseRecorder) {
	c.t.Helper()
	if w.Code < http.StatusBadRequest {
		return
	}
	var p httpapi.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Code == "" || p.Detail == "" || p.Instance != w.Header().Get("X-Request-Id") {
		c.t.Errorf("%s: the problem is not whole (%v): %d %s", name, err, w.Code, w.Body)
	}
	if w.Code >= http.StatusInternalServerError {
		c.t.Errorf("%s: the ledger failed: %s", name, w.Body)
	}
}

// path is an operation's path with its parameters filled in.
func (op *operation) filled(values map[string]string) string {
	path := op.path
	for name, value := range values {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	return path
}

// TestEveryOperationKeepsToItsContract calls every operation so that it is
// done, and in every way in which any operation can fail.
func TestEveryOperationKeepsToItsContract(t *testing.T) {
	c := newContract(t)
	all := operations(c.api.OpenAPI())
	for _, s := range slices.Concat(samples(), accessSamples()) {
		at := slices.IndexFunc(all, func(op operation) bool { return op.OperationID == s.op })
		if at < 0 {
			t.Errorf("a sample is of %s, which is no operation", s.op)
			continue
		}
		op := all[at]
		if s.bodyOf != nil {
			s.body = s.bodyOf(t, c.desk)
		}
		w := c.answer(call{s.role, op.method, op.filled(s.path) + s.query, s.body, s.header})
		if w.Code != s.status {
			t.Errorf("%s as %s: %d instead of %d: %.500s", s.op, s.role, w.Code, s.status, w.Body)
		}
		if w.Code < http.StatusBadRequest {
			c.done[s.op]++
		} else {
			c.failed[s.op]++
		}
		if s.contains != "" && !strings.Contains(w.Body.String(), s.contains) {
			t.Errorf("%s: %s is not in %.500s", s.op, s.contains, w.Body)
		}
	}
	for _, op := range all {
		if strings.HasPrefix(op.path, "/v1/") { // others keep to another's contract
			c.refusals(op)
		} else {
			c.failed[op.OperationID]++
		}
		if slices.Contains(neverDone(), op.OperationID) {
			c.done[op.OperationID]++
		}
		if c.done[op.OperationID] == 0 || c.failed[op.OperationID] == 0 {
			t.Errorf("%s (%s %s) has %d good and %d bad calls: add samples to samples_test.go", op.OperationID, op.method, op.path, c.done[op.OperationID], c.failed[op.OperationID])
		}
	}
}

// refusals makes the calls that every operation must refuse.
func (c *contract) refusals(op operation) {
	if op.Extensions["x-anyone"] == true {
		return
	}
	path := op.filled(anything())
	roles, _ := op.Extensions["x-roles"].([]access.Role)
	refuse := func(role access.Role, path string, statuses ...int) {
		c.t.Helper()
		w := c.answer(call{role, op.method, path, body(op), nil})
		if !slices.Contains(statuses, w.Code) {
			c.t.Errorf("%s %s as %q: %d instead of %v: %.300s", op.method, path, role, w.Code, statuses, w.Body)
		}
		c.failed[op.OperationID]++
	}
	refuse("", path, http.StatusUnauthorized)
	for _, role := range access.Roles() {
		if !slices.Contains(roles, role) {
			refuse(role, path, http.StatusForbidden)
		}
	}
	if slices.Contains(roles, access.RolePartner) && strings.Contains(op.path, "{partner_id}") {
		foreign := anything()
		foreign["partner_id"] = "PA-2"
		refuse(access.RolePartner, op.filled(foreign), http.StatusNotFound)
	}
	if op.method == http.MethodGet && !strings.HasPrefix(op.path, "/webhooks") {
		refuse(roles[len(roles)-1], path+"?no_such_parameter=1", http.StatusUnprocessableEntity, http.StatusNotFound)
	}
}

// body is a body that an operation can read.
func body(op operation) string {
	if op.RequestBody == nil {
		return ""
	}
	return "{}"
}
