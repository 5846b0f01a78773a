// Package access says who may do what: people who sign in, programs with keys,
// the roles that they have, and what each route of the HTTP API and the web
// pages asks for. Nothing is allowed that no Rule allows.
package access

import (
	"context"
	"slices"
)

// Role is what somebody is to the ledger; everybody has exactly one.
type Role string

// The roles.
const (
	// RolePartner reads and changes the partner's own accounts, and no others.
	RolePartner Role = "partner"
	// RoleFinance confirms, blocks, corrects, refunds and closes months.
	RoleFinance Role = "finance"
	// RoleAuditor reads everything and changes nothing.
	RoleAuditor Role = "auditor"
	// RoleService is a program that brings usage, or asks whether a channel
	// may send.
	RoleService Role = "service"
	// RoleAdmin may do what Finance may, and decides who has access.
	RoleAdmin Role = "admin"
)

// Roles returns all roles, in the order of the documents.
func Roles() []Role {
	return []Role{RolePartner, RoleFinance, RoleAuditor, RoleService, RoleAdmin}
}

// Scope narrows what an API key may be used for, within its role.
type Scope string

// The scopes. A key without scopes has all that its role has.
const (
	// ScopeRead reads accounts, months, documents and events.
	ScopeRead Scope = "read"
	// ScopeWrite gives commands.
	ScopeWrite Scope = "write"
	// ScopeIntake presents usage.
	ScopeIntake Scope = "intake"
	// ScopeGate asks whether a channel may send.
	ScopeGate Scope = "gate"
	// ScopeAccess manages users and keys.
	ScopeAccess Scope = "access"
)

// Scopes returns all scopes, in the order of the documents.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeWrite, ScopeIntake, ScopeGate, ScopeAccess} }

// Kind says what a principal is.
type Kind string

// The kinds.
const (
	KindUser Kind = "user"
	KindKey  Kind = "key"
)

// Principal is who makes a request.
type Principal struct {
	Kind Kind
	// ID never changes and is never used again.
	ID string
	// Name is the e-mail address of a user, the name of a key.
	Name string
	Role Role
	// Partners are the accounts of a RolePartner; others have none here.
	Partners []string
	// Scopes of a key; empty is all.
	Scopes []Scope
}

// Actor is how events and commands name the principal (R35), such as
// finance:ana@bsp.example or service:key/gateway. It is unique among those that
// have access at one time: four eyes are two actors.
func (p *Principal) Actor() string {
	if p.Kind == KindKey {
		return string(p.Role) + ":key/" + p.Name
	}
	return string(p.Role) + ":" + p.Name
}

// Sees reports whether the principal may know that the account exists.
func (p *Principal) Sees(partnerID string) bool {
	return p.Role != RolePartner || slices.Contains(p.Partners, partnerID)
}

// has reports whether a scope is not taken away.
func (p *Principal) has(s Scope) bool { return len(p.Scopes) == 0 || slices.Contains(p.Scopes, s) }

type principalKey struct{}

// With returns a context that carries who makes the request.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From returns who makes the request; nil is nobody who is known.
func From(ctx context.Context) *Principal {
	p, _ := ctx.Value(principalKey{}).(*Principal)
	return p
}
