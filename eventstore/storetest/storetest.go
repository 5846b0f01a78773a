// Package storetest is the conformance suite of the event store contract:
// every driver passes all of it. It asks what package eventstore promises and
// nothing more, so that a driver is free in what the contract leaves open.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"prepayledger/eventstore"
)

// patience is how long a test waits for what must happen (time).
const patience = 30 * time.Second

// Factory makes one log for a test.
type Factory func(t *testing.T) Log

// Log is a log under test. It may hold events of others from before, but
// nobody else writes while the test runs.
type Log struct {
	// Open opens the log. It is called again only after the store that it
	// returned before was closed, and then shows the same events.
	Open func(t *testing.T) eventstore.Store
	// Volatile says that the log is lost with Close: the tests that open it
	// again are left out of the run.
	Volatile bool
}

// Run runs the whole suite. Each test gets a log of its own from factory.
func Run(t *testing.T, factory Factory) {
	tests := []struct {
		name  string
		test  func(*fixture)
		again bool // opens the log a second time
	}{
		{"AppendAnswersPlace", appendAnswersPlace, false},
		{"AppendKeepsEverything", appendKeepsEverything, false},
		{"AppendExpectsRevision", appendExpectsRevision, false},
		{"AppendRepeated", appendRepeated, false},
		{"AppendRepeatedInParts", appendRepeatedInParts, false},
		{"AppendLikeAStoredOneIsRefused", appendLikeAStoredOne, false},
		{"AppendLimits", appendLimits, false},
		{"AppendDoesNotKeepSlices", appendDoesNotKeepSlices, false},
		{"ReadStreamForwards", readStreamForwards, false},
		{"ReadStreamBackwards", readStreamBackwards, false},
		{"ReadStreamNotFound", readStreamNotFound, false},
		{"ReadStreamInvalid", readStreamInvalid, false},
		{"ReadStreamNamesAreApart", readStreamNamesAreApart, false},
		{"ReadAllAfter", readAllAfter, false},
		{"ReadAllStopsWhenTold", readAllStopsWhenTold, false},
		{"ReadAllSlicesMayBeKept", readAllSlicesMayBeKept, false},
		{"ReadAllSeesTheEndThatItReaches", readAllSeesTheEnd, false},
		{"ReadersMayCallTheStore", readersMayCallTheStore, false},
		{"LastIsTheNewest", lastIsTheNewest, false},
		{"SubscribeCatchesUpAndFollows", subscribeFollows, false},
		{"SubscribeInTheMiddleOfAnAppend", subscribeInTheMiddle, false},
		{"SubscribeCancelled", subscribeCancelled, false},
		{"SubscribeCloseUnblocksNext", subscribeCloseUnblocks, false},
		{"SubscribeStoreCloseUnblocksNext", subscribeStoreCloseUnblocks, false},
		{"SubscribeSeveral", subscribeSeveral, false},
		{"WritersOfOneStream", writersOfOneStream, false},
		{"WritersOfManyStreams", writersOfManyStreams, false},
		{"WritersRepeatAtOnce", writersRepeatAtOnce, false},
		{"ContextCancelled", contextCancelled, false},
		{"ContextCancelledDuringAppends", contextCancelledDuring, false},
		{"CloseEndsEverything", closeEndsEverything, false},
		{"CloseDuringAppends", closeDuringAppends, true},
		{"ReopenKeepsEverything", reopenKeepsEverything, true},
		{"Model", modelled, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			leaks := goleak.IgnoreCurrent()
			log := factory(t)
			f := &fixture{T: t, log: log}
			f.open()
			if !tt.again || !log.Volatile {
				tt.test(f)
			}
			f.close()
			goleak.VerifyNone(t, leaks)
		})
	}
}

// fixture is a test with its store.
type fixture struct {
	*testing.T
	log   Log
	store eventstore.Store
	// base is where the log ended when the test began.
	base eventstore.Position
}

func (f *fixture) open() {
	f.Helper()
	f.store = f.log.Open(f.T)
	f.base = f.last()
}

// reopen closes the store and opens the log again; base stays.
func (f *fixture) reopen() {
	f.Helper()
	f.close()
	f.store = f.log.Open(f.T)
}

func (f *fixture) close() {
	f.Helper()
	if err := f.store.Close(); err != nil {
		f.Fatalf("Close: %v", err)
	}
}

// ctx bounds one call of a test.
func (f *fixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	f.Cleanup(cancel)
	return ctx
}

func (f *fixture) last() eventstore.Position {
	f.Helper()
	p, err := f.store.Last(f.ctx())
	if err != nil {
		f.Fatalf("Last: %v", err)
	}
	return p
}

// append stores events where they must be accepted.
func (f *fixture) append(stream string, expected eventstore.Revision, events []eventstore.Event) eventstore.Appended {
	f.Helper()
	a, err := f.store.Append(f.ctx(), stream, expected, events)
	if err != nil {
		f.Fatalf("Append of %d events to %s after %d: %v", len(events), stream, expected, err)
	}
	return a
}

// refused appends where it must be refused with want.
func (f *fixture) refused(want error, stream string, expected eventstore.Revision, events []eventstore.Event) {
	f.Helper()
	if a, err := f.store.Append(f.ctx(), stream, expected, events); !errors.Is(err, want) {
		f.Fatalf("Append to %.40q after %d = %+v, %v, want error %q", stream, expected, a, err, want)
	}
}

// conflict appends where the stream must be said to end at actual.
func (f *fixture) conflict(actual eventstore.Revision, stream string, expected eventstore.Revision, events []eventstore.Event) {
	f.Helper()
	_, err := f.store.Append(f.ctx(), stream, expected, events)
	checkConflict(f.T, err, stream, expected, actual)
}

func checkConflict(t *testing.T, err error, stream string, expected, actual eventstore.Revision) {
	t.Helper()
	var wrong *eventstore.WrongRevisionError
	if !errors.As(err, &wrong) || !errors.Is(err, eventstore.ErrWrongRevision) {
		t.Fatalf("Append to %s after %d: error %v, want a wrong revision", stream, expected, err)
	}
	if wrong.Stream != stream || wrong.Expected != expected || wrong.Actual != actual {
		t.Fatalf("Append to %s after %d: %+v, want actual %d", stream, expected, *wrong, actual)
	}
}

// stream reads a stream from revision from.
func (f *fixture) stream(stream string, from eventstore.Revision, dir eventstore.Direction) []eventstore.Recorded {
	f.Helper()
	got, err := collect(f.store.ReadStream(f.ctx(), stream, from, dir))
	if err != nil {
		f.Fatalf("ReadStream(%s, %d, %d): %v", stream, from, dir, err)
	}
	return got
}

// all reads the log after a position.
func (f *fixture) all(after eventstore.Position) []eventstore.Recorded {
	f.Helper()
	got, err := collect(f.store.ReadAll(f.ctx(), after))
	if err != nil {
		f.Fatalf("ReadAll(%s): %v", after, err)
	}
	return got
}

// collect reads to the end; the error is that of the last item.
func collect(seq iter.Seq2[eventstore.Recorded, error]) ([]eventstore.Recorded, error) {
	var got []eventstore.Recorded
	for e, err := range seq {
		if err != nil {
			return got, err
		}
		got = append(got, e)
	}
	return got, nil
}

// readError is the error that a read must end with, once and at its end.
func (f *fixture) readError(seq iter.Seq2[eventstore.Recorded, error]) error {
	f.Helper()
	var failed error
	items := 0
	for _, err := range seq {
		items++
		if failed != nil {
			f.Fatalf("the read went on after error %v", failed)
		}
		failed = err
	}
	if items != 1 {
		f.Fatalf("the read yielded %d items, want the error alone", items)
	}
	return failed
}

// name is a stream name that nobody used before.
func name(what string) string { return what + "-" + uuid.NewString() }

// events makes n events of about 250 bytes.
func events(n int) []eventstore.Event {
	es := make([]eventstore.Event, n)
	for i := range es {
		id := uuid.New()
		es[i] = eventstore.Event{
			ID:       id,
			Type:     fmt.Sprintf("Type%d", i%3),
			Data:     fmt.Appendf(nil, `{"charge":%q,"amount":"0.%04d","place":%d}`, id, i%10000, i),
			Metadata: fmt.Appendf(nil, `{"actor":"test","command":%q,"correlation":%q}`, uuid.New(), uuid.New()),
		}
	}
	return es
}
