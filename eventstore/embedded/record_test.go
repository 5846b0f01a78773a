package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"prepayledger/eventstore"
)

// sealed makes a whole record.
func sealed(stream string, rev eventstore.Revision, first uint64, created time.Time, es []eventstore.Event) []byte {
	rec := encodeRecord(nil, stream, rev, es)
	sealRecord(rec, first, bodySum(rec), created)
	return rec
}

// decode reads all of a record.
func decode(first uint64, rec []byte) ([]eventstore.Recorded, error) {
	var r record
	if err := r.open(first, rec); err != nil {
		return nil, err
	}
	var all []eventstore.Recorded
	for {
		var e eventstore.Recorded
		more, err := r.next(&e)
		if err != nil || !more {
			return all, err
		}
		all = append(all, e)
	}
}

func drawEvents(t *rapid.T) []eventstore.Event {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) eventstore.Event {
		return eventstore.Event{
			ID:       uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			Type:     rapid.StringN(1, 8, 40).Draw(t, "type"),
			Data:     rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data"),
			Metadata: rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "metadata"),
		}
	}), 1, 60).Draw(t, "events")
}

func TestRecordKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		es := drawEvents(t)
		stream := rapid.StringN(1, 20, 60).Draw(t, "stream")
		rev := eventstore.Revision(rapid.Int64Range(0, 1<<60).Draw(t, "revision"))
		first := rapid.Uint64Range(1, 1<<60).Draw(t, "first")
		created := time.Unix(0, rapid.Int64().Draw(t, "created"))
		got, err := decode(first, sealed(stream, rev, first, created, es))
		if err != nil || len(got) != len(es) {
			t.Fatalf("%d events of %d, %v", len(got), len(es), err)
		}
		for i, e := range got {
			w := es[i]
			if e.ID != w.ID || e.Type != w.Type || !bytes.Equal(e.Data, w.Data) || !bytes.Equal(e.Metadata, w.Metadata) {
				t.Fatalf("event %d: %+v, want %+v", i, e.Event, w)
			}
			if e.Stream != stream || e.Revision != rev+eventstore.Revision(i) || e.Position != position(first+uint64(i)) || !e.Created.Equal(created) {
				t.Fatalf("event %d stands at %+v", i, e)
			}
		}
	})
}

// TestRecordDamageIsFound changes a record anywhere, and its place.
func TestRecordDamageIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		es := drawEvents(t)
		rec := sealed("account", 7, 42, time.Unix(1, 2), es)
		if _, err := decode(43, rec); !errors.Is(err, errRecord) {
			t.Fatalf("a record in another's place: %v", err)
		}
		at := rapid.IntRange(0, len(rec)-1).Draw(t, "at")
		if _, err := decode(42, rec[:at]); !errors.Is(err, errRecord) {
			t.Fatalf("a record cut at %d: %v", at, err)
		}
		rec[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		if _, err := decode(42, rec); !errors.Is(err, errRecord) {
			t.Fatalf("a record changed at %d: %v", at, err)
		}
	})
}

// TestRecordOfWrongForm: what has a checksum and no form is refused, too.
func TestRecordOfWrongForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		es := drawEvents(t)
		rec := sealed("account", 7, 42, time.Unix(1, 2), es)
		at := rapid.IntRange(headerBytes, len(rec)-1).Draw(t, "at")
		if rapid.Bool().Draw(t, "cut") {
			rec = rec[:at]
		} else {
			rec[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		}
		sealRecord(rec, 42, bodySum(rec), time.Unix(1, 2))
		got, err := decode(42, rec) // must not panic
		if err != nil && !errors.Is(err, errRecord) {
			t.Fatalf("error %v", err)
		}
		if err == nil && len(got) == 0 {
			t.Fatal("no events and no error")
		}
	})
}

// TestRecordTypes: equal types share a string, however many there are.
func TestRecordTypes(t *testing.T) {
	es := benchEvents(1000)
	for i := range es {
		es[i].Type = fmt.Sprint("T", i%40)
	}
	got, err := decode(1, sealed("account", 0, 1, time.Unix(0, 0), es))
	if err != nil || len(got) != len(es) {
		t.Fatalf("%d events, %v", len(got), err)
	}
	for i, e := range got {
		if e.Type != es[i].Type {
			t.Fatalf("event %d has type %s, want %s", i, e.Type, es[i].Type)
		}
	}
}

// TestReadAllAllocations: reading allocates for records, not for events.
func TestReadAllAllocations(t *testing.T) {
	s := openFS(t, newCrashFS(), Options{})
	defer closeStore(t, s)
	fill(t, s, 80_000, 100)
	events := 0
	per := testing.AllocsPerRun(3, func() {
		events = 0
		for _, err := range s.ReadAll(t.Context(), eventstore.Start) {
			if err != nil {
				t.Fatal(err)
			}
			events++
		}
	})
	if events != 80_000 || per > float64(events)/50 {
		t.Fatalf("%d events in %.0f allocations, want about one for 100", events, per)
	}
}

// TestHeads: what is forgotten was not used for a generation, and what is
// known is right.
func TestHeads(t *testing.T) {
	h := newHeads()
	name := func(i int) string { return fmt.Sprint("account-", i) }
	for i := range 3 * headsPerGeneration {
		h.put(name(i), head{revision: eventstore.Revision(i)})
		if i >= 10 {
			if v, ok := h.get(name(7)); !ok || v.revision != 7 {
				t.Fatalf("stream in use after %d others: %v, %v", i, v, ok)
			}
		}
	}
	if len(h.young)+len(h.old) > 2*headsPerGeneration {
		t.Fatalf("%d heads are kept", len(h.young)+len(h.old))
	}
	for i := 3*headsPerGeneration - maxGroupAppends; i < 3*headsPerGeneration; i++ {
		if v, ok := h.get(name(i)); !ok || v.revision != eventstore.Revision(i) {
			t.Fatalf("stream of the last group: %v, %v", v, ok)
		}
	}
	if _, ok := h.get(name(8)); ok {
		t.Fatal("a stream that nobody used is still known")
	}
}
