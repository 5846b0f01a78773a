package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"prepayledger/domain"
)

// Errors of Decode. Both mean: stop, do not skip (a state that skips facts is
// wrong).
var (
	// ErrUnknownEvent: no such event type, or a newer schema version than
	// this program knows.
	ErrUnknownEvent = errors.New("unknown event")
	// ErrPayload: the payload is not what its type and version promise.
	ErrPayload = errors.New("event payload unreadable")
)

// kind is what the codec knows of an event type.
type kind struct {
	// version is the schema version that is written.
	version int
	// make returns an empty event to unmarshal into.
	make func() domain.Event
	// upcast turns the payload of version v into that of version v+1, for
	// every v below version.
	upcast map[int]func([]byte) ([]byte, error)
}

// Codec encodes and decodes the events of a set of types. It is immutable and
// safe for concurrent use.
type Codec struct {
	kinds map[string]kind
}

// Registration adds an event type of another package (reconciliation,
// reference data) to a codec.
type Registration struct {
	// Version is the schema version that is written, from 1.
	Version int
	// New returns an empty event.
	New func() domain.Event
	// Upcast turns the payload of version v into that of v+1.
	Upcast map[int]func([]byte) ([]byte, error)
}

// New returns a codec for the events of every stream of prepay, and for
// those registered.
// Registering a type twice panics: it is a programming error.
func New(more ...Registration) *Codec {
	c := &Codec{kinds: map[string]kind{}}
	for _, r := range append(append(accountEvents(), otherEvents()...), more...) {
		name := r.New().EventType()
		if _, twice := c.kinds[name]; twice {
			panic("codec: event type registered twice: " + name)
		}
		c.kinds[name] = kind{version: r.Version, make: r.New, upcast: r.Upcast}
	}
	return c
}

// Encode appends the event's payload to b and returns it with the schema
// version that goes into the metadata.
func (c *Codec) Encode(b []byte, e domain.Event) ([]byte, int, error) {
	if charged, ok := e.(*domain.ConversationCharged); ok {
		return appendCharged(b, charged), versionCharged, nil
	}
	k, ok := c.kinds[e.EventType()]
	if !ok {
		return b, 0, fmt.Errorf("%w: %s can't be written", ErrUnknownEvent, e.EventType())
	}
	data, err := json.Marshal(e)
	if err != nil {
		return b, 0, fmt.Errorf("encode %s: %w", e.EventType(), err)
	}
	return append(b, data...), k.version, nil
}

// Decode reads a payload of a type and schema version, upcasting old ones.
func (c *Codec) Decode(eventType string, version int, data []byte) (domain.Event, error) {
	if eventType == domain.TypeConversationCharged && version == versionCharged {
		e := &domain.ConversationCharged{}
		if fastCharged(scanner{b: data}, e) {
			return e, nil
		}
	}
	k, ok := c.kinds[eventType]
	if !ok {
		return nil, fmt.Errorf("%w: type %.80q", ErrUnknownEvent, eventType)
	}
	if version < 1 || version > k.version {
		return nil, fmt.Errorf("%w: %s has schema version %d, this program knows 1 to %d", ErrUnknownEvent, eventType, version, k.version)
	}
	for ; version < k.version; version++ {
		up := k.upcast[version]
		if up == nil {
			return nil, fmt.Errorf("%w: %s has no upcaster from version %d", ErrUnknownEvent, eventType, version)
		}
		var err error
		if data, err = up(data); err != nil {
			return nil, fmt.Errorf("%w: %s version %d: %w", ErrPayload, eventType, version, err)
		}
	}
	e := k.make()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(e); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPayload, eventType, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s: more follows after its end", ErrPayload, eventType)
	}
	return e, nil
}

// Types returns the names of all event types that the codec knows, with the
// schema version that it writes.
func (c *Codec) Types() map[string]int {
	types := make(map[string]int, len(c.kinds))
	for name, k := range c.kinds {
		types[name] = k.version
	}
	return types
}
