package natsintake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsintake"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// gated is a store whose appends wait while the gate is shut.
type gated struct {
	eventstore.Store
	mu      sync.Mutex
	open    chan struct{} // nil while appends pass
	waiting chan struct{} // gets an element for each append that waits
}

func (g *gated) shut() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gate := make(chan struct{})
	g.open = gate
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.open = nil
		close(gate)
	}
}

func (g *gated) Append(ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Appended, error) {
	g.mu.Lock()
	gate := g.open
	g.mu.Unlock()
	if gate != nil {
		select {
		case g.waiting <- struct{}{}:
		default:
		}
		<-gate
	}
	return g.Store.Append(ctx, stream, expected, events)
}

func newGated(t *testing.T) (*bench, *gated) {
	t.Helper()
	g := &gated{waiting: make(chan struct{}, 1)}
	return newBench(t, options{accounts: 1, store: func(s eventstore.Store) eventstore.Store { g.Store = s; return g }}), g
}

// inbox counts replies by what they say.
type inbox struct {
	b       *bench
	subject string
	replies chan map[string]any
}

func (b *bench) inbox(n int) *inbox {
	b.t.Helper()
	i := &inbox{b: b, subject: b.nc.NewInbox(), replies: make(chan map[string]any, n)}
	if _, err := b.nc.Subscribe(i.subject, func(msg *nats.Msg) {
		var reply map[string]any
		if json.Unmarshal(msg.Data, &reply) == nil {
			i.replies <- reply
		}
	}); err != nil {
		b.t.Fatal(err)
	}
	return i
}

func (i *inbox) next() map[string]any {
	i.b.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case r := <-i.replies:
		return r
	case <-limit.C:
		i.b.t.Fatal("no reply")
		return nil
	}
}

// TestOverload sends more charges than may wait while the disk hangs: those
// beyond are told at once, the others are charged when it goes on.
func TestOverload(t *testing.T) {
	b, g := newGated(t)
	b.run()
	const most = natsintake.MaxWaitingCharges + natsintake.MaxRounds*natsintake.MaxRoundCharges + natsintake.MaxRoundCharges
	const sent = most + 1000
	in := b.inbox(sent)
	open := g.shut()
	for i := range sent {
		if err := b.nc.PublishRequest(natsbus.ChargeSubject, in.subject, []byte(charge(fmt.Sprintf("m-%d", i), priced))); err != nil {
			t.Fatal(err)
		}
	}
	first := in.next()
	e, _ := first["error"].(map[string]any)
	if e["code"] != commandjson.CodeOverloaded || e["retry_after_ms"] != float64(natsintake.RetryAfter.Milliseconds()) || text(e["message"]) == "" {
		t.Errorf("the first reply is %v, want overloaded while the disk hangs", first)
	}
	b.seen.wait(t, commandjson.CodeOverloaded, sent-most)
	open()
	counts := map[string]int{commandjson.CodeOverloaded: 1}
	for range sent - 1 {
		r := in.next()
		counts[text(r["outcome"])+code(r)]++
	}
	refused, charged := counts[commandjson.CodeOverloaded], counts["charged"]
	if refused+charged != sent || refused < sent-most || charged < natsintake.MaxWaitingCharges {
		t.Errorf("told %v", counts)
	}
	if got := b.events()[domain.TypeConversationCharged]; got != charged {
		t.Errorf("%d charges on disk, %d were told", got, charged)
	}
}

// TestOverloadByBytes sends few requests that are large.
func TestOverloadByBytes(t *testing.T) {
	b, g := newGated(t)
	b.run()
	padding := strings.Repeat(" ", natsintake.MaxRequestBytes-1000)
	const sent = natsintake.MaxHeldBytes/(natsintake.MaxRequestBytes-1000) + 10
	in := b.inbox(sent)
	open := g.shut()
	for i := range sent {
		if err := b.nc.PublishRequest(natsbus.ChargeSubject, in.subject, []byte(charge(fmt.Sprintf("m-%d", i), priced)+padding)); err != nil {
			t.Fatal(err)
		}
	}
	if first := in.next(); code(first) != commandjson.CodeOverloaded {
		t.Errorf("the first reply is %v, want overloaded while the disk hangs", first)
	}
	open()
	charged := 0
	for range sent - 1 {
		if in.next()["outcome"] == "charged" {
			charged++
		}
	}
	if charged < sent-20 || charged >= sent {
		t.Errorf("%d of %d charged", charged, sent)
	}
	if reply := b.ask(natsbus.ChargeSubject, charge("m-last", priced)); reply["outcome"] != "charged" {
		t.Errorf("when all is answered: %v", reply)
	}
}

// TestDrain stops an intake that has a request of each kind in its hands.
func TestDrain(t *testing.T) {
	b, g := newGated(t)
	stop := b.run()
	in := b.inbox(3)
	open := g.shut()
	publish := func(subject, data string) {
		t.Helper()
		if err := b.nc.PublishRequest(subject, in.subject, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	publish(natsbus.ChargeSubject, charge("m-1", priced))
	publish(natsbus.CommandPrefix+"AddFunds", `{"partner_id":"PA-0000","actor":"a","payload":{"amount":"50"}}`)
	b.publish([]byte(charge("m-2", priced)), nil)
	<-g.waiting
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	b.unheard()
	select {
	case err := <-stopped:
		t.Fatalf("Run returned (%v) while it had requests in its hands", err)
	default:
	}
	open()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if r := in.next(); r["ok"] != true && r["outcome"] != "charged" {
			t.Errorf("answered %v", r)
		}
	}
	// What was not begun is still in the queue, what was begun is done.
	events := b.events()
	again := b.run()
	b.empty()
	if err := again(); err != nil {
		t.Error(err)
	}
	after := b.events()
	if after[domain.TypeConversationCharged] != 2 || after[domain.TypeRechargeSucceeded] != 1 {
		t.Errorf("before %v, in the end %v", events, after)
	}
}

// TestDrainGivesBackWhatWasNotBegun stops an intake whose buffer is full: the
// next one has the messages at once, not after AckWait.
func TestDrainGivesBackWhatWasNotBegun(t *testing.T) {
	b, g := newGated(t)
	const messages = natsintake.MaxFlights + 100
	for i := range messages {
		b.publish([]byte(charge(fmt.Sprintf("m-%d", i), priced)), header(i)) // traced: each its own flight
	}
	open := g.shut()
	stop := b.run()
	<-g.waiting
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	b.unheard()
	open()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	b.run()
	b.empty()
	if took := time.Since(began); took > natsintake.DefaultAckWait/2 {
		t.Errorf("the next intake had everything after %s: it waited for AckWait", took)
	}
	if got := b.events()[domain.TypeConversationCharged]; got != messages {
		t.Errorf("%d charges on disk, want %d", got, messages)
	}
}

// TestAHangingDiskDoesNotKeepRunFromReturning stops an intake whose disk does
// not come back.
func TestAHangingDiskDoesNotKeepRunFromReturning(t *testing.T) {
	b, g := newGated(t)
	open := g.shut()
	defer open()
	nc, js := b.connect()
	in := natsintake.New(nc, js, b.ledger, natsintake.Options{DrainTimeout: 100 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	select {
	case <-in.Ready():
	case err := <-done:
		t.Fatal(err)
	}
	box := b.inbox(1)
	if err := b.nc.PublishRequest(natsbus.ChargeSubject, box.subject, []byte(charge("m-1", priced))); err != nil {
		t.Fatal(err)
	}
	<-g.waiting
	cancel()
	if err := <-done; !errors.Is(err, natsintake.ErrNotDrained) {
		t.Errorf("%v, want ErrNotDrained", err)
	}
	if reply := box.next(); code(reply) != commandjson.CodeOutcomeUnknown {
		t.Errorf("the request that was under way is told %v, want outcome_unknown", reply)
	}
}

func header(i int) nats.Header {
	return nats.Header{"traceparent": {fmt.Sprintf("00-4bf92f3577b34da6a3ce929d0e0e4%03x-00f067aa0ba902b7-01", i)}}
}

// unheard waits until nobody listens to charges any more.
func (b *bench) unheard() {
	b.t.Helper()
	for range 1000 {
		_, err := b.nc.Request(natsbus.ChargeSubject, []byte(charge("m-1", priced)), 20*time.Millisecond)
		if err == nats.ErrNoResponders {
			return
		}
	}
	b.t.Fatal("charges are still listened to")
}

func TestNothingIsLeftBehind(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	stop := b.run()
	b.ask(natsbus.ChargeSubject, charge("m-0", priced))
	b.publish([]byte(charge("m-0", priced)), nil)
	b.empty()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	// What server and sender keep for good is there now.
	before := goleak.IgnoreCurrent()
	nc, err := b.server.Connect(t.Context(), natsbus.RolePrepay)
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	in := natsintake.New(nc, js, b.ledger, natsintake.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	<-in.Ready()
	b.ask(natsbus.ChargeSubject, charge("m-1", priced))
	b.publish([]byte(charge("m-2", priced)), nil)
	b.empty()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	nc.Close()
	goleak.VerifyNone(t, before)
}
