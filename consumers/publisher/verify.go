package publisher

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/outbound"
	"prepayledger/eventstore"
)

// Bounds of verifying.
const (
	// MaxProblems is how many problems a report names; all are counted.
	MaxProblems = 100
	// readTimeout is how long the next message of a stream may take to come.
	readTimeout = 30 * time.Second
)

// ProblemKind says what is wrong with a place of the stream.
type ProblemKind string

const (
	// Missing: the event is not in the stream.
	Missing ProblemKind = "missing"
	// Altered: the event is at its place, with other content.
	Altered ProblemKind = "altered"
	// Foreign: the message is of no event of the log.
	Foreign ProblemKind = "foreign"
	// OutOfOrder: the message is of a later event than its place is for.
	OutOfOrder ProblemKind = "out of order"
	// Duplicate: the message is of an earlier event than its place is for.
	Duplicate ProblemKind = "duplicate"
)

// Problem is a place of the stream that is not as the log has it.
type Problem struct {
	Kind ProblemKind `json:"kind"`
	// Sequence is the place in the stream.
	Sequence uint64 `json:"sequence"`
	// Position and EventID are of the event that belongs there; Start and
	// uuid.Nil beyond the end of the log.
	Position eventstore.Position `json:"-"`
	EventID  uuid.UUID           `json:"event_id"`
}

// Report is the comparison of the stream with the log.
type Report struct {
	// Stream is the generation that was compared.
	Stream string `json:"stream"`
	// First and Last are the range of sequences that was compared: from what
	// the stream must still have on, to its end.
	First uint64 `json:"first_sequence"`
	Last  uint64 `json:"last_sequence"`
	// Right counts the messages that are as they should be.
	Right uint64 `json:"right"`
	// Wrong counts the others by their kind.
	Wrong map[ProblemKind]uint64 `json:"wrong"`
	// Unpublished counts events behind the stream's end: they are on their way.
	Unpublished uint64 `json:"unpublished"`
	// Problems are the first MaxProblems of the wrong places.
	Problems []Problem `json:"problems"`
}

// OK says that the stream is the log's.
func (r *Report) OK() bool { return len(r.Wrong) == 0 }

func (r *Report) add(kind ProblemKind, sequence uint64, c *outbound.Change) {
	r.Wrong[kind]++
	if len(r.Problems) == MaxProblems {
		return
	}
	p := Problem{Kind: kind, Sequence: sequence}
	if c != nil {
		p.Position, p.EventID = c.Position, c.ID
	}
	r.Problems = append(r.Problems, p)
}

// VerifyOptions of a comparison.
type VerifyOptions struct {
	// Published is how far events were published for certain, as outbound's
	// checkpoint knows it: what lacks up to there at the stream's end is
	// missing, not just on its way. Start if that is not known.
	Published eventstore.Position
}

// Verify compares the stream of events with the log: every message that the
// stream must still have stands at its place with the same subject, headers and
// payload, and no other is there. It reads the whole log, since the balances
// in the headers are its sum.
func Verify(ctx context.Context, nc *nats.Conn, store eventstore.Store, opts VerifyOptions) (Report, error) {
	js, err := asyncJetStream(nc)
	if err != nil {
		return Report{}, err
	}
	stream, err := natsbus.CurrentEvents(ctx, js)
	if err != nil {
		return Report{}, err
	}
	return verify(ctx, stream, store, opts)
}

func verify(ctx context.Context, stream jetstream.Stream, store eventstore.Store, opts VerifyOptions) (Report, error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("look at the stream of events: %w", err)
	}
	end, err := store.Last(ctx)
	if err != nil {
		return Report{}, err
	}
	messages, err := readStream(ctx, stream, info)
	if err != nil {
		return Report{}, err
	}
	defer messages.stop()
	v := verifier{info: info, messages: messages, opts: opts, report: Report{
		Stream: info.Config.Name, Last: info.State.LastSeq, Wrong: map[ProblemKind]uint64{},
	}}
	if messages.head != nil {
		v.first = messages.head.sequence
	} else {
		v.first = info.State.LastSeq + 1
	}
	v.report.First = v.first
	err = newWalker(store).each(ctx, func(c *outbound.Change, ordinal uint64) (bool, error) {
		if err := v.take(ctx, c, ordinal); err != nil {
			return false, err
		}
		return c.Position.Before(end), nil
	})
	for ; err == nil && messages.head != nil; err = messages.next(ctx) {
		v.report.add(Foreign, messages.head.sequence, nil)
	}
	return v.report, err
}

// verifier holds the log beside the stream.
type verifier struct {
	info     *jetstream.StreamInfo
	messages *messages
	opts     VerifyOptions
	first    uint64 // sequence of the first message
	report   Report
}

// take compares an event with the message at its place.
func (v *verifier) take(ctx context.Context, c *outbound.Change, ordinal uint64) error {
	if m := v.messages.head; m != nil && m.sequence == ordinal {
		if kind := v.compare(m, c); kind != "" {
			v.report.add(kind, ordinal, c)
		} else {
			v.report.Right++
		}
		return v.messages.next(ctx)
	}
	switch {
	case ordinal > v.info.State.LastSeq:
		published := !v.opts.Published.Before(c.Position)
		if !published {
			v.report.Unpublished++
		}
		if v.info.State.LastSeq == 0 && !v.retained(c, ordinal) {
			v.report.First = ordinal + 1 // an empty stream begins with what it would still have
			return nil
		}
		if !published {
			return nil
		}
	case ordinal < v.first && !v.retained(c, ordinal):
		return nil
	}
	v.report.First = min(v.report.First, ordinal)
	v.report.add(Missing, ordinal, c)
	return nil
}

// retained says that the stream's limits can't be why it lacks an event that
// lies before its first message.
func (v *verifier) retained(c *outbound.Change, ordinal uint64) bool {
	limit := v.info.Config.MaxBytes
	full := limit > 0 && v.info.State.Bytes >= uint64(limit)/2
	return ordinal >= v.info.Config.FirstSeq && !full && !old(c.Meta.RecordedAt, v.info)
}

// compare says what is wrong with a message at an event's place; empty if
// nothing is.
func (v *verifier) compare(m *storedMessage, c *outbound.Change) ProblemKind {
	position, err := eventstore.ParsePosition(m.header.Get(natsbus.PositionHeader))
	switch {
	case err != nil:
		return Foreign
	case position.Before(c.Position):
		return Duplicate
	case c.Position.Before(position):
		return OutOfOrder
	case !same(message(c, ""), m.subject, m.header, m.data):
		return Altered
	}
	return ""
}

// storedMessage is a message of the stream.
type storedMessage struct {
	sequence uint64
	subject  string
	header   nats.Header
	data     []byte
}

// messages reads a stream up to where it ended at the beginning.
type messages struct {
	iterator jetstream.MessagesContext // nil for an empty stream
	last     uint64
	head     *storedMessage // the next one; nil at the end
	ended    bool
}

func readStream(ctx context.Context, stream jetstream.Stream, info *jetstream.StreamInfo) (*messages, error) {
	m := &messages{last: info.State.LastSeq, ended: info.State.Msgs == 0}
	if m.ended {
		return m, nil
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return nil, fmt.Errorf("read the stream %s: %w", info.Config.Name, err)
	}
	if m.iterator, err = consumer.Messages(); err != nil {
		return nil, fmt.Errorf("read the stream %s: %w", info.Config.Name, err)
	}
	if err := m.next(ctx); err != nil {
		m.stop()
		return nil, err
	}
	return m, nil
}

// next takes the next message to the head.
func (m *messages) next(ctx context.Context) error {
	m.head = nil
	if m.ended {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	got, err := m.iterator.Next(jetstream.NextContext(ctx))
	if err != nil {
		return fmt.Errorf("read the stream of events: %w", err)
	}
	place, err := got.Metadata()
	if err != nil {
		return err
	}
	m.ended = place.NumPending == 0 || place.Sequence.Stream >= m.last
	if place.Sequence.Stream <= m.last {
		m.head = &storedMessage{place.Sequence.Stream, got.Subject(), got.Headers(), got.Data()}
	}
	return nil
}

func (m *messages) stop() {
	if m.iterator != nil {
		m.iterator.Stop()
	}
}
