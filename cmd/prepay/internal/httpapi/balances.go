package httpapi

import (
	"context"
	"time"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
)

// balances registers the reads of balances, now and in the past.
func (a *API) balances() {
	register(a, slow(get("/accounts/{partner_id}/balance", "get_balance", "Show an account's balance: now and as published at the last 00:00 UTC (R33), or that of an instant (R35).", "Balances")),
		access.ReadsAccount(), a.balance)
	register(a, get("/accounts/{partner_id}/daily-balances", "list_daily_balances", "List an account's balances as published daily at 00:00 UTC (R33).", "Balances"),
		access.ReadsAccount(), a.dailyBalances)
	register(a, get("/balances", "list_balances", "List the balances of the accounts that you may see, in order of partner ids.", "Balances"), access.ReadsOwn(), a.listBalances)
}

type balanceInput struct {
	AccountInput
	AtLeast
	Recorded time.Time `query:"recorded_at" doc:"The balance of what was recorded up to this instant." example:"2026-10-15T12:00:00Z"`
	Happened time.Time `query:"happened_by" doc:"The balance of what happened up to this instant, also if it was recorded later." example:"2026-10-15T12:00:00Z"`
}

// balance shows a balance. That of now is read from memory; that of the past is
// folded from the account's stream.
func (a *API) balance(ctx context.Context, in *balanceInput) (*body[desk.BalanceLine], error) {
	if err := a.reach(ctx, in.AtLeast); err != nil {
		return nil, err
	}
	at := desk.AsOf{Recorded: in.Recorded, Happened: in.Happened}
	switch {
	case at == desk.AsOf{}:
		line, err := a.desk.LiveBalance(in.PartnerID)
		return &body[desk.BalanceLine]{line}, err
	case !at.Recorded.IsZero() && !at.Happened.IsZero():
		return nil, &commandjson.FieldError{Field: "happened_by", Problem: "give either recorded_at or happened_by"}
	}
	found, err := a.desk.Live(in.PartnerID)
	if err != nil {
		return nil, err
	}
	release, err := a.fold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	line, err := a.desk.Balance(ctx, &found.State.Funds, at)
	return &body[desk.BalanceLine]{line}, err
}

type balancesInput struct {
	PageInput
	AtLeast
}

func (a *API) listBalances(ctx context.Context, in *balancesInput) (*body[Page[desk.BalanceLine]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if err := a.reach(ctx, in.AtLeast); err != nil {
		return nil, err
	}
	p, lines := access.From(ctx), []desk.BalanceLine{}
	for _, id := range a.desk.Views.Accounts.Partners() {
		if id <= after || !p.Sees(id) {
			continue
		}
		line, err := a.desk.LiveBalance(id)
		if err != nil {
			return nil, err
		}
		if lines = append(lines, line); len(lines) > in.Limit {
			break
		}
	}
	return &body[Page[desk.BalanceLine]]{cut(lines, in.Limit, func(l *desk.BalanceLine) string { return l.PartnerID })}, nil
}

type dailyInput struct {
	AccountInput
	PageInput
}

func (a *API) dailyBalances(_ context.Context, in *dailyInput) (*body[Page[desk.DailyBalance]], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if _, err := a.desk.Live(in.PartnerID); err != nil {
		return nil, err
	}
	days, err := a.desk.DailyBalances(in.PartnerID, after, in.Limit+1)
	return &body[Page[desk.DailyBalance]]{cut(days, in.Limit, func(d *desk.DailyBalance) string { return d.Day })}, err
}
