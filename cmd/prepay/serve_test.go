package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/webhooks"
)

// waiting bounds what another goroutine or process does (time).
const waiting = 20 * time.Second

// running is a prepay serve in this process.
type running struct {
	t          *testing.T
	data       string
	NATS, HTTP string
	// AdminKey is shown at the first start of a data folder.
	AdminKey string `json:"admin_key"`
	stop     context.CancelFunc
	code     chan int
}

// serve starts prepay serve on free ports.
func serve(t *testing.T, data string, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &running{t: t, data: data, stop: stop, code: make(chan int, 1)}
	out, in := io.Pipe()
	args = append([]string{"--data", data, "--json", "serve", "--nats-listen", "127.0.0.1:-1", "--http-listen", "127.0.0.1:0", "--log-level", "error"}, args...)
	go func() {
		code := run(ctx, args, globals{Stdout: in, Stderr: os.Stderr, Now: func() time.Time { return today }})
		_ = in.CloseWithError(fmt.Errorf("prepay serve ended with code %d", code))
		r.code <- code
	}()
	if err := json.NewDecoder(out).Decode(r); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	t.Cleanup(func() { r.end() })
	return r
}

// end stops it, as SIGTERM does, and returns the exit code.
func (r *running) end() int {
	r.t.Helper()
	r.stop()
	select {
	case code := <-r.code:
		r.code <- code
		return code
	case <-time.After(waiting):
		r.t.Fatal("prepay serve does not stop")
		return -1
	}
}

// connect connects with the rights of a role.
func (r *running) connect(role natsbus.Role) *nats.Conn {
	r.t.Helper()
	nc, err := natsbus.Connect(r.t.Context(), natsbus.ConnectOptions{URL: r.NATS, User: string(role), Password: r.password(role), Name: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(nc.Close)
	return nc
}

// password is a role's.
func (r *running) password(role natsbus.Role) string {
	r.t.Helper()
	password, err := natsbus.ReadPassword(filepath.Join(r.data, natsFolder), role)
	if err != nil {
		r.t.Fatal(err)
	}
	return password
}

// ask makes a request and reads its answer.
func (r *running) ask(nc *nats.Conn, subject, request string) map[string]any {
	r.t.Helper()
	m, err := nc.Request(subject, []byte(request), waiting)
	if err != nil {
		r.t.Fatalf("%s: %v", subject, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		r.t.Fatalf("%s: %s: %v", subject, m.Data, err)
	}
	return answer
}

// get reads a page.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.HTTP+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if r.AdminKey != "" {
		req.Header.Set("X-API-Key", r.AdminKey)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(waiting); !condition(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("it never came to pass: %s", what)
		}
	}
}

const openPA1 = `{"partner_id":"PA-1","actor":"finance:ana","payload":{"currency":"USD","card":"sim_declined","carried_over":"500"}}`

// TestServe runs the ledger, gives it commands and charges over NATS, sees the
// events, the notices and the gate follow, stops it, and finds all of it after
// the next start.
func TestServe(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	ok(t, data, "rates", "import", "rates-usd-2026-10-01.csv")
	r := serve(t, data)
	nc := r.connect(natsbus.RoleIntake)
	if a := r.ask(nc, "prepay.command.OpenAccount", openPA1); a["ok"] != true || a["balance"] != "500" {
		t.Fatalf("opened: %v", a)
	}
	a := r.ask(nc, "prepay.command.RegisterChannel", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"channel_id":"CH-1","phone_number":"+4930123456","phone_number_id":"1065","waba_id":"W-1","payment_model":"partner_paid"}}`)
	if a["ok"] != true {
		t.Fatalf("registered: %v", a)
	}
	if a := r.ask(nc, "prepay.charge", usageLine("a", `,"country":"BR"`)); a["outcome"] != "charged" {
		t.Fatalf("charged: %v", a)
	}
	if a := r.ask(nc, "prepay.charge", usageLine("a", `,"country":"BR"`)); a["outcome"] != "duplicate" {
		t.Fatalf("charged again: %v", a)
	}
	watcher := r.connect(natsbus.RoleGate)
	g, err := gate.Open(t.Context(), watcher, gate.Options{WhenStale: gate.FailClosed, Unknown: gate.Refuse})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	eventually(t, "the gate lets the channel send", func() bool { return g.Allow("CH-1").Allowed })
	if a := r.ask(nc, "prepay.command.Block", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"reason":"fraud"}}`); a["standing"] != "blocked" {
		t.Fatalf("blocked: %v", a)
	}
	eventually(t, "the gate refuses the channel", func() bool { return !g.Allow("CH-1").Allowed })
	if text := g.Allow("CH-1").Text; !strings.Contains(text, "overdue invoices towards 360dialog") {
		t.Errorf("the sender is told %q", text)
	}
	js, err := jetstream.New(r.connect(natsbus.RoleAdmin))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "events and notices are published", func() bool {
		return messages(t, js, natsbus.EventsStream) >= 6 && messages(t, js, natsbus.NoticesStream) == 1
	})
	if code, body := r.get("/readyz"); code != http.StatusOK || !strings.Contains(body, `"outbound_events":"ok"`) {
		t.Errorf("readyz: %d %s", code, body)
	}
	if _, body := r.get("/metrics"); !strings.Contains(body, `prepay_intake_messages_total{result="charged",subject="prepay.charge"} 1`) || !strings.Contains(body, `prepay_accounts{standing="blocked"} 1`) {
		t.Errorf("metrics: %.3000s", body)
	}
	refused(t, "in use", exitFailed, data, "balance")
	lines := strings.Split(strings.TrimSpace(ok(t, data, "subscribe", "account-PA-1", "--history-only", "--nats-url", r.NATS, "--nats-user", "subscriber", "--nats-password", r.password(natsbus.RoleSubscriber))), "\n")
	if len(lines) != int(messages(t, js, natsbus.EventsStream))-2 || !strings.Contains(lines[0], `"type":"AccountOpened"`) {
		t.Errorf("the account's history has %d events: %s", len(lines), lines[0])
	}
	published := messages(t, js, natsbus.EventsStream)
	if code := r.end(); code != exitDone {
		t.Fatalf("it stopped with code %d", code)
	}
	if balance := ok(t, data, "balance"); !strings.Contains(balance, "499.9375 USD") {
		t.Errorf("after the stop: %s", balance)
	}
	ok(t, data, "verify")

	again := serve(t, data)
	if js, err = jetstream.New(again.connect(natsbus.RoleAdmin)); err != nil {
		t.Fatal(err)
	}
	if a := again.ask(again.connect(natsbus.RoleIntake), "prepay.command.Unblock", `{"partner_id":"PA-1","actor":"finance:ana","payload":{}}`); a["standing"] != "active" {
		t.Fatalf("unblocked: %v", a)
	}
	eventually(t, "the events go on where they ended", func() bool { return messages(t, js, natsbus.EventsStream) == published+1 })
	if code := again.end(); code != exitDone {
		t.Errorf("it stopped with code %d", code)
	}
}

// messages is how many messages a stream has.
func messages(t *testing.T, js jetstream.JetStream, name string) uint64 {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// TestServeRefuses names what is wrong before anything is opened.
func TestServeRefuses(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for want, args := range map[string][]string{
		"--nats-listen: \"here\" is not HOST:PORT": {"--nats-listen", "here"},
		"--http-listen":            {"--http-listen", "127.0.0.1"},
		"name one way to sign in":  {"--nats-url", "nats://127.0.0.1:1", "--nats-token", "x", "--nats-user", "y"},
		"name them":                {"--nats-token", "x"},
		"less than an hour":        {"--events-max-age", "1s"},
		"between 0 and 1":          {"--trace-ratio", "2"},
		"together with --nats-key": {"--nats-cert", "serve_test.go"},
		"no such file":             {"--nats-creds", "nowhere.creds"},
	} {
		refused(t, want, exitFailed, data, append([]string{"serve"}, args...)...)
		refused(t, want, exitFailed, data, append([]string{"config", "check"}, args...)...)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("a refused start made the data folder")
	}
}

// TestConfig: a flag goes before the environment, that before the file, that
// before the default.
func TestConfig(t *testing.T) {
	file := write(t, "prepay.toml", "provider = \"file\"\nlog-level = \"warn\"\nnats-replicas = 3\nnats-token = \"secret\"\nnats-url = \"nats://x\"\n")
	t.Setenv("PREPAY_PROVIDER", "environment")
	t.Setenv("PREPAY_LOG_LEVEL", "error")
	shown := parsed[[]setting](t, t.TempDir(), "--config", file, "config", "show", "--provider", "flag")
	got := map[string]string{}
	for _, s := range shown {
		got[s.Name] = s.Value + " from " + s.Source
	}
	for name, want := range map[string]string{
		"provider": "flag from flag", "log-level": "error from environment", "nats-replicas": "3 from file",
		"nats-listen": "127.0.0.1:4222 from default", "nats-token": "(set) from file",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for want, text := range map[string]string{
		`there is no setting "provder"`: "provder = \"x\"", "line 2": "provider = \"x\"\nlog-level = ", "one value": "provider = [\"a\"]",
		"between 1 and 5": "nats-replicas = 9", "log-format": "log-format = \"loud\"",
	} {
		_, errs, code := cli(t, t.TempDir(), "--config", write(t, "bad.toml", text), "config", "check")
		if code == exitDone || !strings.Contains(errs, want) {
			t.Errorf("%s: code %d, %s", text, code, errs)
		}
	}
	refused(t, "no such file", exitUsage, t.TempDir(), "--config", "nowhere.toml", "config", "check")
}

// TestWebhooks posts a notice of a running ledger to an endpoint, signed, and
// again when it is told to.
func TestWebhooks(t *testing.T) {
	const secret = "a-secret-of-some-length"
	got := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = webhooks.Verify(r.Header.Get(webhooks.SignatureHeader), body, []string{secret}, 0, today)
		}
		if err != nil {
			t.Error(err)
		}
		got <- string(body)
	}))
	defer receiver.Close()
	file := write(t, "webhooks.toml", fmt.Sprintf("[[endpoint]]\nname = \"crm\"\nurl = %q\nsecrets = [%q]\nkinds = [\"Blocked\"]\n", receiver.URL, secret))
	data := filepath.Join(t.TempDir(), "data")
	ok(t, data, "webhooks", "check", file)
	r := serve(t, data, "--webhooks", file)
	nc := r.connect(natsbus.RoleIntake)
	r.ask(nc, "prepay.command.OpenAccount", openPA1)
	r.ask(nc, "prepay.command.Block", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"reason":"fraud"}}`)
	for again := range 2 {
		select {
		case body := <-got:
			if !strings.Contains(body, `"prepay.notice.Blocked"`) || !strings.Contains(body, "PA-1") {
				t.Errorf("got %s", body)
			}
		case <-time.After(waiting):
			t.Fatal("the endpoint got nothing")
		}
		if again == 0 {
			ok(t, data, "webhooks", "replay", "crm", "--from", "2026-01-01T00:00:00Z", "--webhooks", file, "--nats-url", r.NATS, "--nats-user", "admin", "--nats-password", r.password(natsbus.RoleAdmin))
		}
	}
	for want, text := range map[string]string{
		"line 1": "[[endpoint", `there is no setting "endpoint.urll"`: "[[endpoint]]\nname = \"a\"\nurll = \"x\"", "url": "[[endpoint]]\nname = \"a\"\nurl = \"http://example.com\"\nsecrets = [\"" + secret + "\"]",
		"two endpoints": fmt.Sprintf("[[endpoint]]\nname = \"a\"\nurl = \"https://x\"\nsecrets = [%q]\n[[endpoint]]\nname = \"a\"\nurl = \"https://x\"\nsecrets = [%q]\n", secret, secret),
	} {
		refused(t, want, exitFailed, data, "webhooks", "check", write(t, "bad.toml", text))
	}
}
