package ledger

import (
	"context"
	"fmt"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// append writes events to a stream beside the accounts.
func (l *Ledger) append(ctx context.Context, stream string, expected eventstore.Revision, m domain.Meta, events ...domain.Event) error {
	_, err := l.appendAll(ctx, stream, expected, m, events)
	return err
}

// appendAll writes events in order, in as many appends as the size asks for:
// those of large facts are complete only with their seal, which comes last.
func (l *Ledger) appendAll(ctx context.Context, stream string, expected eventstore.Revision, m domain.Meta, events []domain.Event) (eventstore.Revision, error) {
	var batch []eventstore.Event
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		at, err := decider.Append(ctx, l.store, stream, expected, batch)
		if err != nil {
			return fmt.Errorf("append to %s: %w", stream, err)
		}
		l.appended(at.Position)
		expected = at.LastRevision
		batch, size = nil, 0
		return nil
	}
	for i, e := range events {
		hash := "" // on the first event alone
		if i == 0 {
			hash = m.CommandHash
		}
		data, version, err := l.codec.Encode(nil, e)
		if err != nil {
			return expected, err
		}
		meta := codec.AppendMetadata(nil, &codec.Metadata{
			Version: version, OccurredAt: m.At, RecordedAt: m.At, Actor: m.Actor, CommandID: m.CommandID,
			CorrelationID: m.CorrelationID, CausationID: m.CausationID, CommandHash: hash,
		})
		if size > 0 && size+len(data)+len(meta) > decider.MaxAppendBytes {
			if err := flush(); err != nil {
				return expected, err
			}
		}
		batch = append(batch, eventstore.Event{ID: l.opts.IDs(), Type: e.EventType(), Data: data, Metadata: meta})
		size += len(data) + len(meta)
	}
	return expected, flush()
}

// fold reads a whole stream into apply and returns where it ends.
func (l *Ledger) fold(ctx context.Context, stream string, apply func(domain.Event) error) (eventstore.Revision, error) {
	last := eventstore.NoStream
	for r, err := range l.store.ReadStream(ctx, stream, 0, eventstore.Forwards) {
		if err != nil {
			if err := ignoreNotFound(err); err != nil {
				return last, fmt.Errorf("read %s: %w", stream, err)
			}
			break
		}
		e, err := l.decode(r)
		if err == nil {
			err = apply(e)
		}
		if err != nil {
			return last, fmt.Errorf("read %s, revision %d: %w", stream, r.Revision, err)
		}
		last = r.Revision
	}
	return last, nil
}

// Inspect shows the account's state as of now; the state must not be kept or
// changed. An account that does not exist shows its empty state.
func (l *Ledger) Inspect(ctx context.Context, partnerID string, look func(*domain.Account)) error {
	_, err := l.engine.Do(ctx, AccountStream(partnerID), Command{Do: inspect{look}})
	return err
}

// inspect is a command that only looks.
type inspect struct{ look func(*domain.Account) }

// CommandName implements domain.Command.
func (inspect) CommandName() string { return "Inspect" }
