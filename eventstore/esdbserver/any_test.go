package esdbserver_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"prepayledger/eventstore/esdbserver"
)

func notes(n int) (es []esdb.EventData) {
	for i := range n {
		es = append(es, esdb.EventData{EventID: uuid.New(), EventType: "Noted", ContentType: esdb.ContentTypeJson, Data: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	return es
}

// TestAnyRevisionIsStoredOnce: an append that names no revision and is
// repeated is answered with the place of the first, as EventStoreDB does,
// also after others have appended.
func TestAnyRevisionIsStoredOnce(t *testing.T) {
	f := start(t, esdbserver.Options{Writable: true})
	write := func(stream string, expected esdb.ExpectedRevision, es []esdb.EventData) (*esdb.WriteResult, error) {
		return f.client.AppendToStream(f.ctx, stream, esdb.AppendToStreamOptions{ExpectedRevision: expected}, es...)
	}
	must := func(stream string, expected esdb.ExpectedRevision, es []esdb.EventData) esdb.WriteResult {
		t.Helper()
		r, err := write(stream, expected, es)
		if err != nil {
			t.Fatal(err)
		}
		return *r
	}
	stored := func(want int) {
		t.Helper()
		if n := len(f.logged()); n != want {
			t.Fatalf("the log has %d events, want %d", n, want)
		}
	}

	first, second := notes(3), notes(2)
	if r := must("notes", esdb.Any{}, first); r.NextExpectedVersion != 2 {
		t.Fatalf("answered %+v, want revision 2", r)
	}
	must("others", esdb.Any{}, notes(1))
	placed := must("notes", esdb.StreamExists{}, second)
	stored(6)
	f.store("notes", 4, 20)
	stored(26)
	for _, expected := range []esdb.ExpectedRevision{esdb.Any{}, esdb.StreamExists{}} {
		if again := must("notes", expected, second); again != placed {
			t.Fatalf("%T repeated: %+v, want %+v", expected, again, placed)
		}
		if again := must("notes", expected, first); again.NextExpectedVersion != 2 {
			t.Fatalf("%T repeated: %+v, want revision 2", expected, again)
		}
	}
	stored(26)

	// One that begins with a stored event and goes on with another is none
	// that was made before.
	_, err := write("notes", esdb.Any{}, []esdb.EventData{second[0], notes(1)[0]})
	f.wantCode(err, esdb.ErrorCodeWrongExpectedVersion)
	stored(26)

	// The same events elsewhere are others.
	must("others", esdb.Any{}, second)
	stored(28)
	// So are they when they lie too far back.
	f.store("notes", 24, 300)
	if again := must("notes", esdb.Any{}, second); again.NextExpectedVersion != 326 {
		t.Fatalf("long after: %+v, want revision 326", again)
	}
	stored(330)
}

// TestAnyRevisionAtOnce: the same append by many callers at the same time,
// while others append to the stream, is stored once.
func TestAnyRevisionAtOnce(t *testing.T) {
	f := start(t, esdbserver.Options{Writable: true})
	const callers, rounds = 4, 10
	for range rounds {
		same := notes(2)
		var places [callers]uint64
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				r, err := f.client.AppendToStream(f.ctx, "notes", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, same...)
				if err != nil {
					t.Error(err)
					return
				}
				places[i] = r.NextExpectedVersion
			})
			wg.Go(func() {
				if _, err := f.client.AppendToStream(f.ctx, "notes", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, notes(1)...); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, place := range places {
			if place != places[0] {
				t.Fatalf("the same append is at revisions %v", places)
			}
		}
	}
	if n := len(f.logged()); n != rounds*(callers+2) {
		t.Fatalf("the log has %d events, want %d", n, rounds*(callers+2))
	}
}
