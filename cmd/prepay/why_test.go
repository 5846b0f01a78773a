package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/why"
	"prepayledger/domain"
)

// whyAt asks days after today.
func whyAt(t *testing.T, days int, data string, args ...string) string {
	t.Helper()
	out, errs, code := cliAt(t, today.AddDate(0, 0, days), "", data, append([]string{"account", "why", "PA-1"}, args...)...)
	if code != exitDone {
		t.Fatalf("code %d: %s", code, errs)
	}
	return out
}

// TestWhy goes with an account from active through grace and block and back.
func TestWhy(t *testing.T) {
	data := newLedger(t)
	if out := whyAt(t, 0, data); !strings.Contains(out, "PA-1 is active") {
		t.Errorf("active: %s", out)
	}
	ok(t, data, "account", "card", "PA-1", "sim_declined")
	ok(t, data, "usage", "import", write(t, "u.ndjson", usageLine("crossing", `,"country":"BR","amount":"510","currency":"USD"`)+usageLine("after", `,"country":"BR","amount":"1","currency":"USD"`)))
	out := whyAt(t, 1, data)
	for _, want := range []string{"PA-1 is in its grace period", "-11.00 USD", `"crossing"`, "1 conversation", "declined", "What happens next", "All channels are blocked, in 6 d", "What ends it"} {
		if !strings.Contains(strings.Replace(out, "A conversation", "1 conversation", 1), want) {
			t.Errorf("grace does not say %q:\n%s", want, out)
		}
	}
	out = whyAt(t, 8, data, "--steps")
	for _, want := range []string{"PA-1 is blocked", "overdue", `"crossing"`, "prepay account confirm PA-1", "revision"} {
		if !strings.Contains(out, want) {
			t.Errorf("blocked does not say %q:\n%s", want, out)
		}
	}
	var a why.Answer
	if err := json.Unmarshal([]byte(whyAt(t, 8, data, "--json")), &a); err != nil {
		t.Fatal(err)
	}
	if a.Standing != domain.Blocked || a.Crossing == nil || a.Crossing.Effect.String() != "-510" || len(a.Attempts) != 3 || a.Incomplete {
		t.Errorf("%+v", a)
	}
	if _, errs, code := cliAt(t, today.AddDate(0, 0, 8), "", data, "account", "confirm", "PA-1", "511", "--reference", "B1", "--actor", "finance:ana"); code != exitDone {
		t.Fatal(errs)
	}
	if out := whyAt(t, 8, data); !strings.Contains(out, "PA-1 is active") || !strings.Contains(out, "Finance confirmed") {
		t.Errorf("unblocked: %s", out)
	}
	refused(t, "no partner account", exitFailed, data, "account", "why", "nobody")
}

// TestWhyOverNATS asks a running ledger.
func TestWhyOverNATS(t *testing.T) {
	data := newLedger(t)
	ok(t, data, "account", "block", "PA-1", "--reason", "suspected fraud", "--actor", "finance:ana")
	r := serve(t, data)
	nc := r.connect(natsbus.RoleSubscriber)
	answer, _ := r.ask(nc, natsbus.WhySubject, `{"partner_id":"PA-1"}`)["answer"].(map[string]any)
	if answer["standing"] != "blocked" || answer["blocked_reason"] != "manual" || !strings.Contains(fmt.Sprint(answer["because"]), "suspected fraud") {
		t.Errorf("%v", answer)
	}
	problem, _ := r.ask(nc, natsbus.WhySubject, `{"partner_id":"nobody"}`)["error"].(map[string]any)
	if problem["code"] != "unknown_account" {
		t.Errorf("%v", problem)
	}
}
