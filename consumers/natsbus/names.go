// Package natsbus is how prepay meets NATS: the names of subjects, streams and
// buckets, the embedded server, and connections to it or to another one.
//
// NATS is never the record: what stands in it can be compared with the event
// log and filled again from it.
package natsbus

import (
	"fmt"
	"strings"
)

// Subjects that prepay listens to.
const (
	// ChargeSubject takes single charges by request; the reply comes after
	// the ledger's fsync.
	ChargeSubject = "prepay.charge"
	// UsageSubject takes webhooks, charges and NDJSON batches into UsageStream.
	UsageSubject = "prepay.usage"
	// CommandSubjects take commands by request: prepay.command.<Name>.
	CommandSubjects = "prepay.command.*"
	// CommandPrefix is where the subject of a command begins.
	CommandPrefix = "prepay.command."
	// HistorySubject gives pages of a stream from the log by request.
	HistorySubject = "prepay.history"
	// WhySubject tells by request why an account stands as it stands.
	WhySubject = "prepay.why"
	// GateSubject answers by request whether a channel may send.
	GateSubject = "prepay.gate.check"
	// PaymentPrefix is where the subjects begin on which a payment service is
	// asked: the partner's token follows.
	PaymentPrefix = "prepay.payments.request."
	// PaymentOutcomeSubject takes the outcomes that it tells, by request.
	PaymentOutcomeSubject = "prepay.payments.outcome"
)

// Streams and buckets.
const (
	// UsageStream is the work queue of usage; a message leaves it when the
	// ledger has it on disk.
	UsageStream = "PREPAY_USAGE"
	// EventsStream has every event, once and in the order of the log.
	EventsStream = "PREPAY_EVENTS"
	// EventsPrefix is where the subjects of events begin.
	EventsPrefix = "prepay.events."
	// NoticesStream has what people should know.
	NoticesStream = "PREPAY_NOTICES"
	// NoticesPrefix is where the subjects of notices begin:
	// prepay.notices.<partner_id>.<Kind>.
	NoticesPrefix = "prepay.notices."
	// ChannelsBucket says of each channel whether it may send.
	ChannelsBucket = "prepay_channels"
	// AccountsBucket has each account's figures.
	AccountsBucket = "prepay_accounts"
)

// Headers of published messages, beside those of CloudEvents (ce-…).
const (
	// RevisionHeader is the event's revision in its stream.
	RevisionHeader = "Prepay-Revision"
	// PositionHeader is the event's position in the log.
	PositionHeader = "Prepay-Position"
	// BalanceHeader is the account's balance after the event.
	BalanceHeader = "Prepay-Balance"
	// VersionHeader is the version of the payload's schema.
	VersionHeader = "Prepay-Version"
)

// EventSubject is where an event of a stream is published: the stream's kind,
// its key and the event's type. account-PA-1001 gives
// prepay.events.account.PA-1001.ConversationCharged.
func EventSubject(stream, eventType string) string {
	kind, key, ok := strings.Cut(stream, "-")
	if !ok {
		key = "all"
	}
	return EventsPrefix + Token(kind) + "." + Token(key) + "." + Token(eventType)
}

// EventSubjects is where all events of a stream are published.
func EventSubjects(stream string) string {
	all := EventSubject(stream, "X")
	return all[:len(all)-1] + "*"
}

// NoticeSubject is where a notice of an account is published.
func NoticeSubject(partnerID, kind string) string {
	return NoticesPrefix + Token(partnerID) + "." + Token(kind)
}

// Token makes any text one token of a subject, or one key of a bucket: what
// has a meaning in them, and all but printable ASCII, is written as =XX, two
// hex digits a byte. Different texts give different tokens.
func Token(text string) string {
	plain := text != ""
	for i := range len(text) {
		plain = plain && isPlain(text[i])
	}
	if plain {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; isPlain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	if text == "" {
		return "="
	}
	return b.String()
}

// isPlain says that a byte stands for itself in a token.
func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
