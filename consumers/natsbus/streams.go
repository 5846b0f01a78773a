package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Defaults of the streams.
const (
	// DefaultMaxAge is how long events and notices stay: 30 days. Older ones
	// come from the log.
	DefaultMaxAge = 30 * 24 * time.Hour
	// DefaultMaxBytes bounds the stream of events: 16 GiB.
	DefaultMaxBytes = 16 << 30
	// DefaultMaxNoticeBytes bounds the stream of notices: 1 GiB.
	DefaultMaxNoticeBytes = 1 << 30
	// DefaultMaxUsageBytes bounds the work queue of usage: 1 GiB. A full one
	// refuses what comes, and the sender tries again.
	DefaultMaxUsageBytes = 1 << 30
	// Duplicates is how long JetStream remembers message ids. They live in
	// memory; nothing here relies on them.
	Duplicates = 2 * time.Second
	// MaxGeneration is how often the stream of events can be made anew.
	MaxGeneration = 32
	// MaxKeyValueBytes bounds each bucket: 1 GiB.
	MaxKeyValueBytes = 1 << 30
)

// GenerationKey is where a stream of events says, in its metadata, which
// generation it is.
const GenerationKey = "prepay_generation"

// StreamOptions are the limits of the streams; 0 is the default.
type StreamOptions struct {
	// MaxAge and MaxBytes bound PREPAY_EVENTS; MaxAge bounds the notices too.
	MaxAge   time.Duration
	MaxBytes int64
	// MaxNoticeBytes bounds PREPAY_NOTICES, MaxUsageBytes PREPAY_USAGE.
	MaxNoticeBytes int64
	MaxUsageBytes  int64
	// Replicas is on how many servers of a cluster each stream lies.
	Replicas int
}

// withDefaults fills what is 0.
func (o StreamOptions) withDefaults() StreamOptions {
	fill := func(n *int64, value int64) {
		if *n == 0 {
			*n = value
		}
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	fill(&o.MaxBytes, DefaultMaxBytes)
	fill(&o.MaxNoticeBytes, DefaultMaxNoticeBytes)
	fill(&o.MaxUsageBytes, DefaultMaxUsageBytes)
	return o
}

// EventsName is the name of a generation of the stream of events: the first
// is EventsStream, the second PREPAY_EVENTS_G2.
func EventsName(generation int) string {
	if generation <= 1 {
		return EventsStream
	}
	return EventsStream + "_G" + strconv.Itoa(generation)
}

// EventsConfig is how a generation of the stream of events is kept: on disk,
// within limits, oldest out first, and nobody deletes from it.
func EventsConfig(generation int, o StreamOptions) jetstream.StreamConfig {
	o = o.withDefaults()
	return jetstream.StreamConfig{
		Name: EventsName(generation), Description: "every event of the ledger, once and in the order of the log",
		Subjects: []string{EventsPrefix + ">"}, Storage: jetstream.FileStorage, PersistMode: persistence(o), Replicas: o.Replicas,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxAge: o.MaxAge, MaxBytes: o.MaxBytes,
		Duplicates: min(Duplicates, o.MaxAge), DenyDelete: true, DenyPurge: true, AllowDirect: true,
		Metadata: map[string]string{GenerationKey: strconv.Itoa(max(generation, 1))},
	}
}

// persistence says when events are on disk. On one server each would be an fsync
// of its own; written a little later they are ten times as fast and more, and
// what a crash takes is published again from the log. Several servers keep them
// with a log of their own.
func persistence(o StreamOptions) jetstream.PersistModeType {
	if o.Replicas > 1 {
		return jetstream.DefaultPersistMode
	}
	return jetstream.AsyncPersistMode
}

// CurrentEvents is the stream that takes the subjects of events: the newest
// generation. Every client can ask the same, by $JS.API.STREAM.NAMES with the
// subject prepay.events.>. It is jetstream.ErrStreamNotFound where none does,
// as for a moment while a repair hands over.
func CurrentEvents(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	name, err := js.StreamNameBySubject(ctx, EventsPrefix+">")
	if err != nil {
		return nil, fmt.Errorf("look for the stream of events: %w", err)
	}
	return js.Stream(ctx, name)
}

// EnsureStreams makes the streams and buckets that lack and brings the
// settings of the others up to date. It never deletes one.
func EnsureStreams(ctx context.Context, js jetstream.JetStream, o StreamOptions) error {
	o = o.withDefaults()
	if err := ensureEvents(ctx, js, o); err != nil {
		return err
	}
	for _, c := range []jetstream.StreamConfig{
		{
			Name: NoticesStream, Description: "what people should know", Subjects: []string{NoticesPrefix + ">"},
			Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, MaxAge: o.MaxAge, MaxBytes: o.MaxNoticeBytes,
			DenyDelete: true, DenyPurge: true, AllowDirect: true,
		},
		{
			Name: UsageStream, Description: "usage on its way into the ledger", Subjects: []string{UsageSubject},
			Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, MaxBytes: o.MaxUsageBytes,
		},
	} {
		c.Storage, c.Replicas, c.Duplicates = jetstream.FileStorage, o.Replicas, min(Duplicates, o.MaxAge)
		if _, err := js.CreateOrUpdateStream(ctx, c); err != nil {
			return fmt.Errorf("set up the stream %s: %w", c.Name, err)
		}
	}
	for bucket, what := range map[string]string{ChannelsBucket: "may a channel send", AccountsBucket: "the accounts' figures"} {
		_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: bucket, Description: what, History: 1, Storage: jetstream.FileStorage, Replicas: o.Replicas, MaxBytes: MaxKeyValueBytes,
		})
		if err != nil {
			return fmt.Errorf("set up the bucket %s: %w", bucket, err)
		}
	}
	return nil
}

// ensureEvents updates the current generation, and makes the first where
// there is none.
func ensureEvents(ctx context.Context, js jetstream.JetStream, o StreamOptions) error {
	current, err := CurrentEvents(ctx, js)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = js.Stream(ctx, EventsStream)
		if err == nil {
			return fmt.Errorf("a repair of the stream of events was cut short: finish it with `prepay nats repair`")
		}
		if !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
		if _, err := js.CreateStream(ctx, EventsConfig(1, o)); err != nil {
			return fmt.Errorf("set up the stream %s: %w", EventsStream, err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	had := current.CachedInfo().Config
	wanted := EventsConfig(1, o)
	wanted.Name, wanted.Metadata, wanted.FirstSeq = had.Name, had.Metadata, had.FirstSeq
	if _, err := js.UpdateStream(ctx, wanted); err != nil {
		return fmt.Errorf("bring the stream %s up to date: %w", had.Name, err)
	}
	return nil
}
