// Package natsbustest runs real NATS servers for tests: in the process, and in
// one of their own that can be killed.
package natsbustest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
)

// connectTimeout bounds a test's connection to a server.
const connectTimeout = 30 * time.Second

// Start runs a server in the process, in a folder of its own, with every
// stream and bucket set up. It ends with the test.
func Start(t testing.TB) *natsbus.Server {
	t.Helper()
	s := StartIn(t, t.TempDir())
	if err := natsbus.EnsureStreams(t.Context(), JetStream(t, Connect(t, s)), natsbus.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// StartIn runs a server in the process on a folder; it sets nothing up.
func StartIn(t testing.TB, dir string) *natsbus.Server {
	t.Helper()
	s, err := natsbus.StartServer(natsbus.ServerOptions{Dir: dir, Port: natsbus.RandomPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Connect connects to the server as the ledger does, until the test ends.
func Connect(t testing.TB, s *natsbus.Server) *nats.Conn {
	t.Helper()
	return ConnectAs(t, s, natsbus.RolePrepay)
}

// ConnectAs connects with the rights of a role, until the test ends.
func ConnectAs(t testing.TB, s *natsbus.Server, r natsbus.Role) *nats.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), connectTimeout)
	defer cancel()
	nc, err := s.Connect(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// JetStream is a connection's JetStream.
func JetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// The environment in which a test binary is a server: folder and port.
const (
	dirVariable  = "PREPAY_TEST_NATS_DIR"
	portVariable = "PREPAY_TEST_NATS_PORT"
)

// Main runs the tests; a package that uses StartProcess calls it in TestMain.
// In a process that StartProcess began, it is a server until it is killed.
func Main(m *testing.M) int {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		return m.Run()
	}
	port, err := strconv.Atoi(os.Getenv(portVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, err := natsbus.StartServer(natsbus.ServerOptions{Dir: dir, Port: port})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.ClientURL())
	// The end of standard input is the end of the test: then nobody is left
	// who would kill this process.
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	return 0
}

// Process is a server in a process of its own.
type Process struct {
	t    testing.TB
	dir  string
	port int
	cmd  *exec.Cmd
	url  string
}

// StartProcess runs a server on a folder in a process of its own, until the
// test ends. The test's package must call Main in TestMain.
func StartProcess(t testing.TB, dir string) *Process {
	t.Helper()
	p := &Process{t: t, dir: dir, port: natsbus.RandomPort}
	p.Restart()
	t.Cleanup(p.Kill)
	return p
}

// Restart starts the server again after Kill: on the same port and folder.
func (p *Process) Restart() {
	p.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dirVariable+"="+p.dir, portVariable+"="+strconv.Itoa(p.port))
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe() // held open by this process
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.cmd = cmd
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.t.Fatalf("the server's process did not start: %v", err)
	}
	p.url = strings.TrimSpace(line)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.url, "nats://"))
	if err != nil {
		p.t.Fatal(err)
	}
	if p.port, err = strconv.Atoi(port); err != nil {
		p.t.Fatal(err)
	}
}

// URL is where clients connect; it stays the same over restarts.
func (p *Process) URL() string { return p.url }

// Kill ends the process at once, as kill -9 does.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
	p.cmd = nil
}

// Options are those by which the ledger connects to the process.
func (p *Process) Options() natsbus.ConnectOptions {
	p.t.Helper()
	password, err := natsbus.ReadPassword(p.dir, natsbus.RolePrepay)
	if err != nil {
		p.t.Fatal(err)
	}
	return natsbus.ConnectOptions{URL: p.url, User: string(natsbus.RolePrepay), Password: password, Name: p.t.Name()}
}

// Connect connects to the process as the ledger does, until the test ends.
func (p *Process) Connect() *nats.Conn {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	nc, err := natsbus.Connect(ctx, p.Options())
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(nc.Close)
	return nc
}
