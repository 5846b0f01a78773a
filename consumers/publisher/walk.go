package publisher

import (
	"context"
	"fmt"
	"strings"

	"prepayledger/consumers/outbound"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/projections"
)

// accountPrefix begins the names of the streams of accounts.
const accountPrefix = "account-"

// walker reads the log from its beginning and folds the accounts on the way,
// as outbound does: so it can write every message again as it was published.
type walker struct {
	store    eventstore.Store
	reader   *codec.Reader
	accounts map[string]*domain.Account
	position eventstore.Position // of the newest event taken
	ordinal  uint64              // of that event
}

func newWalker(store eventstore.Store) *walker {
	return &walker{store: store, reader: codec.New().NewReader(), accounts: map[string]*domain.Account{}}
}

// each takes every event up to the end of the log; called again, those that
// came since. take returns false to end it.
func (w *walker) each(ctx context.Context, take func(c *outbound.Change, ordinal uint64) (bool, error)) error {
	for r, err := range w.store.ReadAll(ctx, w.position) {
		if err != nil {
			return err
		}
		c, err := w.change(r)
		if err != nil {
			return fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
		w.position = r.Position
		w.ordinal++
		if more, err := take(&c, w.ordinal); err != nil || !more {
			return err
		}
	}
	return nil
}

// change decodes an event and folds it into its account.
func (w *walker) change(r eventstore.Recorded) (outbound.Change, error) {
	m, err := w.reader.DecodeMetadata(r.Metadata)
	if err != nil {
		return outbound.Change{}, err
	}
	event, err := w.reader.Decode(r.Type, m.Version, r.Data)
	if err != nil {
		return outbound.Change{}, err
	}
	c := outbound.Change{Fact: projections.Fact{Recorded: r, Meta: m, Event: event}}
	partner, ok := strings.CutPrefix(r.Stream, accountPrefix)
	if !ok {
		return c, nil
	}
	a := w.accounts[partner]
	if a == nil {
		a = domain.NewAccount()
		w.accounts[partner] = a
	}
	c.PartnerID, c.Account, c.Before = partner, a, a.Funds
	if err := a.Apply(event); err != nil {
		return outbound.Change{}, err
	}
	c.After = a.Funds
	return c, nil
}
