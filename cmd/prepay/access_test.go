package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// updateAccess writes the table of decisions anew. Look at what changed: each
// line is a decision who may do what.
var updateAccess = flag.Bool("update-access", false, "write docs/reference/access.md")

// accessPage is the committed table.
const accessPage = "../../docs/reference/access.md"

// decision is what becomes of a request.
type decision string

// The decisions.
const (
	allowed         decision = "yes"
	unauthenticated decision = "401"
	forbidden       decision = "403"
	foreign         decision = "404"
	// ownOnly is allowed, and shows nothing of others' accounts.
	ownOnly decision = "own"
)

// requester is somebody who makes requests: a column of the table.
type requester struct {
	name      string
	principal *access.Principal
	secret    string
}

// startedServer is a ledger with everything that prepay serve has, with the
// accounts PA-77 and PA-78, and a key for each requester.
func startedServer(t *testing.T) (*server, []*requester) {
	t.Helper()
	c := commands{globals: globals{Now: func() time.Time { return today }, Stdout: io.Discard, Stderr: io.Discard}}
	parser, err := kong.New(&c, defaults())
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--data", filepath.Join(t.TempDir(), "data"), "serve", "--nats-listen", "127.0.0.1:-1", "--http-listen", "127.0.0.1:0"}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	s := &server{globals: &c.globals, settings: &c.Serve.settings, log: zap.NewNop()}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"PA-77", "PA-78"} {
		open := &domain.OpenAccount{PartnerID: p, Currency: "EUR", Card: "sim_ok", CarriedOver: money.MustParse("500")}
		if err := s.app.Ledger.Do(t.Context(), p, domain.Meta{Actor: "test:set-up"}, open); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.app.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := []*requester{{name: "nobody"}}
	for _, k := range []access.NewKey{
		{Name: "partner-own", Role: access.RolePartner, Partners: []string{"PA-77"}},
		{Name: "partner-foreign", Role: access.RolePartner, Partners: []string{"PA-78"}},
		{Name: "finance", Role: access.RoleFinance}, {Name: "auditor", Role: access.RoleAuditor},
		{Name: "service", Role: access.RoleService}, {Name: "admin", Role: access.RoleAdmin},
	} {
		all = append(all, newRequester(t, s, k))
	}
	return s, all
}

func newRequester(t *testing.T, s *server, k access.NewKey) *requester {
	t.Helper()
	_, secret, err := s.access.CreateKey(t.Context(), access.By{Actor: "test:set-up"}, k)
	if err != nil {
		t.Fatal(err)
	}
	p := s.access.KeyPrincipal(secret)
	if p == nil {
		t.Fatalf("the key %s is not known", k.Name)
	}
	return &requester{k.Name, p, secret}
}

// firstByte ends a request that answers for ever once its answer begins.
type firstByte struct {
	*httptest.ResponseRecorder
	begun context.CancelFunc
}

// WriteHeader implements http.ResponseWriter.
func (w *firstByte) WriteHeader(status int) {
	w.ResponseRecorder.WriteHeader(status)
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		w.begun()
	}
}

// request makes a request as somebody.
func (r *requester) request(t *testing.T, h http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waiting)
	defer cancel()
	body := ""
	if method != http.MethodGet {
		body = "{}"
	}
	q := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	q.Header.Set("Content-Type", "application/json")
	if r.principal != nil {
		q.Header.Set("X-API-Key", r.secret)
	}
	w := &firstByte{httptest.NewRecorder(), cancel}
	h.ServeHTTP(w, q)
	return w.ResponseRecorder
}

// decided reads the decision from an answer. Pages lead who is not signed in to
// where that is done.
func decided(w *httptest.ResponseRecorder, want decision) decision {
	switch {
	case w.Code == http.StatusUnauthorized, w.Code == http.StatusSeeOther && strings.HasPrefix(w.Header().Get("Location"), "/sign-in"):
		return unauthenticated
	case w.Code == http.StatusForbidden:
		return forbidden
	case w.Code == http.StatusNotFound && want == foreign:
		return foreign
	}
	return allowed
}

// ruled is the decision that a route's rule makes about the account PA-77.
func ruled(rule access.Rule, p *access.Principal) decision {
	switch rule.Allow(p, "PA-77") {
	case nil:
		if p != nil && p.Role == access.RolePartner && !rule.Anyone && rule.Account == "" {
			return ownOnly
		}
		return allowed
	case access.ErrUnauthenticated:
		return unauthenticated
	case access.ErrForeign:
		return foreign
	}
	return forbidden
}

// filledPath fills a route's parameters in: the account is PA-77, the rest is
// unknown.
func filledPath(route string) string {
	route = strings.NewReplacer("{partner_id}", "PA-77", "/*", "/x").Replace(route)
	return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(route, "x")
}

// TestEveryRouteHasADecision walks everything that the server serves, and
// makes a request of every kind of requester to it. A route that no list has
// fails, as does one whose decisions are not in the committed table, one that
// decides otherwise, and a denied request that changed something.
func TestEveryRouteHasADecision(t *testing.T) {
	s, requesters := startedServer(t)
	router, err := s.routes()
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]access.Rule{}
	for _, r := range router.all {
		key := r.Method + " " + r.Path
		if _, twice := declared[key]; twice {
			t.Errorf("%s is declared twice", key)
		}
		declared[key] = r.Rule
	}
	var routes []access.Route
	err = chi.Walk(router, func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		rule, ok := declared[method+" "+path]
		if !ok {
			t.Errorf("%s %s has no decision who may use it: give it an access.Rule", method, path)
			return nil
		}
		delete(declared, method+" "+path)
		routes = append(routes, access.Route{Method: method, Path: path, Rule: rule})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range declared {
		t.Errorf("%s is declared, but not served", key)
	}
	slices.SortFunc(routes, func(a, b access.Route) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	narrow := narrowKeys(t, s)
	var page bytes.Buffer
	head(&page, requesters)
	for _, route := range routes {
		fmt.Fprintf(&page, "| `%s %s` | %s |", route.Method, route.Path, cmp.Or(string(route.Rule.Scope), "-"))
		for _, who := range requesters {
			fmt.Fprintf(&page, " %s |", s.tried(t, router, route, who))
		}
		page.WriteString("\n")
		if !route.Rule.Anyone && slices.Contains(route.Rule.Roles, access.RoleAdmin) {
			if got := s.tried(t, router, route, narrow[route.Rule.Scope]); got != forbidden {
				t.Errorf("%s %s: a key without the scope %s: %s", route.Method, route.Path, route.Rule.Scope, got)
			}
		}
	}
	if *updateAccess {
		if err := os.WriteFile(accessPage, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if committed, err := os.ReadFile(accessPage); err != nil || !bytes.Equal(committed, page.Bytes()) {
		t.Errorf("docs/reference/access.md differs from what the server decides (%v). If the decisions are right, write them down: go test ./cmd/prepay -run TestEveryRouteHasADecision -update-access", err)
	}
}

// head begins the table.
func head(page *bytes.Buffer, requesters []*requester) {
	page.WriteString(`# Who may use which route

Written by a test of cmd/prepay from what the server answers: it tries every route as everybody, and fails where a route
is added that is not in this table. The account of a route is PA-77: "partner-own" is its partner, "partner-foreign" is
another one. A key may do what its role may, if it has the scope or no scopes.

- yes: let in. own: let in, and shown its own accounts only.
- 401: it is not known who asks. 403: who asks may not. 404: answered as if there were no such account.

| Route | Scope |`)
	for _, r := range requesters {
		fmt.Fprintf(page, " %s |", r.name)
	}
	page.WriteString("\n|---|---|" + strings.Repeat("---|", len(requesters)) + "\n")
}

// tried makes a request and compares what became of it with the route's rule.
// What is denied must change nothing.
func (s *server) tried(t *testing.T, h http.Handler, route access.Route, who *requester) decision {
	t.Helper()
	name := fmt.Sprintf("%s %s as %s", route.Method, route.Path, who.name)
	before, err := s.app.Store.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := who.request(t, h, route.Method, filledPath(route.Path))
	want := ruled(route.Rule, who.principal)
	got := decided(w, want)
	if got != want && (want != ownOnly || got == unauthenticated) { // a handler may refuse partners more than the rule does
		t.Errorf("%s: %s instead of %s: %d %.200s", name, got, want, w.Code, w.Body)
	}
	if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable {
		t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
	}
	after, err := s.app.Store.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got != allowed && before != after {
		t.Errorf("%s: it was denied, and the log went from %s to %s", name, before, after)
	}
	if who.name == "partner-foreign" && strings.Contains(w.Body.String(), "PA-77") {
		t.Errorf("%s: it shows another partner's account: %.300s", name, w.Body)
	}
	return want
}

// narrowKeys are keys of an admin that have every scope but one, by that.
func narrowKeys(t *testing.T, s *server) map[access.Scope]*requester {
	t.Helper()
	keys := map[access.Scope]*requester{}
	for _, scope := range access.Scopes() {
		others := slices.DeleteFunc(access.Scopes(), func(x access.Scope) bool { return x == scope })
		keys[scope] = newRequester(t, s, access.NewKey{Name: "without-" + string(scope), Role: access.RoleAdmin, Scopes: others})
	}
	return keys
}
