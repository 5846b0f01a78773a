package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"prepayledger/eventstore"
)

// oracle is the contract in the plainest form: one slice.
type oracle struct {
	told []told
}

// told is an event as the oracle expects it.
type told struct {
	stream   string
	revision eventstore.Revision
	event    eventstore.Event
}

func (o *oracle) of(stream string) []told {
	var es []told
	for _, e := range o.told {
		if e.stream == stream {
			es = append(es, e)
		}
	}
	return es
}

// append says whether an append succeeds and the revision that the stream
// then ends in, or ends in instead.
func (o *oracle) append(stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Revision, bool) {
	have := o.of(stream)
	end := eventstore.Revision(len(have)) - 1
	if expected != end {
		for i, e := range events {
			at := int(expected) + 1 + i
			if at >= len(have) || have[at].event.ID != e.ID {
				return end, false
			}
		}
		return expected + eventstore.Revision(len(events)), true
	}
	for i, e := range events {
		o.told = append(o.told, told{stream, end + eventstore.Revision(i) + 1, e})
	}
	return end + eventstore.Revision(len(events)), true
}

// modelled runs random operations on a store and on an oracle.
func modelled(f *fixture) {
	const operations = 400
	seed := uint64(time.Now().UnixNano())
	f.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	m := &model{fixture: f, rng: rng}
	for range 5 {
		m.streams = append(m.streams, name("account"))
	}
	for range operations {
		switch n := rng.IntN(100); {
		case n < 55:
			m.appends()
		case n < 75:
			m.readsStream()
		case n < 90:
			m.readsAll()
		case n < 98:
			m.subscribes()
		default:
			f.reopen()
		}
	}
	m.compareAll(f.base, 0)
}

// model is a store beside its oracle.
type model struct {
	*fixture
	oracle
	rng     *rand.Rand
	streams []string
	// places are the positions of the oracle's events.
	places []eventstore.Position
	past   []attempt
}

// attempt is an append that was tried and may be tried again.
type attempt struct {
	stream   string
	expected eventstore.Revision
	events   []eventstore.Event
}

func (m *model) stream() string { return m.streams[m.rng.IntN(len(m.streams))] }

func (m *model) appends() {
	stream := m.stream()
	end := eventstore.Revision(len(m.of(stream))) - 1
	try := attempt{stream, end, events(1 + m.rng.IntN(6))}
	switch n := m.rng.IntN(10); {
	case n < 2: // somewhere else
		try.expected = max(eventstore.NoStream, end+eventstore.Revision(m.rng.IntN(7)-3))
	case n < 4 && len(m.past) > 0: // an old one again, perhaps changed
		try = m.past[m.rng.IntN(len(m.past))]
		if m.rng.IntN(3) == 0 {
			try.events = append(try.events[:len(try.events)-1:len(try.events)-1], events(m.rng.IntN(2)+1)...)
		}
	}
	m.past = append(m.past, try)
	before := len(m.told)
	want, ok := m.oracle.append(try.stream, try.expected, try.events)
	a, err := m.store.Append(m.ctx(), try.stream, try.expected, try.events)
	if !ok {
		checkConflict(m.T, err, try.stream, try.expected, want)
		return
	}
	if err != nil || a.LastRevision != want {
		m.Fatalf("Append to %s after %d = %+v, %v, want revision %d", try.stream, try.expected, a, err, want)
	}
	if len(m.told) > before {
		for _, e := range m.all(m.end()) {
			m.places = append(m.places, e.Position)
		}
		if len(m.places) != len(m.told) || m.end() != a.Position {
			m.Fatalf("the log has %d events to %s, want %d to %s", len(m.places), m.end(), len(m.told), a.Position)
		}
	}
}

// end is the position of the oracle's newest event.
func (m *model) end() eventstore.Position {
	if len(m.places) == 0 {
		return m.base
	}
	return m.places[len(m.places)-1]
}

func (m *model) readsStream() {
	stream := m.stream()
	want := m.of(stream)
	from := eventstore.Revision(m.rng.IntN(len(want) + 3))
	dir := eventstore.Direction(m.rng.IntN(2))
	if m.rng.IntN(5) == 0 {
		from = eventstore.End
	}
	got, err := collect(m.store.ReadStream(m.ctx(), stream, from, dir))
	if len(want) == 0 {
		if !isNotFound(err) {
			m.Fatalf("stream that was never written: %v", err)
		}
		return
	}
	if err != nil {
		m.Fatalf("ReadStream: %v", err)
	}
	end := eventstore.Revision(len(want)) - 1
	switch {
	case from == eventstore.End && dir == eventstore.Backwards:
	case from > end:
		want = nil
	case dir == eventstore.Forwards:
		want = want[from:]
	default:
		want = want[:from+1]
	}
	if dir == eventstore.Backwards {
		got = reversed(got)
	}
	m.compare(fmt.Sprintf("stream %s from %d, direction %d", stream, from, dir), want, got)
}

func (m *model) readsAll() {
	at := m.rng.IntN(len(m.places) + 1)
	after := m.base
	if at > 0 {
		after = m.places[at-1]
	}
	m.compareAll(after, at)
}

// compareAll compares the log after a position with the oracle's from at on.
func (m *model) compareAll(after eventstore.Position, at int) {
	m.compare("log after "+after.String(), m.told[at:], m.all(after))
	if got := m.last(); got != m.end() {
		m.Fatalf("Last is %s, want %s", got, m.end())
	}
}

func (m *model) subscribes() {
	at := m.rng.IntN(len(m.places) + 1)
	after := m.base
	if at > 0 {
		after = m.places[at-1]
	}
	sub := m.subscribe(m.ctx(), after)
	m.compare("subscription after "+after.String(), m.told[at:], m.follow(sub, len(m.told)-at))
	if err := sub.Close(); err != nil {
		m.Fatal(err)
	}
}

func (m *model) compare(what string, want []told, got []eventstore.Recorded) {
	m.Helper()
	if len(got) != len(want) {
		m.Fatalf("%s: %d events, want %d", what, len(got), len(want))
	}
	for i, e := range got {
		if w := want[i]; e.Stream != w.stream || e.Revision != w.revision || !sameEvent(w.event, e.Event) {
			m.Fatalf("%s: event %d is %+v, want %+v", what, i, e, w)
		}
	}
}
