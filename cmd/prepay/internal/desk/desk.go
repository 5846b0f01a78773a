// Package desk is what is asked of the ledger: balances, accounts, statements,
// months and documents as people and programs are shown them. The command line,
// the HTTP API and the web pages share it; each answer is a struct with a JSON
// form.
package desk

import (
	"context"
	"fmt"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// Desk is the ledger as people and programs use it.
type Desk struct {
	*app.App

	// monthly lets one at a time work at month ends, presenting at quarantine.
	monthly, presenting lane
	months              months
	checking            checking
	feed                feed
}

// New returns the desk of an opened data folder.
func New(a *app.App) *Desk {
	return &Desk{App: a, monthly: newLane(), presenting: newLane(), months: months{reading: newLane()}}
}

// Close ends what is under way in the background, and closes the data folder.
func (d *Desk) Close() error {
	d.feed.end()
	d.checking.end()
	return d.App.Close()
}

// Fold reads a stream's events in order.
func (d *Desk) Fold(ctx context.Context, stream string, each func(eventstore.Recorded, codec.Metadata, domain.Event) error) error {
	for r, err := range d.Store.ReadStream(ctx, stream, 0, eventstore.Forwards) {
		if err != nil {
			return err
		}
		m, e, err := d.Event(r)
		if err != nil {
			return err
		}
		if err := each(r, m, e); err != nil {
			return fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
	}
	return nil
}

// Event decodes a recorded event.
func (d *Desk) Event(r eventstore.Recorded) (codec.Metadata, domain.Event, error) {
	m, err := codec.DecodeMetadata(r.Metadata)
	if err != nil {
		return m, nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
	}
	e, err := d.Views.Codec.Decode(r.Type, m.Version, r.Data)
	if err != nil {
		return m, nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
	}
	return m, e, nil
}

// Open opens a data folder, making it where there is none; see app.Open.
func Open(ctx context.Context, dataDir string, o app.Options) (*Desk, error) {
	a, err := app.Open(ctx, dataDir, o)
	return New(a), err
}
