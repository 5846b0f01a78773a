package main

import (
	"strings"
	"testing"

	"prepayledger/projections/quarantine"
)

// TestRetry: a webhook of a number that is registered later, and a charge
// whose rate is imported later, are charged by a retry and leave.
func TestRetry(t *testing.T) {
	data := t.TempDir() + "/data"
	ok(t, data, strings.Fields("account open PA-1 --currency USD --card sim_ok --carried-over 500")...)
	importStdin(t, data, webhook)
	if out := ok(t, data, "quarantine", "retry"); !strings.Contains(out, "unknown_channel") {
		t.Errorf("retry without a mend:\n%s", out)
	}
	ok(t, data, strings.Fields("channel register PA-1 CH-1 --phone-number +4930123456 --phone-number-id 1065 --waba W-1")...)
	if out := ok(t, data, "quarantine", "retry"); !strings.Contains(out, "no_rate") {
		t.Errorf("retry without a rate:\n%s", out)
	}
	ok(t, data, "rates", "import", "rates-usd-2026-10-01.csv")
	if got := parsed[map[string]int](t, data, "quarantine", "retry"); got["charged"] == 0 {
		t.Errorf("retry: %v", got)
	}
	if left := parsed[[]quarantine.Entry](t, data, "quarantine", "list"); len(left) != 0 {
		t.Errorf("left in quarantine: %+v", left)
	}
	if s := importStdin(t, data, webhook); s.Duplicates != 1 {
		t.Errorf("the webhook again: %+v", s.Summary)
	}
	ok(t, data, "verify")
}

// TestQuarantineExport: what is desk.Exported can be mended and imported again; a
// malformed record comes out as it came.
func TestQuarantineExport(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR","amount":"1.5","currency":"EUR"`)+"nonsense\n"+usageLine("b", `,"country":"CU"`))
	out := ok(t, data, "quarantine", "export")
	if !strings.Contains(out, "\nnonsense\n") && !strings.HasPrefix(out, "nonsense\n") {
		t.Errorf("the malformed record is not as it came:\n%s", out)
	}
	if s := importStdin(t, data, out); s.InQuarantine() != 3 || s.Repeated != 3 {
		t.Errorf("exported and imported again: %+v", s.Summary)
	}
	mended := strings.ReplaceAll(ok(t, data, "quarantine", "export", "--reason", "wrong_currency"), `"EUR"`, `"USD"`)
	if s := importStdin(t, data, mended); s.Charged != 1 {
		t.Errorf("mended: %+v", s.Summary)
	}
}

// TestQuarantineChoice lists by partner, reason and id.
func TestQuarantineChoice(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"CU"`)+usageLine("b", `,"market":"Atlantis"`)+strings.Replace(usageLine("c", `,"country":"BR"`), "PA-1", "PA-8", 1))
	for choice, want := range map[string]string{
		"":                             "abc",
		"--partner PA-1":               "ab",
		"--unassigned":                 "c",
		"--reason blocked_destination": "a",
		"--charge b":                   "b",
		"--charge b --unassigned":      "",
	} {
		got := map[string]bool{}
		for _, e := range parsed[[]quarantine.Entry](t, data, append([]string{"quarantine", "list"}, strings.Fields(choice)...)...) {
			got[e.ChargeID] = true
		}
		if ids := strings.Join(sortedKeys(got), ""); ids != want {
			t.Errorf("%q lists %q, want %q", choice, ids, want)
		}
	}
	refused(t, "no reason", exitUsage, data, "quarantine", "list", "--reason", "bad_luck")
	refused(t, "unknown_account", exitFailed, data, "quarantine", "list", "--partner", "PA-8")
	if out := ok(t, data, "quarantine", "list", "--limit", "1"); !strings.Contains(out, "1 of 3 entries") {
		t.Errorf("limit:\n%s", out)
	}
}
