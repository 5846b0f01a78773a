package notices_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/consumers/notices/histories"
)

// NATS is killed in the middle of deliveries, again and again: each notice
// once and in order all the same.
func TestNATSKilled(t *testing.T) {
	const kills = 3
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	p := natsbustest.StartProcess(t, t.TempDir())
	nc := p.Connect()
	s := &stage{t: t, nc: nc, js: natsbustest.JetStream(t, nc), log: histories.New(seed)}
	ctx := context.Background()
	s.must(natsbus.EnsureStreams(ctx, s.js, natsbus.StreamOptions{}))
	for range 800 {
		s.log.Step([]string{"PA-1", "PA-2"})
	}
	all := changes(t, s.log.Facts)
	o, done, killed := s.output(), 0, 0
	for done < len(all) {
		batch := all[done:min(done+1+rng.IntN(len(all)/10), len(all))]
		if killed < kills && done >= (2*killed+1)*len(all)/(2*kills) {
			killed++
			given := make(chan error, 1)
			cut, cancel := context.WithCancel(ctx)
			go func() { given <- o.Deliver(cut, batch) }()
			p.Kill()
			p.Restart()
			cancel()
			<-given // done or not: it is given again
			s.connected()
			continue
		}
		if err := o.Deliver(ctx, batch); err != nil {
			s.connected() // fails in the end if NATS stays away
			continue
		}
		done += len(batch)
	}
	if killed != kills {
		t.Errorf("%d kills, want %d", killed, kills)
	}
	if got, want := ids(s.stream()), s.wanted(); !slices.Equal(got, want) {
		t.Fatalf("%d notices in the stream, want %d, each once and in order", len(got), len(want))
	}
}

// connected waits until NATS answers again.
func (s *stage) connected() {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		_, err := s.js.Stream(ctx, natsbus.NoticesStream)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("NATS does not come back")
		}
	}
}
