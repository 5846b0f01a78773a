package httpapi

import (
	"context"
	"slices"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
)

// AccountInput is the account of a path.
type AccountInput struct {
	PartnerID string `path:"partner_id" maxLength:"256" doc:"The account's partner id." example:"PA-1001"`
}

// body is an answer that is JSON.
type body[T any] struct{ Body T }

// accounts registers the operations of accounts.
func (a *API) accounts() {
	register(a, get("/accounts", "list_accounts", "List the accounts that you may see.", "Accounts"), access.ReadsOwn(), a.listAccounts)
	register(a, get("/accounts/{partner_id}", "get_account", "Show an account with its channels and invoices.", "Accounts"), access.ReadsAccount(),
		func(ctx context.Context, in *AccountInput) (*body[*desk.AccountView], error) {
			return a.account(ctx, in.PartnerID)
		})
	command(a, patch("/accounts/{partner_id}/settings", "Accounts"), access.ChangesAccount(), "ChangeRechargeSettings", a.account)
}

// account shows an account.
func (a *API) account(ctx context.Context, partner string) (*body[*desk.AccountView], error) {
	v, err := a.desk.Account(ctx, partner)
	return &body[*desk.AccountView]{v}, err
}

type accountsInput struct{ PageInput }

func (a *API) listAccounts(ctx context.Context, in *accountsInput) (*body[Page[desk.AccountLine]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if err := a.desk.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	p := access.From(ctx)
	ids := slices.DeleteFunc(a.desk.Views.Accounts.Partners(), func(id string) bool { return id <= after || !p.Sees(id) })
	lines := []desk.AccountLine{}
	for _, id := range ids[:min(len(ids), in.Limit+1)] {
		found, err := a.desk.Accounts(ctx, id)
		if err != nil {
			return nil, err
		}
		lines = append(lines, desk.LineOf(found[0].State))
	}
	return &body[Page[desk.AccountLine]]{cut(lines, in.Limit, func(l *desk.AccountLine) string { return l.PartnerID })}, nil
}
