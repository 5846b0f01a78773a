// Package history gives a new subscriber everything that ever happened in a
// stream and then what happens next, without a gap and without a repeat: what
// NATS does not keep any more comes from the log, page by page over a request,
// and then NATS goes on.
package history

import (
	"encoding/json"
	"time"

	"prepayledger/eventstore"
)

// Limits of a page.
const (
	// MaxEvents and MaxBytes bound a page, whichever comes first; one event is
	// always in it.
	MaxEvents = 500
	MaxBytes  = 512 << 10
	// maxRequestBytes bounds a request: 4 KiB.
	maxRequestBytes = 4 << 10
)

// Request asks for a page of a stream.
type Request struct {
	// Stream is the stream's name, such as account-PA-1001.
	Stream string `json:"stream"`
	// From is the first revision wanted.
	From eventstore.Revision `json:"from_revision"`
}

// Event is an event as a page has it.
type Event struct {
	ID       string              `json:"id"`
	Stream   string              `json:"stream"`
	Revision eventstore.Revision `json:"revision"`
	// Position is the event's place in the log.
	Position string `json:"position"`
	Type     string `json:"type"`
	// Version is the version of Data's schema.
	Version    int             `json:"version"`
	OccurredAt time.Time       `json:"occurred_at"`
	RecordedAt time.Time       `json:"recorded_at,omitzero"`
	Actor      string          `json:"actor,omitempty"`
	Data       json.RawMessage `json:"data"`
}

// Page answers a Request.
type Page struct {
	Events []Event `json:"events"`
	// Next is the revision to ask for next.
	Next eventstore.Revision `json:"next_revision"`
	// End says that the stream had no more when it was read.
	End   bool       `json:"end"`
	Error *PageError `json:"error,omitempty"`
}

// PageError says why there is no page.
type PageError struct {
	// Code is invalid_request, overloaded or unavailable.
	Code    string `json:"code"`
	Message string `json:"message"`
}
