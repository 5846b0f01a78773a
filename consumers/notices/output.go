package notices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/outbound"
	"prepayledger/eventstore"
)

const (
	// window is how many notices are on their way to NATS at once.
	window = 128
	// publishTimeout is how long NATS may take for one of them.
	publishTimeout = 5 * time.Second
	// maxForeign is how many messages of others are passed over to find the
	// newest notice.
	maxForeign = 1000
	// DefaultSource is the ce-source of notices.
	DefaultSource = "prepay"
	// TypePrefix is where their ce-type begins: prepay.notice.LowBalance.
	TypePrefix = "prepay.notice."
)

// Options of an Output.
type Options struct {
	// Source names the ledger in ce-source; empty is DefaultSource.
	Source string
	// MaxAge is the age of a notice beyond which it is not published: an old
	// log that is followed anew must not send mails of last year. 0 is
	// natsbus.DefaultMaxAge; it must not exceed the stream's, which could not
	// tell any more that it had them.
	MaxAge time.Duration
	// Clock is for MaxAge; nil is time.Now.
	Clock func() time.Time
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// Output publishes notices to natsbus.NoticesStream, in the order of the log
// and each once: the newest one in the stream tells which it has. It does not
// make the stream.
type Output struct {
	opts Options
	js   jetstream.JetStream
	// tail is the newest notice in the stream; nil before it was looked at.
	tail *tail
}

var _ outbound.Output = (*Output)(nil)

// tail is where the stream ends.
type tail struct {
	sequence uint64
	// position and kind are those of the last notice; Start where the stream
	// has none.
	position eventstore.Position
	kind     Kind
}

// has says that the stream has the notice, or had.
func (t *tail) has(n *Notice) bool {
	if c := n.Position.Compare(t.position); c != 0 {
		return c < 0
	}
	kinds := Kinds()
	return slices.Index(kinds, n.Kind) <= slices.Index(kinds, t.kind)
}

// NewOutput returns an output on a connection, which stays the caller's.
func NewOutput(nc *nats.Conn, opts Options) (*Output, error) {
	if opts.Source == "" {
		opts.Source = DefaultSource
	}
	if opts.MaxAge == 0 {
		opts.MaxAge = natsbus.DefaultMaxAge
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(window), jetstream.WithPublishAsyncTimeout(publishTimeout))
	if err != nil {
		return nil, fmt.Errorf("notices: %w", err)
	}
	return &Output{opts: opts, js: js}, nil
}

// Name implements outbound.Output.
func (*Output) Name() string { return "notices" }

// Deliver implements outbound.Output.
func (o *Output) Deliver(ctx context.Context, changes []outbound.Change) error {
	oldest := o.opts.Clock().Add(-o.opts.MaxAge)
	var due []Notice
	for i := range changes {
		for _, n := range Of(changes[i]) {
			if n.RecordedAt.After(oldest) {
				due = append(due, n)
			}
		}
	}
	if len(due) == 0 {
		return nil
	}
	if err := o.publish(ctx, due); err != nil {
		o.tail = nil // look again before the next attempt
		return err
	}
	return nil
}

func (o *Output) publish(ctx context.Context, due []Notice) error {
	if o.tail == nil {
		t, err := o.readTail(ctx)
		if err != nil {
			return err
		}
		o.tail = t
	}
	due = slices.DeleteFunc(due, func(n Notice) bool { return o.tail.has(&n) })
	for len(due) > 0 {
		n := min(window, len(due))
		if err := o.publishWindow(ctx, due[:n]); err != nil {
			return err
		}
		due = due[n:]
	}
	return nil
}

// publishWindow publishes notices, each of which must be the next message of
// the stream: a message that isn't there lets none after it in.
func (o *Output) publishWindow(ctx context.Context, due []Notice) error {
	var acks []jetstream.PubAckFuture
	var failed error
	for i := range due {
		m, err := message(&due[i], o.opts.Source)
		if err != nil {
			return fmt.Errorf("notice %s of %s: %w", due[i].Kind, due[i].PartnerID, err)
		}
		m.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(o.tail.sequence+uint64(i), 10))
		if i > 0 { // somebody else's message in the place of that one would let this one fit
			m.Header.Set(jetstream.ExpectedLastMsgIDHeader, due[i-1].ID.String())
		}
		ack, err := o.js.PublishMsgAsync(m)
		if err != nil {
			failed = fmt.Errorf("publish a notice: %w", err)
			break
		}
		acks = append(acks, ack)
	}
	for _, ack := range acks {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ack.Ok():
		case err := <-ack.Err():
			if failed == nil {
				failed = fmt.Errorf("publish a notice: %w", err)
			}
		}
	}
	if failed != nil {
		return failed
	}
	last := due[len(due)-1]
	o.tail = &tail{sequence: o.tail.sequence + uint64(len(due)), position: last.Position, kind: last.Kind}
	return nil
}

// message makes a notice's message: CloudEvents 1.0 in binary mode.
func message(n *Notice, source string) (*nats.Msg, error) {
	data, err := json.Marshal(n.Data)
	if err != nil {
		return nil, err
	}
	m := nats.NewMsg(natsbus.NoticeSubject(n.PartnerID, string(n.Kind)))
	m.Data = data
	for key, value := range map[string]string{
		jetstream.MsgIDHeader: n.ID.String(),
		"ce-specversion":      "1.0", "ce-id": n.ID.String(), "ce-source": source, "ce-type": TypePrefix + string(n.Kind),
		"ce-subject": headerText(n.PartnerID), "ce-time": n.OccurredAt.Format(time.RFC3339Nano), "ce-datacontenttype": "application/json",
		natsbus.RevisionHeader: strconv.FormatInt(int64(n.Revision), 10), natsbus.PositionHeader: n.Position.String(),
		natsbus.BalanceHeader: n.Balance,
	} {
		m.Header.Set(key, value)
	}
	return m, nil
}

// readTail asks the stream for its newest notice.
func (o *Output) readTail(ctx context.Context) (*tail, error) {
	s, err := o.js.Stream(ctx, natsbus.NoticesStream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", natsbus.NoticesStream, err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", natsbus.NoticesStream, err)
	}
	t := &tail{sequence: info.State.LastSeq}
	// None there: none yet, or none younger than the stream keeps.
	for back := uint64(0); back < info.State.Msgs+uint64(info.State.NumDeleted); back++ {
		if back == maxForeign {
			return nil, fmt.Errorf("%w: the newest %d messages of stream %s are not prepay's: find out who publishes there, and give prepay a stream of its own",
				outbound.ErrHalt, maxForeign, natsbus.NoticesStream)
		}
		m, err := s.GetMsg(ctx, info.State.LastSeq-back)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // deleted
		}
		if err != nil {
			return nil, fmt.Errorf("stream %s, message %d: %w", natsbus.NoticesStream, info.State.LastSeq-back, err)
		}
		position, err := eventstore.ParsePosition(m.Header.Get(natsbus.PositionHeader))
		kind := Kind(strings.TrimPrefix(m.Header.Get("ce-type"), TypePrefix))
		if err == nil && slices.Contains(Kinds(), kind) {
			t.position, t.kind = position, kind
			break
		}
		o.opts.Logger.Warn("somebody else publishes to the stream of notices", zap.String("subject", m.Subject), zap.Uint64("sequence", m.Sequence))
	}
	return t, nil
}

// headerText writes text as CloudEvents wants it in a header: printable ASCII,
// and all else percent-encoded.
func headerText(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c > ' ' && c < 0x7f && c != '"' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
