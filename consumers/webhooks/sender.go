// Package webhooks tells services that have no NATS: every notice is posted
// to their endpoints, signed, and again until it is taken.
//
// A receiver gets each notice at least once, with the same id each time, and
// in order as long as it takes all of them; what it refused comes again later,
// beside others. The notice's position tells what is older.
package webhooks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/natsbus"
)

const (
	// maxAckPending bounds the notices of an endpoint that wait for another
	// attempt; with so many waiting, newer ones wait in the stream.
	maxAckPending = 10_000
	// ackWait is how long a notice may be in hand before JetStream gives it
	// out again: a request, with room.
	ackWait = 2 * Timeout
	// ackTimeout bounds what is asked of NATS.
	ackTimeout = 10 * time.Second
	// reopenPause is the time before a consumer that failed is opened again.
	reopenPause = time.Second
	// pullExpiry is how long one request for notices waits at the server, and
	// so how long the loss of the server can go unseen.
	pullExpiry = 5 * time.Second
)

// Options of a Sender.
type Options struct {
	// Delay is the pause after a failed attempt, counted from 1; nil is the
	// schedule of about three days, with jitter. It is for tests.
	Delay func(attempt int) time.Duration
	// DeadLetterAge is how long dead letters are kept; 0 is
	// DefaultDeadLetterAge.
	DeadLetterAge time.Duration
	// Replicas of the stream of dead letters; 0 is 1.
	Replicas int
	// Sent is told of every attempt, for metrics: the endpoint, how it ended
	// (delivered, failed, dead, stopped) and how long it took. nil is nobody.
	Sent func(endpoint, outcome string, took time.Duration)
	// Clock stamps the signatures; nil is time.Now.
	Clock func() time.Time
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger
}

// Sender posts the notices of natsbus.NoticesStream. There may be several per
// ledger: they share the work.
type Sender struct {
	opts      Options
	js        jetstream.JetStream
	endpoints []*endpoint
}

// endpoint is an endpoint at work.
type endpoint struct {
	config Endpoint
	opts   *Options
	js     jetstream.JetStream
	client *http.Client
	log    *zap.Logger

	// mu keeps a replay and the opening of the consumer apart.
	mu sync.Mutex
	// again ends a waiting or a consumption: begin anew.
	again context.CancelFunc
}

// New checks the endpoints and returns a sender for them. The connection stays
// the caller's.
func New(nc *nats.Conn, endpoints []Endpoint, opts Options) (*Sender, error) {
	if opts.Delay == nil {
		opts.Delay = func(attempt int) time.Duration { return delay(attempt, rand.Float64()) }
	}
	if opts.DeadLetterAge == 0 {
		opts.DeadLetterAge = DefaultDeadLetterAge
	}
	if opts.Sent == nil {
		opts.Sent = func(string, string, time.Duration) {}
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if err := validate(endpoints); err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	s := &Sender{opts: opts, js: js}
	for _, c := range endpoints {
		s.endpoints = append(s.endpoints, &endpoint{config: c, opts: &s.opts, js: js, client: newClient(), log: opts.Logger.With(zap.String("endpoint", c.Name))})
	}
	return s, nil
}

// validate checks the endpoints, each and together.
func validate(endpoints []Endpoint) error {
	if len(endpoints) > MaxEndpoints {
		return fmt.Errorf("%w: there are %d; at most %d", ErrEndpoint, len(endpoints), MaxEndpoints)
	}
	names := map[string]bool{}
	for _, c := range endpoints {
		if err := c.Validate(); err != nil {
			return err
		}
		if names[c.Name] {
			return fmt.Errorf("%w %q: the name comes twice", ErrEndpoint, c.Name)
		}
		names[c.Name] = true
	}
	return nil
}

// Run sends until the context ends, every endpoint on its own, and returns
// when all requests under way have ended.
func (s *Sender) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, e := range s.endpoints {
		all.Go(func() { e.run(ctx) })
	}
	all.Wait()
	return nil
}

// run keeps an endpoint going.
func (e *endpoint) run(ctx context.Context) {
	defer e.client.CloseIdleConnections()
	for ctx.Err() == nil {
		round, again := context.WithCancel(ctx)
		e.mu.Lock()
		e.again = again
		e.mu.Unlock()
		if err := e.consume(round); err != nil && round.Err() == nil && !errors.Is(err, errStopped) {
			e.log.Warn("notices can't be fetched, it is tried again", zap.Error(err))
			select {
			case <-ctx.Done():
			case <-time.After(reopenPause):
			}
		}
		again()
	}
}

// consume sends notices until the context ends or something fails.
func (e *endpoint) consume(ctx context.Context) error {
	if err := ensureDeadLetters(ctx, e.js, e.opts); err != nil {
		return err
	}
	c, err := e.consumer(ctx)
	if err != nil {
		return err
	}
	if e.stopped(c) {
		e.log.Warn("the endpoint answered 410 Gone and gets nothing until its URL changes or it is replayed")
		<-ctx.Done()
		return nil
	}
	for ctx.Err() == nil {
		if err := e.next(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// next fetches and sends one notice. None is fetched ahead: it would be lost
// to others, and to a restart, for as long as ackWait.
func (e *endpoint) next(ctx context.Context, c jetstream.Consumer) error {
	wait, cancel := context.WithTimeout(ctx, pullExpiry)
	defer cancel()
	batch, err := c.Fetch(1, jetstream.FetchContext(wait))
	if err != nil {
		return fmt.Errorf("fetch a notice: %w", err)
	}
	for m := range batch.Messages() {
		if err := e.handle(ctx, m); err != nil {
			return err
		}
	}
	if err := batch.Error(); err != nil && wait.Err() == nil && !errors.Is(err, nats.ErrTimeout) {
		return fmt.Errorf("fetch a notice: %w", err)
	}
	return nil
}

// durable is the name of the endpoint's consumer.
func (e *endpoint) durable() string { return "webhook-" + e.config.Name }

// consumer opens the endpoint's consumer, with the filters of today. A new one
// begins with what comes from now on.
func (e *endpoint) consumer(ctx context.Context) (jetstream.Consumer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.js.Consumer(ctx, natsbus.NoticesStream, e.durable())
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		c, err = e.js.CreateConsumer(ctx, natsbus.NoticesStream, e.consumerConfig(jetstream.DeliverNewPolicy, nil))
	} else if err == nil {
		had := c.CachedInfo().Config
		want := e.consumerConfig(had.DeliverPolicy, had.OptStartTime)
		want.Metadata = had.Metadata
		c, err = e.js.UpdateConsumer(ctx, natsbus.NoticesStream, want)
	}
	if err != nil {
		return nil, fmt.Errorf("consumer %s of stream %s: %w", e.durable(), natsbus.NoticesStream, err)
	}
	return c, nil
}

// consumerConfig is the consumer's configuration.
func (e *endpoint) consumerConfig(policy jetstream.DeliverPolicy, from *time.Time) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: e.durable(), Description: "notices for the webhook endpoint " + e.config.Name,
		DeliverPolicy: policy, OptStartTime: from, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxDeliver: -1, MaxAckPending: maxAckPending, FilterSubjects: e.config.subjects(),
	}
}
