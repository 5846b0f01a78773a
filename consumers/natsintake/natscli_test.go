package natsintake_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/gatestate"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/outbound"
	"prepayledger/consumers/publisher"
	"prepayledger/domain/codec"
	"prepayledger/projections"
)

// tools is the module that pins the tools of others that tests run.
const tools = "../../.tools"

// cli runs the official nats tool against the server of a bench.
type cli struct {
	b    *bench
	path string
	home string
}

func newCLI(b *bench) *cli {
	b.t.Helper()
	var problem bytes.Buffer
	build := exec.CommandContext(b.t.Context(), "go", "-C", tools, "tool", "-n", "nats")
	build.Stderr = &problem
	path, err := build.Output()
	if err != nil {
		b.t.Fatalf("the nats tool can't be built (it needs the module proxy once: make deps): %v\n%s", err, &problem)
	}
	return &cli{b: b, path: strings.TrimSpace(string(path)), home: b.t.TempDir()}
}

// command is a command line of the tool with the rights of a role.
func (c *cli) command(ctx context.Context, r natsbus.Role, args ...string) *exec.Cmd {
	all := append([]string{"--server", c.b.server.ClientURL(), "--inbox-prefix", natsbus.InboxPrefix(r), "--timeout", "20s"}, args...)
	cmd := exec.CommandContext(ctx, c.path, all...)
	cmd.Env = []string{"HOME=" + c.home, "XDG_CONFIG_HOME=" + filepath.Join(c.home, "config"), "NATS_USER=" + string(r), "NATS_PASSWORD=" + c.b.server.Password(r)}
	return cmd
}

// json runs a command and reads the JSON that it prints.
func (c *cli) json(r natsbus.Role, args ...string) map[string]any {
	c.b.t.Helper()
	ctx, stop := context.WithTimeout(c.b.t.Context(), patience)
	defer stop()
	var problem bytes.Buffer
	cmd := c.command(ctx, r, args...)
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		c.b.t.Fatalf("nats %v: %v\n%s%s", args, err, out, &problem)
	}
	var v map[string]any
	if err := json.Unmarshal(out, &v); err != nil {
		c.b.t.Fatalf("nats %v: %v\n%s%s", args, err, out, &problem)
	}
	return v
}

// watch begins a command that goes on, and returns its lines.
func (c *cli) watch(r natsbus.Role, args ...string) <-chan string {
	c.b.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := c.command(ctx, r, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.b.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		c.b.t.Fatal(err)
	}
	lines := make(chan string, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	c.b.t.Cleanup(func() {
		stop() // ends this one process
		<-done
		_ = cmd.Wait()
	})
	return lines
}

// until reads lines until one has all of the texts.
func (c *cli) until(lines <-chan string, texts ...string) {
	c.b.t.Helper()
	ctx, stop := context.WithTimeout(c.b.t.Context(), patience)
	defer stop()
	var seen []string
	for {
		select {
		case line, more := <-lines:
			if !more {
				c.b.t.Fatalf("the tool ended without saying %q:\n%s", texts, strings.Join(seen, "\n"))
			}
			seen = append(seen, line)
			missing := false
			for _, text := range texts {
				missing = missing || !strings.Contains(line, text)
			}
			if !missing {
				return
			}
		case <-ctx.Done():
			c.b.t.Fatalf("the tool did not say %q:\n%s", texts, strings.Join(seen, "\n"))
		}
	}
}

// follow writes events, notices and buckets from the log.
func (b *bench) follow() {
	b.t.Helper()
	nc, _ := b.connect()
	writer, err := gatestate.New(nc, gatestate.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	events, err := publisher.New(nc, b.store, publisher.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := outbound.Open(b.t.TempDir(), []outbound.Output{events, writer}, outbound.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	engine, err := projections.Open(b.t.Context(), b.t.TempDir(), b.store, codec.New(), nil, []projections.Sink{out}, projections.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	engine.Start()
	b.t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			b.t.Error(err)
		}
		if err := out.Close(); err != nil {
			b.t.Error(err)
		}
	})
	if err := engine.CatchUp(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// TestTheOfficialTool charges, blocks and watches with nats, as an operator
// does at a shell, each role with its own rights.
func TestTheOfficialTool(t *testing.T) {
	b := newBench(t, options{accounts: 1})
	c := newCLI(b)
	b.run()
	b.follow()
	heard := c.watch(natsbus.RoleAdmin, "sub", "prepay.>")
	c.until(heard, "Subscribing on prepay.>")
	events := c.watch(natsbus.RoleSubscriber, "sub", "--stream", natsbus.EventsStream, "--all")
	c.until(events, "prepay.events.account.PA-0000.AccountOpened")
	channel := c.watch(natsbus.RoleGate, "kv", "watch", natsbus.ChannelsBucket, "CH-0000-0")
	c.until(channel, `"may_send":true`)

	reply := c.json(natsbus.RoleIntake, "req", "--raw", natsbus.ChargeSubject, charge("m-1", priced))
	if reply["outcome"] != "charged" || reply["charge_id"] != "m-1" {
		t.Errorf("nats req %s: %v", natsbus.ChargeSubject, reply)
	}
	c.until(heard, `"charge_id":"m-1"`, `"amount":"0.25"`)
	c.until(events, "prepay.events.account.PA-0000.ConversationCharged")
	c.until(events, "ce-type", "ConversationCharged")
	c.until(events, `"charge_id":"m-1"`, `"month":"2026-10"`)
	reply = c.json(natsbus.RoleIntake, "req", "--raw", natsbus.CommandPrefix+"Block", `{"partner_id":"PA-0000","actor":"finance:ana","payload":{"reason":"a test"}}`)
	if reply["ok"] != true || reply["standing"] != "blocked" {
		t.Errorf("nats req %sBlock: %v", natsbus.CommandPrefix, reply)
	}
	c.until(channel, `"may_send":false`, `"state":"blocked"`, gate.DefaultProvider)
	if v := c.json(natsbus.RoleGate, "kv", "get", "--raw", natsbus.AccountsBucket, "PA-0000"); v["standing"] != "blocked" || v["balance"] != "999999.75" {
		t.Errorf("nats kv get %s PA-0000: %v", natsbus.AccountsBucket, v)
	}
	if v := c.json(natsbus.RoleGate, "kv", "get", "--raw", natsbus.ChannelsBucket, "CH-0000-0"); v["may_send"] != false {
		t.Errorf("nats kv get %s CH-0000-0: %v", natsbus.ChannelsBucket, v)
	}
}
