// Package httpapi is the HTTP API: accounts and what is done with them, months
// and Meta's documents, usage, events. Each operation says who may use it; what
// says nothing can't be registered. The OpenAPI document is made from the same
// declarations.
package httpapi

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/invoices"
	"prepayledger/consumers/ledger"
	"prepayledger/domain/money"
)

const (
	// MaxBodyBytes bounds the body of a request that is no file: 256 KiB.
	MaxBodyBytes = 256 << 10
	// MaxFileBytes bounds an uploaded file: 64 MiB.
	MaxFileBytes = 64 << 20
	// BodyTimeout is how long the body of a request that is no file may take to
	// come (time).
	BodyTimeout = 10 * time.Second
	// Timeout is how long a request may take that streams nothing (time).
	Timeout = 30 * time.Second
)

// Prefix is how the paths of the API begin: its version.
const Prefix = "/v1"

// Options of an API.
type Options struct {
	Desk *desk.Desk
	// Access finds out who makes a request, and has users and keys.
	Access *access.Authenticator
	// Links makes the links of invitations and resets.
	Links *access.Links
	// Logger takes failures, never what was asked; nil is silence.
	Logger *zap.Logger
	// CardLink makes a page of the card processor's on which a partner saves a
	// card, and returns its address; card is the one that is registered. nil:
	// the processor has none.
	CardLink func(ctx context.Context, partnerID, card string) (string, error)
	// Issuer issues the partners' invoices.
	Issuer invoices.Issuer
	// Provider is the provider's name in R21's text; empty is
	// ledger.DefaultProvider.
	Provider string
	// Rate is how many requests a second a caller may make in the long run, 0
	// is DefaultRate; Burst is how many at once, 0 is DefaultBurst.
	Rate  float64
	Burst int
	// Ending is done when the server stops: what would last as long as the
	// caller stays ends then. nil never ends.
	Ending context.Context
	// Now is the clock by which requests are counted; nil is time.Now.
	Now func() time.Time
}

// API is the HTTP API on a router.
type API struct {
	opts   Options
	desk   *desk.Desk
	log    *zap.Logger
	router chi.Router
	huma   huma.API
	limits *limits
	routes []access.Route
	// uploads are the turns of those who take files; following counts who
	// follows events.
	uploads   chan struct{}
	following following
	taking    taking
}

// New puts the API's routes on the router. Who makes a request must be in its
// context (access.With).
func New(router chi.Router, opts Options) *API {
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if opts.Ending == nil {
		opts.Ending = context.Background()
	}
	opts.Provider = cmp.Or(opts.Provider, ledger.DefaultProvider)
	a := &API{opts: opts, desk: opts.Desk, log: opts.Logger, router: router, limits: newLimits(&opts), uploads: make(chan struct{}, UploadsAtOnce)}
	a.huma = humachi.New(router, config())
	a.register()
	a.describeFields()
	return a
}

// register registers all operations.
func (a *API) register() {
	a.accounts()
	a.settings()
	a.balances()
	a.channels()
	a.gate()
	a.payments()
	a.blocks()
	a.refunds()
	a.statements()
	a.usage()
	a.intake()
	a.invoices()
	a.forecasts()
	a.provider()
	a.access()
	a.months()
	a.monthFiles()
	a.metaInvoices()
	a.rates()
	a.quarantine()
	a.bankStatements()
	a.events()
	a.search()
	a.verification()
	a.document()
}

// config is what is true of every operation.
func config() huma.Config {
	c := huma.DefaultConfig("prepay", DocumentVersion)
	c.Info.Description = "Prepayment ledger of partner accounts. Amounts are exact decimal strings, instants are UTC. " +
		"Errors are problem details (RFC 9457); their code is stable."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no $schema in answers: they are the same bytes as the command line's
	c.RejectUnknownQueryParameters = true
	c.Transformers = []huma.Transformer{withCode}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key":    {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "An API key."},
		"bearer": {Type: "http", Scheme: "bearer", Description: "An API key, or the token of a session."},
	}
	c.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[money.Amount](), reflect.TypeFor[decimal]())
	return c
}

// decimal is the schema of an exact amount.
type decimal string

// Schema implements huma.SchemaProvider.
func (decimal) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: `^-?[0-9]{1,15}(\.[0-9]{1,18})?$`, Description: exactDecimal, Examples: []any{"512.40"}}
}

// OpenAPI returns the description of the API (OpenAPI 3.1).
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// Routes returns the routes with who may use them.
func (a *API) Routes() []access.Route { return a.routes }

// register registers an operation with who may use it. Errors that handle
// returns become problem details.
func register[I, O any](a *API, op huma.Operation, rule access.Rule, handle func(context.Context, *I) (*O, error)) {
	a.describe(&op, rule)
	op.Middlewares = append(op.Middlewares, a.guard(rule))
	timeout := timeoutOf(&op)
	var declared huma.RequestBody
	if op.RequestBody != nil {
		declared = *op.RequestBody
		declared.Content = maps.Clone(declared.Content)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
	if op.RequestBody != nil {
		*op.RequestBody = declared // huma puts a raw body's own type beside it
	}
}

// LongTimeout is how long a request may take that works on a whole month or
// file (time).
const LongTimeout = 5 * time.Minute

// long gives an operation LongTimeout.
func long(op huma.Operation) huma.Operation {
	op.Metadata = map[string]any{timeoutKey: LongTimeout}
	return op
}

// stream registers an operation whose handler reads or writes by itself, bit by
// bit, without huma. What it takes and gives has to be in op, for the OpenAPI
// document.
func (a *API) stream(op huma.Operation, rule access.Rule, handle http.HandlerFunc) {
	a.streamAs(op, rule, WriteProblem, handle)
}

// streamAs is stream with problems written in another shape.
func (a *API) streamAs(op huma.Operation, rule access.Rule, write func(http.ResponseWriter, *Problem), handle http.HandlerFunc) {
	a.describe(&op, rule)
	a.huma.OpenAPI().AddOperation(&op)
	a.router.MethodFunc(op.Method, op.Path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if err := a.allow(r, rule); err != nil {
			write(w, a.problem(r.Context(), err))
			return
		}
		handle(w, r)
	})
}

// describe completes an operation.
func (a *API) describe(op *huma.Operation, rule access.Rule) {
	if !strings.HasPrefix(op.Path, providerPrefix) {
		op.Path = Prefix + op.Path
	}
	op.OperationID = OperationID(op.OperationID)
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = MaxBodyBytes
	}
	if op.BodyReadTimeout == 0 {
		op.BodyReadTimeout = BodyTimeout
	}
	op.Security = []map[string][]string{{"key": {}}, {"bearer": {}}}
	if rule.Anyone {
		op.Security = []map[string][]string{{}}
	}
	op.Extensions = extensions(rule)
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	if op.Responses["default"] == nil {
		for _, status := range op.Errors {
			op.Responses[strconv.Itoa(status)] = a.problemResponse()
		}
		op.Errors = nil // huma would describe them as its own kind
		op.Responses["default"] = a.problemResponse()
	}
	a.routes = append(a.routes, access.Route{Method: op.Method, Path: op.Path, Rule: rule})
}

// problemResponse is what an operation answers that was not done.
func (a *API) problemResponse() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return &huma.Response{Description: "It was not done; the problem says why.", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
}

// extensions say in the OpenAPI document who may use an operation.
func extensions(rule access.Rule) map[string]any {
	if rule.Anyone {
		return map[string]any{"x-anyone": true}
	}
	return map[string]any{"x-roles": rule.Roles, "x-scope": rule.Scope}
}

// guard lets in whom the rule allows.
func (a *API) guard(rule access.Rule) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		w.Header().Set("Cache-Control", "no-store")
		if err := a.allow(r, rule); err != nil {
			a.writeProblem(w, r, err)
			return
		}
		if counted(&rule) {
			leave, err := a.limits.enter()
			if err != nil {
				a.writeProblem(w, r, err)
				return
			}
			defer leave()
		}
		next(ctx)
	}
}

// allow counts a request, and decides by the rule.
func (a *API) allow(r *http.Request, rule access.Rule) error {
	if counted(&rule) {
		if err := a.limits.allow(r); err != nil {
			return err
		}
	}
	return allow(r.Context(), rule, PathValue(r, rule.Account))
}

// allow is the rule's decision, put as the API answers it.
func allow(ctx context.Context, rule access.Rule, partner string) error {
	return rule.Allow(access.From(ctx), partner)
}
