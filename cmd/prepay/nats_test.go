package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"prepayledger/consumers/natsbus"
)

// TestNATSRepair: what NATS lost of the newest events comes again by itself; a
// message of somebody else halts the publisher of the running ledger, is found,
// and the stream is made anew from the log and goes on.
func TestNATSRepair(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	r := serve(t, data)
	r.ask(r.connect(natsbus.RoleIntake), "prepay.command.OpenAccount", openPA1)
	refused(t, "in use", exitFailed, data, "nats", "verify")
	r.stopped()
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
	r = serve(t, data)
	r.stopped()
	if out := ok(t, data, "--json", "nats", "verify"); !strings.Contains(out, `"unpublished":0`) || strings.Contains(out, `"right":0`) {
		t.Errorf("what was lost did not come again: %s", out)
	}

	r = serve(t, data)
	js, err := jetstream.New(r.connect(natsbus.RoleAdmin))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), natsbus.EventsPrefix+"account.PA-1.Foreign", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	r.ask(r.connect(natsbus.RoleIntake), "prepay.command.Block", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"reason":"fraud"}}`)
	eventually(t, "the publisher halts and says so", func() bool {
		code, body := r.get("/readyz")
		return code == http.StatusOK && strings.Contains(body, `"outbound_events":"halted`) && strings.Contains(body, `"outbound_gate":"ok"`)
	})
	r.stopped()
	refused(t, "prepay nats repair", exitFailed, data, "nats", "verify")
	if out := ok(t, data, "nats", "repair"); !strings.Contains(out, "PREPAY_EVENTS_G2") || !strings.Contains(out, "foreign") {
		t.Errorf("repaired: %s", out)
	}
	r = serve(t, data)
	r.ask(r.connect(natsbus.RoleIntake), "prepay.command.Unblock", `{"partner_id":"PA-1","actor":"finance:ana","payload":{}}`)
	r.stopped()
	if out := ok(t, data, "--json", "nats", "verify"); !strings.Contains(out, `"stream":"PREPAY_EVENTS_G2"`) || !strings.Contains(out, `"unpublished":0`) {
		t.Errorf("after the repair: %s", out)
	}
}

// stopped stops it in order.
func (r *running) stopped() {
	r.t.Helper()
	if code := r.end(); code != exitDone {
		r.t.Fatalf("it stopped with code %d", code)
	}
}
