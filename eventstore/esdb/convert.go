package esdb

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"prepayledger/eventstore"
)

// The keys of an event's system metadata and the values of its content type.
const (
	typeKey        = "type"
	contentTypeKey = "content-type"
	createdKey     = "created"

	jsonContent   = "application/json"
	binaryContent = "application/octet-stream"
)

// tick is the unit of an event's creation time, in nanoseconds.
const tick = 100

func toStream(name string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(name)}
}

func toUUID(id uuid.UUID) *shared.UUID {
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
	}}}
}

func fromUUID(id *shared.UUID) (uuid.UUID, error) {
	if v, ok := id.GetValue().(*shared.UUID_String_); ok {
		return uuid.Parse(v.String_)
	}
	var u uuid.UUID
	binary.BigEndian.PutUint64(u[:8], uint64(id.GetStructured().GetMostSignificantBits()))
	binary.BigEndian.PutUint64(u[8:], uint64(id.GetStructured().GetLeastSignificantBits()))
	return u, nil
}

// toProposed writes an event to append. JSON is marked as such, so that the
// server's own tools show it.
func toProposed(e *eventstore.Event) *streams.AppendReq {
	content := binaryContent
	if json.Valid(e.Data) {
		content = jsonContent
	}
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: &streams.AppendReq_ProposedMessage{
		Id:             toUUID(e.ID),
		Metadata:       map[string]string{typeKey: e.Type, contentTypeKey: content},
		CustomMetadata: e.Metadata,
		Data:           e.Data,
	}}}
}

// fromEvent reads an event of the log.
func fromEvent(m *streams.ReadResp_ReadEvent) (eventstore.Recorded, error) {
	e := m.GetEvent()
	stream := string(e.GetStreamIdentifier().GetStreamName())
	r := eventstore.Recorded{
		Event: eventstore.Event{
			Type:     e.GetMetadata()[typeKey],
			Data:     e.GetData(),
			Metadata: e.GetCustomMetadata(),
		},
		Stream:   stream,
		Revision: eventstore.Revision(e.GetStreamRevision()),
		Position: eventstore.Position{Commit: e.GetCommitPosition(), Prepare: e.GetPreparePosition()},
	}
	if r.Position.Commit == math.MaxUint64 || r.Position == eventstore.Start {
		return r, fmt.Errorf("%w: the server does not tell the positions of stream %s; EventStoreDB 23.10 or newer is needed", eventstore.ErrUnavailable, stream)
	}
	var err error
	if r.ID, err = fromUUID(e.GetId()); err != nil {
		return r, fmt.Errorf("%w: stream %s, revision %d: event id: %w", eventstore.ErrCorrupt, stream, r.Revision, err)
	}
	ticks, err := strconv.ParseInt(e.GetMetadata()[createdKey], 10, 64)
	if err != nil {
		return r, fmt.Errorf("%w: stream %s, revision %d: creation time: %w", eventstore.ErrCorrupt, stream, r.Revision, err)
	}
	const perSecond = int64(time.Second) / tick
	r.Created = time.Unix(ticks/perSecond, ticks%perSecond*tick).UTC()
	return r, nil
}
