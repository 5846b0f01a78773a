package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/natsbus"
)

// patience bounds every waiting for the other side.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bus is a NATS server with the bucket of channels.
type bus struct {
	t      testing.TB
	dir    string
	port   int
	server *server.Server
	kv     jetstream.KeyValue
	js     jetstream.JetStream
}

func startBus(t testing.TB) *bus {
	t.Helper()
	b := &bus{t: t, dir: t.TempDir(), port: server.RANDOM_PORT}
	b.start()
	t.Cleanup(b.stop)
	js, err := jetstream.New(b.connect())
	if err != nil {
		t.Fatal(err)
	}
	b.kv, err = js.CreateKeyValue(context.Background(), jetstream.KeyValueConfig{Bucket: natsbus.ChannelsBucket, Storage: jetstream.FileStorage})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bus) start() {
	b.t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: b.port, JetStream: true, StoreDir: b.dir, NoLog: true, NoSigs: true})
	if err != nil {
		b.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		b.t.Fatal("NATS is not ready")
	}
	b.server, b.port = s, s.Addr().(*net.TCPAddr).Port
}

func (b *bus) stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

func (b *bus) connect() *nats.Conn {
	b.t.Helper()
	nc, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", b.port), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	return nc
}

// eventually waits until the other side made it true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (b *bus) put(key string, value any) {
	b.t.Helper()
	text, ok := value.(string)
	if !ok {
		j, err := json.Marshal(value)
		if err != nil {
			b.t.Fatal(err)
		}
		text = string(j)
	}
	if _, err := b.kv.PutString(context.Background(), key, text); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bus) beat(at time.Time) { b.put(gate.HeartbeatKey, gate.Heartbeat{At: at}) }

func (b *bus) channel(id string, state gate.State) {
	s := gate.ChannelState{ChannelID: id, PartnerID: "PA-1", State: state, MaySend: state == gate.StateOpen, HTTPStatus: gate.StatusOK, Since: since}
	if !s.MaySend {
		s.HTTPStatus = gate.StatusRefused
	}
	if state == gate.StateBlocked {
		s.Text = gate.BlockedText("Provider")
	}
	b.put(natsbus.Token(id), s)
}

// putAsync puts an open channel without waiting.
func (b *bus) putAsync(id string) {
	b.t.Helper()
	if b.js == nil {
		b.js, _ = jetstream.New(b.connect(), jetstream.WithPublishAsyncMaxPending(256))
	}
	text := fmt.Sprintf(`{"channel_id":%q,"may_send":true,"state":"open"}`, id)
	if _, err := b.js.PublishAsync("$KV."+natsbus.ChannelsBucket+"."+natsbus.Token(id), []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

var since = time.Date(2026, 10, 8, 9, 30, 0, 0, time.UTC)

// clock stands still unless it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(by)
}

// openGate opens a gate and waits until it is ready.
func (b *bus) openGate(c *clock, opts gate.Options) *gate.Gate {
	b.t.Helper()
	g := b.openStale(c, opts)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := g.WaitReady(ctx); err != nil {
		b.t.Fatal(err)
	}
	return g
}

func (b *bus) openStale(c *clock, opts gate.Options) *gate.Gate {
	b.t.Helper()
	opts.Clock = c.now
	g, err := gate.Open(context.Background(), b.connect(), opts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(g.Close)
	return g
}

func TestAnswersByState(t *testing.T) {
	b, c := startBus(t), newClock()
	b.channel("CH 1/ä", gate.StateOpen)
	b.channel("CH-2", gate.StateBlocked)
	b.channel("CH-3", gate.StateCancelled)
	b.beat(c.now())
	g := b.openGate(c, gate.Options{WhenStale: gate.FailClosed, Unknown: gate.Refuse})
	for _, tc := range []struct {
		id   string
		want gate.Decision
	}{
		{"CH 1/ä", gate.Decision{Allowed: true, Status: 200, Since: since, Source: gate.Live}},
		{"CH-2", gate.Decision{Status: 400, Text: gate.BlockedText("Provider"), Since: since, Source: gate.Live}},
		{"CH-3", gate.Decision{Status: 400, Text: gate.CancelledText, Since: since, Source: gate.Live}},
		{"CH-4", gate.Decision{Status: 400, Text: gate.UnknownText, Source: gate.NotKnown}},
	} {
		if got := g.Allow(tc.id); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.id, got, tc.want)
		}
	}
}

func TestFollowsTheBucket(t *testing.T) {
	b, c := startBus(t), newClock()
	b.channel("CH-1", gate.StateOpen)
	b.beat(c.now())
	g := b.openGate(c, gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Allow})
	b.channel("CH-1", gate.StateBlocked)
	eventually(t, "blocked", func() bool { return !g.Allow("CH-1").Allowed })
	b.channel("CH-1", gate.StateOpen)
	eventually(t, "open again", func() bool { return g.Allow("CH-1").Allowed })
	if err := b.kv.Delete(context.Background(), "CH-1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "unknown", func() bool { d := g.Allow("CH-1"); return d.Source == gate.NotKnown && d.Allowed })
}

func TestPolicyWhileStale(t *testing.T) {
	b, c := startBus(t), newClock()
	b.channel("open", gate.StateOpen)
	b.channel("blocked", gate.StateBlocked)
	b.beat(c.now())
	open := b.openGate(c, gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse})
	closed := b.openGate(c, gate.Options{WhenStale: gate.FailClosed, Unknown: gate.Allow})
	c.move(gate.DefaultStaleAfter - 1)
	for _, g := range []*gate.Gate{open, closed} {
		if d := g.Allow("open"); !g.Ready() || d.Source != gate.Live || !d.Allowed {
			t.Fatalf("just before it is stale: %+v", d)
		}
	}
	c.move(1)
	for _, tc := range []struct {
		name string
		g    *gate.Gate
		id   string
		want gate.Decision
	}{
		{"fail open", open, "open", gate.Decision{Allowed: true, Status: 200, Since: since, Source: gate.Stale}},
		{"fail open", open, "blocked", gate.Decision{Status: 400, Text: gate.BlockedText("Provider"), Since: since, Source: gate.Stale}},
		{"fail open", open, "unseen", gate.Decision{Allowed: true, Status: 200, Source: gate.Stale}},
		{"fail closed", closed, "open", gate.Decision{Status: 400, Text: gate.StaleText, Source: gate.Stale}},
		{"fail closed", closed, "blocked", gate.Decision{Status: 400, Text: gate.BlockedText("Provider"), Since: since, Source: gate.Stale}},
		{"fail closed", closed, "unseen", gate.Decision{Status: 400, Text: gate.StaleText, Source: gate.Stale}},
	} {
		if got := tc.g.Allow(tc.id); got != tc.want {
			t.Errorf("%s, %s: %+v, want %+v", tc.name, tc.id, got, tc.want)
		}
		if tc.g.Ready() {
			t.Errorf("%s: ready while stale", tc.name)
		}
	}
	b.beat(c.now())
	eventually(t, "fresh again", func() bool { return open.Ready() && closed.Allow("open").Source == gate.Live })
}

// A heartbeat that lay in the bucket is as old as it says, not as new as it
// was read; one from the future says nothing until the next one comes.
func TestFirstHeartbeat(t *testing.T) {
	for name, tc := range map[string]struct {
		at   time.Duration
		live bool
	}{
		"fresh":  {-gate.DefaultStaleAfter / 2, true},
		"old":    {-gate.DefaultStaleAfter, false},
		"future": {time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, c := startBus(t), newClock()
			b.channel("CH-1", gate.StateOpen)
			b.beat(c.now().Add(tc.at))
			g := b.openStale(c, gate.Options{WhenStale: gate.FailClosed, Unknown: gate.Refuse})
			if tc.live {
				eventually(t, "ready", g.Ready)
				return
			}
			// The last known state shows that all was read.
			b.channel("CH-1", gate.StateBlocked)
			eventually(t, "known", func() bool { return g.Allow("CH-1").Text == gate.BlockedText("Provider") })
			if g.Ready() {
				t.Fatal("ready by a heartbeat that says nothing")
			}
			b.beat(c.now().Add(tc.at)) // the same clock, but sent just now
			eventually(t, "ready", g.Ready)
		})
	}
}

func TestSurvivesRestartOfNATS(t *testing.T) {
	b, c := startBus(t), newClock()
	b.channel("CH-1", gate.StateOpen)
	b.beat(c.now())
	g := b.openGate(c, gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse})
	b.stop()
	if d := g.Allow("CH-1"); !d.Allowed {
		t.Fatalf("refused while NATS is away: %+v", d)
	}
	c.move(gate.DefaultStaleAfter)
	if d := g.Allow("CH-1"); d.Source != gate.Stale {
		t.Fatalf("no heartbeat any more, and the answer is %+v", d)
	}
	b.start()
	eventually(t, "the block arrives", func() bool {
		if _, err := b.kv.PutString(context.Background(), "CH-1", `{"channel_id":"CH-1","state":"blocked","since":"2026-10-08T09:30:00Z"}`); err != nil {
			return false // the connection is on its way back
		}
		return !g.Allow("CH-1").Allowed
	})
	b.beat(c.now())
	eventually(t, "fresh", func() bool { return g.Allow("CH-1").Source == gate.Live })
	if got, want := g.Allow("CH-1").Text, gate.BlockedText(gate.DefaultProvider); got != want {
		t.Fatalf("text %q, want the one of R21", got)
	}
}

// A deleted bucket that is filled again is not taken before it is whole.
func TestBucketMadeAnew(t *testing.T) {
	b, c := startBus(t), newClock()
	b.channel("CH-1", gate.StateOpen)
	b.channel("CH-2", gate.StateOpen)
	b.beat(c.now())
	var mu sync.Mutex
	var told []error
	g := b.openGate(c, gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse, OnError: func(err error) { mu.Lock(); told = append(told, err); mu.Unlock() }})
	js, err := jetstream.New(b.connect())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := js.DeleteKeyValue(ctx, natsbus.ChannelsBucket); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new bucket", func() bool { // the server may still be at the old one's files
		b.kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: natsbus.ChannelsBucket})
		return err == nil
	})
	c.move(gate.DefaultStaleAfter)
	b.channel("CH-1", gate.StateBlocked)
	if d := g.Allow("CH-2"); !d.Allowed || d.Source != gate.Stale {
		t.Fatalf("while the bucket is filled: %+v", d)
	}
	b.channel("CH-3", gate.StateOpen)
	b.beat(c.now())
	eventually(t, "the new bucket holds", func() bool {
		return !g.Allow("CH-1").Allowed && g.Allow("CH-2").Source == gate.NotKnown && g.Allow("CH-3").Allowed
	})
	mu.Lock()
	defer mu.Unlock()
	if len(told) == 0 {
		t.Fatal("nobody was told that the watch was begun again")
	}
}

// A bucket without a heartbeat is being filled: what it has is not used yet.
func TestBucketWithoutHeartbeat(t *testing.T) {
	b, c := startBus(t), newClock()
	b.channel("CH-1", gate.StateBlocked)
	b.put("CH-2", "{")
	var told atomic.Int64 // of CH-2: what came before it was taken
	g := b.openStale(c, gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse, OnError: func(error) { told.Add(1) }})
	eventually(t, "the first values are taken", func() bool { return told.Load() == 1 })
	b.put("CH-2", "{")
	eventually(t, "later ones too", func() bool { return told.Load() == 2 })
	if d := g.Allow("CH-1"); !d.Allowed || d.Source != gate.Stale {
		t.Errorf("a bucket that is being filled answers %+v", d)
	}
	b.beat(c.now())
	eventually(t, "blocked", func() bool { return !g.Allow("CH-1").Allowed })
}

func TestValuesThatCannotBeRead(t *testing.T) {
	b, c := startBus(t), newClock()
	b.channel("CH-1", gate.StateBlocked)
	b.put("CH-2", "{")
	b.put("CH-3", `{"channel_id":"CH-1","may_send":true}`) // of another channel
	b.put(gate.HeartbeatKey, "?")
	var mu sync.Mutex
	var told []string
	g := b.openStale(c, gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse, OnError: func(err error) { mu.Lock(); told = append(told, err.Error()); mu.Unlock() }})
	eventually(t, "told of each", func() bool { mu.Lock(); defer mu.Unlock(); return len(told) == 3 })
	b.beat(c.now())
	eventually(t, "ready", g.Ready)
	if d := g.Allow("CH-1"); d.Allowed {
		t.Errorf("another key's value opened the channel: %+v", d)
	}
	if d := g.Allow("CH-2"); d.Source != gate.NotKnown {
		t.Errorf("a value that can't be read gave %+v", d)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, key := range []string{"key CH-2", "key CH-3", "key " + gate.HeartbeatKey} {
		if !strings.Contains(strings.Join(told, "\n"), key) {
			t.Errorf("nobody was told of %s: %q", key, told)
		}
	}
}

func TestOptionsMustBeChosen(t *testing.T) {
	for name, opts := range map[string]gate.Options{
		"nothing":        {},
		"no WhenStale":   {Unknown: gate.Allow},
		"no Unknown":     {WhenStale: gate.FailOpen},
		"neither policy": {WhenStale: 7, Unknown: gate.Allow},
		"too impatient":  {WhenStale: gate.FailOpen, Unknown: gate.Allow, StaleAfter: gate.HeartbeatEvery},
	} {
		if _, err := gate.Open(context.Background(), nil, opts); !errors.Is(err, gate.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithoutNATS(t *testing.T) {
	b, c := startBus(t), newClock()
	nc := b.connect()
	b.stop()
	g, err := gate.Open(context.Background(), nc, gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse, Clock: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if d := g.Allow("CH-1"); !d.Allowed || d.Source != gate.Stale {
		t.Errorf("a gateway that starts while NATS is away: %+v", d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.WaitReady(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitReady: %v", err)
	}
	b.start()
}

func TestAllowDoesNotAllocate(t *testing.T) {
	b, c := startBus(t), newClock()
	b.channel("CH-1", gate.StateOpen)
	b.beat(c.now())
	g := b.openGate(c, gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse})
	if n := testing.AllocsPerRun(1000, func() { g.Allow("CH-1"); g.Allow("none") }); n != 0 {
		t.Fatalf("%v allocations a pair of answers", n)
	}
}
