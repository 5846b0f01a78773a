package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"prepayledger/consumers/history"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/outbound"
	"prepayledger/consumers/publisher"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/projections"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a log, a NATS server, a publisher and a server of history.
type world struct {
	t     *testing.T
	store *embedded.Store
	bus   *natsbus.Server
	next  map[string]eventstore.Revision
	codec *codec.Codec
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{t: t, store: store, bus: natsbustest.Start(t), next: map[string]eventstore.Revision{}, codec: codec.New()}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	server := history.NewServer(natsbustest.Connect(t, w.bus), store, nil)
	go func() { done <- server.Run(ctx) }()
	<-server.Ready()
	t.Cleanup(func() {
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// publish publishes what the log gets, until the returned function is called.
func (w *world) publish() func() {
	w.t.Helper()
	out, err := publisher.New(natsbustest.Connect(w.t, w.bus), w.store, publisher.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	carrier, err := outbound.Open(w.t.TempDir(), []outbound.Output{out}, outbound.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	engine, err := projections.Open(w.t.Context(), w.t.TempDir(), w.store, w.codec, nil, []projections.Sink{carrier}, projections.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	engine.Start()
	return func() {
		if err := errors.Join(engine.Close(), carrier.Close()); err != nil {
			w.t.Error(err)
		}
	}
}

// append adds charges to an account.
func (w *world) append(partner string, n int) {
	w.t.Helper()
	stream := "account-" + partner
	expected, ok := w.next[stream]
	if !ok {
		expected = eventstore.NoStream
	}
	var batch []eventstore.Event
	for i := range n {
		var e domain.Event = &domain.ConversationCharged{ChargeID: fmt.Sprint(expected, "-", i), Amount: money.MustParse("0.01"), Currency: "USD", Month: "2026-10"}
		if expected == eventstore.NoStream && i == 0 {
			e = &domain.AccountOpened{PartnerID: partner, Currency: "USD", CarriedOver: money.FromInt(500)}
		}
		data, version, err := w.codec.Encode(nil, e)
		if err != nil {
			w.t.Fatal(err)
		}
		m := codec.AppendMetadata(nil, &codec.Metadata{Version: version, OccurredAt: time.Unix(1793534473, 0).UTC(), RecordedAt: time.Unix(1793534474, 0).UTC(), Actor: "test", CommandID: uuid.New()})
		batch = append(batch, eventstore.Event{ID: uuid.New(), Type: e.EventType(), Data: data, Metadata: m})
	}
	at, err := w.store.Append(w.t.Context(), stream, expected, batch)
	if err != nil {
		w.t.Fatal(err)
	}
	w.next[stream] = at.LastRevision
}

var errEnough = errors.New("enough")

// TestHistory: a stream longer than several pages comes whole, in order and as
// it stands in the log; one that does not exist gives nothing.
func TestHistory(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.append("PA-1", history.MaxEvents-7)
	}
	nc := natsbustest.ConnectAs(t, w.bus, natsbus.RoleSubscriber)
	var got []history.Event
	if err := history.Follow(t.Context(), nc, "account-PA-1", 0, false, func(e history.Event) error { got = append(got, e); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3*(history.MaxEvents-7) {
		t.Fatalf("%d events", len(got))
	}
	i := 0
	for r, err := range w.store.ReadStream(t.Context(), "account-PA-1", 0, eventstore.Forwards) {
		if err != nil {
			t.Fatal(err)
		}
		if e := got[i]; e.ID != r.ID.String() || e.Revision != r.Revision || e.Type != r.Type || string(e.Data) != string(r.Data) || e.Position != r.Position.String() {
			t.Fatalf("event %d: %+v, in the log %+v", i, e, r)
		}
		i++
	}
	if err := history.Follow(t.Context(), nc, "account-PA-1", 1400, false, func(e history.Event) error { i = int(e.Revision); return errEnough }); !errors.Is(err, errEnough) || i != 1400 {
		t.Errorf("from 1400: %v, %d", err, i)
	}
	if err := history.Follow(t.Context(), nc, "account-PA-9", 0, false, func(history.Event) error { return errEnough }); err != nil {
		t.Errorf("of nobody: %v", err)
	}
}

// TestLive: history and NATS join without a gap or a repeat, also where NATS
// lost what the subscriber needs.
func TestLive(t *testing.T) {
	w := newWorld(t)
	w.append("PA-1", 700)
	w.append("PA-2", 5)
	stop := w.publish()
	nc := natsbustest.ConnectAs(t, w.bus, natsbus.RoleSubscriber)
	const want = 1_500
	var seen atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- history.Follow(ctx, nc, "account-PA-1", 0, true, func(e history.Event) error {
			if n := seen.Add(1); int64(e.Revision) != n-1 {
				return fmt.Errorf("revision %d is number %d", e.Revision, n)
			} else if n == want {
				return errEnough
			}
			return nil
		})
	}()
	for range 4 {
		w.append("PA-1", 100)
		w.append("PA-2", 3)
	}
	stop()
	// The newest part of the stream is lost while the subscriber follows it.
	js, err := jetstream.New(natsbustest.Connect(t, w.bus))
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), natsbus.EventsStream); err != nil {
		t.Fatal(err)
	}
	if err := natsbus.EnsureStreams(t.Context(), js, natsbus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	defer w.publish()()
	for range 4 {
		w.append("PA-1", 100)
	}
	if err := <-done; !errors.Is(err, errEnough) {
		t.Errorf("after %d events: %v", seen.Load(), err)
	}
}

// TestLiveAfterRepair: a subscriber follows the events to the stream that a
// repair puts in the place of the one it reads.
func TestLiveAfterRepair(t *testing.T) {
	w := newWorld(t)
	w.append("PA-1", 3)
	defer w.publish()()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := make(chan eventstore.Revision, 10)
	done := make(chan error, 1)
	nc := natsbustest.ConnectAs(t, w.bus, natsbus.RoleSubscriber)
	go func() {
		done <- history.Follow(ctx, nc, "account-PA-1", 0, true, func(e history.Event) error {
			seen <- e.Revision
			return nil
		})
	}()
	expect := func(want eventstore.Revision) {
		t.Helper()
		select {
		case got := <-seen:
			if got != want {
				t.Fatalf("revision %d came, not %d", got, want)
			}
		case err := <-done:
			t.Fatal(err)
		}
	}
	for want := range eventstore.Revision(3) {
		expect(want)
	}
	w.append("PA-1", 1) // comes from NATS: the stream is being read
	expect(3)
	if _, err := publisher.Repair(ctx, natsbustest.Connect(t, w.bus), w.store, publisher.RepairOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	w.append("PA-1", 2)
	expect(4)
	expect(5)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

// TestRefused says what a request lacks.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	nc := natsbustest.ConnectAs(t, w.bus, natsbus.RoleSubscriber)
	for _, request := range []string{"", "{", `{"from_revision":0}`, `{"stream":"account-PA-1","from_revision":-1}`, `{"stream":"` + strings.Repeat("x", 5000) + `"}`} {
		m, err := nc.Request(natsbus.HistorySubject, []byte(request), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(m.Data), `"invalid_request"`) {
			t.Errorf("%.40q: %s", request, m.Data)
		}
	}
	var refused *history.RefusedError
	if err := history.Follow(t.Context(), nc, "", 0, false, nil); !errors.As(err, &refused) || refused.Code != "invalid_request" {
		t.Errorf("got %v", err)
	}
}
