package esdbserver

import (
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"prepayledger/eventstore"
)

// compatibilityTellsLast is the control option's compatibility from which on
// a client understands the message that tells a stream's last revision.
const compatibilityTellsLast = 1

// edge says where a read begins.
type edge int

const (
	atPlace edge = iota
	atStart
	atEnd
)

// query is a read request.
type query struct {
	// stream is the stream to read; empty for $all.
	stream       string
	from         edge
	revision     eventstore.Revision
	position     eventstore.Position
	backwards    bool
	subscription bool
	// limit is how many events to send; a subscription has none.
	limit     uint64
	filter    *filter
	stringIDs bool
	tellLast  bool
}

// parseQuery reads a request; its errors are answers to the client.
func parseQuery(o *streams.ReadReq_Options) (*query, error) {
	q := &query{
		backwards: o.GetReadDirection() == streams.ReadReq_Options_Backwards,
		tellLast:  o.GetControlOption().GetCompatibility() >= compatibilityTellsLast,
	}
	_, q.stringIDs = o.GetUuidOption().GetContent().(*streams.ReadReq_Options_UUIDOption_String_)
	switch c := o.GetCountOption().(type) {
	case *streams.ReadReq_Options_Count:
		q.limit = c.Count
	case *streams.ReadReq_Options_Subscription:
		q.subscription, q.limit = true, math.MaxUint64
	default:
		return nil, invalid("the read has neither a count nor a subscription")
	}
	if q.subscription && q.backwards {
		return nil, invalid("a subscription goes forwards")
	}
	if err := q.parsePlace(o); err != nil {
		return nil, err
	}
	if f, ok := o.GetFilterOption().(*streams.ReadReq_Options_Filter); ok {
		if q.stream != "" {
			return nil, invalid("only reads of $all can be filtered")
		}
		var err error
		if q.filter, err = newFilter(f.Filter); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// parsePlace reads what to read and from where on.
func (q *query) parsePlace(o *streams.ReadReq_Options) error {
	switch target := o.GetStreamOption().(type) {
	case *streams.ReadReq_Options_Stream:
		if q.stream = string(target.Stream.GetStreamIdentifier().GetStreamName()); q.stream == "" {
			return invalid("the read names no stream")
		}
		switch r := target.Stream.GetRevisionOption().(type) {
		case *streams.ReadReq_Options_StreamOptions_Revision:
			q.revision = eventstore.Revision(min(r.Revision, uint64(eventstore.End)-1))
		case *streams.ReadReq_Options_StreamOptions_Start:
			q.from = atStart
		case *streams.ReadReq_Options_StreamOptions_End:
			q.from = atEnd
		default:
			return invalid("the read of stream %q says not where to begin", q.stream)
		}
	case *streams.ReadReq_Options_All:
		switch p := target.All.GetAllOption().(type) {
		case *streams.ReadReq_Options_AllOptions_Position:
			q.position = eventstore.Position{Commit: p.Position.GetCommitPosition(), Prepare: p.Position.GetPreparePosition()}
		case *streams.ReadReq_Options_AllOptions_Start:
			q.from = atStart
		case *streams.ReadReq_Options_AllOptions_End:
			q.from = atEnd
		default:
			return invalid("the read of $all says not where to begin")
		}
	default:
		return invalid("the read names neither a stream nor $all")
	}
	return nil
}
