package esdbserver_test

import (
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"prepayledger/eventstore"
	"prepayledger/eventstore/esdbserver"
)

// seen is what a subscription has delivered.
type seen struct {
	events      []*esdb.RecordedEvent
	checkpoints []esdb.Position
	caughtUp    int
}

// follow takes messages until enough says so.
func (f *fixture) follow(sub *esdb.Subscription, s *seen, enough func() bool) {
	f.Helper()
	for !enough() {
		m := sub.Recv()
		switch {
		case m.EventAppeared != nil:
			s.events = append(s.events, m.EventAppeared.OriginalEvent())
		case m.CheckPointReached != nil:
			s.checkpoints = append(s.checkpoints, *m.CheckPointReached)
		case m.CaughtUp != nil:
			s.caughtUp++
		case m.SubscriptionDropped != nil:
			f.Fatalf("dropped after %d events: %v", len(s.events), m.SubscriptionDropped.Error)
		}
	}
}

func TestClientSubscribesToAll(t *testing.T) {
	f := start(t, esdbserver.Options{})
	f.store("account-1", eventstore.NoStream, 5)
	all := f.logged()
	sub, err := f.client.SubscribeToAll(f.ctx, esdb.SubscribeToAllOptions{From: esdb.Position{Commit: all[1].Position.Commit, Prepare: all[1].Position.Prepare}})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	var s seen
	f.follow(sub, &s, func() bool { return s.caughtUp == 1 })
	f.same("after the second, exclusive", all[2:], s.events)
	f.store("account-2", eventstore.NoStream, 3)
	f.follow(sub, &s, func() bool { return len(s.events) == 6 })
	f.same("live", f.logged()[2:], s.events)
	if s.caughtUp != 1 {
		t.Fatalf("told %d times that it caught up", s.caughtUp)
	}
}

func TestClientSubscribesFromTheEnd(t *testing.T) {
	f := start(t, esdbserver.Options{})
	f.store("account-1", eventstore.NoStream, 5)
	all, err := f.client.SubscribeToAll(f.ctx, esdb.SubscribeToAllOptions{From: esdb.End{}})
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	one, err := f.client.SubscribeToStream(f.ctx, "account-1", esdb.SubscribeToStreamOptions{From: esdb.End{}})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	f.store("account-2", eventstore.NoStream, 2)
	f.store("account-1", 4, 1)
	var a, b seen
	f.follow(all, &a, func() bool { return len(a.events) == 3 })
	f.same("log", f.logged()[5:], a.events)
	f.follow(one, &b, func() bool { return len(b.events) == 1 })
	f.same("stream", f.logged()[7:], b.events)
}

func TestClientSubscribesToStream(t *testing.T) {
	f := start(t, esdbserver.Options{})
	f.store("account-1", eventstore.NoStream, 4)
	f.store("account-2", eventstore.NoStream, 4)
	var s, later seen
	sub, err := f.client.SubscribeToStream(f.ctx, "account-1", esdb.SubscribeToStreamOptions{From: esdb.Revision(1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	unborn, err := f.client.SubscribeToStream(f.ctx, "account-3", esdb.SubscribeToStreamOptions{From: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	defer unborn.Close()
	f.follow(sub, &s, func() bool { return s.caughtUp == 1 })
	f.same("after revision 1, exclusive", f.logged()[2:4], s.events)
	f.store("account-3", eventstore.NoStream, 2)
	f.store("account-1", 3, 2)
	f.follow(sub, &s, func() bool { return len(s.events) == 4 })
	f.same("live", f.logged()[10:], s.events[2:])
	f.follow(unborn, &later, func() bool { return len(later.events) == 2 })
	f.same("a stream that came later", f.logged()[8:10], later.events)
}

func TestClientFilters(t *testing.T) {
	f := start(t, esdbserver.Options{})
	f.store("account-1", eventstore.NoStream, 10)
	f.store("number-1", eventstore.NoStream, 10)
	f.store("account-2", eventstore.NoStream, 10)
	tests := []struct {
		name   string
		filter esdb.SubscriptionFilter
		keep   func(e eventstore.Recorded) bool
	}{
		{"stream prefix", esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"nobody-", "account-"}},
			func(e eventstore.Recorded) bool { return strings.HasPrefix(e.Stream, "account-") }},
		{"stream regex", esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Regex: "-1$"},
			func(e eventstore.Recorded) bool { return strings.HasSuffix(e.Stream, "-1") }},
		{"type prefix", esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: []string{"B"}},
			func(e eventstore.Recorded) bool { return e.Type == "B" }},
		{"type regex", esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: "^[^B]$"},
			func(e eventstore.Recorded) bool { return e.Type == "A" }},
		{"nothing", esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: []string{"C"}},
			func(eventstore.Recorded) bool { return false }},
		{"system events left out", *esdb.ExcludeSystemEventsFilter(),
			func(eventstore.Recorded) bool { return true }},
	}
	for _, tt := range tests {
		var want []eventstore.Recorded
		for _, e := range f.logged() {
			if tt.keep(e) {
				want = append(want, e)
			}
		}
		sub, err := f.client.SubscribeToAll(f.ctx, esdb.SubscribeToAllOptions{
			From: esdb.Start{}, Filter: &tt.filter, MaxSearchWindow: 4, CheckpointInterval: 2})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var s seen
		// Every 8 of the 30, and where it caught up.
		f.follow(sub, &s, func() bool { return s.caughtUp == 1 && len(s.checkpoints) == 4 })
		f.same(tt.name, want, s.events)
		for i, at := range []uint64{8, 16, 24, 30} {
			if s.checkpoints[i].Commit != f.logged()[at-1].Position.Commit {
				t.Fatalf("%s: checkpoint %d at %+v, want at event %d", tt.name, i, s.checkpoints[i], at)
			}
		}
		sub.Close()
	}
	bad := esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: "(?=lookahead)"}
	if _, err := f.client.SubscribeToAll(f.ctx, esdb.SubscribeToAllOptions{From: esdb.Start{}, Filter: &bad}); err == nil || !strings.Contains(err.Error(), "RE2") {
		t.Fatalf("a filter that cannot be read: %v", err)
	}
}
