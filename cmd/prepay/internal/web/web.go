package web

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/assets"
	"prepayledger/consumers/invoices"
	"prepayledger/consumers/ledger"
)

// Deps are what the pages need.
type Deps struct {
	Desk *desk.Desk
	// Access says who makes a request, and begins and ends sessions. Its Refuse
	// should be Web.Refuse for requests of pages.
	Access *access.Authenticator
	// Links makes the links of invitations and resets.
	Links *access.Links
	// SendReset mails the token of a reset to whom it is for; nil where there
	// are no mails.
	SendReset func(ctx context.Context, u *access.User, token string)
	// Data is the folder in which a verification builds its own read models.
	Data string
	// Issuer is who issues invoices, and to whose bank account partners pay.
	Issuer invoices.Issuer
	// BlockedText is what a sender on a blocked channel is told (R21).
	BlockedText string
	// CardLink makes a page of the card processor's on which a partner saves a
	// card, and returns its address; card is the one that is registered. Where
	// it is nil, a card is registered by its reference, and CardHint says what
	// that looks like.
	CardLink func(ctx context.Context, partnerID, card string) (string, error)
	CardHint string
	// RequestID returns the id of a request, by which the log is searched; nil
	// is none.
	RequestID func(context.Context) string
	// Logger takes failures, never what was asked; nil is silence.
	Logger *zap.Logger
}

// Web is the web pages.
type Web struct {
	deps   Deps
	desk   *desk.Desk
	auth   *access.Authenticator
	log    *zap.Logger
	assets *assets.Set
	live   *live
	routes []access.Route
	tasks  *tasks
	// verifier runs verifications.
	verifier *verifier
	// jobs are tasks that pages show the progress of.
	jobs jobs
	// folds are the statements that are being made.
	folds chan struct{}
}

// New returns the pages. Mount puts them on a router.
func New(d Deps) (*Web, error) {
	if d.Logger == nil {
		d.Logger = zap.NewNop()
	}
	if d.RequestID == nil {
		d.RequestID = func(context.Context) string { return "" }
	}
	if d.BlockedText == "" {
		d.BlockedText = ledger.BlockedText(ledger.DefaultProvider)
	}
	set, err := assets.Load()
	if err != nil {
		return nil, err
	}
	v, err := newVerifier(d.Data)
	if err != nil {
		return nil, err
	}
	return &Web{verifier: v, deps: d, desk: d.Desk, auth: d.Access, log: d.Logger, assets: set, live: newLive(d.Desk), tasks: newTasks(), folds: make(chan struct{}, maxFolds)}, nil
}

// Mount puts the pages on the router. Who makes a request must be in its
// context (access.With), and requests of other sites must be refused already
// (http.CrossOriginProtection).
func (w *Web) Mount(r chi.Router) {
	w.common(r)
	w.signInPages(r)
	w.partnerPages(r)
	w.financePages(r)
	w.auditorPages(r)
	w.adminPages(r)
}

// Run follows the ledger for live updates until the context ends, and waits for
// what pages began and that goes on without them.
func (w *Web) Run(ctx context.Context) error {
	defer w.tasks.end()
	return w.live.run(ctx)
}

// Routes returns the routes with who may use them.
func (w *Web) Routes() []access.Route { return w.routes }

// anyone is the rule of what everybody may see.
func anyone() access.Rule { return access.Rule{Anyone: true} }

// signedIn is the rule of what everybody may who is signed in.
func signedIn() access.Rule {
	return access.Rule{Roles: []access.Role{access.RolePartner, access.RoleFinance, access.RoleAuditor, access.RoleAdmin}, Scope: access.ScopeRead}
}

// page registers a route with who may use it.
func (w *Web) page(r chi.Router, method, path string, rule access.Rule, handle func(*request) error) {
	w.routes = append(w.routes, access.Route{Method: method, Path: path, Rule: rule})
	r.Method(method, path, secured(zipped(w.handler(rule, handle))))
}

// stream registers a route whose answer goes on as long as the page is open.
func (w *Web) stream(r chi.Router, path string, rule access.Rule, handle func(*request) error) {
	w.routes = append(w.routes, access.Route{Method: http.MethodGet, Path: path, Rule: rule})
	r.Method(http.MethodGet, path, secured(w.handler(rule, handle)))
}

// handler asks the rule, then the page.
func (w *Web) handler(rule access.Rule, handle func(*request) error) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		q := &request{Request: r, w: rw, web: w, who: access.From(r.Context()), began: w.live.now()}
		partner := ""
		if rule.Account != "" {
			partner = q.param(rule.Account)
		}
		err := rule.Allow(q.who, partner)
		if err == nil {
			err = handle(q)
		}
		if err != nil {
			w.fail(q, err)
		}
	})
}

// common are the routes that belong to nobody.
func (w *Web) common(r chi.Router) {
	w.page(r, http.MethodGet, "/", signedIn(), w.home)
	w.page(r, http.MethodPost, "/theme", anyone(), w.theme)
	w.stream(r, "/live", access.ReadsOwn(), w.follow)
	w.file(r, "/favicon.svg", http.HandlerFunc(favicon))
	w.file(r, assets.Prefix+"*", w.assets)
	r.NotFound(secured(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.fail(&request{Request: r, w: rw, web: w, who: access.From(r.Context())}, errNotFound)
	})).ServeHTTP)
}

// file registers what everybody may load.
func (w *Web) file(r chi.Router, path string, h http.Handler) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		w.routes = append(w.routes, access.Route{Method: method, Path: path, Rule: anyone()})
		r.Method(method, path, secured(h))
	}
}

// home leads to the first page of each role.
func (w *Web) home(q *request) error {
	if p := q.who; p.Role == access.RolePartner && len(p.Partners) == 1 {
		return q.redirect(accountURL(p.Partners[0]))
	}
	if q.who.Role == access.RoleAuditor {
		return q.redirect("/audit/streams")
	}
	if q.who.Role == access.RolePartner {
		return q.redirect("/accounts")
	}
	return q.redirect("/overview")
}

// accountURL is the page of an account.
func accountURL(partner string) string { return "/accounts/" + url.PathEscape(partner) }

// favicon is the mark of the pages in the browser's tab.
func favicon(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, _ = w.Write([]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="#4558cf" d="M5 3h9a6.5 6.5 0 0 1 0 13H9v5H5zm4 4v5h4.600a2.500 2.500 0 0 0 0-5z"/></svg>`))
}
