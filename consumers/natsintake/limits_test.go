package natsintake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/natsintake"
	"prepayledger/domain"
)

func TestMain(m *testing.M) { os.Exit(natsbustest.Main(m)) }

// TestAHangingDiskFetchesNoMoreThanTheWindow publishes much more than the
// intake may hold while the disk hangs, and looks at how much it took.
func TestAHangingDiskFetchesNoMoreThanTheWindow(t *testing.T) {
	b, g := newGated(t)
	open := g.shut()
	message := lines(t, intaketest.Workload{Charges: 2500, Accounts: 1, Seed: 7})
	const messages = 120
	// What is in the client's buffer, in flights, and decoded for the next.
	most := natsintake.MaxPrefetchBytes/len(message) + natsintake.MaxFlights*natsintake.MaxFlightCharges/2500 + 4
	if most >= messages {
		t.Fatalf("%d messages are within the window of %d, this test proves nothing", messages, most)
	}
	for range messages {
		b.publish(message, nil)
	}
	b.run()
	<-g.waiting
	consumer, err := b.js.Consumer(t.Context(), natsbus.UsageStream, natsintake.UsageConsumer)
	if err != nil {
		t.Fatal(err)
	}
	// The window is full once nothing more was taken for a while.
	taken, same := 0, 0
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for same < 50 {
		<-tick.C
		info, err := consumer.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.NumAckPending > taken {
			taken, same = info.NumAckPending, 0
			continue
		}
		same++
	}
	if taken == 0 || taken > most {
		t.Errorf("%d messages of %d bytes were taken, the window holds %d", taken, len(message), most)
	}
	open()
	b.empty()
	if got := b.events()[domain.TypeConversationCharged]; got != 2500 {
		t.Errorf("%d charges on disk, want 2500", got)
	}
}

// TestAFullQueueRefusesTheSender fills the work queue while nobody takes.
func TestAFullQueueRefusesTheSender(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	const limit = 1 << 20
	if err := natsbus.EnsureStreams(t.Context(), b.js, natsbus.StreamOptions{MaxUsageBytes: limit}); err != nil {
		t.Fatal(err)
	}
	message := lines(t, intaketest.Workload{Charges: 300, Accounts: 1, Seed: 8})
	accepted := 0
	var refused error
	for accepted*len(message) <= limit {
		if _, refused = b.publisher.Publish(t.Context(), natsbus.UsageSubject, append(message, fmt.Sprintf("no charge %d\n", accepted)...)); refused != nil {
			break
		}
		accepted++
	}
	var api *jetstream.APIError
	if !errors.As(refused, &api) || accepted == 0 {
		t.Fatalf("%d messages accepted, then %v; want a refusal by JetStream", accepted, refused)
	}
	b.run()
	b.empty()
	b.publish([]byte(charge("m-1", priced)), nil) // there is room again
	b.empty()
	events := b.events()
	if events[domain.TypeConversationCharged] != 301 || events[domain.TypeChargeQuarantined] != accepted {
		t.Errorf("events %v, want 301 charges and one entry for each of %d messages", events, accepted)
	}
}

// TestTheServerIsKilled kills the NATS server while batches are worked, and
// starts it again: everything that it had accepted is charged once.
func TestTheServerIsKilled(t *testing.T) {
	b := newBench(t, options{accounts: 3})
	p := natsbustest.StartProcess(t, t.TempDir())
	connect := func() (*nats.Conn, jetstream.JetStream) {
		nc := p.Connect()
		return nc, natsbustest.JetStream(t, nc)
	}
	nc, js := connect()
	if err := natsbus.EnsureStreams(t.Context(), js, natsbus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	b.nc, b.publisher, b.js = nc, js, js
	batch := lines(t, intaketest.Workload{Charges: 12_000, Accounts: 3, Seed: 11})
	parts := bytes.SplitAfter(batch, []byte("\n"))
	const each = 100
	for i := 0; i < len(parts)-1; i += each {
		b.publish(bytes.Join(parts[i:min(i+each, len(parts))], nil), nil)
	}
	own, ownJS := connect()
	in := natsintake.New(own, ownJS, b.ledger, natsintake.Options{Observer: b.seen, RetryDelay: quickly, AckWait: time.Second})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	for kill := 1; kill <= 3; kill++ {
		b.seen.wait(t, "acknowledged", 10*kill)
		p.Kill()
		p.Restart()
	}
	b.empty()
	if got := b.events()[domain.TypeConversationCharged]; got != 12_000 {
		t.Errorf("%d charges on disk, want 12000", got)
	}
	if reply := b.ask(natsbus.ChargeSubject, charge("m-1", priced)); reply["outcome"] != "charged" {
		t.Errorf("after the kills: %v", reply)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAMessageLargerThanTheWindow sends one to a server that takes such.
func TestAMessageLargerThanTheWindow(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true, MaxPayload: 32 << 20,
		JetStreamMaxStore: natsbus.DefaultMaxStoreBytes, // else it depends on what is free here
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	b.js = natsbustest.JetStream(t, nc)
	b.publisher = b.js
	if err := natsbus.EnsureStreams(t.Context(), b.js, natsbus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("\n"), natsintake.MaxPrefetchBytes+1<<20)
	b.publish(append(large, charge("m-1", priced)...), nil)
	b.publish([]byte(charge("m-2", priced)), nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- natsintake.New(nc, b.js, b.ledger, natsintake.Options{}).Run(ctx) }()
	b.empty()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := b.events()[domain.TypeConversationCharged]; got != 2 {
		t.Errorf("%d charges on disk, want 2", got)
	}
}
