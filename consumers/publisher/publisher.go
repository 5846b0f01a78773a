// Package publisher brings every event of the log to JetStream, once and in
// order, and can prove and mend what stands there.
//
// One invariant carries it: a message's sequence in the stream is the event's
// ordinal in the log, counted from 1. Every message says which sequence and
// which message it follows (Nats-Expected-Last-Sequence, …-Last-Msg-Id), so
// that whatever is sent twice, too late or by two publishers at a time is
// stored once and at its own place, or refused. Nothing relies on the window in
// which JetStream remembers message ids.
package publisher

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/outbound"
	"prepayledger/eventstore"
)

// Bounds of publishing.
const (
	// Window is how many messages wait for their acknowledgement at most.
	Window = 1024
	// ackTimeout is how long an acknowledgement may take before the stream's
	// tail is looked at again.
	ackTimeout = 5 * time.Second
	// requestTimeout bounds a look at the stream.
	requestTimeout = 5 * time.Second
	// maxResyncs is how often in a row one delivery looks at the tail again
	// because the stream had moved on, before its caller pauses.
	maxResyncs = 5
	// DefaultSource is the ce-source of events.
	DefaultSource = "prepay"
)

// Options of a publisher.
type Options struct {
	// Source names the ledger in ce-source; empty is DefaultSource.
	Source string
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// Publisher is the output that publishes events. It is for one goroutine.
type Publisher struct {
	js     jetstream.JetStream
	store  eventstore.Store
	source string
	log    *zap.Logger
	tail   *tail // nil: must be read
}

var _ outbound.Output = (*Publisher)(nil)

// New returns a publisher of the store's events; natsbus.EnsureStreams must
// have set up the stream.
func New(nc *nats.Conn, store eventstore.Store, opts Options) (*Publisher, error) {
	js, err := asyncJetStream(nc)
	if err != nil {
		return nil, err
	}
	if opts.Source == "" {
		opts.Source = DefaultSource
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	return &Publisher{js: js, store: store, source: opts.Source, log: opts.Logger}, nil
}

// asyncJetStream is a JetStream with the bounds of this package.
func asyncJetStream(nc *nats.Conn) (jetstream.JetStream, error) {
	return jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(2*Window), jetstream.WithPublishAsyncTimeout(ackTimeout), jetstream.WithDefaultTimeout(requestTimeout))
}

// Name implements outbound.Output.
func (*Publisher) Name() string { return "events" }

// Deliver implements outbound.Output: it returns when JetStream has stored
// every change. What the stream has already is skipped. outbound.ErrHalt says
// that the stream is not the log's: that `prepay nats repair` must mend it.
func (p *Publisher) Deliver(ctx context.Context, changes []outbound.Change) error {
	if len(changes) == 0 {
		return nil
	}
	for resyncs := 0; ; resyncs++ {
		err := p.deliver(ctx, changes)
		if err == nil {
			return nil
		}
		p.tail = nil
		if !errors.Is(err, errMoved) || resyncs == maxResyncs {
			return err
		}
		p.log.Info("the stream of events had moved on, its tail is read again", zap.Error(err))
	}
}

// deliver publishes what lies after the tail.
func (p *Publisher) deliver(ctx context.Context, changes []outbound.Change) error {
	if p.tail == nil {
		t, err := readTail(ctx, p.js, p.store)
		if err != nil {
			return err
		}
		p.tail = &t
		if err := p.follows(ctx, &changes[0]); err != nil {
			return err
		}
	}
	s := sender{js: p.js, stream: p.tail.stream, sequence: p.tail.sequence, id: p.tail.id}
	position := p.tail.position
	for i := range changes {
		c := &changes[i]
		if !position.Before(c.Position) {
			continue
		}
		if err := s.send(ctx, message(c, p.source)); err != nil {
			return err
		}
		position = c.Position
	}
	if err := s.wait(ctx, 0); err != nil {
		return err
	}
	p.tail.sequence, p.tail.id, p.tail.position = s.sequence, s.id, position
	return nil
}

// follows says that nothing is missing between the tail and the change.
func (p *Publisher) follows(ctx context.Context, c *outbound.Change) error {
	if !p.tail.position.Before(c.Position) {
		return nil
	}
	for next, err := range p.store.ReadAll(ctx, p.tail.position) {
		if err != nil {
			return err
		}
		if next.Position == c.Position {
			return nil
		}
		break
	}
	return fmt.Errorf("%w: the stream %s ends at position %s, events between that and %s are missing in it: NATS has lost what it had acknowledged; `prepay nats verify` says what is missing, `prepay nats repair` fills a new generation of the stream from the log", outbound.ErrBehind, p.tail.stream, p.tail.position, c.Position)
}

// errMoved says that the stream does not end where it was thought to.
var errMoved = errors.New("the stream ends elsewhere")

// sender publishes messages one after the other, many of them on their way at
// a time.
type sender struct {
	js       jetstream.JetStream
	stream   string
	sequence uint64 // of the newest message sent
	id       string // of that message; empty if it isn't known
	pending  []jetstream.PubAckFuture
}

// send publishes a message as the one after the newest. The sequence alone
// would not do while others are on their way: a message of somebody else in
// between takes the place of one, and those after it would fit again.
func (s *sender) send(ctx context.Context, m *nats.Msg) error {
	m.Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(s.sequence, 10)}
	m.Header[jetstream.ExpectedStreamHeader] = []string{s.stream}
	if s.id != "" {
		m.Header[jetstream.ExpectedLastMsgIDHeader] = []string{s.id}
	}
	if err := s.wait(ctx, Window-1); err != nil {
		return err
	}
	ack, err := s.js.PublishMsgAsync(m)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	s.sequence++
	s.id = m.Header.Get(jetstream.MsgIDHeader)
	s.pending = append(s.pending, ack)
	return nil
}

// wait waits until so many messages, or fewer, are on their way.
func (s *sender) wait(ctx context.Context, left int) error {
	for len(s.pending) > left {
		want := s.sequence - uint64(len(s.pending)) + 1
		select {
		case ack := <-s.pending[0].Ok():
			if ack.Sequence != want || ack.Stream != s.stream {
				return fmt.Errorf("%w: sequence %d of %s was acknowledged, not %d of %s", errMoved, ack.Sequence, ack.Stream, want, s.stream)
			}
		case err := <-s.pending[0].Err():
			return sendError(err)
		case <-ctx.Done():
			return ctx.Err()
		}
		s.pending = s.pending[1:]
	}
	return nil
}

// sendError tells a refused expectation from other failures.
func sendError(err error) error {
	var refused *jetstream.APIError
	if errors.As(err, &refused) && (refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || refused.ErrorCode == codeWrongStream || refused.ErrorCode == codeWrongID) {
		return fmt.Errorf("%w: %w", errMoved, err)
	}
	return fmt.Errorf("publish: %w", err)
}

// JetStream's codes for a message meant for another stream, and for one that
// follows another message.
const (
	codeWrongStream = 10060
	codeWrongID     = 10070
)
