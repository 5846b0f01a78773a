package desk

import (
	"context"
	"errors"
	"time"

	"prepayledger/consumers/commandjson"
	"prepayledger/eventstore"
)

const (
	// CheckpointEvents is after how many events of the log a follower that reads
	// far back is told how far it has come.
	CheckpointEvents = 10_000
	// MaxScannedEvents bounds the events that are read for one page of them.
	MaxScannedEvents = 100_000
)

// Followed is an event, or says how far the follower has come.
type Followed struct {
	// Event is nil where nothing that is wanted came up to Position.
	Event    *eventstore.Recorded
	Position eventstore.Position
}

// Follow gives each the wanted events behind a position of the log: those that
// are there, then those that come, without gap and without repetition, until
// the context ends or each errs. Every tick of beat, and now and then while it
// reads far back, each is told how far it has come.
func (d *Desk) Follow(ctx context.Context, w EventsWanted, after eventstore.Position, beat <-chan time.Time, each func(Followed) error) error {
	if err := d.within(ctx, after); err != nil {
		return err
	}
	f := &following{desk: d, wanted: w, at: after, beat: beat, each: each, past: func(ctx context.Context, f *following, to eventstore.Position) error {
		return f.read(ctx, f.desk.Store.ReadAll(ctx, f.at), to)
	}}
	return f.run(ctx)
}

// FollowStream is Follow for the events of a stream behind a revision; NoStream
// is its beginning. A stream that is not there yet may come.
func (d *Desk) FollowStream(ctx context.Context, stream string, after eventstore.Revision, beat <-chan time.Time, each func(Followed) error) error {
	f := &following{desk: d, wanted: EventsWanted{Stream: stream}, revision: after, beat: beat, each: each}
	f.past = func(ctx context.Context, f *following, to eventstore.Position) error {
		return f.read(ctx, f.desk.Store.ReadStream(ctx, stream, f.revision+1, eventstore.Forwards), to)
	}
	f.byRevision = true
	return f.run(ctx)
}

// within says where a position lies behind the end of the log.
func (d *Desk) within(ctx context.Context, after eventstore.Position) error {
	last, err := d.Store.Last(ctx)
	if err == nil && last.Before(after) {
		return &commandjson.FieldError{Field: "after", Problem: "the log ends before this position: it is of another log; begin at its start"}
	}
	return err
}

// following is one follower.
type following struct {
	desk   *Desk
	wanted EventsWanted
	// at is how far it has come; revision is the last seen of one stream, where
	// byRevision says that it is followed by it.
	at         eventstore.Position
	revision   eventstore.Revision
	byRevision bool
	beat       <-chan time.Time
	each       func(Followed) error
	// past reads what is in the log up to a position.
	past func(ctx context.Context, f *following, to eventstore.Position) error
}

// run reads from the log up to where the feed stands, and goes on with the
// feed; where it was too slow for the feed, it does so again.
func (f *following) run(ctx context.Context) error {
	for {
		r, err := f.desk.feed.join(ctx, f.desk.Store, f.wanted)
		if err != nil {
			return err
		}
		err = f.past(ctx, f, r.from)
		if err == nil {
			if f.at.Before(r.from) {
				f.at = r.from
			}
			err = f.live(ctx, r)
		}
		f.desk.feed.leave(r)
		if err != nil {
			return err
		}
	}
}

// read gives what the log has up to a position.
func (f *following) read(ctx context.Context, events func(func(eventstore.Recorded, error) bool), to eventstore.Position) error {
	passed := 0
	for e, err := range events {
		switch {
		case errors.Is(err, eventstore.ErrStreamNotFound):
			return nil
		case err != nil:
			return err
		case to.Before(e.Position):
			return nil // it comes by the feed
		}
		if err := f.take(&e); err != nil {
			return err
		}
		if passed++; passed == CheckpointEvents {
			passed = 0
			if err := f.each(Followed{Position: f.at}); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// take gives an event that is wanted and was not given before.
func (f *following) take(e *eventstore.Recorded) error {
	if f.byRevision && e.Revision <= f.revision || !f.byRevision && !f.at.Before(e.Position) {
		return nil
	}
	if f.at.Before(e.Position) {
		f.at = e.Position
	}
	if !f.wanted.fits(e) {
		return nil
	}
	f.revision = e.Revision
	return f.each(Followed{Event: e, Position: e.Position})
}

// live goes on with the feed; nil where the reader was too slow for it.
func (f *following) live(ctx context.Context, r *reader) error {
	for {
		select {
		case e, more := <-r.events:
			if !more {
				return r.err
			}
			if err := f.take(&e); err != nil {
				return err
			}
		case <-f.beat:
			if at, idle := f.desk.feed.checkpoint(r); idle && f.at.Before(at) {
				f.at = at
			}
			if err := f.each(Followed{Position: f.at}); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// EventsPage are some events of the log.
type EventsPage struct {
	Items []Replayed `json:"items"`
	// Next is behind which position the next page begins. It is there also at
	// the end of the log: what is written later comes behind it.
	Next string `json:"next"`
	// End says that the log ended.
	End bool `json:"end"`
}

// LogEvents are at most limit of the wanted events behind a position, in the order
// of the log. A page may have fewer and yet not be the last.
func (d *Desk) LogEvents(ctx context.Context, w EventsWanted, after eventstore.Position, limit int) (*EventsPage, error) {
	if err := d.within(ctx, after); err != nil {
		return nil, err
	}
	page := &EventsPage{Items: []Replayed{}, Next: after.String(), End: true}
	read := 0
	for e, err := range d.Store.ReadAll(ctx, after) {
		if err != nil {
			return nil, err
		}
		if len(page.Items) == limit || read == MaxScannedEvents {
			page.End = false
			break
		}
		read++
		page.Next = e.Position.String()
		if w.fits(&e) {
			page.Items = append(page.Items, ReplayedOf(&e))
		}
	}
	return page, nil
}

// StreamPage are some events of a stream.
type StreamPage struct {
	Stream string     `json:"stream"`
	Items  []Replayed `json:"items"`
	// Next is the revision with which the next page begins.
	Next eventstore.Revision `json:"next"`
	// End says that the stream ended.
	End bool `json:"end"`
}

// StreamEvents are at most limit events of a stream from a revision on.
func (d *Desk) StreamEvents(ctx context.Context, stream string, from eventstore.Revision, limit int) (*StreamPage, error) {
	page := &StreamPage{Stream: stream, Items: []Replayed{}, Next: from, End: true}
	for e, err := range d.Store.ReadStream(ctx, stream, from, eventstore.Forwards) {
		switch {
		case errors.Is(err, eventstore.ErrStreamNotFound), errors.Is(err, eventstore.ErrInvalid):
			return nil, NotFound("There is no stream %.120q: list the streams.", stream)
		case err != nil:
			return nil, err
		}
		if len(page.Items) == limit {
			page.End = false
			break
		}
		page.Items = append(page.Items, ReplayedOf(&e))
		page.Next = e.Revision + 1
	}
	return page, nil
}
