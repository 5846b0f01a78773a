package publisher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/outbound"
	"prepayledger/eventstore"
)

// startCluster runs three servers that are one cluster.
func startCluster(t *testing.T) []*natsbus.Server {
	t.Helper()
	var ports []int
	var routes []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, "nats://"+l.Addr().String())
		l.Close()
	}
	var list []*natsbus.Server
	for i, port := range ports {
		s, err := natsbus.StartServer(natsbus.ServerOptions{
			Dir: t.TempDir(), Port: natsbus.RandomPort,
			Cluster: &natsbus.ClusterOptions{Server: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: port, Routes: routes},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		list = append(list, s)
	}
	return list
}

// eventually tries until it goes well: a cluster takes its time to choose
// leaders. Trying paces itself, by the server's answers.
func eventually(t *testing.T, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		if errors.Is(err, outbound.ErrHalt) {
			t.Fatal(err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("in the end: %v", err)
		}
	}
}

// TestCluster publishes to a stream of three replicas, loses the server that
// leads the stream on the way, and repairs.
func TestCluster(t *testing.T) {
	servers := startCluster(t)
	buses := map[string]bus{}
	var names []string
	for i, s := range servers {
		nc := natsbustest.Connect(t, s)
		name := fmt.Sprintf("n%d", i)
		buses[name] = bus{nc, natsbustest.JetStream(t, nc)}
		names = append(names, name)
	}
	o := longOptions
	o.Replicas = 3
	eventually(t, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		return natsbus.EnsureStreams(ctx, buses["n0"].js, o)
	})
	l := sampleLog(t, 1100)
	store := l.Store()
	changes := changesOf(t, store)
	var leader string
	eventually(t, func(ctx context.Context) error {
		stream, err := natsbus.CurrentEvents(ctx, buses["n0"].js)
		if err != nil {
			return err
		}
		if leader = stream.CachedInfo().Cluster.Leader; leader == "" {
			return errors.New("no leader yet")
		}
		return nil
	})
	other := buses[names[0]]
	if leader == names[0] {
		other = buses[names[1]]
	}
	p := other.publisher(t, store)
	deliver := func(part []outbound.Change) {
		t.Helper()
		eventually(t, func(ctx context.Context) error { return p.Deliver(ctx, part) })
	}
	deliver(changes[:400])
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for i, name := range names {
			if name == leader {
				servers[i].Close()
			}
		}
	}()
	deliver(changes[:1000])
	<-stopped
	again := other.publisher(t, store)
	eventually(t, func(ctx context.Context) error { return again.Deliver(ctx, changes[900:]) })
	check(t, other.js, store)
	end, err := store.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r := other.verify(t, store, end); !r.OK() || r.Right != 1100 {
		t.Fatalf("%+v", r)
	}
	// A publisher that doesn't know of a foreign message yet sends many at a
	// time: none may be stored behind it.
	l.Append("account-PA-0", sampleEvents("PA-0", 600)[500:]...)
	other.raw(t, &nats.Msg{Subject: natsbus.EventsPrefix + "x.y.z"})
	rest := changesOf(t, store)[1100:]
	eventually(t, func(ctx context.Context) error {
		err := again.Deliver(ctx, rest)
		switch {
		case errors.Is(err, outbound.ErrHalt):
			return nil
		case err == nil:
			t.Fatal("events were published behind a foreign message")
		}
		return err
	})
	if r := other.verify(t, store, eventstore.Start); r.Last != 1101 || r.Wrong[Foreign]+r.Wrong[Missing] != 1 {
		t.Fatalf("%+v", r)
	}
	clusterRepair(t, other, store, o)
}

// clusterRepair repairs with one of three servers away.
func clusterRepair(t *testing.T, b bus, store eventstore.Store, o natsbus.StreamOptions) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		done, err := Repair(ctx, b.nc, store, RepairOptions{Streams: o})
		if err == nil && done.New != natsbus.EventsName(2) {
			err = fmt.Errorf("repair did %+v", done)
		}
		return err
	})
	if r := b.verify(t, store, eventstore.Start); !r.OK() {
		t.Fatalf("%+v", r)
	}
	check(t, b.js, store)
}
