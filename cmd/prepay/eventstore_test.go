package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"prepayledger/consumers/intake/intaketest"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/eventstore/esdb/esdbtest"
)

// prepareAccount opens the workload's account with its channels and rates.
func prepareAccount(t *testing.T, data string, global ...string) {
	t.Helper()
	partner := intaketest.Partner(0)
	ok(t, data, append(global, "account", "open", partner, "--currency", "USD", "--card", "sim_ok", "--carried-over", "500")...)
	for c := range intaketest.ChannelsPerAccount {
		ok(t, data, append(global, "channel", "register", partner, intaketest.Channel(0, c), "--phone-number", intaketest.Number(0, c), "--phone-number-id", intaketest.WABA(0, c), "--waba", intaketest.WABA(0, c))...)
	}
	ok(t, data, append(global, "rates", "import", "rates-usd-2026-10-01.csv")...)
}

// TestTwoProcesses lets two prepay processes import the same 10,000 charges
// into one event store, one from the first file on and one from the last: each
// counts once, the balance is that of one clean import, and what either had
// cached was mended. Who writes when is the machine's choice: it goes on until
// they took turns.
func TestTwoProcesses(t *testing.T) {
	const charges, perRound, maxRounds, perFile, minTurns = 10_000, 5_000, 10, 100, 5
	w := intaketest.Workload{Charges: perRound * maxRounds, Accounts: 1, Seed: 3, From: today.AddDate(0, 0, -29)}
	var usage bytes.Buffer
	if err := w.Write(&usage); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSpace(usage.Bytes()), []byte("\n"))
	clean := filepath.Join(t.TempDir(), "clean")
	prepareAccount(t, clean)
	connection := esdbtest.Serve(t)
	shared := []string{"--eventstore", connection}
	folders := []string{t.TempDir(), t.TempDir()}
	prepareAccount(t, folders[0], shared...)
	presented := 0
	for round := 0; presented < charges || turns(t, connection) < minTurns; round++ {
		if round == maxRounds {
			t.Fatal("the processes took no turns: the test proves nothing")
		}
		var files []string
		for i := range perRound / perFile {
			at := round*perRound + i*perFile
			files = append(files, write(t, fmt.Sprintf("%04d.ndjson", i), string(bytes.Join(lines[at:at+perFile], nil))))
		}
		ok(t, clean, append([]string{"usage", "import"}, files...)...)
		sum := importTwice(t, connection, folders, files)
		if n := int(sum.Charged + sum.Free); n != perRound || int(sum.Duplicates) != perRound || sum.InQuarantine() != 0 {
			t.Errorf("%d counted and %d duplicates of %d, %v", n, sum.Duplicates, perRound, sum.Quarantined)
		}
		presented += perRound
	}
	show := func(data string, global ...string) string {
		var v struct{ Balance, Standing string }
		if err := json.Unmarshal([]byte(ok(t, data, append(global, "--json", "account", "show", intaketest.Partner(0))...)), &v); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(v)
	}
	want := show(clean)
	for _, data := range folders {
		if got := show(data, shared...); got != want {
			t.Errorf("%s, one import gives %s", got, want)
		}
		ok(t, data, append(shared, "verify")...)
	}
}

// importTwice imports files in two processes at once, and returns what they
// did together. They meet in the middle, and then present what the other
// charged.
func importTwice(t *testing.T, connection string, folders, files []string) (sum importSummary) {
	t.Helper()
	var processes []*exec.Cmd
	outputs := make([]bytes.Buffer, len(folders))
	for i, data := range folders {
		p := exec.Command(os.Args[0], append([]string{"--data", data, "--eventstore", connection, "--json", "usage", "import", "--actor", fmt.Sprint("process ", i)}, files...)...)
		slices.Reverse(files)
		p.Env = append(os.Environ(), child+"=1")
		p.Stdout, p.Stderr = &outputs[i], os.Stderr
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, p)
	}
	for i, p := range processes {
		if err := p.Wait(); err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
		var s importSummary
		if err := json.Unmarshal(outputs[i].Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		t.Logf("process %d: %d charged, %d duplicates, %.2f s", i, s.Charged, s.Duplicates, s.Seconds)
		sum.Add(s.Summary)
	}
	return sum
}

// turns counts how often the writer of the account's stream changes.
func turns(t *testing.T, connection string) (n int) {
	t.Helper()
	last := ""
	for r, err := range esdbtest.Connect(t, connection).ReadStream(t.Context(), "account-"+intaketest.Partner(0), 0, eventstore.Forwards) {
		if err != nil {
			t.Fatal(err)
		}
		m, err := codec.DecodeMetadata(r.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(m.Actor, "process") && m.Actor != last {
			n, last = n+1, m.Actor
		}
	}
	return n
}

// TestEventstore serves a data folder's log, reads it over the protocol, and
// refuses what must not be done with it.
func TestEventstore(t *testing.T) {
	data := newLedger(t)
	ok(t, data, "usage", "import", write(t, "usage.ndjson", usageLine("a", `,"country":"BR"`)))
	want := ok(t, data, "--json", "balance")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	served := make(chan int, 1)
	go func() {
		served <- run(ctx, []string{"--data", data, "eventstore", "--listen", "127.0.0.1:0"}, globals{Stdout: in, Stderr: io.Discard})
	}()
	greeting := make([]byte, 256)
	n, err := out.Read(greeting)
	if err != nil {
		t.Fatal(err)
	}
	_, connection, found := strings.Cut(strings.TrimSpace(string(greeting[:n])), " at ")
	if !found || !strings.Contains(string(greeting[:n]), "read-only") {
		t.Fatalf("greeting %q", greeting[:n])
	}
	other := filepath.Join(t.TempDir(), "other")
	if got := ok(t, other, "--json", "--eventstore", connection, "balance"); got != want {
		t.Errorf("over the protocol the balance is %s, want %s", got, want)
	}
	ok(t, other, "--eventstore", connection, "verify")
	ok(t, other, "--eventstore", connection, "rebuild")
	refused(t, "reading only", exitFailed, other, "--eventstore", connection, "account", "block", "PA-1", "--reason", "x", "--actor", "finance:ana")
	refused(t, "in use", exitFailed, data, "balance")
	refused(t, "has events already", exitFailed, other, "--eventstore", connection, "simulate", "../../consumers/simulate/testdata/1/scenario.ndjson")
	refused(t, "other event log", exitFailed, other, "--eventstore", esdbtestWithEvent(t), "balance")
	refused(t, "esdb://", exitFailed, other, "--eventstore", "http://127.0.0.1", "balance")
	refused(t, "serves the log of the data folder", exitFailed, data, "--eventstore", connection, "eventstore")
	refused(t, "belong together", exitUsage, data, "eventstore", "--tls-cert", "eventstore_test.go")

	stop()
	select {
	case code := <-served:
		if code != exitDone {
			t.Errorf("stopped with code %d", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not stop")
	}
	ok(t, data, "balance") // the folder is free again
	refused(t, "unavailable", exitFailed, other, "--eventstore", connection, "balance")
}

// esdbtestWithEvent is an event store whose log is another one.
func esdbtestWithEvent(t *testing.T) string {
	t.Helper()
	connection := esdbtest.Serve(t)
	ok(t, t.TempDir(), "--eventstore", connection, "account", "open", "PA-9", "--currency", "USD", "--card", "sim_ok", "--carried-over", "500")
	return connection
}
