package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
)

// access registers the operations of users, API keys and sessions.
func (a *API) access() {
	a.sessions()
	a.users()
	a.keys()
	register(a, get("/access-log", "list_access_log", "List what was done about access, the newest first.", "Access"), access.Manages(), a.listAccessLog)
}

// store is where users and keys are.
func (a *API) store() *access.Store { return a.opts.Access.Store() }

// named completes an operation that is no command of the ledger.
func named(op huma.Operation, id, summary string, status int) huma.Operation {
	op.OperationID, op.Summary, op.DefaultStatus = id, summary, status
	return op
}

// nothing is an answer without a body.
type nothing struct{}

// whoami lets everybody who is known ask who they are, and sign out.
func whoami() access.Rule { return access.Rule{Roles: access.Roles(), Scope: access.ScopeRead} }

// Session is who makes a request.
type Session struct {
	Kind     access.Kind    `json:"kind" enum:"user,key" doc:"A user, or an API key."`
	ID       string         `json:"id" doc:"Never changes."`
	Name     string         `json:"name" doc:"E-mail address of a user, name of a key." example:"ana@example.com"`
	Actor    string         `json:"actor" doc:"How events name who did something." example:"finance:ana@example.com"`
	Role     access.Role    `json:"role" enum:"partner,finance,auditor,service,admin"`
	Partners []string       `json:"partners,omitempty" doc:"The accounts of a partner."`
	Scopes   []access.Scope `json:"scopes,omitempty" doc:"What the key may be used for; absent is all that its role may."`
	// ExpiresAt is when the session ends at the latest.
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the session ends at the latest; absent for keys."`
}

func sessionOf(p *access.Principal, ends time.Time) *Session {
	s := &Session{Kind: p.Kind, ID: p.ID, Name: p.Name, Actor: p.Actor(), Role: p.Role, Partners: p.Partners, Scopes: p.Scopes}
	if !ends.IsZero() {
		s.ExpiresAt = &ends
	}
	return s
}

// NewSession is a session of a program.
type NewSession struct {
	Token string `json:"token" doc:"Send it as Authorization: Bearer. It can't be asked for again." example:"pt_…"`
	Session
}

type signInInput struct {
	Body struct {
		Email    string `json:"email" maxLength:"256" example:"ana@example.com"`
		Password string `json:"password" maxLength:"1024"`
	}
}

// sessions registers the operations of one's own session.
func (a *API) sessions() {
	register(a, get("/session", "get_session", "Say who you are.", "Access"), whoami(), func(ctx context.Context, _ *struct{}) (*body[*Session], error) {
		return &body[*Session]{sessionOf(access.From(ctx), access.SessionEnds(ctx))}, nil
	})
	register(a, named(post("/session", "Access"), "sign_in", "Sign a program in with a user's password; a browser signs in on the pages.", http.StatusCreated),
		access.Rule{Anyone: true}, func(ctx context.Context, in *signInInput) (*body[*NewSession], error) {
			id, err := a.store().SignIn(ctx, in.Body.Email, in.Body.Password, access.ClientAddress(ctx))
			if err != nil {
				return nil, err
			}
			token, ends, err := a.store().IssueToken(id, access.RequestedBy(ctx))
			if err != nil {
				return nil, err
			}
			return &body[*NewSession]{&NewSession{Token: token, Session: *sessionOf(id.Principal, ends)}}, nil
		})
	out := named(huma.Operation{Method: http.MethodDelete, Path: "/session", Tags: []string{"Access"}}, "sign_out",
		"Sign out: the session of the request ends. A request with an API key changes nothing.", http.StatusNoContent)
	out.Middlewares = huma.Middlewares{withRequest}
	register(a, out, whoami(), func(ctx context.Context, _ *struct{}) (*nothing, error) {
		x, _ := ctx.Value(exchangeKey{}).(exchange)
		return &nothing{}, a.opts.Access.EndSession(x.w, x.r)
	})
	register(a, named(huma.Operation{Method: http.MethodDelete, Path: "/sessions", Tags: []string{"Access"}}, "sign_out_everywhere",
		"Sign out everywhere: all your sessions end, also this one.", http.StatusNoContent), whoami(),
		func(ctx context.Context, _ *struct{}) (*nothing, error) {
			return &nothing{}, a.store().EndOwnSessions(access.RequestedBy(ctx), access.From(ctx))
		})
}

// exchange is a request with its answer, for what sets cookies.
type exchange struct {
	w http.ResponseWriter
	r *http.Request
}

type exchangeKey struct{}

func withRequest(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	next(huma.WithValue(ctx, exchangeKey{}, exchange{w, r}))
}

// UserInput is the user of a path.
type UserInput struct {
	User string `path:"user" maxLength:"256" doc:"Id or e-mail address of a user." example:"ana@example.com"`
}

// RoleBody is what somebody may do.
type RoleBody struct {
	Role     access.Role `json:"role" enum:"partner,finance,auditor,service,admin"`
	Partners []string    `json:"partners,omitempty" maxItems:"100" doc:"The accounts of a partner; other roles have none." example:"[\"PA-1001\"]"`
}

// LinkedUser is a user with a link on which it sets a password.
type LinkedUser struct {
	User access.User `json:"user"`
	access.Link
}

// users registers the operations of users.
func (a *API) users() {
	register(a, get("/users", "list_users", "List users by e-mail address.", "Access"), access.Manages(), a.listUsers)
	register(a, named(post("/users", "Access"), "invite_user", "Invite somebody, or again who has not come: the link before works no more.", http.StatusCreated),
		access.Manages(), a.inviteUser)
	register(a, get("/users/{user}", "get_user", "Show a user.", "Access"), access.Manages(), func(_ context.Context, in *UserInput) (*body[access.User], error) {
		return answer(a.store().User(in.User))
	})
	type change struct {
		UserInput
		Body RoleBody
	}
	register(a, named(put("/users/{user}", "Access"), "set_user", "Change what a user may do. The user's sessions end.", http.StatusOK), access.Manages(),
		func(ctx context.Context, in *change) (*body[access.User], error) {
			return answer(a.store().SetUser(ctx, access.RequestedBy(ctx), in.User, in.Body.Role, in.Body.Partners))
		})
	for _, x := range []struct {
		path, id, summary string
		do                func(context.Context, access.By, string) (access.User, error)
	}{
		{"disable", "disable_user", "Keep a user out, from now on.", func(ctx context.Context, by access.By, id string) (access.User, error) {
			return a.store().Disable(ctx, by, id)
		}},
		{"enable", "enable_user", "Let a user in again, with the password of before.", func(ctx context.Context, by access.By, id string) (access.User, error) {
			return a.store().Enable(ctx, by, id)
		}},
		{"sign-out", "sign_user_out", "End all sessions of a user.", func(ctx context.Context, by access.By, id string) (access.User, error) {
			return a.store().EndSessions(ctx, by, id)
		}},
	} {
		register(a, named(post("/users/{user}/"+x.path, "Access"), x.id, x.summary, http.StatusOK), access.Manages(),
			func(ctx context.Context, in *UserInput) (*body[access.User], error) {
				return answer(x.do(ctx, access.RequestedBy(ctx), in.User))
			})
	}
	register(a, named(post("/users/{user}/reset", "Access"), "reset_user", "Make a link on which a user sets a new password; the old one holds until then.", http.StatusOK),
		access.Manages(), func(ctx context.Context, in *UserInput) (*body[*LinkedUser], error) {
			u, token, err := a.store().Reset(ctx, access.RequestedBy(ctx), in.User)
			if err != nil {
				return nil, err
			}
			return &body[*LinkedUser]{&LinkedUser{u, a.opts.Links.Reset(ctx, &u, token, a.store().Now())}}, nil
		})
}

// answer makes an answer of what the store returns.
func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

func (a *API) listUsers(_ context.Context, in *PageInput) (*body[Page[access.User]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	return &body[Page[access.User]]{pageAfter(a.store().Users(), after, in.Limit, func(u *access.User) string { return u.Email })}, nil
}

// pageAfter is the page of a sorted list after a key.
func pageAfter[T any](all []T, after string, limit int, key func(*T) string) Page[T] {
	for len(all) > 0 && key(&all[0]) <= after {
		all = all[1:]
	}
	return cut(all, limit, key)
}

type inviteInput struct {
	Body struct {
		Email string `json:"email" maxLength:"256" example:"ana@example.com"`
		RoleBody
	}
}

func (a *API) inviteUser(ctx context.Context, in *inviteInput) (*body[*LinkedUser], error) {
	u, token, err := a.store().Invite(ctx, access.RequestedBy(ctx), in.Body.Email, in.Body.Role, in.Body.Partners)
	if err != nil {
		return nil, err
	}
	return &body[*LinkedUser]{&LinkedUser{u, a.opts.Links.Invitation(ctx, &u, token, a.store().Now())}}, nil
}

// KeyInput is the API key of a path.
type KeyInput struct {
	Key string `path:"key" maxLength:"256" doc:"Id or name of an API key." example:"gateway"`
}

// KeyBody is what an API key is to be.
type KeyBody struct {
	Name string `json:"name" maxLength:"64" doc:"Of a-z, 0-9, dot, hyphen, underscore; no other key's, also of none that was revoked." example:"gateway"`
	RoleBody
	Scopes  []access.Scope `json:"scopes,omitempty" enum:"read,write,intake,gate,access" doc:"What it may be used for within its role; absent is all."`
	Days    int            `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"For how many days it holds, and each secret after a rotation; absent is 365."`
	Forever bool           `json:"forever,omitempty" doc:"It does not expire."`
}

// NewKey is the key as the store makes it.
func (b *KeyBody) NewKey() access.NewKey {
	return access.NewKey{
		Name: b.Name, Role: b.Role, Partners: b.Partners, Scopes: b.Scopes, Life: time.Duration(b.Days) * 24 * time.Hour, Forever: b.Forever,
	}
}

// KeySecret is an API key with its secret.
type KeySecret struct {
	Key    access.Key `json:"key"`
	Secret string     `json:"secret" doc:"Send it as X-API-Key. It can't be asked for again." example:"pk_…"`
}

type rotateInput struct {
	KeyInput
	Body struct {
		OverlapSeconds int64 `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"For how long the old secret holds beside the new one; absent is not at all."`
	}
}

// keys registers the operations of API keys.
func (a *API) keys() {
	register(a, get("/keys", "list_keys", "List API keys by name, revoked ones among them.", "Access"), access.Manages(), a.listKeys)
	type creation struct{ Body KeyBody }
	register(a, named(post("/keys", "Access"), "create_key", "Make an API key. Its secret is shown once.", http.StatusCreated), access.Manages(),
		func(ctx context.Context, in *creation) (*body[*KeySecret], error) {
			return withSecret(a.store().CreateKey(ctx, access.RequestedBy(ctx), in.Body.NewKey()))
		})
	register(a, get("/keys/{key}", "get_key", "Show an API key.", "Access"), access.Manages(), func(_ context.Context, in *KeyInput) (*body[access.Key], error) {
		return answer(a.store().Key(in.Key))
	})
	register(a, named(post("/keys/{key}/rotate", "Access"), "rotate_key", "Give an API key a new secret, which is shown once.", http.StatusOK), access.Manages(),
		func(ctx context.Context, in *rotateInput) (*body[*KeySecret], error) {
			return withSecret(a.store().RotateKey(ctx, access.RequestedBy(ctx), in.Key, time.Duration(in.Body.OverlapSeconds)*time.Second))
		})
	register(a, named(post("/keys/{key}/revoke", "Access"), "revoke_key", "Take an API key back, from now on.", http.StatusOK), access.Manages(),
		func(ctx context.Context, in *KeyInput) (*body[access.Key], error) {
			return answer(a.store().RevokeKey(ctx, access.RequestedBy(ctx), in.Key))
		})
}

func withSecret(k access.Key, secret string, err error) (*body[*KeySecret], error) {
	if err != nil {
		return nil, err
	}
	return &body[*KeySecret]{&KeySecret{k, secret}}, nil
}

func (a *API) listKeys(_ context.Context, in *PageInput) (*body[Page[access.Key]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	return &body[Page[access.Key]]{pageAfter(a.store().Keys(), after, in.Limit, func(k *access.Key) string { return k.Name })}, nil
}

func (a *API) listAccessLog(_ context.Context, in *PageInput) (*body[Page[access.LogEntry]], error) {
	text, err := in.after()
	if err != nil {
		return nil, err
	}
	before := uint64(0)
	if text != "" {
		if before, err = strconv.ParseUint(text, 10, 64); err != nil || before == 0 {
			return nil, &commandjson.FieldError{Field: "cursor", Problem: "give the next of the page before, as it was"}
		}
	}
	entries, err := a.store().Log(before, in.Limit)
	if err != nil {
		return nil, err
	}
	page := Page[access.LogEntry]{Items: entries}
	if n := len(entries); n > 0 && entries[n-1].Sequence > 1 {
		page = cut(append(entries, access.LogEntry{}), n, func(e *access.LogEntry) string { return strconv.FormatUint(e.Sequence, 10) })
	}
	return &body[Page[access.LogEntry]]{page}, nil
}
