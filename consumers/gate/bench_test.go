package gate_test

import (
	"context"
	"fmt"
	"testing"

	"prepayledger/consumers/gate"
)

// BenchmarkAllow asks for one of many channels, on all processors at once.
func BenchmarkAllow(b *testing.B) {
	const channels = 20_000
	bus := startBus(b)
	for i := range channels {
		bus.putAsync(fmt.Sprintf("CH-%06d", i))
	}
	bus.beat(newClock().now())
	g := bus.openGate(newClock(), gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse})
	ids := make([]string, 1024)
	for i := range ids {
		ids[i] = fmt.Sprintf("CH-%06d", i*19)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if d := g.Allow(ids[i%len(ids)]); !d.Allowed {
				b.Error("refused")
				return
			}
		}
	})
}

// BenchmarkAllowRealClock is the same with time.Now, one at a time.
func BenchmarkAllowRealClock(b *testing.B) {
	bus := startBus(b)
	bus.channel("CH-1", gate.StateOpen)
	g, err := gate.Open(context.Background(), bus.connect(), gate.Options{WhenStale: gate.FailOpen, Unknown: gate.Refuse})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	b.ReportAllocs()
	for b.Loop() {
		g.Allow("CH-1")
	}
}
