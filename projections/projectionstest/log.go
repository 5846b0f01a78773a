// Package projectionstest holds histories in memory for the tests of read
// models.
package projectionstest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/projections"
)

// Log is an event log in memory.
type Log struct {
	t testing.TB

	mu      sync.Mutex
	events  []eventstore.Recorded
	next    map[string]eventstore.Revision
	at      time.Time
	changed chan struct{}
	dropped chan struct{}
	drops   int
}

// New returns an empty log; its clock begins at 2026-10-01T00:00:00Z.
func New(t testing.TB) *Log {
	return &Log{
		t: t, next: map[string]eventstore.Revision{}, at: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		changed: make(chan struct{}), dropped: make(chan struct{}),
	}
}

// Append adds events to a stream, each a minute after the one before it.
func (l *Log) Append(stream string, events ...domain.Event) {
	l.t.Helper()
	c := codec.New()
	for _, e := range events {
		data, version, err := c.Encode(nil, e)
		if err != nil {
			l.t.Fatal(err)
		}
		l.AppendRaw(stream, e.EventType(), version, data)
	}
}

// AppendRaw adds an event of any type.
func (l *Log) AppendRaw(stream, eventType string, version int, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = l.at.Add(time.Minute)
	n := uint64(len(l.events) + 1)
	l.events = append(l.events, eventstore.Recorded{
		Event: eventstore.Event{
			ID: uuid.New(), Type: eventType, Data: data,
			Metadata: codec.AppendMetadata(nil, &codec.Metadata{Version: version, OccurredAt: l.at, RecordedAt: l.at, Actor: "test", CommandID: uuid.New()}),
		},
		Stream: stream, Revision: l.next[stream], Position: eventstore.Position{Commit: n, Prepare: n}, Created: l.at,
	})
	l.next[stream]++
	close(l.changed)
	l.changed = make(chan struct{})
}

// Now is when the newest event was recorded.
func (l *Log) Now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at
}

// Cut takes the newest events away, down to n.
func (l *Log) Cut(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = l.events[:n]
}

// Drop ends all subscriptions, and the next n as soon as they are opened.
func (l *Log) Drop(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drops = n
	close(l.dropped)
	l.dropped = make(chan struct{})
}

// Follow opens models on the log in a folder of their own, follows it to its
// end, and closes the engine with the test.
func (l *Log) Follow(models ...projections.Model) *projections.Engine {
	l.t.Helper()
	engine, err := projections.Open(context.Background(), l.t.TempDir(), l.Store(), codec.New(), models, nil, projections.Options{})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = engine.Close() })
	engine.Start()
	if err := engine.CatchUp(context.Background()); err != nil {
		l.t.Fatal(err)
	}
	return engine
}
