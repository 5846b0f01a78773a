package desk

import (
	"context"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/why"
)

// Why explains an account as of now: what fell due is worked first.
func (d *Desk) Why(ctx context.Context, partner string) (why.Answer, error) {
	found, err := d.Accounts(ctx, partner)
	if err != nil {
		return why.Answer{}, err
	}
	source := &why.Stream{Store: d.Store, Codec: d.Views.Codec, Name: ledger.AccountStream(partner), Last: found[0].Revision}
	return why.Explain(ctx, found[0].State, source, d.Ledger.Now())
}
