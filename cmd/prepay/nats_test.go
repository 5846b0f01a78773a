package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"prepayledger/consumers/natsbus"
)

// TestNATSRepair: a stream of events whose file was lost is found, halts the
// publisher of the running ledger, is made anew from the log, and goes on.
func TestNATSRepair(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := serve(t, data)
	nc := r.connect(natsbus.RoleIntake)
	r.ask(nc, "prepay.command.OpenAccount", openPA1)
	refused(t, "in use", exitFailed, data, "nats", "verify")
	if code := r.end(); code != exitDone {
		t.Fatalf("code %d", code)
	}
	if out := ok(t, data, "nats", "verify"); !strings.Contains(out, "PREPAY_EVENTS, messages 1 to") {
		t.Errorf("a stream that is whole: %s", out)
	}
	if out := ok(t, data, "nats", "repair"); !strings.Contains(out, "Nothing had to be done") {
		t.Errorf("repairing what is whole: %s", out)
	}
	blocks, err := filepath.Glob(filepath.Join(data, natsFolder, "jetstream", "*", "streams", natsbus.EventsStream, "msgs", "*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatalf("no files of the stream: %v", err)
	}
	for _, b := range blocks {
		if err := os.Remove(b); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, "prepay nats repair", exitFailed, data, "nats", "verify")
	if out := ok(t, data, "nats", "repair"); !strings.Contains(out, "PREPAY_EVENTS_G2") {
		t.Errorf("repaired: %s", out)
	}
	ok(t, data, "nats", "verify")

	again := serve(t, data)
	nc = again.connect(natsbus.RoleIntake)
	again.ask(nc, "prepay.command.Block", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"reason":"fraud"}}`)
	if code := again.end(); code != exitDone {
		t.Fatalf("code %d", code)
	}
	if out := ok(t, data, "--json", "nats", "verify"); !strings.Contains(out, `"stream":"PREPAY_EVENTS_G2"`) || !strings.Contains(out, `"unpublished":0`) {
		t.Errorf("after the repair: %s", out)
	}
}
