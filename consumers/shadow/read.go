package shadow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// read gives take the events of some types of a stream, in order; nil is all
// types. A stream that does not exist has none.
func read(ctx context.Context, store eventstore.Store, c *codec.Codec, stream string, types []string, take func(codec.Metadata, domain.Event) error) error {
	reader := c.NewReader()
	for r, err := range store.ReadStream(ctx, stream, 0, eventstore.Forwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", stream, err)
		}
		if types != nil && !slices.Contains(types, r.Type) {
			continue
		}
		m, err := reader.DecodeMetadata(r.Metadata)
		var e domain.Event
		if err == nil {
			e, err = reader.Decode(r.Type, m.Version, r.Data)
		}
		if err == nil {
			err = take(m, e)
		}
		if err != nil {
			return fmt.Errorf("stream %s, revision %d: %w", stream, r.Revision, err)
		}
	}
	return nil
}
