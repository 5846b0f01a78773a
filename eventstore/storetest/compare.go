package storetest

import (
	"bytes"
	"testing"

	"prepayledger/eventstore"
)

// sameEvent compares what was appended with what was recorded.
func sameEvent(want eventstore.Event, got eventstore.Event) bool {
	return want.ID == got.ID && want.Type == got.Type &&
		bytes.Equal(want.Data, got.Data) && bytes.Equal(want.Metadata, got.Metadata)
}

// checkStream compares a forward reading of a stream with the events that
// belong there from revision from on.
func checkStream(t *testing.T, stream string, from eventstore.Revision, want []eventstore.Event, got []eventstore.Recorded) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("stream %s from %d: %d events, want %d", stream, from, len(got), len(want))
	}
	for i, e := range got {
		if !sameEvent(want[i], e.Event) {
			t.Fatalf("stream %s, revision %d: got %+v, want %+v", stream, e.Revision, e.Event, want[i])
		}
		if e.Stream != stream || e.Revision != from+eventstore.Revision(i) {
			t.Fatalf("event %d is of stream %s, revision %d, want %s, %d", i, e.Stream, e.Revision, stream, from+eventstore.Revision(i))
		}
		if i > 0 && !got[i-1].Position.Before(e.Position) {
			t.Fatalf("stream %s: position %s of revision %d is not after %s", stream, e.Position, e.Revision, got[i-1].Position)
		}
	}
}

// checkSame compares two readings of the same events.
func checkSame(t *testing.T, what string, want, got []eventstore.Recorded) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d events, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !sameRecorded(want[i], got[i]) {
			t.Fatalf("%s: event %d is %+v, want %+v", what, i, got[i], want[i])
		}
	}
}

func sameRecorded(a, b eventstore.Recorded) bool {
	return sameEvent(a.Event, b.Event) && a.Stream == b.Stream && a.Revision == b.Revision &&
		a.Position == b.Position && a.Created.Equal(b.Created)
}

// reversed is the same events in the other order.
func reversed(es []eventstore.Recorded) []eventstore.Recorded {
	r := make([]eventstore.Recorded, 0, len(es))
	for i := len(es) - 1; i >= 0; i-- {
		r = append(r, es[i])
	}
	return r
}
