package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/why"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// AccountInput is the account of a path.
type AccountInput struct {
	PartnerID string `path:"partner_id" minLength:"1" maxLength:"256" doc:"The account's partner id." example:"PA-1001"`
}

// body is an answer that is JSON.
type body[T any] struct{ Body T }

// accounts registers the operations of accounts.
func (a *API) accounts() {
	open := commandOperation(post("/accounts", "Accounts"), "OpenAccount", commandjson.SchemaWithPartner("OpenAccount"))
	open.DefaultStatus = http.StatusCreated
	register(a, open, access.Finance(), a.openAccount)
	register(a, get("/accounts", "list_accounts", "List the accounts that you may see.", "Accounts"), access.ReadsOwn(), a.listAccounts)
	register(a, get("/accounts/{partner_id}", "get_account", "Show an account with its channels and invoices.", "Accounts"), access.ReadsAccount(), a.showAccount)
	register(a, slow(get("/accounts/{partner_id}/why", "get_account_why", "Tell why an account is blocked, or not, and what ends it.", "Accounts")),
		access.ReadsAccount(), a.why)
}

// location is the path of a resource, as the Location header has it.
func location(parts ...string) string {
	path := Prefix
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

type openInput struct {
	IdempotencyKey
	RawBody []byte
}

type opened struct {
	Position
	Location string `header:"Location" doc:"Where the account is."`
	Body     *desk.AccountView
}

func (a *API) openAccount(ctx context.Context, in *openInput) (*opened, error) {
	partner, cmd, err := commandjson.DecodeWithPartner("OpenAccount", in.RawBody)
	if err != nil {
		return nil, err
	}
	at, err := a.do(ctx, partner, &in.IdempotencyKey, cmd, nil)
	if err != nil {
		return nil, err
	}
	view, err := a.shown(partner)
	return &opened{at, location("accounts", partner), view}, err
}

func (a *API) showAccount(ctx context.Context, in *liveInput) (*body[*desk.AccountView], error) {
	found, err := a.live(ctx, in.PartnerID, in.AtLeast)
	if err != nil {
		return nil, err
	}
	view, err := a.desk.ViewOf(found)
	return &body[*desk.AccountView]{view}, err
}

type accountsInput struct {
	PageInput
	AtLeast
	Search   string           `query:"search" maxLength:"256" doc:"Part of the partner id, of the company, or of a number; a channel's or WABA's whole id."`
	Standing domain.Standing  `query:"standing" enum:"active,grace,blocked,closed" doc:"Only accounts that stand so."`
	Currency string           `query:"currency" pattern:"^[A-Z]{3}$" doc:"Only accounts of this currency (ISO 4217)." example:"EUR"`
	Min      string           `query:"min_balance" maxLength:"40" doc:"Only balances of at least this." example:"-100"`
	Max      string           `query:"max_balance" maxLength:"40" doc:"Only balances of at most this." example:"250.50"`
	Waiting  bool             `query:"waiting" doc:"Only accounts that owe something or are blocked: those that a confirmation is accepted for (R22)."`
	Failed   bool             `query:"failed_recharge" doc:"Only accounts whose last card payment failed."`
	Sort     desk.AccountSort `query:"sort" enum:"partner,balance,due,deadline,activity" default:"partner" doc:"The order. Balances are compared by their figures, whatever the currency; no deadline comes after all deadlines."`
	Order    string           `query:"order" enum:"asc,desc" default:"asc" doc:"Upwards or downwards."`
}

// query is what the desk is asked for.
func (in *accountsInput) query(p *access.Principal) (q desk.AccountQuery, err error) {
	q = desk.AccountQuery{
		Search: in.Search, Standing: in.Standing, Currency: money.Currency(in.Currency), Waiting: in.Waiting, FailedRecharge: in.Failed,
		Sort: in.Sort, Descending: in.Order == "desc", Limit: min(in.Limit, desk.MaxAccountRows), After: in.Cursor,
	}
	if p.Role == access.RolePartner {
		q.Sees = p.Sees
	}
	if q.AtLeast, err = amountOf("min_balance", in.Min); err != nil {
		return q, err
	}
	q.AtMost, err = amountOf("max_balance", in.Max)
	return q, err
}

// amountOf reads an amount of a query; nil for none.
func amountOf(field, text string) (*money.Amount, error) {
	if text == "" {
		return nil, nil
	}
	amount, err := money.Parse(text)
	if err != nil {
		return nil, &commandjson.FieldError{Field: field, Problem: `write an amount such as "-12.34"`}
	}
	return &amount, nil
}

// Accounts is a page of accounts.
type Accounts struct {
	Page[desk.AccountRow]
	Total int `json:"total" doc:"How many accounts the filters find."`
}

func (a *API) listAccounts(ctx context.Context, in *accountsInput) (*body[Accounts], error) {
	q, err := in.query(access.From(ctx))
	if err != nil {
		return nil, err
	}
	if err := a.reach(ctx, in.AtLeast); err != nil {
		return nil, err
	}
	page, err := a.desk.ListAccounts(ctx, q)
	if errors.Is(err, desk.ErrAccountCursor) {
		return nil, &commandjson.FieldError{Field: "cursor", Problem: strings.TrimPrefix(err.Error(), "cursor: ")}
	}
	if err != nil {
		return nil, err
	}
	return &body[Accounts]{Accounts{Page: Page[desk.AccountRow]{Items: page.Rows, Next: page.Next}, Total: page.Total}}, nil
}

func (a *API) why(ctx context.Context, in *liveInput) (*body[*why.Answer], error) {
	found, err := a.live(ctx, in.PartnerID, in.AtLeast)
	if err != nil {
		return nil, err
	}
	release, err := a.fold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	answer, err := a.desk.WhyOf(ctx, found)
	return &body[*why.Answer]{&answer}, err
}
