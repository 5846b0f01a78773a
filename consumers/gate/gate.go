// Package gate tells a messaging gateway whether a channel may send, from a
// local copy of bucket prepay_channels: the ledger is never asked per message.
//
// The copy is fresh as long as the writer's heartbeat comes. Without it for
// Options.StaleAfter (the connection, NATS or the ledger is gone) the copy is
// stale, and Options.WhenStale decides.
package gate

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// WhenStale says how a gate answers while it does not know what is true now.
// There is no default: it is a choice between lost messages and lost money.
type WhenStale int

const (
	// FailOpen: the last known state of a channel holds (a blocked one stays
	// blocked), and a channel that was never seen may send, whatever
	// Options.Unknown says: it may have been registered meanwhile.
	FailOpen WhenStale = iota + 1
	// FailClosed: no channel may send. One that is known as blocked or
	// cancelled is told so, any other StaleText.
	FailClosed
)

// Unknown says how a gate answers for a channel that is not in the bucket,
// while the bucket is fresh. There is no default.
type Unknown int

const (
	// Allow lets it send: for gateways that also serve channels that prepay
	// does not know.
	Allow Unknown = iota + 1
	// Refuse tells it UnknownText.
	Refuse
)

// Source says what an answer rests on.
type Source string

const (
	// Live: the bucket is fresh and has the channel.
	Live Source = "live"
	// Stale: no heartbeat for too long, or none yet; WhenStale decided.
	Stale Source = "stale"
	// NotKnown: the bucket is fresh and lacks the channel; Unknown decided.
	NotKnown Source = "unknown"
)

// Texts for senders who are refused for other reasons than a state that
// carries its own text.
const (
	// StaleText is for FailClosed.
	StaleText = "Could not send message: it can't be told right now whether this channel may send. Please try again."
	// UnknownText is for Refuse.
	UnknownText = "Could not send message: this channel is not registered. Please reach out to your integration partner."
	// CancelledText is for cancelled channels.
	CancelledText = "Could not send message: this channel is cancelled. Please reach out to your integration partner."
)

// BlockedText is what a sender on a blocked channel is told (R21), for values
// without a text of their own.
func BlockedText(provider string) string {
	return "Could not send message due to lack of payment. Messaging can resume once overdue invoices towards " +
		provider + " are settled. Please reach out to your integration partner."
}

// DefaultProvider is the provider's name in BlockedText.
const DefaultProvider = "360dialog"

// Options of a Gate.
type Options struct {
	// WhenStale and Unknown must be chosen.
	WhenStale WhenStale
	Unknown   Unknown
	// StaleAfter is how long the heartbeat may be missing; 0 is
	// DefaultStaleAfter. It must be more than HeartbeatEvery.
	StaleAfter time.Duration
	// Provider is the provider's name in BlockedText; empty is
	// DefaultProvider.
	Provider string
	// OnError is told what the operator should know: a value that can't be
	// read, a watch that is begun again. nil is silence.
	OnError func(error)
	// Clock is for tests; nil is time.Now.
	Clock func() time.Time
}

// Decision answers for one channel.
type Decision struct {
	// Allowed says whether the message may be sent.
	Allowed bool
	// Status is 200 or 400.
	Status int
	// Text is what the sender is told; empty where it is allowed.
	Text string
	// Since is when the channel's state began; zero where that isn't known.
	Since time.Time
	// Source is what the answer rests on. A gateway that wants senders to try
	// again rather than give up answers 503 where it is Stale and not Allowed.
	Source Source
}

// ErrOptions is wrapped by Open's refusal of its options.
var ErrOptions = errors.New("gate options")

// Gate answers for channels. All methods are safe for concurrent use.
type Gate struct {
	opts  Options
	js    jetstream.JetStream
	epoch time.Time
	table atomic.Pointer[table]
	// fresh is until when the copy is fresh, as time since epoch; 0 before
	// the first full copy and heartbeat.
	fresh atomic.Int64
	ready chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
	watch watch
}

// Open starts to copy the bucket and returns at once, also while NATS can't
// be reached: until the first copy is whole, everything is stale. It ends
// with the context or Close. The connection stays the caller's; let it
// reconnect for ever.
func Open(ctx context.Context, nc *nats.Conn, opts Options) (*Gate, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open gate: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	g := &Gate{opts: opts, js: js, epoch: opts.Clock(), ready: make(chan struct{}), stop: stop, done: make(chan struct{})}
	g.table.Store(newTable())
	go g.follow(ctx)
	return g, nil
}

func (o *Options) complete() error {
	if o.StaleAfter == 0 {
		o.StaleAfter = DefaultStaleAfter
	}
	if o.Provider == "" {
		o.Provider = DefaultProvider
	}
	if o.OnError == nil {
		o.OnError = func(error) {}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	switch {
	case o.WhenStale != FailOpen && o.WhenStale != FailClosed:
		return fmt.Errorf("%w: choose WhenStale, gate.FailOpen or gate.FailClosed", ErrOptions)
	case o.Unknown != Allow && o.Unknown != Refuse:
		return fmt.Errorf("%w: choose Unknown, gate.Allow or gate.Refuse", ErrOptions)
	case o.StaleAfter <= HeartbeatEvery:
		return fmt.Errorf("%w: StaleAfter is %s; it must be more than the heartbeat's %s", ErrOptions, o.StaleAfter, HeartbeatEvery)
	}
	return nil
}

// Allow answers for a channel, from memory and without allocation.
func (g *Gate) Allow(channelID string) Decision {
	k := g.table.Load().get(channelID)
	switch live := g.Ready(); {
	case live && k != nil:
		return k.answer
	case live:
		return g.unknown()
	default:
		return g.stale(k)
	}
}

func (g *Gate) unknown() Decision {
	if g.opts.Unknown == Allow {
		return Decision{Allowed: true, Status: StatusOK, Source: NotKnown}
	}
	return Decision{Status: StatusRefused, Text: UnknownText, Source: NotKnown}
}

func (g *Gate) stale(k *known) Decision {
	d := Decision{Allowed: true, Status: StatusOK}
	if k != nil {
		d = k.answer
	}
	if d.Allowed && g.opts.WhenStale == FailClosed {
		d = Decision{Status: StatusRefused, Text: StaleText}
	}
	d.Source = Stale
	return d
}

// Ready reports whether the copy is whole and fresh: what a health check
// wants to know.
func (g *Gate) Ready() bool { return g.since() < g.fresh.Load() }

// WaitReady waits for the first whole and fresh copy, or the context's end.
func (g *Gate) WaitReady(ctx context.Context) error {
	select {
	case <-g.ready:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("gate is not ready: no heartbeat in the bucket of channels yet: %w", ctx.Err())
	}
}

// Close ends the watch. From then on the copy grows stale.
func (g *Gate) Close() {
	g.stop()
	<-g.done
}

// since is the time since the gate was opened, in nanoseconds.
func (g *Gate) since() int64 { return int64(g.opts.Clock().Sub(g.epoch)) }
