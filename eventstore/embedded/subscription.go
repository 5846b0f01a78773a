package embedded

import (
	"context"
	"sync"

	"prepayledger/eventstore"
)

// subscription reads the log for one goroutine, which does all its work in
// Next: there is nothing that could fill up while the subscriber is slow.
type subscription struct {
	store  *Store
	ctx    context.Context
	reader logReader
	// caughtUp says that the subscriber was told so and has read nothing
	// since.
	caughtUp bool

	closed    chan struct{}
	closeOnce sync.Once
}

// SubscribeAll implements eventstore.Store. The subscription never drops.
func (s *Store) SubscribeAll(ctx context.Context, after eventstore.Position) (eventstore.Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.isClosing() {
		return nil, eventstore.ErrClosed
	}
	return &subscription{
		store:  s,
		ctx:    ctx,
		reader: logReader{store: s, live: true, after: number(after)},
		closed: make(chan struct{}),
	}, nil
}

// Next implements eventstore.Subscription.
func (u *subscription) Next(ctx context.Context) (eventstore.Message, error) {
	for {
		if err := u.ended(ctx); err != nil {
			return eventstore.Message{}, err
		}
		m := eventstore.Message{Kind: eventstore.EventMessage}
		more, err := u.reader.next(&m.Event)
		switch {
		case err != nil:
			return eventstore.Message{}, err
		case more:
			u.caughtUp = false
			m.Position = m.Event.Position
			return m, nil
		case !u.caughtUp:
			u.caughtUp = true
			return eventstore.Message{Kind: eventstore.CaughtUpMessage, Position: position(u.reader.after)}, nil
		}
		// An append may have come before the signal was taken.
		arrived := u.store.arrived.next()
		if u.reader.after < u.store.durable.Load() {
			continue
		}
		select {
		case <-arrived:
		case <-ctx.Done():
		case <-u.ctx.Done():
		case <-u.closed:
		case <-u.store.closing:
		}
	}
}

// ended says why nothing more is delivered; nil while something may be.
func (u *subscription) ended(ctx context.Context) error {
	select {
	case <-u.closed:
		return eventstore.ErrClosed
	case <-u.store.closing:
		return eventstore.ErrClosed
	default:
	}
	if err := u.ctx.Err(); err != nil {
		return err
	}
	return ctx.Err()
}

// Close implements eventstore.Subscription.
func (u *subscription) Close() error {
	u.closeOnce.Do(func() { close(u.closed) })
	return nil
}
