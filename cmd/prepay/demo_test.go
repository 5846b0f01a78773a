package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"prepayledger/domain/money"
)

// untimed is a story without the line that says how long it took.
func untimed(story string) string {
	var b strings.Builder
	for line := range strings.Lines(story) {
		if !strings.HasPrefix(line, "Told in ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestDemoSeed: a seed tells one story, another seed another, and nothing
// stays behind.
func TestDemoSeed(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	one, again := ok(t, t.TempDir(), "demo", "--seed", "5"), ok(t, t.TempDir(), "demo", "--seed", "5")
	if untimed(one) != untimed(again) {
		t.Errorf("one seed tells two stories:\n%s\n%s", one, again)
	}
	if untimed(one) == untimed(ok(t, t.TempDir(), "demo", "--seed", "6")) {
		t.Error("two seeds tell one story")
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%d folders stay behind: %v", len(left), err)
	}
}

// TestDemoJSON: the figures for machines fulfil R25 after each run.
func TestDemoJSON(t *testing.T) {
	var result demoResult
	if err := json.Unmarshal([]byte(ok(t, t.TempDir(), "--json", "demo")), &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Runs) != 2 || len(result.Runs[0].Accounts) != 3 || result.Refused == 0 || result.Usage.Charged == 0 {
		t.Fatalf("%+v", result)
	}
	for _, run := range result.Runs {
		for _, a := range run.Accounts {
			adjusted := money.Sum(a.PostedBefore, a.Post)
			if !a.Charged.Amount.Sub(adjusted).Equal(a.Invoiced.Amount) {
				t.Errorf("run %d, %s: charged %s less adjusted %s is not invoiced %s", run.Run, a.PartnerID, a.Charged.Amount, adjusted, a.Invoiced.Amount)
			}
		}
	}
}

// TestDemoKeep: what the story says to try works on the kept folder, which is
// not written over.
func TestDemoKeep(t *testing.T) {
	kept := filepath.Join(t.TempDir(), "kept")
	_, hints, _ := strings.Cut(ok(t, t.TempDir(), "demo", "--conversations", "1000", "--keep", kept), "Where to look next")
	tried := 0
	for line := range strings.Lines(hints) {
		if command, found := strings.CutPrefix(strings.TrimSpace(line), "prepay --data "+kept+" "); found {
			tried++
			if out := ok(t, kept, strings.Fields(command)...); out == "" {
				t.Errorf("%s says nothing", command)
			}
		}
	}
	if tried < 5 {
		t.Errorf("%d commands to try: %s", tried, hints)
	}
	ok(t, kept, "verify")
	if _, errs, code := cli(t, t.TempDir(), "demo", "--keep", kept); code != exitFailed || !strings.Contains(errs, "is not empty") {
		t.Errorf("a folder in use: %d %s", code, errs)
	}
}

func TestDemoConversations(t *testing.T) {
	for _, n := range []string{"0", "999", "200001"} {
		if _, errs, code := cli(t, t.TempDir(), "demo", "--conversations", n); code != exitUsage || !strings.Contains(errs, "1000 to 200000") {
			t.Errorf("%s conversations: %d %s", n, code, errs)
		}
	}
}
