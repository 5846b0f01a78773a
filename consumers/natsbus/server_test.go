package natsbus_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
)

func TestMain(m *testing.M) { os.Exit(natsbustest.Main(m)) }

func TestServerNamesAnUnusablePort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = natsbus.StartServer(natsbus.ServerOptions{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "--nats-listen") {
		t.Fatalf("got %v", err)
	}
}

func TestServerKeepsItsPasswords(t *testing.T) {
	dir := t.TempDir()
	first := natsbustest.StartIn(t, dir)
	info, err := os.Stat(filepath.Join(dir, "users.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("users.json has mode %v", info.Mode())
	}
	seen := map[string]bool{}
	want := map[natsbus.Role]string{}
	for _, r := range natsbus.Roles() {
		want[r] = first.Password(r)
		if len(want[r]) < 43 || seen[want[r]] {
			t.Errorf("password of %s is short or not its own", r)
		}
		seen[want[r]] = true
	}
	first.Close()
	second := natsbustest.StartIn(t, dir)
	for r, p := range want {
		if second.Password(r) != p {
			t.Errorf("password of %s changed", r)
		}
	}
}

func TestServerRefusesABrokenUsersFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "users.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := natsbus.StartServer(natsbus.ServerOptions{Dir: dir, Port: natsbus.RandomPort})
	if err == nil || !strings.Contains(err.Error(), "users.json") {
		t.Fatalf("got %v", err)
	}
}

// TestRoles lets each role do what it is for, and tries what it must not.
func TestRoles(t *testing.T) {
	s := natsbustest.Start(t)
	ledger := natsbustest.Connect(t, s)
	for _, subject := range []string{natsbus.ChargeSubject, natsbus.CommandSubjects, natsbus.GateSubject, natsbus.PaymentOutcomeSubject} {
		if _, err := ledger.Subscribe(subject, func(m *nats.Msg) { _ = m.Respond([]byte("ok")) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := ledger.Flush(); err != nil {
		t.Fatal(err)
	}
	publish := func(subject string) {
		t.Helper()
		if _, err := natsbustest.JetStream(t, ledger).Publish(t.Context(), subject, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	publish(natsbus.EventSubject("account-PA-1", "X"))
	publish(natsbus.NoticeSubject("PA-1", "Blocked"))
	publish(natsbus.UsageSubject)
	for _, c := range []struct {
		role    natsbus.Role
		allowed func(*nats.Conn) error
		refused map[string]func(*nats.Conn) error
	}{
		{natsbus.RoleIntake, all(request(natsbus.ChargeSubject), request(natsbus.CommandPrefix+"AddFunds"), request(natsbus.GateSubject), publishUsage), map[string]func(*nats.Conn) error{
			"events": consume(natsbus.EventsStream), "publish event": request("prepay.events.account.PA-1.X"), "usage": consume(natsbus.UsageStream), "others' inbox": listen("_INBOX_prepay.>"),
		}},
		{natsbus.RoleSubscriber, all(consume(natsbus.EventsStream), consume(natsbus.NoticesStream)), map[string]func(*nats.Conn) error{
			"usage": consume(natsbus.UsageStream), "charge": request(natsbus.ChargeSubject), "purge": request("$JS.API.STREAM.PURGE.PREPAY_EVENTS"), "delete": request("$JS.API.STREAM.DELETE.PREPAY_EVENTS"), "bucket": bucket(natsbus.ChannelsBucket), "core": listen("prepay.>"),
		}},
		{natsbus.RoleGate, all(request(natsbus.GateSubject), bucket(natsbus.ChannelsBucket), bucket(natsbus.AccountsBucket)), map[string]func(*nats.Conn) error{
			"charge": request(natsbus.ChargeSubject), "events": consume(natsbus.EventsStream), "put": request("$KV.prepay_channels.c"),
		}},
		{natsbus.RolePayments, all(request(natsbus.PaymentOutcomeSubject), listen(natsbus.PaymentPrefix+"*")), map[string]func(*nats.Conn) error{
			"charge": request(natsbus.ChargeSubject), "command": request(natsbus.CommandPrefix + "AddFunds"), "events": consume(natsbus.EventsStream), "ask itself": request(natsbus.PaymentPrefix + "PA-1"),
		}},
		{natsbus.RoleAdmin, all(consume(natsbus.EventsStream), bucket(natsbus.ChannelsBucket), listen("prepay.>")), nil},
	} {
		if err := c.allowed(natsbustest.ConnectAs(t, s, c.role)); err != nil {
			t.Errorf("%s: %v", c.role, err)
		}
		for what, try := range c.refused {
			if err := try(natsbustest.ConnectAs(t, s, c.role)); !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s, %s: got %v, want a permission violation", c.role, what, err)
			}
		}
	}
}

// all does one after the other.
func all(tries ...func(*nats.Conn) error) func(*nats.Conn) error {
	return func(nc *nats.Conn) error {
		for _, try := range tries {
			if err := try(nc); err != nil {
				return err
			}
		}
		return nil
	}
}

// violated waits for what was asked, and takes the server's refusal if it has
// one: the server reports that beside the request.
func violated(nc *nats.Conn, err error) error {
	if flushed := nc.Flush(); flushed != nil {
		return flushed
	}
	if last := nc.LastError(); last != nil {
		return last
	}
	return err
}

func request(subject string) func(*nats.Conn) error {
	return func(nc *nats.Conn) error {
		inbox := nc.NewInbox()
		replies, err := nc.SubscribeSync(inbox)
		if err != nil {
			return err
		}
		if err := nc.PublishRequest(subject, inbox, nil); err != nil {
			return err
		}
		if err := violated(nc, nil); err != nil {
			return err
		}
		_, err = replies.NextMsg(10 * time.Second)
		return err
	}
}

func listen(subject string) func(*nats.Conn) error {
	return func(nc *nats.Conn) error {
		_, err := nc.SubscribeSync(subject)
		return violated(nc, err)
	}
}

func publishUsage(nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = js.Publish(ctx, natsbus.UsageSubject, []byte("x"))
	return violated(nc, err)
}

// consume reads a stream's first message by an ordered and by a durable
// consumer.
func consume(stream string) func(*nats.Conn) error {
	return func(nc *nats.Conn) error {
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		ordered, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{})
		if err != nil {
			return violated(nc, err)
		}
		if _, err := ordered.Next(); err != nil {
			return violated(nc, err)
		}
		durable, err := js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{Durable: nc.Opts.User})
		if err != nil {
			return violated(nc, err)
		}
		m, err := durable.Next()
		if err != nil {
			return violated(nc, err)
		}
		return violated(nc, m.DoubleAck(ctx))
	}
}

// bucket watches a bucket until it has seen what is there.
func bucket(name string) func(*nats.Conn) error {
	return func(nc *nats.Conn) error {
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		kv, err := js.KeyValue(ctx, name)
		if err != nil {
			return violated(nc, err)
		}
		w, err := kv.WatchAll(ctx)
		if err != nil {
			return violated(nc, err)
		}
		<-w.Updates()
		return violated(nc, w.Stop())
	}
}

func TestConnectRefusesWrongCredentials(t *testing.T) {
	s := natsbustest.StartIn(t, t.TempDir())
	_, err := natsbus.Connect(t.Context(), natsbus.ConnectOptions{URL: s.ClientURL(), User: "prepay", Password: "no"})
	if !errors.Is(err, nats.ErrAuthorization) || !strings.Contains(err.Error(), "credentials") {
		t.Fatalf("got %v", err)
	}
	_, err = natsbus.Connect(t.Context(), natsbus.ConnectOptions{URL: s.ClientURL(), User: "prepay", Password: "no", Token: "t"})
	if err == nil || !strings.Contains(err.Error(), "one way") {
		t.Fatalf("got %v", err)
	}
}

// TestConnectWaitsAndComesBack is away at first, then killed and restarted:
// what was acknowledged before is still there.
func TestConnectWaitsAndComesBack(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := natsbus.Connect(gone, natsbus.ConnectOptions{URL: "nats://127.0.0.1:1"})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "no NATS server answers") {
		t.Fatalf("got %v", err)
	}
	p := natsbustest.StartProcess(t, t.TempDir())
	js := natsbustest.JetStream(t, p.Connect())
	if err := natsbus.EnsureStreams(t.Context(), js, natsbus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), natsbus.UsageSubject, []byte("x")); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	p.Restart()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	// What is asked while the connection is sought again waits for it; only a
	// reply that was lost with the old one is not coming.
	for {
		stream, err := js.Stream(ctx, natsbus.UsageStream)
		if err != nil {
			if ctx.Err() != nil {
				t.Fatal(err)
			}
			continue
		}
		if n := stream.CachedInfo().State.Msgs; n != 1 {
			t.Fatalf("%d messages after kill -9, want 1", n)
		}
		return
	}
}

// TestEnsureStreams updates what is there and deletes nothing.
func TestEnsureStreams(t *testing.T) {
	s := natsbustest.Start(t)
	js := natsbustest.JetStream(t, natsbustest.Connect(t, s))
	if _, err := js.Publish(t.Context(), natsbus.EventsPrefix+"a.b.c", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := natsbus.EnsureStreams(t.Context(), js, natsbus.StreamOptions{MaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	stream, err := natsbus.CurrentEvents(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	info := stream.CachedInfo()
	if info.Config.MaxAge != time.Hour || info.State.Msgs != 1 || !info.Config.DenyDelete || info.Config.Duplicates > 5*time.Second {
		t.Fatalf("got %+v", info)
	}
	if err := stream.DeleteMsg(t.Context(), 1); err == nil {
		t.Fatal("a message could be deleted")
	}
	if err := stream.Purge(t.Context()); err == nil {
		t.Fatal("the stream could be purged")
	}
	usage, err := js.Stream(t.Context(), natsbus.UsageStream)
	if err != nil {
		t.Fatal(err)
	}
	if c := usage.CachedInfo().Config; c.Retention != jetstream.WorkQueuePolicy || c.Discard != jetstream.DiscardNew {
		t.Fatalf("got %+v", c)
	}
}
