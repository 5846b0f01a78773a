package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"prepayledger/eventstore"
)

// subscriptionBuffer is how many messages are received ahead of the
// subscriber; after that the server is held up.
const subscriptionBuffer = 256

// subscription follows the log for one goroutine. Another one receives.
type subscription struct {
	store  *Store
	ctx    context.Context
	cancel context.CancelFunc

	messages chan *streams.ReadResp
	// received is closed when nothing more comes; failure then says why.
	received chan struct{}
	failure  error

	closed    chan struct{}
	closeOnce sync.Once

	// position is how far the subscriber has come.
	position eventstore.Position
	// live says that the server sends events as they are appended, told that
	// the subscriber was told so since the last event.
	live, told bool
}

// SubscribeAll implements eventstore.Store. It returns when the server has
// confirmed the subscription.
func (s *Store) SubscribeAll(ctx context.Context, after eventstore.Position) (eventstore.Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	u := &subscription{
		store: s, ctx: ctx, position: after,
		messages: make(chan *streams.ReadResp, subscriptionBuffer),
		received: make(chan struct{}),
		closed:   make(chan struct{}),
	}
	receiving, done := s.reading(ctx)
	u.cancel = done
	late := time.AfterFunc(s.conf.deadline, done)
	var call streams.Streams_ReadClient
	err := s.onLeader(receiving, func(ctx context.Context, client streams.StreamsClient) error {
		var err error
		call, err = subscribe(ctx, client, after)
		return err
	})
	if err == nil && !late.Stop() {
		err = fmt.Errorf("%w: the server did not confirm a subscription in time", eventstore.ErrUnavailable)
	}
	if err != nil {
		late.Stop()
		done()
		return nil, s.contractError(ctx, err)
	}
	go u.receive(receiving, call)
	return u, nil
}

// subscribe opens a subscription and waits for its confirmation.
func subscribe(ctx context.Context, client streams.StreamsClient, after eventstore.Position) (streams.Streams_ReadClient, error) {
	o := allOptions(after)
	o.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	call, err := client.Read(ctx, &streams.ReadReq{Options: o})
	if err != nil {
		return nil, &callError{cause: err}
	}
	m, err := call.Recv()
	if err != nil {
		return nil, &callError{cause: err, trailer: call.Trailer()}
	}
	if m.GetConfirmation() == nil {
		return nil, fmt.Errorf("%w: the server began a subscription with %T", eventstore.ErrUnavailable, m.GetContent())
	}
	return call, nil
}

// receive takes what the server sends until the call ends.
func (u *subscription) receive(ctx context.Context, call streams.Streams_ReadClient) {
	defer close(u.received)
	defer u.cancel()
	for {
		m, err := call.Recv()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				err = &callError{cause: err, trailer: call.Trailer()}
			}
			u.failure = err
			return
		}
		select {
		case u.messages <- m:
		case <-ctx.Done():
			u.failure = ctx.Err()
			return
		}
	}
}

// Next implements eventstore.Subscription.
func (u *subscription) Next(ctx context.Context) (eventstore.Message, error) {
	for {
		if err := u.ended(ctx); err != nil {
			return eventstore.Message{}, err
		}
		m, err := u.nextReceived(ctx)
		if err != nil {
			return eventstore.Message{}, err
		}
		if m == nil {
			continue // something ended, see above
		}
		out, ok, err := u.take(m)
		if err != nil {
			return eventstore.Message{}, u.drop(err)
		}
		if ok {
			return out, nil
		}
	}
}

// caughtUpMark stands for a message that the server did not send.
var caughtUpMark = &streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}}

// nextReceived waits for the next message. The server says once that a
// subscriber has caught up and sends events as they come from then on; that
// it has caught up with those too is found by asking where the log ends. It
// returns nil when a context or the subscription ended.
func (u *subscription) nextReceived(ctx context.Context) (*streams.ReadResp, error) {
	select {
	case m := <-u.messages:
		return m, nil
	default:
	}
	if u.live && !u.told {
		last, err := u.store.Last(ctx)
		if err != nil {
			if ended := u.ended(ctx); ended != nil {
				return nil, ended
			}
			return nil, u.drop(err)
		}
		if !u.position.Before(last) {
			return caughtUpMark, nil
		}
	}
	select {
	case m := <-u.messages:
		return m, nil
	case <-u.received:
		select {
		case m := <-u.messages: // what came before the end
			return m, nil
		default:
		}
		if err := u.ended(ctx); err != nil {
			return nil, err
		}
		return nil, u.drop(u.failure)
	case <-ctx.Done():
	case <-u.ctx.Done():
	case <-u.closed:
	case <-u.store.life.Done():
	}
	return nil, nil
}

// take reads a message; false if it is none for the subscriber.
func (u *subscription) take(m *streams.ReadResp) (eventstore.Message, bool, error) {
	switch c := m.GetContent().(type) {
	case *streams.ReadResp_Event:
		e, err := fromEvent(c.Event)
		if err != nil || !u.position.Before(e.Position) {
			return eventstore.Message{}, false, err
		}
		u.position, u.told = e.Position, false
		return eventstore.Message{Kind: eventstore.EventMessage, Event: e, Position: e.Position}, true, nil
	case *streams.ReadResp_Checkpoint_:
		at := eventstore.Position{Commit: c.Checkpoint.GetCommitPosition(), Prepare: c.Checkpoint.GetPreparePosition()}
		if !u.position.Before(at) {
			return eventstore.Message{}, false, nil
		}
		u.position = at
		return eventstore.Message{Kind: eventstore.CheckpointMessage, Position: at}, true, nil
	case *streams.ReadResp_CaughtUp_:
		u.live, u.told = true, true
		return eventstore.Message{Kind: eventstore.CaughtUpMessage, Position: u.position}, true, nil
	case *streams.ReadResp_FellBehind_:
		u.live, u.told = false, false
	}
	return eventstore.Message{}, false, nil
}

// ended says why nothing more is delivered; nil while something may be.
func (u *subscription) ended(ctx context.Context) error {
	select {
	case <-u.closed:
		return eventstore.ErrClosed
	default:
	}
	if u.store.life.Err() != nil {
		return eventstore.ErrClosed
	}
	if err := u.ctx.Err(); err != nil {
		return err
	}
	return ctx.Err()
}

// drop ends the subscription, which the subscriber opens again.
func (u *subscription) drop(cause error) error {
	u.cancel()
	return fmt.Errorf("%w after %s: %w", eventstore.ErrDropped, u.position, cause)
}

// Close implements eventstore.Subscription.
func (u *subscription) Close() error {
	u.closeOnce.Do(func() { close(u.closed) })
	u.cancel()
	<-u.received
	return nil
}
