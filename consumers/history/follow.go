package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
	"prepayledger/eventstore"
)

const (
	// requestTimeout bounds the wait for a page (time).
	requestTimeout = 15 * time.Second
	// askAgain is the pause before a page is asked for again (time), maxAsks how
	// often in a row.
	askAgain = time.Second
	maxAsks  = 30
	// overlap is how much earlier than the history's end NATS is read from
	// (time): clocks differ.
	overlap = time.Minute
	// retryPause is the pause before NATS is read again after an error (time).
	retryPause = 500 * time.Millisecond
	// lookAgain is how often it is asked whether another stream has taken the
	// events over (time): after a repair nothing ever comes from the old one.
	lookAgain = 5 * time.Second
)

// Follow hands every event of a stream to each, from a revision on, in order
// and once: first the history, then what comes, until the context ends or each
// returns an error. With live false it ends with the history.
func Follow(ctx context.Context, nc *nats.Conn, stream string, from eventstore.Revision, live bool, each func(Event) error) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	f := &follower{nc: nc, js: js, stream: stream, next: from, each: each}
	for {
		since := time.Now()
		if err := f.history(ctx, -1); err != nil || !live {
			return err
		}
		err := f.live(ctx, since.Add(-overlap))
		if ctx.Err() != nil || !errors.Is(err, errAgain) {
			return err
		}
		select { // what NATS lost comes from the log
		case <-time.After(retryPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errAgain says that NATS can't go on; the log can.
var errAgain = errors.New("begin again with the history")

// follower is one Follow.
type follower struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	stream string
	next   eventstore.Revision // the revision that comes next
	each   func(Event) error
}

// history reads pages up to the revision, that one excluded; -1 for all.
func (f *follower) history(ctx context.Context, to eventstore.Revision) error {
	for to < 0 || f.next < to {
		p, err := f.page(ctx)
		if err != nil {
			return err
		}
		for _, e := range p.Events {
			if e.Revision != f.next {
				return fmt.Errorf("stream %s: revision %d follows %d in the log: it must be checked (prepay verify)", f.stream, e.Revision, f.next-1)
			}
			if err := f.each(e); err != nil {
				return err
			}
			f.next++
		}
		if p.End {
			return nil
		}
	}
	return nil
}

// page asks for the next page, and again while the ledger is away.
func (f *follower) page(ctx context.Context) (Page, error) {
	request, err := json.Marshal(Request{Stream: f.stream, From: f.next})
	if err != nil {
		return Page{}, err
	}
	for asks := 1; ; asks++ {
		p, err := f.ask(ctx, request)
		if err == nil || ctx.Err() != nil || asks == maxAsks {
			return p, err
		}
		var refused *RefusedError
		if errors.As(err, &refused) && refused.Code == "invalid_request" {
			return p, err
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return p, ctx.Err()
		}
	}
}

// RefusedError is the ledger's answer where there is no page.
type RefusedError struct{ PageError }

// Error implements error.
func (e *RefusedError) Error() string { return fmt.Sprintf("%s (%s)", e.Message, e.Code) }

func (f *follower) ask(ctx context.Context, request []byte) (p Page, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	m, err := f.nc.RequestWithContext(ctx, natsbus.HistorySubject, request)
	if err != nil {
		return p, fmt.Errorf("no ledger answers on %s: is prepay serve running? %w", natsbus.HistorySubject, err)
	}
	if err := json.Unmarshal(m.Data, &p); err != nil {
		return p, fmt.Errorf("the answer on %s can't be read: %w", natsbus.HistorySubject, err)
	}
	if p.Error != nil {
		return p, &RefusedError{*p.Error}
	}
	return p, nil
}

// live hands on what NATS has and gets, from the instant on; a gap is filled
// from the log.
func (f *follower) live(ctx context.Context, since time.Time) error {
	stream, err := natsbus.CurrentEvents(ctx, f.js)
	if err != nil {
		return again(ctx, err)
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{natsbus.EventSubjects(f.stream)}, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since,
	})
	if err != nil {
		return again(ctx, err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		return again(ctx, err)
	}
	defer messages.Stop()
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	looking, end := context.WithCancel(ctx)
	var looks sync.WaitGroup
	looks.Go(func() {
		if f.replaced(looking, stream) {
			messages.Stop()
		}
	})
	defer looks.Wait()
	defer end()
	for {
		m, err := messages.Next()
		if err != nil {
			return again(ctx, err)
		}
		e, err := event(m)
		if err != nil {
			return err
		}
		if e.Stream != f.stream || e.Revision < f.next {
			continue
		}
		if e.Revision > f.next {
			if err := f.history(ctx, e.Revision+1); err != nil {
				return err
			}
			continue
		}
		if err := f.each(e); err != nil {
			return err
		}
		f.next++
	}
}

// replaced waits until another stream has taken the events over; it returns
// false when the context ends.
func (f *follower) replaced(ctx context.Context, stream jetstream.Stream) bool {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	was := stream.CachedInfo()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
		now, err := natsbus.CurrentEvents(ctx, f.js)
		if err != nil {
			continue // NATS is away, or a repair is under way: the next look tells
		}
		if is := now.CachedInfo(); is.Config.Name != was.Config.Name || !is.Created.Equal(was.Created) {
			return true
		}
	}
}

// again makes an error of NATS one that the history mends.
func again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", errAgain, err)
}

// event reads a published event.
func event(m jetstream.Msg) (Event, error) {
	h := m.Headers()
	bad := func(name string, err error) (Event, error) {
		return Event{}, fmt.Errorf("a message on %s has no readable %s: it is not prepay's: %w", m.Subject(), name, err)
	}
	revision, err := strconv.ParseInt(h.Get(natsbus.RevisionHeader), 10, 64)
	if err != nil {
		return bad(natsbus.RevisionHeader, err)
	}
	version, err := strconv.Atoi(h.Get(natsbus.VersionHeader))
	if err != nil {
		return bad(natsbus.VersionHeader, err)
	}
	occurred, err := time.Parse(time.RFC3339Nano, h.Get("ce-time"))
	if err != nil {
		return bad("ce-time", err)
	}
	return Event{
		ID: h.Get("ce-id"), Stream: h.Get("ce-subject"), Revision: eventstore.Revision(revision), Position: h.Get(natsbus.PositionHeader),
		Type: h.Get("ce-type"), Version: version, OccurredAt: occurred, Data: m.Data(),
	}, nil
}
