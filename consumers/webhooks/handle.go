package webhooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/natsbus"
)

// stoppedKey is where an endpoint's consumer keeps, in its metadata, the hash
// of the URL that answered 410 Gone.
const stoppedKey = "prepay_stopped"

// errStopped ends a consumption whose receiver wants no more.
var errStopped = errors.New("the receiver answered 410 Gone")

// handle sends one notice and settles what becomes of it. An error says that
// NATS failed: the notice comes again.
func (e *endpoint) handle(ctx context.Context, m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("a message without metadata: %w", err)
	}
	attempt := int(meta.NumDelivered)
	body, err := structured(m.Headers(), m.Data())
	if err != nil {
		e.opts.Sent(e.config.Name, "dead", 0)
		return e.bury(ctx, m, letter{sequence: meta.Sequence.Stream, attempts: 0, reason: err.Error()})
	}
	start := time.Now()
	o := e.post(ctx, body)
	took := time.Since(start)
	if ctx.Err() != nil && o.reason != "" {
		return nil // cut short: it comes again after ackWait
	}
	switch {
	case o.reason == "":
		e.opts.Sent(e.config.Name, "delivered", took)
		return e.ack(ctx, m)
	case o.status == http.StatusGone:
		e.opts.Sent(e.config.Name, "stopped", took)
		return e.stop(ctx, m)
	case attempt >= MaxAttempts():
		e.opts.Sent(e.config.Name, "dead", took)
		return e.bury(ctx, m, letter{sequence: meta.Sequence.Stream, attempts: attempt, reason: o.reason})
	}
	e.opts.Sent(e.config.Name, "failed", took)
	pause := max(e.opts.Delay(attempt), o.wait)
	e.log.Warn("a notice was not taken, it is sent again", zap.String("id", m.Headers().Get("ce-id")),
		zap.Int("attempt", attempt), zap.Duration("in", pause), zap.String("reason", o.reason))
	if err := m.NakWithDelay(pause); err != nil {
		return fmt.Errorf("put a notice off: %w", err)
	}
	return nil
}

// ack tells NATS that the notice is settled. Without its answer the notice
// comes again; its receiver knows it by its id.
func (e *endpoint) ack(ctx context.Context, m jetstream.Msg) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	if err := m.DoubleAck(ctx); err != nil {
		return fmt.Errorf("acknowledge a notice: %w", err)
	}
	return nil
}

// stop notes that the receiver wants no more, puts the notice back and begins
// anew, which then waits.
func (e *endpoint) stop(ctx context.Context, m jetstream.Msg) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	err := e.noteStop(ctx)
	if nak := m.Nak(); err == nil {
		err = errors.Join(errStopped, nak)
	}
	return err
}

func (e *endpoint) noteStop(ctx context.Context) error {
	c, err := e.js.Consumer(ctx, natsbus.NoticesStream, e.durable())
	if err != nil {
		return fmt.Errorf("note that an endpoint is gone: %w", err)
	}
	had := c.CachedInfo().Config
	want := e.consumerConfig(had.DeliverPolicy, had.OptStartTime)
	want.Metadata = map[string]string{stoppedKey: e.urlHash()}
	if _, err := e.js.UpdateConsumer(ctx, natsbus.NoticesStream, want); err != nil {
		return fmt.Errorf("note that an endpoint is gone: %w", err)
	}
	return nil
}

// stopped says that the receiver at this URL wanted no more.
func (e *endpoint) stopped(c jetstream.Consumer) bool {
	return c.CachedInfo().Config.Metadata[stoppedKey] == e.urlHash()
}

func (e *endpoint) urlHash() string {
	sum := sha256.Sum256([]byte(e.config.URL))
	return hex.EncodeToString(sum[:8])
}

// Replay begins an endpoint anew with the notices since an instant, those that
// it has had included, as far as the stream still has them. It also lets an
// endpoint go on that answered 410 Gone. A notice that waits for another
// attempt and is older than from is given up.
func (s *Sender) Replay(ctx context.Context, name string, from time.Time) error {
	for _, e := range s.endpoints {
		if e.config.Name == name {
			return e.replay(ctx, from)
		}
	}
	return fmt.Errorf("%w %.40q: there is none of that name", ErrEndpoint, name)
}

// maxReplayTries bounds how often a consumer is replaced that another sender
// opens again in between.
const maxReplayTries = 5

func (e *endpoint) replay(ctx context.Context, from time.Time) (err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	from = from.UTC()
	for range maxReplayTries {
		err = e.js.DeleteConsumer(ctx, natsbus.NoticesStream, e.durable())
		if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			break
		}
		_, err = e.js.CreateConsumer(ctx, natsbus.NoticesStream, e.consumerConfig(jetstream.DeliverByStartTimePolicy, &from))
		if !errors.Is(err, jetstream.ErrConsumerExists) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if e.again != nil {
		e.again()
	}
	return nil
}
