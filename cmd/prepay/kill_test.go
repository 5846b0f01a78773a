package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
)

// process is a prepay serve in a process of its own, on a port that stays.
type process struct {
	*running
	command *exec.Cmd
	done    chan error
}

// freePort is a port that nothing listens to.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startProcess starts prepay serve and returns when it runs.
func startProcess(t *testing.T, data, natsAddress string) *process {
	t.Helper()
	c := exec.Command(os.Args[0], "--data", data, "--json", "serve", "--nats-listen", natsAddress, "--http-listen", "127.0.0.1:0", "--log-level", "error")
	c.Env = append(os.Environ(), child+"=1")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{running: &running{t: t, data: data}, command: c, done: make(chan error, 1)}
	t.Cleanup(func() { _ = c.Process.Kill() })
	lines := bufio.NewReader(out)
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, p.running)
	}
	if err != nil {
		t.Fatalf("prepay serve did not start: %s %v", line, err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		p.done <- c.Wait()
	}()
	return p
}

// signal sends a signal and waits for the end of the process.
func (p *process) signal(s os.Signal) error {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.done:
		return err
	case <-time.After(waiting):
		p.t.Fatalf("the process does not end after %v", s)
		return nil
	}
}

// TestServeKilled kills the ledger, NATS server and all, with -9 while charges
// come one by one; after each start the clients go on. Everything that was
// acknowledged is charged once, and the stream of events is the log's.
func TestServeKilled(t *testing.T) {
	const clients, kills = 8, 3
	data, address := filepath.Join(t.TempDir(), "data"), freePort(t)
	ok(t, data, "rates", "import", "rates-usd-2026-10-01.csv")
	p := startProcess(t, data, address)
	setup := p.connect(natsbus.RoleIntake)
	p.ask(setup, "prepay.command.OpenAccount", strings.Replace(openPA1, `"500"`, `"100000"`, 1))
	p.ask(setup, "prepay.command.RegisterChannel", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"channel_id":"CH-1","phone_number":"+4930123456","phone_number_id":"1065","waba_id":"W-1","payment_model":"partner_paid"}}`)

	stop := make(chan struct{})
	var acknowledged atomic.Int64
	var group sync.WaitGroup
	for client := range clients {
		nc := p.connect(natsbus.RoleIntake)
		group.Go(func() { chargeUntil(t, nc, client, &acknowledged, stop) })
	}
	work := func() { // the clients are in the middle of it
		enough := acknowledged.Load() + 100
		eventually(t, "the clients go on", func() bool { return acknowledged.Load() >= enough })
	}
	for range kills {
		work()
		if err := p.signal(syscall.SIGKILL); err == nil {
			t.Fatal("the process was not killed")
		}
		p = startProcess(t, data, address)
	}
	work()
	close(stop)
	group.Wait()
	if err := p.signal(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v", err)
	}
	total := acknowledged.Load()
	var shown struct {
		Figures struct {
			Charged int64 `json:"charged_count"`
		} `json:"figures"`
		Balance string `json:"balance"`
	}
	if err := json.Unmarshal([]byte(ok(t, data, "--json", "account", "show", "PA-1")), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.Figures.Charged != total {
		t.Errorf("%d charges were acknowledged, %d charged", total, shown.Figures.Charged)
	}
	t.Logf("%d charges over %d kills", total, kills)
	ok(t, data, "verify")
	if out := ok(t, data, "--json", "nats", "verify"); !strings.Contains(out, `"unpublished":0`) {
		t.Errorf("the stream of events: %s", out)
	}
}

// chargeUntil asks for charges one after the other until it is stopped, each
// again until it is answered, and counts them.
func chargeUntil(t *testing.T, nc *nats.Conn, client int, acknowledged *atomic.Int64, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		line := usageLine(fmt.Sprintf("c-%d-%d", client, n), `,"country":"BR"`)
		for limit := time.Now().Add(waiting); ; {
			m, err := nc.Request("prepay.charge", []byte(line), time.Second)
			if err == nil && (strings.Contains(string(m.Data), `"charged"`) || strings.Contains(string(m.Data), `"duplicate"`)) {
				acknowledged.Add(1)
				break
			}
			if time.Now().After(limit) {
				t.Errorf("a charge got no answer: %v", err)
				return
			}
		}
	}
}

// TestServeSignals: SIGTERM ends the ledger in order while charges come.
func TestServeSignals(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := startProcess(t, data, freePort(t))
	js, err := jetstream.New(p.connect(natsbus.RoleIntake))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if _, err := js.Publish(t.Context(), natsbus.UsageSubject, []byte(usageLine(fmt.Sprint(i), ""))); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.signal(syscall.SIGTERM); err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("after SIGTERM: %v", err)
	}
	ok(t, data, "verify")
}
