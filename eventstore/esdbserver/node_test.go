//go:build nodeclient

package esdbserver_test

import (
	"os"
	"os/exec"
	"testing"

	"prepayledger/eventstore/esdbserver"
)

// TestNodeClient runs the official Node client against a server. It is built
// with the tag nodeclient, needs node, and the folder in CLIENT_MODULES in
// which `npm install @eventstore/db-client@6.2.1` was run.
func TestNodeClient(t *testing.T) {
	if os.Getenv("CLIENT_MODULES") == "" {
		t.Fatal("set CLIENT_MODULES to the folder in which @eventstore/db-client is installed")
	}
	f := start(t, esdbserver.Options{Writable: true})
	for _, scheme := range []string{"esdb://", "esdb+discover://"} {
		f := f
		if scheme != "esdb://" {
			f = start(t, esdbserver.Options{Writable: true})
		}
		cmd := exec.CommandContext(f.ctx, "node", "testdata/client.mjs", scheme+f.address+"?tls=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", scheme, err, out)
		}
	}
}
