package gate_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"prepayledger/consumers/gate"
	"prepayledger/consumers/natsbus"
)

func TestNames(t *testing.T) {
	if gate.ChannelsBucket != natsbus.ChannelsBucket || gate.AccountsBucket != natsbus.AccountsBucket {
		t.Error("the buckets are named otherwise in natsbus")
	}
	for _, id := range []string{"", "CH-1", "a_b", "a.b", "a b", "ä", "=", "a=20b", "*", ">", "\x00"} {
		if got, want := gate.Key(id), natsbus.Token(id); got != want {
			t.Errorf("key of %q is %s, in natsbus %s", id, got, want)
		}
	}
}

// A gateway that imports gate gets nothing else of prepay, and of foreign
// modules nats.go and what that needs.
func TestFewDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range slices.Sorted(strings.SplitSeq(strings.TrimSpace(string(out)), "\n")) {
		first, _, _ := strings.Cut(p, "/")
		if !strings.Contains(first, ".") && first != "prepayledger" {
			continue
		}
		allowed := slices.ContainsFunc([]string{"prepayledger/consumers/gate", "github.com/nats-io/nats.go", "github.com/nats-io/nkeys", "github.com/nats-io/nuid", "github.com/klauspost/compress", "golang.org/x/crypto", "golang.org/x/sys", "golang.org/x/net", "golang.org/x/text"},
			func(prefix string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") })
		if !allowed {
			t.Errorf("a gateway would carry %s", p)
		}
	}
}
