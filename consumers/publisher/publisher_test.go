package publisher

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
	"prepayledger/domain"
)

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// TestMessage has the headers that consumers rely on.
func TestMessage(t *testing.T) {
	l := sampleLog(t, 7)
	c := changesOf(t, l.Store())[6]
	m := message(&c, "ledger")
	want := map[string]string{
		"ce-id": c.ID.String(), "ce-source": "ledger", "ce-type": "ConversationCharged", "ce-specversion": "1.0", "ce-subject": "account-PA-0",
		"ce-time": "2026-10-01T00:07:00Z", "ce-datacontenttype": "application/json", "Nats-Msg-Id": c.ID.String(),
		natsbus.RevisionHeader: "2", natsbus.PositionHeader: "7/7", natsbus.BalanceHeader: "499.875", natsbus.VersionHeader: "2",
	}
	for key, value := range want {
		if got := m.Header[key]; len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q, want %q", key, got, value)
		}
	}
	if len(m.Header) != len(want) {
		t.Errorf("headers %v", m.Header)
	}
	if m.Subject != "prepay.events.account.PA-0.ConversationCharged" || string(m.Data) != string(c.Data) {
		t.Errorf("subject %s, data %s", m.Subject, m.Data)
	}
}

// TestDeliver publishes each event once, however often and in whatever parts
// it is delivered, and by new publishers.
func TestDeliver(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 3000).Store()
	changes := changesOf(t, store)
	first := b.publisher(t, store)
	for _, part := range [][2]int{{0, 1}, {0, 10}, {5, 2200}, {0, 2200}, {2200, 2201}, {2100, 2500}} {
		if err := first.Deliver(t.Context(), changes[part[0]:part[1]]); err != nil {
			t.Fatal(err)
		}
	}
	b.deliver(t, store, changes[100:2600])
	b.deliver(t, store, changes)
	b.deliver(t, store, changes)
	b.deliver(t, store, nil)
	check(t, b.js, store)
}

// TestStreamsOfNoAccount are published too, without a balance.
func TestStreamsOfNoAccount(t *testing.T) {
	b := newBus(t, longOptions)
	l := sampleLog(t, 3)
	l.Append("quarantine-unassigned", &domain.QuarantineReleased{ChargeID: "x"})
	changes := changesOf(t, l.Store())
	b.deliver(t, l.Store(), changes)
	check(t, b.js, l.Store())
	if _, has := message(&changes[3], "").Header[natsbus.BalanceHeader]; has {
		t.Error("an event of no account has a balance")
	}
}

// TestTwoPublishers at a time, as for a moment at a fail-over, store each event
// once.
func TestTwoPublishers(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 2000).Store()
	changes := changesOf(t, store)
	done := make(chan error)
	for range 2 {
		p := b.publisher(t, store)
		go func() {
			var err error
			for i := 0; i < len(changes); i += 100 {
				for err = p.Deliver(t.Context(), changes[i:i+100]); err != nil && t.Context().Err() == nil; {
					err = p.Deliver(t.Context(), changes[i:i+100])
				}
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	check(t, b.js, store)
}

// TestLateMessage: what was sent before a crash and comes when the stream has
// moved on is refused, also when its id is forgotten or was never known.
func TestLateMessage(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 10).Store()
	changes := changesOf(t, store)
	b.deliver(t, store, changes)
	late := message(&changes[4], DefaultSource)
	late.Header.Set(jetstream.ExpectedLastSeqHeader, "4")
	late.Header.Del(jetstream.MsgIDHeader)
	if _, err := b.js.PublishMsg(t.Context(), late); err == nil {
		t.Fatal("a late message was stored")
	}
	check(t, b.js, store)
}

// TestGap refuses to publish with a hole before, and stays quiet without one.
func TestGap(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 10).Store()
	changes := changesOf(t, store)
	b.halts(t, store, changes[1:]) // a new stream begins with the log
	b.deliver(t, store, changes[:5])
	b.halts(t, store, changes[6:])
	b.deliver(t, store, changes[5:])
	check(t, b.js, store)
}

// TestForeign halts at a message of somebody else.
func TestForeign(t *testing.T) {
	b := newBus(t, longOptions)
	store := sampleLog(t, 10).Store()
	changes := changesOf(t, store)
	p := b.publisher(t, store)
	if err := p.Deliver(t.Context(), changes[:5]); err != nil {
		t.Fatal(err)
	}
	b.raw(t, &nats.Msg{Subject: natsbus.EventsPrefix + "account.PA-0.ConversationCharged", Data: []byte("{}")})
	if err := p.Deliver(t.Context(), changes[5:]); !contains(err, "not of this ledger") {
		t.Fatalf("got %v", err)
	}
	b.halts(t, store, changes[5:])
	stream, err := natsbus.CurrentEvents(t.Context(), b.js)
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.LastSeq; n != 6 {
		t.Fatalf("the stream goes on to %d behind a foreign message", n)
	}
}

// TestLogBehindStream halts where the log was set back.
func TestLogBehindStream(t *testing.T) {
	b := newBus(t, longOptions)
	l := sampleLog(t, 10)
	changes := changesOf(t, l.Store())
	b.deliver(t, l.Store(), changes)
	l.Cut(8)
	b.halts(t, l.Store(), changes[:8])
}

// TestAgedStream goes on where the stream has let all its messages go for
// their age, and halts where they went otherwise.
func TestAgedStream(t *testing.T) {
	l := sampleLog(t, 10)
	b := newBus(t, natsbus.StreamOptions{MaxAge: 200 * time.Millisecond})
	changes := changesOf(t, l.Store())
	b.deliver(t, l.Store(), changes[:6])
	stream, err := natsbus.CurrentEvents(t.Context(), b.js)
	if err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(waitLimit)
	for stream.CachedInfo().State.Msgs > 0 {
		if _, err := stream.Info(t.Context()); err != nil || time.Now().After(limit) {
			t.Fatal("the stream keeps its messages", err)
		}
	}
	lost := *stream.CachedInfo()
	lost.Config.MaxAge = 0
	if _, err := aged(t.Context(), l.Store(), &lost); !contains(err, "not too old") {
		t.Fatalf("got %v", err)
	}
	b.halts(t, l.Store(), changes[7:])
	b.deliver(t, l.Store(), changes[4:])
	if info, err := stream.Info(t.Context()); err != nil || info.State.LastSeq != 10 {
		t.Fatalf("the stream ends with %d, want 10 (%v)", info.State.LastSeq, err)
	}
}
