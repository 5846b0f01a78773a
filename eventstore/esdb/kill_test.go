package esdb_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdbserver"
)

// serveFolder is the variable that makes the test program a server of the log
// in the folder that it names.
const serveFolder = "ESDB_TEST_SERVE"

// serveProcess serves the log, says where, and ends with its standard input,
// if it is not killed before.
func serveProcess(dir string) error {
	log, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := esdbserver.New(log, esdbserver.Options{Writable: true})
	go server.Serve(l)
	fmt.Println(l.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return errors.Join(server.Close(), log.Close())
}

// process is a server of its own.
type process struct {
	cmd     *exec.Cmd
	in      io.Closer
	address string
}

func startProcess(t *testing.T, dir string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), serveFolder+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not start: %v, %v", err, cmd.Wait())
	}
	return &process{cmd: cmd, in: in, address: strings.TrimSpace(address)}
}

// kill ends it as a crash does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // says that it was killed
}

// TestServerKilled: the server's process is killed again and again while eight
// callers append, and started again on the same log. What was answered is
// there once, in its place, and so is what was settled by repeating it.
func TestServerKilled(t *testing.T) {
	const minKills, maxKills, callers, between = 3, 30, 8, 200
	dir := t.TempDir()
	server := startProcess(t, dir)
	p := newProxy(t, server.address)
	d := open(t, "esdb://"+p.address()+"?tls=false")
	defer d.Close()
	ctx := deadline(t)

	var stop atomic.Bool
	var unknown, away atomic.Int32
	answered := make(chan struct{}, callers)
	wrote := make([][]uuid.UUID, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for expected := eventstore.NoStream; !stop.Load(); {
				es := events(1 + len(wrote[i])%3)
				a, err := d.Append(ctx, fmt.Sprintf("account-%d", i), expected, es)
				for ctx.Err() == nil && (errors.Is(err, eventstore.ErrOutcomeUnknown) || errors.Is(err, eventstore.ErrUnavailable)) {
					if errors.Is(err, eventstore.ErrOutcomeUnknown) {
						unknown.Add(1)
					} else {
						away.Add(1)
					}
					a, err = d.Append(ctx, fmt.Sprintf("account-%d", i), expected, es)
				}
				if err != nil {
					t.Errorf("account-%d after revision %d: %v", i, expected, err)
					return
				}
				for _, e := range es {
					wrote[i] = append(wrote[i], e.ID)
				}
				expected = a.LastRevision
				select {
				case answered <- struct{}{}:
				case <-ctx.Done():
				}
			}
		})
	}
	await := func(n int) {
		for range n {
			select {
			case <-answered:
			case <-ctx.Done():
				t.Fatal("the callers got stuck")
			}
		}
	}
	kills := 0
	for kills < minKills || unknown.Load() == 0 && kills < maxKills {
		await(between + 7*kills)
		server.kill(t)
		kills++
		server = startProcess(t, dir)
		p.setTarget(server.address)
	}
	await(between)
	stop.Store(true)
	go func() { // those who still want to tell
		for range answered {
		}
	}()
	wg.Wait()
	close(answered)
	t.Logf("%d kills, %d outcomes unknown, %d times away", kills, unknown.Load(), away.Load())
	if unknown.Load() == 0 {
		t.Fatal("no append was under way when the server was killed: the test proves nothing")
	}
	for i, want := range wrote {
		n := 0
		for e, err := range d.ReadStream(ctx, fmt.Sprintf("account-%d", i), 0, eventstore.Forwards) {
			if err != nil {
				t.Fatal(err)
			}
			if n == len(want) || e.ID != want[n] {
				t.Fatalf("account-%d: revision %d is not what was appended there", i, e.Revision)
			}
			n++
		}
		if n != len(want) {
			t.Fatalf("account-%d: %d events, want %d", i, n, len(want))
		}
	}
	server.in.Close()
	if err := server.cmd.Wait(); err != nil {
		t.Fatalf("the server's end: %v", err)
	}
}
