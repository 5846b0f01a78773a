package apiclient

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"
)

const (
	// followPause is the pause before a follower that was cut off comes again,
	// where the server does not say how long (time).
	followPause = time.Second
	// minFollowPause and maxFollowPause bound that pause; it doubles while the
	// ledger can't be reached (time).
	minFollowPause = 50 * time.Millisecond
	maxFollowPause = 30 * time.Second
	// followFailures is how often in a row a follower may come in vain (times),
	// each time with the attempts of every request: about half an hour.
	followFailures = 60
	// followSilence is after what time without any sign a connection counts as
	// cut (time); the ledger sends signs of life four times as often.
	followSilence = time.Minute
	// eventsType is the type of the content of server-sent events.
	eventsType = "text/event-stream"
)

// Event is an event of the log as it is followed.
type Event struct {
	// ID says where the follower is: keep it, and give it as LastEventID to go on
	// behind the event.
	ID string
	// Type is the event's type, such as ConversationCharged.
	Type string
	// Data is the event with its place in the log: JSON that Replayed takes.
	Data json.RawMessage
}

// Follow follows the events of the log, from the one behind LastEventID, else
// After, else from its start; it waits for those to come. Where the connection
// is cut it goes on behind the last event, so that each comes once and in
// order. The walk ends with an error, beside the zero event: the context's; a
// *Problem, where the ledger refuses; ErrUnreachable after half an hour in
// vain. Limit has no effect.
func (c *ClientWithResponses) Follow(ctx context.Context, p FollowEventsParams) iter.Seq2[Event, error] {
	return c.follow(ctx, p.LastEventID, func(ctx context.Context, last *string) (*http.Response, error) {
		asked := p
		asked.LastEventID = last
		return c.FollowEvents(ctx, &asked, acceptEvents)
	})
}

// FollowAccount follows the events of an account as Follow does the log's, from
// the one behind LastEventID, else with the revision From, else from the first.
func (c *ClientWithResponses) FollowAccount(ctx context.Context, partnerID string, p FollowAccountEventsParams) iter.Seq2[Event, error] {
	return c.follow(ctx, p.LastEventID, func(ctx context.Context, last *string) (*http.Response, error) {
		asked := p
		asked.LastEventID = last
		return c.FollowAccountEvents(ctx, partnerID, &asked, acceptEvents)
	})
}

func acceptEvents(_ context.Context, r *http.Request) error {
	r.Header.Set("Accept", eventsType)
	return nil
}

// follow follows what connect connects with.
func (c *ClientWithResponses) follow(ctx context.Context, last *string, connect func(context.Context, *string) (*http.Response, error)) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := &follower{connect: connect, wait: wait, retry: followPause}
		if client, ok := c.ClientInterface.(*Client); ok {
			if own, ok := client.Client.(*connection); ok {
				f.wait = own.wait
			}
		}
		if last != nil {
			f.last = *last
		}
		if err := f.run(ctx, func(e Event) bool { return yield(e, nil) }); !errors.Is(err, errEnough) {
			yield(Event{}, err)
		}
	}
}

// follower follows events over one connection after the other.
type follower struct {
	connect func(ctx context.Context, last *string) (*http.Response, error)
	wait    func(context.Context, time.Duration) error
	// last is the id of the last event that was seen; empty for none.
	last string
	// retry is the pause between connections.
	retry time.Duration
}

var (
	// errCut says that a connection ended that had begun.
	errCut = errors.New("the connection was cut")
	// errEnough says that who follows wants no more.
	errEnough = errors.New("enough events")
)

// run follows until nothing helps any more, and returns why.
func (f *follower) run(ctx context.Context, take func(Event) bool) error {
	pause, failures := f.retry, 0
	for {
		err := f.once(ctx, take)
		if ctxErr := ctx.Err(); ctxErr != nil && !errors.Is(err, errEnough) {
			return ctxErr
		}
		if errors.Is(err, errCut) {
			pause, failures = f.retry, 0
		} else if failures++; !comesAgain(err) || failures == followFailures {
			return err
		}
		if err := f.wait(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, maxFollowPause)
	}
}

// comesAgain reports whether a follower that was not let in may be later.
func comesAgain(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests
	}
	return passing(err)
}

// once follows over one connection until it is cut.
func (f *follower) once(ctx context.Context, take func(Event) bool) error {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	var last *string
	if f.last != "" {
		last = &f.last
	}
	response, err := f.connect(ctx, last)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind != eventsType {
		return &Problem{
			Type: "about:blank", Title: "No events", Status: int64(response.StatusCode), Code: CodeUnexpected,
			Detail: fmt.Sprintf("The answer is %q, not %s: check the address, and what stands in between.", kind, eventsType),
		}
	}
	events := newEventReader(&watched{response.Body, cut}, f.last)
	for {
		e, err := events.next()
		// An id without data counts too: what lies before it was not asked for.
		f.last = events.id
		if events.retry > 0 {
			f.retry = min(max(events.retry, minFollowPause), maxFollowPause)
		}
		switch {
		case errors.Is(err, bufio.ErrTooLong):
			return err
		case err != nil:
			return fmt.Errorf("%w: %w", errCut, err)
		case !take(e):
			return errEnough
		}
	}
}

// watched cuts a connection on which nothing comes for too long. How long who
// reads takes with what has come does not count.
type watched struct {
	io.Reader
	cut func()
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	silence := time.AfterFunc(followSilence, w.cut)
	defer silence.Stop()
	return w.Reader.Read(p)
}
