package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"unicode"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
)

// DocumentVersion is the version of the API, not of the program: it changes
// with what callers must know.
const DocumentVersion = "1.0.0"

// Documented is an API without a ledger behind it: what it says of itself is
// right, but it can't be asked.
func Documented() *API { return New(chi.NewRouter(), Options{}) }

// YAML is the OpenAPI document (3.1) for people.
func (a *API) YAML() ([]byte, error) { return a.OpenAPI().YAML() }

// JSON is the OpenAPI document (3.1) for programs.
func (a *API) JSON() ([]byte, error) { return json.MarshalIndent(a.OpenAPI(), "", "  ") }

// readsDocument lets everybody who is known read what the API can do.
func readsDocument() access.Rule {
	return access.Rule{Roles: access.Roles(), Scope: access.ScopeRead}
}

// document puts the OpenAPI document on the router. It is not an operation of
// its own document.
func (a *API) document() {
	a.serveDocument("/openapi.yaml", "application/yaml", a.YAML)
	a.serveDocument("/openapi.json", "application/json", a.JSON)
}

func (a *API) serveDocument(path, contentType string, make func() ([]byte, error)) {
	rule := readsDocument()
	a.routes = append(a.routes, access.Route{Method: http.MethodGet, Path: path, Rule: rule})
	a.router.Method(http.MethodGet, path, Guard(rule, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := make()
		if err != nil {
			a.writeProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(text)
	})))
}

// OperationID is how the operation of a command is called: that of OpenAccount
// is open_account.
func OperationID(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
