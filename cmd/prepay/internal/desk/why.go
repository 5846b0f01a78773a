package desk

import (
	"context"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/why"
	"prepayledger/projections/accounts"
)

// Why explains an account as of now: what fell due is worked first.
func (d *Desk) Why(ctx context.Context, partner string) (why.Answer, error) {
	found, err := d.Accounts(ctx, partner)
	if err != nil {
		return why.Answer{}, err
	}
	return d.WhyOf(ctx, found[0])
}

// WhyOf explains an account as it was found.
func (d *Desk) WhyOf(ctx context.Context, found *accounts.Account) (why.Answer, error) {
	source := &why.Stream{Store: d.Store, Codec: d.Views.Codec, Name: ledger.AccountStream(found.State.PartnerID), Last: found.Revision}
	return why.Explain(ctx, found.State, source, d.Ledger.Now())
}
