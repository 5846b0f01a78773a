// Package mailer tells people by mail what they should know: low balances,
// failed card payments, deadlines and blocks.
//
// It follows the stream of notices and sends each to the recipients that the
// account named for its kind, and to the operators. What a recipient was sent
// is kept in a bucket of NATS before the notice is acknowledged: a restart
// sends nothing twice. Only a crash in the moment between the SMTP server's
// acceptance and that entry leads to a second mail, with the same Message-ID,
// by which mail programs tell that it is the same.
package mailer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/notices"
	"prepayledger/domain"
)

// Names in NATS.
const (
	// Durable is the consumer of natsbus.NoticesStream.
	Durable = "mailer"
	// SentBucket keeps what was sent to whom, and what was given up.
	SentBucket = "prepay_mails"
)

const (
	// DefaultKeep is how long it is kept what was sent: longer than notices
	// stay in the stream, 35 days.
	DefaultKeep = natsbus.DefaultMaxAge + 5*24*time.Hour
	// sentBytes bounds the bucket: 256 MiB.
	sentBytes = 256 << 20
	// maxAckPending bounds the notices that wait for another attempt.
	maxAckPending = 1000
	// DefaultAckWait is how long a notice may be in hand before JetStream
	// gives it out again: all its recipients, with room.
	DefaultAckWait = 15 * time.Minute
	// natsTimeout bounds what is asked of NATS.
	natsTimeout = 10 * time.Second
	// pullExpiry is how long one request for notices waits at the server.
	pullExpiry = 5 * time.Second
	// reopenPause is the time before a consumer that failed is opened again.
	reopenPause = time.Second
)

// Options of a Mailer.
type Options struct {
	// Recipients are the account's alert settings; nil where it has none.
	Recipients func(ctx context.Context, partnerID string) (*domain.AlertSettings, error)
	// Operators are told of every account, by OperatorKinds.
	Operators []string
	// Delay is the pause after a failed attempt, counted from 1; nil is the
	// schedule of about three days, with jitter.
	Delay func(attempt int) time.Duration
	// AckWait is DefaultAckWait where it is 0.
	AckWait time.Duration
	// Keep is how long it is kept what was sent; 0 is DefaultKeep. It must be
	// longer than notices stay in the stream.
	Keep time.Duration
	// Replicas of the bucket and the stream of dead letters; 0 is 1.
	Replicas int
	// Sent is told how each mail ended (sent, failed, dead) and how long it
	// took, for metrics; nil is nobody.
	Sent func(outcome string, took time.Duration)
	// Clock dates the mails; nil is time.Now.
	Clock func() time.Time
	// Logger takes what the operator should know; nil is silence.
	Logger *zap.Logger

	// accepted is told of a mail between its acceptance and its entry.
	accepted func()
}

// OperatorKinds are the kinds that operators are told of: those of recipients
// who name none, and reconciled months, for Finance.
func OperatorKinds() []string {
	return append(domain.DefaultAlertKinds(), string(notices.MonthReconciled))
}

// Mailer sends the notices of natsbus.NoticesStream. There may be several per
// ledger: they share the work.
type Mailer struct {
	opts      Options
	js        jetstream.JetStream
	transport *Transport
	layouts   *layouts
	log       *zap.Logger
	// unnoted are the keys of mails that ended and whose entry failed: as long
	// as NATS takes none, they must not be sent again and again.
	unnoted map[string]string
}

// New returns a mailer. The connection stays the caller's.
func New(nc *nats.Conn, t *Transport, opts Options) (*Mailer, error) {
	if opts.Recipients == nil {
		opts.Recipients = func(context.Context, string) (*domain.AlertSettings, error) { return nil, nil }
	}
	if opts.Delay == nil {
		opts.Delay = delay
	}
	if opts.AckWait == 0 {
		opts.AckWait = DefaultAckWait
	}
	if opts.Keep == 0 {
		opts.Keep = DefaultKeep
	}
	if opts.Sent == nil {
		opts.Sent = func(string, time.Duration) {}
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if opts.accepted == nil {
		opts.accepted = func() {}
	}
	for _, o := range opts.Operators {
		if !domain.ValidAddress(o) {
			return nil, fmt.Errorf("the operators' address %.80q is no mail address: write it like ops@example.com", o)
		}
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("mailer: %w", err)
	}
	layouts, err := newLayouts()
	if err != nil {
		return nil, fmt.Errorf("mailer: %w", err)
	}
	return &Mailer{opts: opts, js: js, transport: t, layouts: layouts, log: opts.Logger, unnoted: map[string]string{}}, nil
}

// Run sends until the context ends, and returns when the mail under way has
// ended. A first run begins with the notices from then on.
func (m *Mailer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := m.consume(ctx); err != nil && ctx.Err() == nil {
			m.log.Warn("notices can't be fetched for mails, it is tried again", zap.Error(err))
			select {
			case <-ctx.Done():
			case <-time.After(reopenPause):
			}
		}
	}
	return nil
}

// consume sends notices until the context ends or something fails.
func (m *Mailer) consume(ctx context.Context) error {
	sent, err := m.open(ctx)
	if err != nil {
		return err
	}
	c, err := m.consumer(ctx)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := m.next(ctx, c, sent); err != nil {
			return err
		}
	}
	return nil
}

// Open makes what the mailer needs in NATS; Run does, too. From then on no
// notice is missed.
func (m *Mailer) Open(ctx context.Context) error {
	if _, err := m.open(ctx); err != nil {
		return err
	}
	_, err := m.consumer(ctx)
	return err
}

func (m *Mailer) open(ctx context.Context) (jetstream.KeyValue, error) {
	if err := m.ensureDeadLetters(ctx); err != nil {
		return nil, err
	}
	kv, err := m.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: SentBucket, Description: "mails sent, by notice and recipient", History: 1, TTL: m.opts.Keep,
		Storage: jetstream.FileStorage, MaxBytes: sentBytes, Replicas: max(1, m.opts.Replicas),
	})
	if err != nil {
		return nil, fmt.Errorf("set up the bucket %s: %w", SentBucket, err)
	}
	return kv, nil
}

// consumer opens the durable consumer.
func (m *Mailer) consumer(ctx context.Context) (jetstream.Consumer, error) {
	want := jetstream.ConsumerConfig{
		Durable: Durable, Description: "notices to be mailed", DeliverPolicy: jetstream.DeliverNewPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: m.opts.AckWait, MaxDeliver: -1, MaxAckPending: maxAckPending,
	}
	c, err := m.js.CreateOrUpdateConsumer(ctx, natsbus.NoticesStream, want)
	if err != nil {
		return nil, fmt.Errorf("consumer %s of stream %s: %w", Durable, natsbus.NoticesStream, err)
	}
	return c, nil
}

// next fetches and mails one notice.
func (m *Mailer) next(ctx context.Context, c jetstream.Consumer, sent jetstream.KeyValue) error {
	wait, cancel := context.WithTimeout(ctx, pullExpiry)
	defer cancel()
	batch, err := c.Fetch(1, jetstream.FetchContext(wait))
	if err != nil {
		return fmt.Errorf("fetch a notice: %w", err)
	}
	for msg := range batch.Messages() {
		if err := m.handle(ctx, msg, sent); err != nil {
			return err
		}
	}
	if err := batch.Error(); err != nil && wait.Err() == nil && !errors.Is(err, nats.ErrTimeout) {
		return fmt.Errorf("fetch a notice: %w", err)
	}
	return nil
}

// to are the addresses that a notice goes to, each once.
func (m *Mailer) to(ctx context.Context, n *note) ([]string, error) {
	var all []string
	if slices.Contains(OperatorKinds(), string(n.Kind)) {
		all = append(all, m.opts.Operators...)
	}
	s, err := m.opts.Recipients(ctx, n.PartnerID)
	if err != nil {
		return nil, fmt.Errorf("the alert settings of %s: %w", n.PartnerID, err)
	}
	if s.Wants(string(n.Kind)) {
		all = append(all, s.Recipients...)
	}
	var once []string
	for _, a := range all {
		if !slices.Contains(once, a) {
			once = append(once, a)
		}
	}
	return once, nil
}

// key is where it is kept that a recipient had a notice. The address is not
// part of it in the clear.
func key(id, recipient string) string {
	sum := sha256.Sum256([]byte(recipient))
	return natsbus.Token(id) + "." + hex.EncodeToString(sum[:12])
}
