package storetest

import (
	"bytes"
	"strings"
	"time"

	"github.com/google/uuid"

	"prepayledger/eventstore"
)

func appendAnswersPlace(f *fixture) {
	s := name("account")
	a := f.append(s, eventstore.NoStream, events(3))
	b := f.append(s, 2, events(1))
	if a.LastRevision != 2 || b.LastRevision != 3 {
		f.Fatalf("last revisions %d and %d, want 2 and 3", a.LastRevision, b.LastRevision)
	}
	got := f.stream(s, 0, eventstore.Forwards)
	if got[2].Position != a.Position || got[3].Position != b.Position {
		f.Fatalf("events stand at %s and %s, answered were %s and %s", got[2].Position, got[3].Position, a.Position, b.Position)
	}
	if !f.base.Before(got[0].Position) {
		f.Fatalf("the first event stands at %s, the log ended at %s before", got[0].Position, f.base)
	}
}

func appendKeepsEverything(f *fixture) {
	es := events(2)
	es[0].Metadata = nil
	es[1].Data = []byte(`{"text":"übermäßig – 汉字 😀","n":` + strings.Repeat("9", 50) + `}`)
	big := eventstore.Event{ID: uuid.New(), Type: strings.Repeat("T", eventstore.MaxTypeBytes), Data: bytes.Repeat([]byte("x"), 1<<19)}
	es = append(es, big)
	s := name("account-ÄÖ 汉字") + strings.Repeat("s", 100)
	before := time.Now()
	f.append(s, eventstore.NoStream, es)
	got := f.stream(s, 0, eventstore.Forwards)
	checkStream(f.T, s, 0, es, got)
	for _, e := range got {
		if e.Created.Location() != time.UTC {
			f.Fatalf("created %s is not in UTC", e.Created)
		}
		// The store may be another machine with a clock of its own.
		if d := e.Created.Sub(before); d < -time.Hour || d > time.Hour {
			f.Fatalf("created %s, appended at %s", e.Created, before.UTC())
		}
	}
}

func appendExpectsRevision(f *fixture) {
	s := name("account")
	f.conflict(eventstore.NoStream, s, 0, events(1))
	f.conflict(eventstore.NoStream, s, 41, events(2))
	es := events(2)
	f.append(s, eventstore.NoStream, es)
	f.conflict(1, s, eventstore.NoStream, events(1))
	f.conflict(1, s, eventstore.NoStream, events(2))
	f.conflict(1, s, 0, events(1))
	f.conflict(1, s, 2, events(1))
	f.conflict(1, s, eventstore.End-1, events(1))
	more := events(1)
	f.append(s, 1, more)
	f.conflict(2, s, 1, events(1))
	checkStream(f.T, s, 0, append(es, more...), f.stream(s, 0, eventstore.Forwards))
}

func appendRepeated(f *fixture) {
	s := name("account")
	first, second, third := events(3), events(2), events(1)
	a := f.append(s, eventstore.NoStream, first)
	if again := f.append(s, eventstore.NoStream, first); again != a {
		f.Fatalf("repeated at once: %+v, want %+v", again, a)
	}
	b := f.append(s, 2, second)
	f.append(name("account"), eventstore.NoStream, events(1))
	f.append(s, 4, third)
	if again := f.append(s, eventstore.NoStream, first); again != a {
		f.Fatalf("repeated after others: %+v, want %+v", again, a)
	}
	if again := f.append(s, 2, second); again != b {
		f.Fatalf("repeated in the middle: %+v, want %+v", again, b)
	}
	want := append(append(first, second...), third...)
	checkStream(f.T, s, 0, want, f.stream(s, 0, eventstore.Forwards))
	if got := f.all(f.base); len(got) != len(want)+1 {
		f.Fatalf("the log has %d events, want %d", len(got), len(want)+1)
	}
}

// appendRepeatedInParts: the contract asks for the ids right after the
// expected revision, however they were cut into appends.
func appendRepeatedInParts(f *fixture) {
	s := name("account")
	es := events(6)
	f.append(s, eventstore.NoStream, es[:2])
	a := f.append(s, 1, es[2:5])
	f.append(s, 4, es[5:])
	if got := f.append(s, eventstore.NoStream, es[:5]); got != a {
		f.Fatalf("two appends repeated as one: %+v, want %+v", got, a)
	}
	if got := f.append(s, 2, es[3:5]); got != a {
		f.Fatalf("the end of an append repeated: %+v, want %+v", got, a)
	}
	checkStream(f.T, s, 0, es, f.stream(s, 0, eventstore.Forwards))
}

func appendLikeAStoredOne(f *fixture) {
	s := name("account")
	es := events(4)
	f.append(s, eventstore.NoStream, es[:3])
	other := name("account")
	f.append(other, eventstore.NoStream, events(1))

	f.conflict(2, s, eventstore.NoStream, es)                               // one more than stored
	f.conflict(2, s, eventstore.NoStream, []eventstore.Event{es[0], es[3]}) // only the first is stored
	f.conflict(2, s, eventstore.NoStream, []eventstore.Event{es[3], es[1]}) // only the second is
	f.conflict(2, s, eventstore.NoStream, []eventstore.Event{es[1], es[0]}) // other order
	f.conflict(2, s, eventstore.NoStream, es[1:3])                          // stored, one further on
	f.conflict(2, s, 0, es[:3])                                             // stored, one before
	f.conflict(0, other, eventstore.NoStream, es[:3])                       // stored in another stream
	f.conflict(2, s, 3, es[3:])                                             // beyond the end
	checkStream(f.T, s, 0, es[:3], f.stream(s, 0, eventstore.Forwards))
}

func appendLimits(f *fixture) {
	ok := events(1)
	with := func(change func(*eventstore.Event)) []eventstore.Event {
		es := events(2)
		change(&es[1])
		return es
	}
	s := name("account")
	f.refused(eventstore.ErrInvalid, s, eventstore.NoStream, nil)
	f.refused(eventstore.ErrInvalid, s, eventstore.NoStream, with(func(e *eventstore.Event) { e.ID = uuid.Nil }))
	f.refused(eventstore.ErrInvalid, s, eventstore.NoStream, with(func(e *eventstore.Event) { e.Type = "" }))
	f.refused(eventstore.ErrInvalid, s, eventstore.NoStream, with(func(e *eventstore.Event) { e.Type = strings.Repeat("T", eventstore.MaxTypeBytes+1) }))
	f.refused(eventstore.ErrInvalid, s, -2, ok)
	f.refused(eventstore.ErrInvalid, s, eventstore.End, ok)
	for _, bad := range []string{"", "$streams", "a\x00b", "a\nb", "\xff", strings.Repeat("s", eventstore.MaxStreamNameBytes+1)} {
		f.refused(eventstore.ErrInvalid, bad, eventstore.NoStream, ok)
	}
	f.refused(eventstore.ErrTooLarge, s, eventstore.NoStream, events(eventstore.MaxEventsPerAppend+1))
	f.refused(eventstore.ErrTooLarge, s, eventstore.NoStream, ofSize(2, eventstore.MaxAppendBytes+1))

	if err := f.readError(f.store.ReadStream(f.ctx(), s, 0, eventstore.Forwards)); !isNotFound(err) {
		f.Fatalf("after refused appends the stream reads %v, want not found", err)
	}
	largest := ofSize(2, eventstore.MaxAppendBytes)
	f.append(s, eventstore.NoStream, largest)
	checkStream(f.T, s, 0, largest, f.stream(s, 0, eventstore.Forwards))
	most := name("account")
	many := ofSize(eventstore.MaxEventsPerAppend, eventstore.MaxEventsPerAppend*2)
	f.append(most, eventstore.NoStream, many)
	checkStream(f.T, most, 0, many, f.stream(most, 0, eventstore.Forwards))
}

// ofSize makes n events that together count size bytes.
func ofSize(n, size int) []eventstore.Event {
	es := make([]eventstore.Event, n)
	for i := range es {
		share := size / n
		if i == 0 {
			share += size % n
		}
		es[i] = eventstore.Event{ID: uuid.New(), Type: "T", Data: bytes.Repeat([]byte("d"), share/2-1)}
		es[i].Metadata = bytes.Repeat([]byte("m"), share-1-len(es[i].Data))
	}
	return es
}

func appendDoesNotKeepSlices(f *fixture) {
	s := name("account")
	es := events(2)
	want := make([]eventstore.Event, len(es))
	for i, e := range es {
		want[i] = eventstore.Event{ID: e.ID, Type: e.Type, Data: bytes.Clone(e.Data), Metadata: bytes.Clone(e.Metadata)}
	}
	f.append(s, eventstore.NoStream, es)
	for i := range es {
		clear(es[i].Data)
		clear(es[i].Metadata)
		es[i].ID = uuid.New()
	}
	checkStream(f.T, s, 0, want, f.stream(s, 0, eventstore.Forwards))
}
