package natsintake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"prepayledger/consumers/intake/intaketest"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/natsintake"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// now is the instant of everything in these tests.
var now = time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC)

// patience bounds how long a test waits for another goroutine or the server.
const patience = 30 * time.Second

// quickly is the pause after which failed messages come again here.
const quickly = 20 * time.Millisecond

// bench is a ledger, a NATS server, and connections to it.
type bench struct {
	t      testing.TB
	store  eventstore.Store
	ledger *ledger.Ledger
	server *natsbus.Server
	seen   *observer
	// nc and publisher are a sender's, with no more rights than it needs.
	nc        *nats.Conn
	publisher jetstream.JetStream
	// js is the operator's.
	js jetstream.JetStream
}

// options of a bench.
type options struct {
	accounts int
	// store wraps the event store.
	store func(eventstore.Store) eventstore.Store
	// unseen leaves the charge index out: for measurements.
	unseen bool
	// tracer shows the ledger's decisions.
	tracer trace.Tracer
}

// newBench opens accounts PA-0000 and so on with much money.
func newBench(t testing.TB, o options) *bench {
	t.Helper()
	ctx := context.Background()
	own, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	b := &bench{t: t, store: own, seen: newObserver()}
	if o.store != nil {
		b.store = o.store(own)
	}
	c := codec.New()
	var views ledger.Views = ledgertest.New(own, c)
	if o.unseen {
		views = unseen{ledgertest.New(own, c)}
	}
	if b.ledger, err = ledger.Open(ctx, b.store, views, c, ledger.Options{Clock: func() time.Time { return now }, Tracer: o.tracer}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.ledger.Close)
	b.accounts(max(o.accounts, 1))
	b.server = natsbustest.Start(t)
	b.nc = natsbustest.ConnectAs(t, b.server, natsbus.RoleIntake)
	b.publisher = natsbustest.JetStream(t, b.nc)
	b.js = natsbustest.JetStream(t, natsbustest.Connect(t, b.server))
	return b
}

// unseen is the twin without a charge index: what the way there costs by
// itself.
type unseen struct{ *ledgertest.Views }

func (unseen) Seen(context.Context, []domain.ChargeKey, func(int, domain.Seen)) error { return nil }
func (unseen) Indexed() eventstore.Position                                           { return eventstore.Position{Commit: 1 << 60} }
func (unseen) WaitFor(context.Context, eventstore.Position) error                     { return nil }

// connect returns a connection of an intake's own.
func (b *bench) connect() (*nats.Conn, jetstream.JetStream) {
	b.t.Helper()
	nc := natsbustest.Connect(b.t, b.server)
	return nc, natsbustest.JetStream(b.t, nc)
}

// accounts opens accounts with their channels.
func (b *bench) accounts(n int) {
	b.t.Helper()
	ctx := context.Background()
	card, err := os.ReadFile("../simulate/testdata/1/rates-usd-2026-10-01.csv")
	if err != nil {
		b.t.Fatal(err)
	}
	if _, _, err := b.ledger.ImportRates(ctx, domain.Meta{Actor: "test"}, "rates.csv", card, rating.CardOptions{}); err != nil {
		b.t.Fatal(err)
	}
	m := domain.Meta{Actor: "test"}
	for i := range n {
		open := &domain.OpenAccount{PartnerID: intaketest.Partner(i), Currency: "USD", Card: "sim_ok", CarriedOver: money.FromInt(1_000_000)}
		if err := b.ledger.Do(ctx, open.PartnerID, m, open); err != nil {
			b.t.Fatal(err)
		}
		for c := range intaketest.ChannelsPerAccount {
			channel := &domain.RegisterChannel{
				ChannelID: intaketest.Channel(i, c), PhoneNumber: intaketest.Number(i, c), PhoneNumberID: intaketest.WABA(i, c),
				WABAID: intaketest.WABA(i, c), PaymentModel: domain.PartnerPaid,
			}
			if err := b.ledger.Do(ctx, open.PartnerID, m, channel); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// run starts an intake of its own connection and returns what stops it.
func (b *bench) run() (stop func() error) {
	b.t.Helper()
	nc, js := b.connect()
	in := natsintake.New(nc, js, b.ledger, natsintake.Options{Observer: b.seen, RetryDelay: quickly})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	var once sync.Once
	var result error
	stop = func() error {
		once.Do(func() {
			cancel()
			result = <-done
		})
		return result
	}
	b.t.Cleanup(func() { _ = stop() })
	select {
	case <-in.Ready():
	case err := <-done:
		b.t.Fatal(err)
	}
	return stop
}

// ask sends a request and reads the reply.
func (b *bench) ask(subject, data string) map[string]any {
	b.t.Helper()
	msg, err := b.nc.Request(subject, []byte(data), patience)
	if err != nil {
		b.t.Fatalf("%s %.200s: %v", subject, data, err)
	}
	var reply map[string]any
	if err := json.Unmarshal(msg.Data, &reply); err != nil {
		b.t.Fatalf("%s: %v", msg.Data, err)
	}
	return reply
}

// publish puts a message into the work queue.
func (b *bench) publish(data []byte, header nats.Header) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if _, err := b.publisher.PublishMsg(ctx, &nats.Msg{Subject: natsbus.UsageSubject, Data: data, Header: header}); err != nil {
		b.t.Fatal(err)
	}
}

// look shows an account.
func (b *bench) look(i int) (a domain.Account) {
	b.t.Helper()
	if err := b.ledger.Inspect(context.Background(), intaketest.Partner(i), func(found *domain.Account) { a = *found }); err != nil {
		b.t.Fatal(err)
	}
	return a
}

// events counts the events of each type in the whole log.
func (b *bench) events() map[string]int {
	b.t.Helper()
	counts := map[string]int{}
	for r, err := range b.store.ReadAll(context.Background(), eventstore.Start) {
		if err != nil {
			b.t.Fatal(err)
		}
		counts[r.Type]++
	}
	return counts
}

// quarantined returns the entries that were put into quarantine.
func (b *bench) quarantined() (all []domain.ChargeQuarantined) {
	b.t.Helper()
	for r, err := range b.store.ReadAll(context.Background(), eventstore.Start) {
		if err != nil {
			b.t.Fatal(err)
		}
		if r.Type != domain.TypeChargeQuarantined {
			continue
		}
		var e domain.ChargeQuarantined
		if err := json.Unmarshal(r.Data, &e); err != nil {
			b.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// empty waits until the work queue is empty, also while its server is away.
func (b *bench) empty() {
	b.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	left := "unknown"
	for ctx.Err() == nil {
		stream, err := b.js.Stream(ctx, natsbus.UsageStream)
		if err != nil {
			left = err.Error()
		} else if n := stream.CachedInfo().State.Msgs; n == 0 {
			return
		} else {
			left = fmt.Sprintf("%d messages", n)
		}
		<-tick.C
	}
	b.t.Fatalf("the work queue does not become empty: %s", left)
}

// observer keeps what it is told and tells who waits.
type observer struct {
	mu      sync.Mutex
	handled []natsintake.Handled
	traces  []context.Context
	more    chan struct{}
}

func newObserver() *observer { return &observer{more: make(chan struct{})} }

// Handled implements natsintake.Observer.
func (o *observer) Handled(ctx context.Context, h natsintake.Handled) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handled = append(o.handled, h)
	o.traces = append(o.traces, ctx)
	close(o.more)
	o.more = make(chan struct{})
}

// wait waits until enough was handled with a result.
func (o *observer) wait(t testing.TB, result string, n int) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		o.mu.Lock()
		found, more := 0, o.more
		for _, h := range o.handled {
			if h.Result == result {
				found++
			}
		}
		o.mu.Unlock()
		if found >= n {
			return
		}
		select {
		case <-more:
		case <-limit.C:
			t.Fatalf("%d of %d were handled with result %s", found, n, result)
		}
	}
}
