package codec

import (
	"hash/maphash"

	"github.com/google/uuid"

	"prepayledger/domain"
)

// Sizes of a Reader.
const (
	// nameSlots is how many strings it keeps; a power of two.
	nameSlots = 8192
	// maxNameBytes is the length of strings that it keeps at most.
	maxNameBytes = 64
	// chargesAtOnce is how many events of charges are allocated together.
	chargesAtOnce = 64
)

// Reader decodes one event after another, for one goroutine: the same as
// Codec.Decode and DecodeMetadata, with less memory. Names that come again
// and again (channels, markets, months) share theirs; events of charges lie
// next to each other, so that one that is kept keeps chargesAtOnce.
type Reader struct {
	codec   *Codec
	names   names
	charges []domain.ConversationCharged
}

// NewReader returns a reader for the codec's events.
func (c *Codec) NewReader() *Reader {
	return &Reader{codec: c, names: names{seed: maphash.MakeSeed()}}
}

// Decode is Codec.Decode.
func (r *Reader) Decode(eventType string, version int, data []byte) (domain.Event, error) {
	if eventType != domain.TypeConversationCharged || version != versionCharged {
		return r.codec.Decode(eventType, version, data)
	}
	if len(r.charges) == 0 {
		r.charges = make([]domain.ConversationCharged, chargesAtOnce)
	}
	e := &r.charges[0]
	r.charges = r.charges[1:]
	if fastCharged(scanner{b: data, names: &r.names}, e) {
		return e, nil
	}
	return r.codec.Decode(eventType, version, data)
}

// DecodeMetadata is DecodeMetadata.
func (r *Reader) DecodeMetadata(b []byte) (Metadata, error) {
	var m Metadata
	if fastMetadata(scanner{b: b, names: &r.names}, &m) {
		return m, nil
	}
	return DecodeMetadata(b)
}

// names gives equal strings the same memory. It is bounded: a string has two
// slots, and the older one makes way. The last id is kept, too: what one
// command led to has it all along.
type names struct {
	seed   maphash.Seed
	slots  [nameSlots]string
	idText [36]byte
	id     uuid.UUID
}

// of returns the text as a string.
func (n *names) of(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if len(text) > maxNameBytes {
		return string(text)
	}
	h := maphash.Bytes(n.seed, text) % (nameSlots / 2)
	newer, older := &n.slots[2*h], &n.slots[2*h+1]
	switch {
	case *newer == string(text):
		return *newer
	case *older == string(text):
		return *older
	}
	*older, *newer = *newer, string(text)
	return *newer
}
