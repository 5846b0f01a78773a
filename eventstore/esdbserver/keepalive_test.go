package esdbserver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
	_ "unsafe" // for the shorter pings

	official "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb"
	"prepayledger/eventstore/esdbserver"
)

// shortestPing is gRPC's own limit for clients written in Go, 10 s.
//
//go:linkname shortestPing google.golang.org/grpc/internal.KeepaliveMinPingTime
var shortestPing time.Duration

const (
	// officialPing is how often the official clients and our driver ping
	// where the connection string says nothing (time).
	officialPing = 10 * time.Second
	// testPing stands for it in tests (time).
	testPing = 300 * time.Millisecond
	// idlePings is how many pings an idle connection must live through.
	idlePings = 13
)

// idle is a client that reads once and then does nothing until it is told to
// read again and end.
type idle func(f *fixture, connection string) (end func() error)

func idleOfficial(f *fixture, connection string) func() error {
	client := f.connect(connection)
	f.drain(client.ReadAll(f.ctx, official.ReadAllOptions{From: official.Start{}}, 1))
	return func() error {
		defer client.Close()
		r, err := client.ReadAll(f.ctx, official.ReadAllOptions{From: official.Start{}}, 1)
		if err == nil {
			_, err = r.Recv()
			r.Close()
		}
		return err
	}
}

func idleDriver(f *fixture, connection string) func() error {
	d, err := esdb.Open(connection, esdb.Options{})
	if err == nil {
		_, err = d.Last(f.ctx)
	}
	if err != nil {
		f.Fatal(err)
	}
	return func() error {
		_, err := d.Last(f.ctx)
		return errors.Join(err, d.Close())
	}
}

func idleNode(f *fixture, connection string) func() error {
	cmd := f.node("idle.mjs", connection)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		f.Fatal(err)
	}
	return func() error {
		in.Close()
		err := cmd.Wait()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return fmt.Errorf("%w: %s", err, said.String())
		}
		return err
	}
}

var idlers = map[string]idle{"official Go client": idleOfficial, "official Node client": idleNode, "our driver": idleDriver}

// pinging lets clients of this test ping as often as the test says.
func pinging(t *testing.T) {
	before := shortestPing
	if before != officialPing {
		t.Fatalf("gRPC's shortest ping is %s, want %s", before, officialPing)
	}
	shortestPing = time.Millisecond
	t.Cleanup(func() { shortestPing = before })
}

// startWatched serves a log of one event to a client through a listener that
// sees its pings.
func startWatched(t *testing.T, opts esdbserver.Options) (*fixture, *watched) {
	t.Helper()
	log, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := watch(inner)
	server := esdbserver.New(log, opts)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(server.Close(), <-served, log.Close()); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{T: t, ctx: ctx, log: log, address: l.Addr().String()}
	f.store("account-1", eventstore.NoStream, 1)
	return f, l
}

// TestIdleConnectionsLive: clients that ping as often as the official ones do
// are not cut off, however long they are idle. Interval and limit are both
// shortened, in proportion.
func TestIdleConnectionsLive(t *testing.T) {
	pinging(t)
	limit := esdbserver.MinKeepalive * testPing / officialPing
	for name, begin := range idlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, l := startWatched(t, esdbserver.Options{}.WithMinKeepalive(limit))
			end := begin(f, fmt.Sprintf("esdb://%s?tls=false&keepAliveInterval=%d", f.address, testPing.Milliseconds()))
			began := time.Now()
			for range idlePings {
				select {
				case <-l.pings:
				case <-f.ctx.Done():
					t.Fatal("too few pings came: the test proves nothing")
				}
			}
			if took := time.Since(began); took < (idlePings-3)*testPing {
				t.Fatalf("%d pings within %s: they are not the idle connection's", idlePings, took)
			}
			if opened, gone, _ := l.counts(); opened != 1 || gone != 0 {
				t.Fatalf("%d connections opened, %d gone, want one that lives", opened, gone)
			}
			if err := end(); err != nil {
				t.Fatalf("after being idle: %v", err)
			}
			if opened, _, _ := l.counts(); opened != 1 {
				t.Fatalf("%d connections opened, want one", opened)
			}
		})
	}
}

// TestTooManyPings: a client that pings far more often than the limit allows
// loses its connection (so that the test above can fail), and opens another
// one when it has something to ask.
func TestTooManyPings(t *testing.T) {
	pinging(t)
	for name, begin := range idlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, l := startWatched(t, esdbserver.Options{}.WithMinKeepalive(time.Minute))
			end := begin(f, fmt.Sprintf("esdb://%s?tls=false&keepAliveInterval=50", f.address))
			for {
				_, gone, changed := l.counts()
				if gone > 0 {
					break
				}
				select {
				case <-changed:
				case <-f.ctx.Done():
					t.Fatal("the connection was never cut")
				}
			}
			if err := end(); err != nil {
				t.Fatalf("after the cut: %v", err)
			}
		})
	}
}
