package embedded

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"prepayledger/eventstore"
)

// killEnv names the folder of the log to the process that is to be killed,
// and makes this test binary that process.
const killEnv = "PREPAY_TEST_KILLED_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killEnv); dir != "" {
		if err := killedWriter(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killWriters is how many goroutines the process writes with.
const killWriters = 8

// killedEvents are the events that follow expected in a stream: both processes
// can make them.
func killedEvents(stream string, expected eventstore.Revision) []eventstore.Event {
	n := 1 + int(expected+1)%4
	es := make([]eventstore.Event, n)
	for i := range es {
		var id uuid.UUID
		id[0] = 1
		binary.BigEndian.PutUint64(id[8:], uint64(expected)+2+uint64(i))
		data := fmt.Sprintf("%s/%d/%s", stream, int(expected)+1+i, strings.Repeat("x", int(expected+1)%500))
		es[i] = eventstore.Event{ID: id, Type: "Killed", Data: []byte(data)}
	}
	return es
}

// killedWriter appends for ever and prints every acknowledgement before it
// goes on.
func killedWriter(dir string) error {
	s, err := Open(dir, Options{MemTableBytes: 256 << 10})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	failed := make(chan error)
	for w := range killWriters {
		stream := fmt.Sprint("account-", w)
		expected := eventstore.NoStream
		if e, err := s.lastIndexEntry(stream); err == nil {
			expected = e.last()
		}
		go func() {
			for {
				a, err := s.Append(context.Background(), stream, expected, killedEvents(stream, expected))
				if err != nil {
					failed <- err
					return
				}
				expected = a.LastRevision
				mu.Lock()
				fmt.Printf("%s %d %d\n", stream, a.LastRevision, a.Position.Commit)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// TestKilled kills a writing process with SIGKILL, many times over the same
// log, and compares the log with what the process had printed.
func TestKilled(t *testing.T) {
	const kills = 8
	rng := seeded(t)
	dir := t.TempDir()
	acked := map[string]eventstore.Revision{}
	places := map[string]uint64{} // stream/revision -> event number
	for range kills {
		killOne(t, rng, dir, acked, places)
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("Open after the kill: %v", err)
		}
		if _, err := s.Verify(t.Context()); err != nil {
			t.Fatalf("Verify after the kill: %v", err)
		}
		ends := map[string]eventstore.Revision{}
		for e, err := range s.ReadAll(t.Context(), eventstore.Start) {
			if err != nil {
				t.Fatal(err)
			}
			ends[e.Stream] = e.Revision
			if at, ok := places[fmt.Sprint(e.Stream, "/", e.Revision)]; ok && position(at) != e.Position {
				t.Fatalf("stream %s, revision %d stands at %s, acknowledged was %d", e.Stream, e.Revision, e.Position, at)
			}
		}
		for stream, end := range ends {
			checkKilledStream(t, s, stream, end, acked[stream])
		}
		for stream, rev := range acked {
			if ends[stream] < rev {
				t.Fatalf("stream %s ends at %d, acknowledged was %d", stream, ends[stream], rev)
			}
		}
		closeStore(t, s)
	}
	if len(acked) != killWriters {
		t.Fatalf("only %d streams were written", len(acked))
	}
}

// killOne runs a writer, kills it after some acknowledgements and keeps all
// that it printed.
func killOne(t *testing.T, rng *rand.Rand, dir string, acked map[string]eventstore.Revision, places map[string]uint64) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), killEnv+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	left := 1 + rng.IntN(3000)
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a line that was cut is no acknowledgement
		}
		if err != nil {
			t.Fatal(err)
		}
		keepAck(t, line, acked, places)
		if left--; left == 0 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = child.Wait()
	if left > 0 {
		t.Fatalf("the writer ended by itself: %v", err)
	}
}

func keepAck(t *testing.T, line string, acked map[string]eventstore.Revision, places map[string]uint64) {
	t.Helper()
	fields := strings.Fields(line)
	if len(fields) != 3 {
		t.Fatalf("the writer printed %q", line)
	}
	rev, err1 := strconv.Atoi(fields[1])
	at, err2 := strconv.ParseUint(fields[2], 10, 64)
	if err1 != nil || err2 != nil {
		t.Fatalf("the writer printed %q", line)
	}
	acked[fields[0]] = eventstore.Revision(rev)
	places[fields[0]+"/"+fields[1]] = at
}

// checkKilledStream compares a stream with what the writer makes.
func checkKilledStream(t *testing.T, s *Store, stream string, end, acked eventstore.Revision) {
	t.Helper()
	var want []eventstore.Event
	expected := eventstore.NoStream
	for expected < end {
		es := killedEvents(stream, expected)
		want = append(want, es...)
		expected += eventstore.Revision(len(es))
	}
	if expected != end {
		t.Fatalf("stream %s ends at %d, in the middle of an append to %d (acknowledged %d)", stream, end, expected, acked)
	}
	n := 0
	for e, err := range s.ReadStream(t.Context(), stream, 0, eventstore.Forwards) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != want[n].ID || string(e.Data) != string(want[n].Data) {
			t.Fatalf("stream %s, revision %d: %+v, want %+v", stream, n, e.Event, want[n])
		}
		n++
	}
	if n != len(want) {
		t.Fatalf("stream %s has %d events, want %d", stream, n, len(want))
	}
}
