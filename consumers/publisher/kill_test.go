package publisher

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsbus/natsbustest"
	"prepayledger/eventstore/embedded"
)

// The size of the soak; make soak asks for a million events.
var (
	soakEvents = flag.Int("events", 6000, "events that TestKill publishes")
	soakKills  = flag.Int("kills", 8, "how often TestKill kills a process")
)

// lifetime is how long a process lives at most before it is killed.
const lifetime = 600 * time.Millisecond

// TestKill kills the NATS server and the publisher, each in a process of its
// own, at random moments: every event is in the stream once, at its place.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	dir, natsDir := t.TempDir(), t.TempDir()
	store, err := embedded.Open(filepath.Join(dir, "log"), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fillStore(t, store, *soakEvents)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	server := natsbustest.StartProcess(t, natsDir)
	o := longOptions
	o.MaxBytes = 16 << 30
	if err := natsbus.EnsureStreams(t.Context(), natsbustest.JetStream(t, server.Connect()), o); err != nil {
		t.Fatal(err)
	}
	publishers, servers := 0, 0
	cmd, done := startPublisher(t, dir, natsDir, server.URL())
	for finished := false; !finished; {
		var moment <-chan time.Time // never
		if publishers+servers < *soakKills {
			moment = time.After(time.Duration(random.Int64N(int64(lifetime))))
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			finished = true
		case <-moment:
			if random.IntN(2) == 0 { // the publisher lives on and connects again
				servers++
				server.Kill()
				server.Restart()
				continue
			}
			publishers++
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			<-done
			cmd, done = startPublisher(t, dir, natsDir, server.URL())
		}
	}
	server.Kill() // what was not on its disk yet is published again
	server.Restart()
	_, done = startPublisher(t, dir, natsDir, server.URL())
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("killed the publisher %d times and the server %d times", publishers, servers+1)
	if store, err = embedded.Open(filepath.Join(dir, "log"), embedded.Options{}); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	nc := server.Connect()
	check(t, natsbustest.JetStream(t, nc), store)
	last, err := store.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r := (bus{nc: nc}).verify(t, store, last); !r.OK() || r.Right != uint64(*soakEvents) {
		t.Fatalf("%+v", r)
	}
}

// startPublisher runs publishAll in a process of its own.
func startPublisher(t *testing.T, dir, natsDir, url string) (*exec.Cmd, <-chan error) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childNATS+"="+natsDir, childURL+"="+url)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // held open by this process
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, done
}
