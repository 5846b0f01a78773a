package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/outbound"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/projections"
	"prepayledger/projections/projectionstest"
)

// TestMain is the tests, a NATS server's process, or a publisher's.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		go func() { // ends with the test, whatever happens to that
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(2)
		}()
		if err := publishAll(dir, os.Getenv(childNATS), os.Getenv(childURL)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(natsbustest.Main(m))
}

// The environment of a publisher's process: its data, and where NATS is.
const (
	childDir  = "PREPAY_TEST_PUBLISHER_DIR"
	childNATS = "PREPAY_TEST_PUBLISHER_NATS_DIR"
	childURL  = "PREPAY_TEST_PUBLISHER_URL"
)

// waitLimit bounds what a test waits for.
const waitLimit = 30 * time.Second

// publishAll is what a publisher's process does: it follows the log, publishes
// it and ends where the log ends.
func publishAll(dir, natsDir, url string) error {
	ctx := context.Background()
	password, err := natsbus.ReadPassword(natsDir, natsbus.RolePrepay)
	if err != nil {
		return err
	}
	nc, err := natsbus.Connect(ctx, natsbus.ConnectOptions{URL: url, User: string(natsbus.RolePrepay), Password: password})
	if err != nil {
		return err
	}
	defer nc.Close()
	store, err := embedded.Open(filepath.Join(dir, "log"), embedded.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	p, err := New(nc, store, Options{})
	if err != nil {
		return err
	}
	// What a killed server had not written yet is given again from a checkpoint
	// that is old enough.
	for {
		err := carry(ctx, dir, store, p)
		if !errors.Is(err, outbound.ErrBehind) {
			return err
		}
	}
}

// carry carries the log to the publisher, from the checkpoint to the log's end.
func carry(ctx context.Context, dir string, store eventstore.Store, p *Publisher) error {
	out, err := outbound.Open(filepath.Join(dir, "outbound"), []outbound.Output{p}, outbound.Options{Settle: 3 * natsbus.SyncInterval})
	if err != nil {
		return err
	}
	defer out.Close()
	engine, err := projections.Open(ctx, filepath.Join(dir, "models"), store, codec.New(), nil, []projections.Sink{out}, projections.Options{Linger: time.Millisecond})
	if err != nil {
		return err
	}
	defer engine.Close()
	engine.Start()
	return engine.CatchUp(ctx)
}

// sampleEvents are n events of an account: its opening, and charges.
func sampleEvents(partner string, n int) []domain.Event {
	events := []domain.Event{&domain.AccountOpened{
		PartnerID: partner, Currency: "EUR", CarriedOver: money.MustParse("500"), Card: "sim_ok", OpenedAt: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC),
		Contract: domain.Contract{MinimumOpening: money.MustParse("500"), SurchargePercent: money.MustParse("4"), GraceDays: 7, UnblockPolicy: domain.UnblockByFinance},
	}}
	for i := 1; i < n; i++ {
		events = append(events, &domain.ConversationCharged{
			ChargeID: fmt.Sprintf("%s-%06d", partner, i), ChannelID: "CH-1", WABAID: "102290000000000", Market: "Brazil", Country: "BR", Category: "marketing",
			Month: "2026-10", Amount: money.MustParse("0.0625"), Currency: "EUR", PricingType: domain.PricingTypeRegular,
		})
	}
	return events
}

// sampleLog is a log in memory with n events of three accounts by turns.
func sampleLog(t testing.TB, n int) *projectionstest.Log {
	l := projectionstest.New(t)
	var accounts [3][]domain.Event
	for i := range accounts {
		accounts[i] = sampleEvents(fmt.Sprintf("PA-%d", i), n)
	}
	for i := range n {
		a := i % len(accounts)
		l.Append(fmt.Sprintf("account-PA-%d", a), accounts[a][i/len(accounts)])
	}
	return l
}

// fillStore appends n events of three accounts to a store on disk.
func fillStore(t testing.TB, store eventstore.Store, n int) {
	t.Helper()
	c := codec.New()
	const chunk = 500
	for a := range 3 {
		stream := fmt.Sprintf("account-PA-%d", a)
		events := sampleEvents(fmt.Sprintf("PA-%d", a), (n+2-a)/3)
		expected := eventstore.NoStream
		for len(events) > 0 {
			part := events[:min(chunk, len(events))]
			events = events[len(part):]
			var list []eventstore.Event
			for _, e := range part {
				data, version, err := c.Encode(nil, e)
				if err != nil {
					t.Fatal(err)
				}
				now := time.Now()
				list = append(list, eventstore.Event{
					ID: uuid.New(), Type: e.EventType(), Data: data,
					Metadata: codec.AppendMetadata(nil, &codec.Metadata{Version: version, OccurredAt: now, RecordedAt: now, Actor: "test", CommandID: uuid.New()}),
				})
			}
			got, err := store.Append(t.Context(), stream, expected, list)
			if err != nil {
				t.Fatal(err)
			}
			expected = got.LastRevision
		}
	}
}

// changesOf are a log's events as outbound delivers them.
func changesOf(t testing.TB, store eventstore.Store) []outbound.Change {
	t.Helper()
	var list []outbound.Change
	err := newWalker(store).each(t.Context(), func(c *outbound.Change, _ uint64) (bool, error) {
		list = append(list, *c)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// longOptions keep everything: the samples were recorded long ago.
var longOptions = natsbus.StreamOptions{MaxAge: 100 * 365 * 24 * time.Hour}

// bus is a server with a connection.
type bus struct {
	nc *nats.Conn
	js jetstream.JetStream
}

func newBus(t testing.TB, o natsbus.StreamOptions) bus {
	t.Helper()
	nc := natsbustest.Connect(t, natsbustest.StartIn(t, t.TempDir()))
	b := bus{nc, natsbustest.JetStream(t, nc)}
	if err := natsbus.EnsureStreams(t.Context(), b.js, o); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b bus) publisher(t testing.TB, store eventstore.Store) *Publisher {
	t.Helper()
	p, err := New(b.nc, store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (b bus) deliver(t testing.TB, store eventstore.Store, changes []outbound.Change) {
	t.Helper()
	if err := b.publisher(t, store).Deliver(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
}

// halts wants a delivery to be refused for good with a sentence.
func (b bus) halts(t testing.TB, store eventstore.Store, changes []outbound.Change) {
	t.Helper()
	err := b.publisher(t, store).Deliver(t.Context(), changes)
	if !errors.Is(err, outbound.ErrHalt) || !contains(err, "prepay nats repair") {
		t.Fatalf("got %v, want a halt that names the repair", err)
	}
}

// raw publishes a message past the publisher.
func (b bus) raw(t testing.TB, m *nats.Msg) {
	t.Helper()
	if _, err := b.js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// check reads the current generation to its end as any consumer does: each
// event of the log from the first one there on, once, in order.
func check(t testing.TB, js jetstream.JetStream, store eventstore.Store) {
	t.Helper()
	stream, err := natsbus.CurrentEvents(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	info := stream.CachedInfo()
	m, err := readStream(t.Context(), stream, info)
	if err != nil {
		t.Fatal(err)
	}
	defer m.stop()
	revisions := map[string]string{}
	ordinal, seen := uint64(0), uint64(0)
	for r, err := range store.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		if ordinal++; ordinal < max(info.Config.FirstSeq, 1) {
			continue
		}
		if m.head == nil {
			t.Fatalf("the stream ends before event %d", ordinal)
		}
		h := m.head.header
		if m.head.sequence != ordinal || h.Get(jetstream.MsgIDHeader) != r.ID.String() || h.Get(natsbus.PositionHeader) != r.Position.String() || string(m.head.data) != string(r.Data) {
			t.Fatalf("message %d is %v, want event %d, %s of %s", m.head.sequence, h, ordinal, r.ID, r.Stream)
		}
		if want := fmt.Sprint(r.Revision); h.Get(natsbus.RevisionHeader) != want || revisions[r.Stream] == want {
			t.Fatalf("message %d has revision %s, want %s", m.head.sequence, h.Get(natsbus.RevisionHeader), want)
		}
		revisions[r.Stream] = fmt.Sprint(r.Revision)
		seen++
		if err := m.next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if m.head != nil {
		t.Fatalf("the stream goes on after the log's end with message %d", m.head.sequence)
	}
	if seen == 0 {
		t.Fatal("nothing was compared")
	}
}
