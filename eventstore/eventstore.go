// Package eventstore is the contract of prepay's event log: an append-only
// record of streams that every driver keeps in the same way. It knows bytes,
// never the domain.
//
// A store has no delete, no truncation and no "any" revision: every append
// names the revision that it expects the stream to end in.
package eventstore

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Limits that every driver enforces. An append that exceeds one is refused
// with ErrTooLarge or ErrInvalid and nothing of it is stored.
const (
	// MaxAppendBytes bounds one append: the sum of type, data and metadata
	// bytes of its events (1 MiB, the default of EventStoreDB).
	MaxAppendBytes = 1 << 20
	// MaxEventsPerAppend bounds the number of events in one append.
	MaxEventsPerAppend = 16384
	// MaxStreamNameBytes bounds a stream name.
	MaxStreamNameBytes = 512
	// MaxTypeBytes bounds an event type's name.
	MaxTypeBytes = 256
)

// Revision is the place of an event in its stream, counted from 0.
type Revision int64

const (
	// NoStream expects that the stream does not exist yet.
	NoStream Revision = -1
	// End reads backwards from the newest event of a stream.
	End Revision = 1<<63 - 1
)

// Direction of a stream read.
type Direction int

const (
	// Forwards reads towards newer events.
	Forwards Direction = iota
	// Backwards reads towards older events.
	Backwards
)

// Event is a fact to append.
type Event struct {
	// ID makes an append idempotent; never uuid.Nil.
	ID uuid.UUID
	// Type names the fact; never empty, at most MaxTypeBytes.
	Type string
	// Data is the payload, JSON throughout prepay. The driver does not keep
	// or change the slice after Append returns.
	Data []byte
	// Metadata says who, when and why; JSON throughout prepay, may be empty.
	Metadata []byte
}

// Recorded is an event as it stands in the log. Its slices are shared with
// nobody who writes: a reader may keep them and must not change them.
type Recorded struct {
	Event
	// Stream is the stream's name.
	Stream string
	// Revision is the event's place in Stream.
	Revision Revision
	// Position is the event's place in the whole log.
	Position Position
	// Created is the instant at which the store took the event, UTC. It is
	// the store's own; the ledger's recorded_at stands in Metadata.
	Created time.Time
}

// Appended is the answer to an append that is on disk.
type Appended struct {
	// LastRevision is the revision of the last event of the append.
	LastRevision Revision
	// Position is the position of the last event of the append.
	Position Position
}

// Store is what every driver offers. All methods are safe for concurrent use
// and honour their context. See the errors of this package for what they
// return.
type Store interface {
	// Append stores all events after revision expected of the stream, or
	// none of them. It returns when they are durable (fsynced).
	//
	// When the stream has moved on but holds exactly these event ids right
	// after expected, the append was stored before: it answers success with
	// the place of the stored events. Any other mismatch is a
	// *WrongRevisionError. ErrUnavailable means that nothing was stored;
	// ErrOutcomeUnknown that the caller must repeat the same append.
	//
	// A cancelled context that comes too late to stop a write yields
	// ErrOutcomeUnknown (it also wraps the context's error).
	Append(ctx context.Context, stream string, expected Revision, events []Event) (Appended, error)

	// ReadStream yields the events of a stream from revision from, that one
	// included, in the given direction. Backwards from End starts at the
	// newest. A stream that was never written yields one ErrStreamNotFound;
	// a from beyond the end yields nothing.
	ReadStream(ctx context.Context, stream string, from Revision, dir Direction) iter.Seq2[Recorded, error]

	// ReadAll yields every event of the log after the position, in order, up
	// to the end as it was when the iteration reached it.
	ReadAll(ctx context.Context, after Position) iter.Seq2[Recorded, error]

	// SubscribeAll follows the log after the position for as long as the
	// context lives.
	SubscribeAll(ctx context.Context, after Position) (Subscription, error)

	// Last returns the position of the newest event; Start for an empty log.
	Last(ctx context.Context) (Position, error)

	// Close releases the store. Appends under way are finished or refused
	// with ErrClosed; later calls return ErrClosed. A second Close is a
	// no-op.
	Close() error
}

// MessageKind tells the messages of a subscription apart.
type MessageKind int

const (
	// EventMessage carries an event.
	EventMessage MessageKind = iota + 1
	// CaughtUpMessage says that the subscriber has seen everything that was
	// in the log when it was sent. It comes again after each time that the
	// subscriber fell behind and caught up.
	CaughtUpMessage
	// CheckpointMessage says that nothing up to Position remains to be seen.
	CheckpointMessage
)

// Message is what a subscription delivers.
type Message struct {
	Kind MessageKind
	// Event is set for EventMessage.
	Event Recorded
	// Position is how far the subscriber has come.
	Position Position
}

// Subscription is a live reading of the log, for one goroutine.
type Subscription interface {
	// Next waits for the next message. ErrDropped says that the subscription
	// ended and must be opened again after the last position seen; a
	// cancelled context yields the context's error; ErrClosed follows Close
	// of the subscription or the store.
	Next(ctx context.Context) (Message, error)
	// Close ends the subscription; a waiting Next returns ErrClosed.
	Close() error
}
