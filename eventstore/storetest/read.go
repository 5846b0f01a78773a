package storetest

import (
	"errors"

	"prepayledger/eventstore"
)

func isNotFound(err error) bool { return errors.Is(err, eventstore.ErrStreamNotFound) }

// inAppends stores events in appends of 1, 2, 3, … and returns them.
func (f *fixture) inAppends(stream string, n int) []eventstore.Event {
	f.Helper()
	es := events(n)
	for at, size := 0, 1; at < n; at, size = at+size, size+1 {
		f.append(stream, eventstore.Revision(at-1), es[at:min(at+size, n)])
		f.append(name("other"), eventstore.NoStream, events(1))
	}
	return es
}

func readStreamForwards(f *fixture) {
	s := name("account")
	es := f.inAppends(s, 20)
	for from := range es {
		checkStream(f.T, s, eventstore.Revision(from), es[from:], f.stream(s, eventstore.Revision(from), eventstore.Forwards))
	}
	for _, beyond := range []eventstore.Revision{20, 21, 1000, eventstore.End - 1, eventstore.End} {
		if got := f.stream(s, beyond, eventstore.Forwards); len(got) != 0 {
			f.Fatalf("forwards from %d of 20: %d events, want none", beyond, len(got))
		}
	}
}

func readStreamBackwards(f *fixture) {
	s := name("account")
	f.inAppends(s, 20)
	want := reversed(f.stream(s, 0, eventstore.Forwards))
	checkSame(f.T, "backwards from the end", want, f.stream(s, eventstore.End, eventstore.Backwards))
	for from := range want {
		checkSame(f.T, "backwards", want[len(want)-1-from:], f.stream(s, eventstore.Revision(from), eventstore.Backwards))
	}
	for _, beyond := range []eventstore.Revision{20, 1000, eventstore.End - 1} {
		if got := f.stream(s, beyond, eventstore.Backwards); len(got) != 0 {
			f.Fatalf("backwards from %d of 20: %d events, want none (only End means the newest)", beyond, len(got))
		}
	}
	for e, err := range f.store.ReadStream(f.ctx(), s, eventstore.End, eventstore.Backwards) {
		if err != nil || !sameRecorded(e, want[0]) {
			f.Fatalf("newest event %+v, %v, want %+v", e, err, want[0])
		}
		break
	}
}

func readStreamNotFound(f *fixture) {
	f.append(name("account"), eventstore.NoStream, events(2))
	never := name("account")
	for _, dir := range []eventstore.Direction{eventstore.Forwards, eventstore.Backwards} {
		for _, from := range []eventstore.Revision{0, 1, eventstore.End} {
			if err := f.readError(f.store.ReadStream(f.ctx(), never, from, dir)); !isNotFound(err) {
				f.Fatalf("stream that was never written, from %d, direction %d: %v, want not found", from, dir, err)
			}
		}
	}
}

func readStreamInvalid(f *fixture) {
	s := name("account")
	f.append(s, eventstore.NoStream, events(1))
	for _, err := range []error{
		f.readError(f.store.ReadStream(f.ctx(), "", 0, eventstore.Forwards)),
		f.readError(f.store.ReadStream(f.ctx(), "$all", 0, eventstore.Forwards)),
		f.readError(f.store.ReadStream(f.ctx(), s, eventstore.NoStream, eventstore.Forwards)),
		f.readError(f.store.ReadStream(f.ctx(), s, -2, eventstore.Backwards)),
		f.readError(f.store.ReadStream(f.ctx(), s, 0, eventstore.Direction(7))),
	} {
		if !errors.Is(err, eventstore.ErrInvalid) {
			f.Fatalf("read of wrong form: %v, want invalid", err)
		}
	}
}

// readStreamNamesAreApart: names that begin with one another are streams of
// their own.
func readStreamNamesAreApart(f *fixture) {
	base := name("account")
	names := []string{base, base + "-", base + "-1", base + "-10", base + " ", base + "\x7f", base + "ÿ"}
	want := map[string][]eventstore.Event{}
	for round := range 3 {
		for i, s := range names {
			es := events(1 + (i+round)%3)
			f.append(s, eventstore.Revision(len(want[s])-1), es)
			want[s] = append(want[s], es...)
		}
	}
	for _, s := range names {
		checkStream(f.T, s, 0, want[s], f.stream(s, 0, eventstore.Forwards))
		checkSame(f.T, "backwards", reversed(f.stream(s, 0, eventstore.Forwards)), f.stream(s, eventstore.End, eventstore.Backwards))
	}
}

// readAllAfter reads after every position, those in the middle of an append
// included.
func readAllAfter(f *fixture) {
	if got := f.all(f.base); len(got) != 0 {
		f.Fatalf("%d events after the last", len(got))
	}
	s := name("account")
	es := f.inAppends(s, 12)
	all := f.all(f.base)
	var mine []eventstore.Recorded
	for i, e := range all {
		if i > 0 && !all[i-1].Position.Before(e.Position) {
			f.Fatalf("position %s of event %d is not after %s", e.Position, i, all[i-1].Position)
		}
		if e.Stream == s {
			mine = append(mine, e)
		}
	}
	checkStream(f.T, s, 0, es, mine)
	checkSame(f.T, "stream and log", f.stream(s, 0, eventstore.Forwards), mine)
	for i, e := range all {
		checkSame(f.T, "after "+e.Position.String(), all[i+1:], f.all(e.Position))
	}
	end := all[len(all)-1].Position
	beyond := eventstore.Position{Commit: end.Commit + 1000, Prepare: end.Prepare + 1000}
	if got := f.all(beyond); len(got) != 0 {
		f.Fatalf("%d events after a position beyond the end", len(got))
	}
}

func readAllStopsWhenTold(f *fixture) {
	f.append(name("account"), eventstore.NoStream, events(5))
	seen := 0
	for _, err := range f.store.ReadAll(f.ctx(), f.base) {
		if err != nil {
			f.Fatal(err)
		}
		if seen++; seen == 3 {
			break
		}
	}
	if seen != 3 {
		f.Fatalf("saw %d events, want 3", seen)
	}
}

// readAllSlicesMayBeKept: what was yielded stays as it is.
func readAllSlicesMayBeKept(f *fixture) {
	s := name("account")
	es := events(600)
	for at := 0; at < len(es); at += 100 {
		f.append(s, eventstore.Revision(at-1), es[at:at+100])
	}
	kept := f.all(f.base)
	f.all(f.base)
	f.stream(s, 0, eventstore.Backwards)
	checkStream(f.T, s, 0, es, kept)
	for i, e := range kept {
		if len(e.Data) > 0 && cap(e.Data) > len(e.Data) {
			_ = append(e.Data, '!') // may not reach its neighbour
		}
		kept[i] = e
	}
	checkStream(f.T, s, 0, es, kept)
}

// readAllSeesTheEnd: while the log grows, a reading yields all that was there
// when it began and leaves no gap in what came later.
func readAllSeesTheEnd(f *fixture) {
	const before, during = 5, 20
	s := name("account")
	f.append(s, eventstore.NoStream, events(before))
	var got []eventstore.Recorded
	for e, err := range f.store.ReadAll(f.ctx(), f.base) {
		if err != nil {
			f.Fatal(err)
		}
		if got = append(got, e); len(got) <= during {
			f.append(s, eventstore.Revision(before+len(got)-2), events(1))
		}
	}
	if len(got) < before {
		f.Fatalf("yielded %d events of the %d that were there", len(got), before)
	}
	checkSame(f.T, "reading a growing log", f.all(f.base)[:len(got)], got)
}

// readersMayCallTheStore: the loop's body uses the store.
func readersMayCallTheStore(f *fixture) {
	s, copied := name("account"), name("copy")
	es := events(50)
	f.append(s, eventstore.NoStream, es)
	expected := eventstore.NoStream
	for e, err := range f.store.ReadStream(f.ctx(), s, 0, eventstore.Forwards) {
		if err != nil {
			f.Fatal(err)
		}
		expected = f.append(copied, expected, []eventstore.Event{e.Event}).LastRevision
		if got := f.stream(copied, eventstore.End, eventstore.Backwards); !sameEvent(got[0].Event, e.Event) {
			f.Fatalf("copied %+v, read %+v", e.Event, got[0].Event)
		}
	}
	checkStream(f.T, copied, 0, es, f.stream(copied, 0, eventstore.Forwards))
}

func lastIsTheNewest(f *fixture) {
	for range 3 {
		a := f.append(name("account"), eventstore.NoStream, events(3))
		if got := f.last(); got != a.Position {
			f.Fatalf("Last is %s after an append at %s", got, a.Position)
		}
	}
}
