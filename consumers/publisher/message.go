package publisher

import (
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/outbound"
	"strconv"
)

// The headers of CloudEvents 1.0 in binary mode.
const (
	ceID          = "ce-id"
	ceSource      = "ce-source"
	ceType        = "ce-type"
	ceSpecVersion = "ce-specversion"
	ceSubject     = "ce-subject"
	ceTime        = "ce-time"
	ceContentType = "ce-datacontenttype"
)

// message writes an event as it is published: the payload as it stands in the
// log, and in headers what it is about. The same change gives the same message,
// always.
func message(c *outbound.Change, source string) *nats.Msg {
	id := c.ID.String()
	pairs := [...]string{
		ceID, id,
		ceSource, source,
		ceType, c.Type,
		ceSpecVersion, "1.0",
		ceSubject, c.Stream,
		ceTime, c.Meta.OccurredAt.UTC().Format(time.RFC3339Nano),
		ceContentType, "application/json",
		jetstream.MsgIDHeader, id,
		natsbus.RevisionHeader, strconv.FormatInt(int64(c.Revision), 10),
		natsbus.PositionHeader, c.Position.String(),
		natsbus.VersionHeader, strconv.Itoa(c.Meta.Version),
	}
	header := make(nats.Header, len(pairs)/2+3)
	for i := 0; i < len(pairs); i += 2 {
		header[pairs[i]] = pairs[i+1 : i+2 : i+2]
	}
	if c.PartnerID != "" {
		header[natsbus.BalanceHeader] = []string{c.After.Balance.String()}
	}
	return &nats.Msg{Subject: natsbus.EventSubject(c.Stream, c.Type), Header: header, Data: c.Data}
}

// same says that a stored message is what the log would have published. Headers
// by which a server is told how to store it don't count.
func same(want *nats.Msg, subject string, header nats.Header, data []byte) bool {
	if subject != want.Subject || string(data) != string(want.Data) {
		return false
	}
	for key, value := range want.Header {
		if key == ceSource {
			continue // an operator may rename the ledger
		}
		if got := header[key]; len(got) != 1 || got[0] != value[0] {
			return false
		}
	}
	return want.Header[natsbus.BalanceHeader] != nil || header[natsbus.BalanceHeader] == nil
}
