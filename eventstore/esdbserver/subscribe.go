package esdbserver

import (
	"context"
	"errors"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"prepayledger/eventstore"
)

// confirm tells the client that its subscription stands.
func (r *reply) confirm() error {
	return r.send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{
		Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()},
	}})
}

// caughtUp tells the client that it is live.
func (r *reply) caughtUp() error {
	return r.send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
}

func (r *reply) checkpoint(at eventstore.Position) error {
	return r.send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{
		Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: at.Commit, PreparePosition: at.Prepare},
	}})
}

// followAll sends the log after the position and goes on with what comes.
func (r *reply) followAll(ctx context.Context) error {
	after := r.position
	if r.from == atEnd {
		var err error
		if after, err = r.store.Last(ctx); err != nil {
			return err
		}
	}
	if err := r.confirm(); err != nil {
		return err
	}
	var seen uint64
	return r.follow(ctx, after, func(e *eventstore.Recorded) error {
		if err := r.event(e); err != nil || r.filter == nil {
			return err
		}
		if seen++; seen%r.filter.interval != 0 {
			return nil
		}
		return r.checkpoint(e.Position)
	})
}

// followStream sends a stream from the revision after the one given and goes
// on with what comes. A stream that does not exist is waited for.
func (r *reply) followStream(ctx context.Context) error {
	// What is appended after this position is found by following the log.
	after, err := r.store.Last(ctx)
	if err != nil {
		return err
	}
	last := r.revision
	switch r.from {
	case atStart:
		last = eventstore.NoStream
	case atEnd:
		if last, err = r.newest(ctx); err != nil {
			return err
		}
	}
	if err := r.confirm(); err != nil {
		return err
	}
	if eventstore.ValidateStream(r.stream) == nil {
		for e, err := range r.store.ReadStream(ctx, r.stream, last+1, eventstore.Forwards) {
			if errors.Is(err, eventstore.ErrStreamNotFound) {
				break
			}
			if err == nil {
				err = r.event(&e)
			}
			if err != nil {
				return err
			}
			last = e.Revision
		}
	}
	return r.follow(ctx, after, func(e *eventstore.Recorded) error {
		if e.Stream != r.stream || e.Revision <= last {
			return nil
		}
		last = e.Revision
		return r.event(e)
	})
}

// follow hands the log after a position to event for as long as the context
// lives. As EventStoreDB does, it tells once that the client has caught up:
// from then on events come as they are appended.
func (r *reply) follow(ctx context.Context, after eventstore.Position, event func(*eventstore.Recorded) error) error {
	sub, err := r.store.SubscribeAll(ctx, after)
	if err != nil {
		return err
	}
	defer sub.Close()
	live := false
	for {
		m, err := sub.Next(ctx)
		switch {
		case err != nil:
		case m.Kind == eventstore.EventMessage:
			err = event(&m.Event)
		case m.Kind == eventstore.CaughtUpMessage && !live:
			live = true
			if err = r.caughtUp(); err == nil && r.filter != nil && after.Before(m.Position) {
				err = r.checkpoint(m.Position)
			}
		}
		if err != nil {
			return err
		}
	}
}
