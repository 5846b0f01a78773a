package httpapi

import (
	"context"
	"errors"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/eventstore"
	"prepayledger/projections/accounts"
)

// AtLeast lets a reader read what was written before.
type AtLeast struct {
	AtLeast string `query:"at_least" maxLength:"64" doc:"The Prepay-Position of an answer: what is read is at least as new." example:"1042/1042"`
}

// Position is the header of answers to commands. Once they come, whoever asks
// the same server reads what was done; another server is told with at_least.
type Position struct {
	Position string `header:"Prepay-Position" doc:"Where the log stood when it was done: give it as at_least to read no older state, also from another server."`
}

// reach waits until what is read is as new as it is asked to be.
func (a *API) reach(ctx context.Context, in AtLeast) error {
	if in.AtLeast == "" {
		return nil
	}
	at, err := eventstore.ParsePosition(in.AtLeast)
	if err == nil {
		err = a.desk.Reach(ctx, at)
	}
	if errors.Is(err, eventstore.ErrInvalid) {
		return &commandjson.FieldError{Field: "at_least", Problem: "give the Prepay-Position of an answer of this ledger, as it was"}
	}
	return err
}

// live returns an account as it is now, or at a position at least.
func (a *API) live(ctx context.Context, partner string, at AtLeast) (*accounts.Account, error) {
	if err := a.reach(ctx, at); err != nil {
		return nil, err
	}
	return a.desk.Live(partner)
}

// settled waits until the read models have what was just written, and returns
// where the log stands: whoever asks next reads it.
func (a *API) settled(ctx context.Context) (Position, error) {
	last, err := a.desk.Store.Last(ctx)
	if err != nil {
		return Position{}, err
	}
	return Position{last.String()}, a.desk.Views.WaitFor(ctx, last)
}

// shown is how an account is shown after a command.
func (a *API) shown(partner string) (*desk.AccountView, error) {
	found, err := a.desk.Live(partner)
	if err != nil {
		return nil, err
	}
	return a.desk.ViewOf(found)
}
