package esdbserver

import (
	"encoding/binary"
	"encoding/json"
	"strconv"

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

// toUUID writes an id as the client asked for it.
func toUUID(id uuid.UUID, asString bool) *shared.UUID {
	if asString {
		return &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
	}
	return &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
		MostSignificantBits:  int64(binary.BigEndian.Uint64(id[:8])),
		LeastSignificantBits: int64(binary.BigEndian.Uint64(id[8:])),
	}}}
}

// fromUUID reads an id in either form; false if it is of neither.
func fromUUID(id *shared.UUID) (uuid.UUID, bool) {
	switch v := id.GetValue().(type) {
	case *shared.UUID_Structured_:
		var u uuid.UUID
		binary.BigEndian.PutUint64(u[:8], uint64(v.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(u[8:], uint64(v.Structured.GetLeastSignificantBits()))
		return u, true
	case *shared.UUID_String_:
		u, err := uuid.Parse(v.String_)
		return u, err == nil
	}
	return uuid.Nil, false
}

// toEvent writes an event as a message of a read.
func toEvent(e *eventstore.Recorded, stringIDs bool) *streams.ReadResp {
	content := binaryContent
	if json.Valid(e.Data) {
		content = jsonContent
	}
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id:               toUUID(e.ID, stringIDs),
			StreamIdentifier: toStream(e.Stream),
			StreamRevision:   uint64(e.Revision),
			PreparePosition:  e.Position.Prepare,
			CommitPosition:   e.Position.Commit,
			Metadata: map[string]string{
				typeKey:        e.Type,
				contentTypeKey: content,
				createdKey:     strconv.FormatInt(e.Created.UnixNano()/tick, 10),
			},
			CustomMetadata: e.Metadata,
			Data:           e.Data,
		},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: e.Position.Commit},
	}}}
}

func toStream(name string) *shared.StreamIdentifier {
	return &shared.StreamIdentifier{StreamName: []byte(name)}
}

// proposed is an event as both kinds of append send it.
type proposed interface {
	GetId() *shared.UUID
	GetMetadata() map[string]string
	GetCustomMetadata() []byte
	GetData() []byte
}

// fromProposed reads an event to append.
func fromProposed(p proposed) (eventstore.Event, error) {
	id, ok := fromUUID(p.GetId())
	if !ok {
		return eventstore.Event{}, invalid("an event of the append has no valid id")
	}
	return eventstore.Event{ID: id, Type: p.GetMetadata()[typeKey], Data: p.GetData(), Metadata: p.GetCustomMetadata()}, nil
}
