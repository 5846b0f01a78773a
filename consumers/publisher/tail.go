package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/outbound"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// tail is where the stream of events ends.
type tail struct {
	stream   string
	sequence uint64
	position eventstore.Position
	id       string // of the newest message; empty if the stream has none
}

// readTail looks where the stream ends, at its leader.
func readTail(ctx context.Context, js jetstream.JetStream, store eventstore.Store) (tail, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	stream, err := natsbus.CurrentEvents(ctx, js)
	if err != nil {
		return tail{}, err
	}
	info := stream.CachedInfo()
	t := tail{stream: info.Config.Name, sequence: info.State.LastSeq}
	switch {
	case info.State.LastSeq == 0:
		return t, nil
	case info.State.Msgs == 0:
		t.position, err = aged(ctx, store, info)
	default:
		t.position, t.id, err = newest(ctx, js, stream, t)
	}
	if err != nil {
		return tail{}, err
	}
	end, err := store.Last(ctx)
	if err != nil {
		return tail{}, err
	}
	if end.Before(t.position) {
		return tail{}, fmt.Errorf("%w: the stream %s ends at position %s, the log at %s already: the log was replaced or restored from an older copy; check which is right, then `prepay nats repair`", outbound.ErrHalt, t.stream, t.position, end)
	}
	return t, nil
}

// newest reads position and id out of the stream's newest message. Any replica
// that has it will do; that it is lost is for the leader to say, since replicas
// may lag behind.
func newest(ctx context.Context, js jetstream.JetStream, stream jetstream.Stream, t tail) (eventstore.Position, string, error) {
	var header nats.Header
	m, err := stream.GetMsg(ctx, t.sequence)
	switch {
	case err == nil:
		header = m.Header
	case errors.Is(err, jetstream.ErrMsgNotFound):
		header, err = stored(ctx, js, t.stream, t.sequence)
	}
	if errors.Is(err, errNotStored) {
		return eventstore.Start, "", fmt.Errorf("%w: message %d, the newest of the stream %s, is lost: `prepay nats repair` fills a new generation of the stream from the log", outbound.ErrHalt, t.sequence, t.stream)
	}
	if err != nil {
		return eventstore.Start, "", err
	}
	position, err := eventstore.ParsePosition(header.Get(natsbus.PositionHeader))
	if err != nil {
		return position, "", fmt.Errorf("%w: message %d of the stream %s is not of this ledger, it has no position: find out who published it and take that right away, then `prepay nats repair`", outbound.ErrHalt, t.sequence, t.stream)
	}
	return position, header.Get(jetstream.MsgIDHeader), nil
}

// aged finds the position of the newest message of a stream all of whose
// messages were let go: its sequence is the event's ordinal in the log. That
// must be their age; else they were lost.
func aged(ctx context.Context, store eventstore.Store, info *jetstream.StreamInfo) (eventstore.Position, error) {
	lost := fmt.Errorf("%w: the stream %s is empty and had %d messages, which were not too old: `prepay nats repair` fills a new generation of the stream from the log", outbound.ErrHalt, info.Config.Name, info.State.LastSeq)
	var ordinal uint64
	for r, err := range store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return eventstore.Start, err
		}
		if ordinal++; ordinal < info.State.LastSeq {
			continue
		}
		m, err := codec.New().NewReader().DecodeMetadata(r.Metadata)
		if err != nil {
			return eventstore.Start, err
		}
		if !old(m.RecordedAt, info) {
			return eventstore.Start, lost
		}
		return r.Position, nil
	}
	return eventstore.Start, lost
}

// old says that what was recorded at the time may have left the stream for
// its age.
func old(recorded time.Time, info *jetstream.StreamInfo) bool {
	return info.Config.MaxAge > 0 && info.TimeStamp.Sub(recorded) >= info.Config.MaxAge
}

var errNotStored = errors.New("no such message")

// stored reads the header of a message at the stream's leader.
func stored(ctx context.Context, js jetstream.JetStream, stream string, sequence uint64) (nats.Header, error) {
	request, err := json.Marshal(map[string]uint64{"seq": sequence})
	if err != nil {
		return nil, err
	}
	m, err := js.Conn().RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"STREAM.MSG.GET."+stream, request)
	if err != nil {
		return nil, fmt.Errorf("read message %d of %s: %w", sequence, stream, err)
	}
	var reply struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Header []byte `json:"hdrs"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &reply); err != nil {
		return nil, fmt.Errorf("read message %d of %s: %w", sequence, stream, err)
	}
	if reply.Error != nil {
		if reply.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return nil, errNotStored
		}
		return nil, fmt.Errorf("read message %d of %s: %w", sequence, stream, reply.Error)
	}
	if len(reply.Message.Header) == 0 {
		return nats.Header{}, nil
	}
	return nats.DecodeHeadersMsg(reply.Message.Header)
}
