package access

import (
	"errors"
	"slices"
)

// Rule says who may use a route. The zero Rule lets nobody in.
type Rule struct {
	// Anyone lets everybody in, also who is not signed in: health, signing in,
	// and what proves by itself who sends it (Meta's and Stripe's webhooks).
	Anyone bool
	// Roles that may.
	Roles []Role
	// Scope that a key must have.
	Scope Scope
	// Account is the name of the path parameter that holds a partner id. A
	// RolePartner may use the route for its own accounts only. A route without
	// it that allows RolePartner must show partners their own alone.
	Account string
}

// Errors of Rule.Allow.
var (
	// ErrUnauthenticated: it is not known who asks. HTTP 401.
	ErrUnauthenticated = errors.New("sign in, or send an API key")
	// ErrForbidden: it is known who asks, and that may not. HTTP 403.
	ErrForbidden = errors.New("this needs another role, or a key with another scope")
	// ErrForeign: the account is another partner's. It is answered as if there
	// were no such account. HTTP 404.
	ErrForeign = errors.New("the account is another partner's")
)

// Allow decides; partnerID is the value of the path parameter that Account
// names. It returns nil or one of the errors above.
func (r *Rule) Allow(p *Principal, partnerID string) error {
	switch {
	case r.Anyone:
		return nil
	case p == nil:
		return ErrUnauthenticated
	case !slices.Contains(r.Roles, p.Role), r.Scope == "", p.Kind == KindKey && !p.has(r.Scope):
		return ErrForbidden
	case r.Account != "" && !p.Sees(partnerID):
		return ErrForeign
	}
	return nil
}

// The rules that most routes have. Readers are all but services; a service has
// routes of its own.

// ReadsAccount lets the account's partner read, and who reads everything.
func ReadsAccount() Rule {
	return Rule{Roles: []Role{RolePartner, RoleFinance, RoleAuditor, RoleAdmin}, Scope: ScopeRead, Account: "partner_id"}
}

// ChangesAccount lets the account's partner and Finance change it.
func ChangesAccount() Rule {
	return Rule{Roles: []Role{RolePartner, RoleFinance, RoleAdmin}, Scope: ScopeWrite, Account: "partner_id"}
}

// ReadsOwn lets partners read what is their own, and others everything: the
// handler asks Principal.Sees.
func ReadsOwn() Rule {
	return Rule{Roles: []Role{RolePartner, RoleFinance, RoleAuditor, RoleAdmin}, Scope: ScopeRead}
}

// ReadsAll lets read who may see all accounts.
func ReadsAll() Rule {
	return Rule{Roles: []Role{RoleFinance, RoleAuditor, RoleAdmin}, Scope: ScopeRead}
}

// Finance lets Finance give commands, for an account or for all.
func Finance() Rule { return Rule{Roles: []Role{RoleFinance, RoleAdmin}, Scope: ScopeWrite} }

// Intake lets present usage.
func Intake() Rule { return Rule{Roles: []Role{RoleService, RoleAdmin}, Scope: ScopeIntake} }

// Gate lets ask whether a channel may send.
func Gate() Rule {
	return Rule{Roles: []Role{RoleService, RoleFinance, RoleAuditor, RoleAdmin}, Scope: ScopeGate}
}

// Manages lets decide who has access.
func Manages() Rule { return Rule{Roles: []Role{RoleAdmin}, Scope: ScopeAccess} }

// Watches lets watch how the ledger itself does: its metrics.
func Watches() Rule {
	return Rule{Roles: []Role{RoleService, RoleFinance, RoleAuditor, RoleAdmin}, Scope: ScopeRead}
}
