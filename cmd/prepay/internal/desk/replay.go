package desk

import (
	"bytes"
	"encoding/json"
	"fmt"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// Replayed is an event as it is shown.
type Replayed struct {
	Revision eventstore.Revision `json:"revision"`
	Position string              `json:"position"`
	ID       string              `json:"id"`
	Type     string              `json:"type"`
	Stream   string              `json:"stream"`
	Data     json.RawMessage     `json:"data"`
	Metadata json.RawMessage     `json:"metadata"`
	Balance  *money.Amount       `json:"balance,omitempty"`
}

// ReplayedOf shows an event.
func ReplayedOf(r *eventstore.Recorded) Replayed {
	return Replayed{
		Revision: r.Revision, Position: r.Position.String(), ID: r.ID.String(), Type: r.Type, Stream: r.Stream,
		Data: r.Data, Metadata: r.Metadata,
	}
}

// SameAsLive compares a folded state with the read model's.
func (d *Desk) SameAsLive(partner string, folded *domain.Account) error {
	live, err := d.Views.Accounts.Get(partner)
	if err != nil {
		return err
	}
	one, err := json.Marshal(folded)
	if err != nil {
		return err
	}
	if live == nil {
		return fmt.Errorf("account %s has events but no live state: run prepay rebuild", partner)
	}
	other, err := json.Marshal(live.State)
	if err != nil {
		return err
	}
	if !bytes.Equal(one, other) {
		return fmt.Errorf("account %s: its events fold to another state than the live one: run prepay rebuild", partner)
	}
	return nil
}
