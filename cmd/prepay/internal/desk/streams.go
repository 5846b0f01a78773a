package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/projections/streams"
)

// StreamKind is what a stream is about.
type StreamKind struct {
	// Name is the kind's name, Prefix what the names of its streams begin with.
	Name, Prefix string
	// Label is the kind for people.
	Label string
}

// StreamKinds returns the kinds of streams, the most asked for first.
func StreamKinds() []StreamKind {
	return []StreamKind{
		{"account", ledger.AccountStream(""), "Accounts"},
		{"month", reconciliation.Stream(""), "Months and their settings"},
		{"invoice", reconciliation.MetaInvoiceStream(""), "Meta's documents"},
		{"rates", "ratecard-", "Rate cards"},
		{"number", "number-", "Numbers and who owns them"},
		{"waba", ledger.WABAStream(""), "Volume tiers"},
		{"bank", "bankstatement-", "Bank statements"},
		{"quarantine", ledger.UnassignedStream, "Quarantine of what is nobody's"},
		{"markets", ledger.MarketsStream, "Markets"},
	}
}

// StreamKindOf is what a stream is about; the zero kind for others.
func StreamKindOf(stream string) StreamKind {
	for _, k := range StreamKinds() {
		if strings.HasPrefix(stream, k.Prefix) {
			return k
		}
	}
	return StreamKind{}
}

// Streams lists the log's streams of a kind, or all for "", whose names go on
// with text, after a name: at most limit of them.
func (d *Desk) Streams(ctx context.Context, kind, text, after string, limit int) ([]streams.Stream, error) {
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	prefix := text
	for _, k := range StreamKinds() {
		if k.Name == kind {
			prefix = k.Prefix + text
		}
	}
	return d.Views.Streams.List(prefix, after, limit)
}

// ErrNotThere says that the log has no such stream or event.
var ErrNotThere = errors.New("the log does not have this")

func errNoStream(name string) error { return fmt.Errorf("%w: stream %.80q", ErrNotThere, name) }

// Stream returns a stream with its newest figures.
func (d *Desk) Stream(ctx context.Context, name string) (*streams.Stream, error) {
	if eventstore.ValidateStream(name) != nil {
		return nil, errNoStream(name)
	}
	for r, err := range d.Store.ReadStream(ctx, name, eventstore.End, eventstore.Backwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return nil, errNoStream(name)
		}
		if err != nil {
			return nil, err
		}
		m, err := codec.DecodeMetadata(r.Metadata)
		if err != nil {
			return nil, err
		}
		return &streams.Stream{Name: name, Events: int64(r.Revision) + 1, LastAt: m.RecordedAt, LastType: r.Type}, nil
	}
	return nil, errNoStream(name)
}

// MaxEventRows is how many events a page of a stream has at most (events).
const MaxEventRows = 200

// Events returns events of a stream from a revision on, at most limit of them.
func (d *Desk) Events(ctx context.Context, stream string, from eventstore.Revision, limit int) ([]eventstore.Recorded, error) {
	limit = min(max(limit, 1), MaxEventRows)
	var all []eventstore.Recorded
	for r, err := range d.Store.ReadStream(ctx, stream, max(from, 0), eventstore.Forwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return nil, errNoStream(stream)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
		if len(all) == limit {
			break
		}
	}
	return all, nil
}

// AccountAt folds an account up to a revision, that one included, and returns
// the states before and after it. It folds fewer than accounts.SnapshotEvery
// events, however many the account has.
func (d *Desk) AccountAt(ctx context.Context, partner string, at eventstore.Revision) (before, after *domain.Account, err error) {
	state, r, err := d.snapshotBefore(partner, at)
	if err != nil {
		return nil, nil, err
	}
	for e, err := range d.Store.ReadStream(ctx, ledger.AccountStream(partner), r+1, eventstore.Forwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return nil, nil, unknown(partner)
		}
		if err != nil {
			return nil, nil, err
		}
		if e.Revision == at {
			if before, err = copied(state); err != nil {
				return nil, nil, err
			}
		}
		_, event, err := d.Event(e)
		if err != nil {
			return nil, nil, err
		}
		if err := state.Apply(event); err != nil {
			return nil, nil, fmt.Errorf("stream %s, revision %d: %w", e.Stream, e.Revision, err)
		}
		if e.Revision == at {
			return before, state, nil
		}
	}
	return nil, nil, fmt.Errorf("%w: account %.64q, event %d", ErrNotThere, partner, at)
}

// snapshotBefore is a state before the revision, to be folded on from.
func (d *Desk) snapshotBefore(partner string, at eventstore.Revision) (*domain.Account, eventstore.Revision, error) {
	return d.Views.Accounts.Snapshot(partner, at-1)
}

// copied is a state that shares nothing with another.
func copied(a *domain.Account) (*domain.Account, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	c := domain.NewAccount()
	if err := json.Unmarshal(text, c); err != nil {
		return nil, err
	}
	return c, c.LoadZones()
}

// RevisionAt returns the first event of a stream that was recorded at the
// instant or later, by halving: a stream is in the order of its recording. It
// is the number of events where all are earlier.
func (d *Desk) RevisionAt(ctx context.Context, s *streams.Stream, at time.Time) (eventstore.Revision, error) {
	var failed error
	n := sort.Search(int(s.Events), func(i int) bool {
		if failed != nil {
			return true
		}
		found, err := d.Events(ctx, s.Name, eventstore.Revision(i), 1)
		if err == nil && len(found) == 1 {
			var m codec.Metadata
			if m, err = codec.DecodeMetadata(found[0].Metadata); err == nil {
				return !m.RecordedAt.Before(at)
			}
		}
		failed = errors.Join(failed, err)
		return true
	})
	return eventstore.Revision(n), failed
}

// MonthAt folds a month's reconciliation up to a revision, that one included.
func (d *Desk) MonthAt(ctx context.Context, month domain.Month, at eventstore.Revision) (*reconciliation.Reconciliation, error) {
	state := reconciliation.NewReconciliation()
	for r, err := range d.Store.ReadStream(ctx, reconciliation.Stream(month), 0, eventstore.Forwards) {
		if err != nil || r.Revision > at {
			return state, err
		}
		_, e, err := d.Event(r)
		if err == nil {
			err = state.Apply(e)
		}
		if err != nil {
			return nil, fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
		}
	}
	return state, nil
}
