package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/eventstore"
	"prepayledger/projections/chargeindex"
)

// usedLedger is a folder with something in every read model.
func usedLedger(t *testing.T) string {
	t.Helper()
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR"`)+usageLine("b", `,"country":"CU"`)+webhook)
	ok(t, data, "invoice", "import", write(t, "i.csv", invoiceHeader+invoiceLines))
	return data
}

// TestVerifyFindsDamage changes what is derived from the log behind prepay's
// back: verify says so, and rebuild mends it.
func TestVerifyFindsDamage(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, string){
		"read model": func(t *testing.T, data string) {
			damageViews(t, data, `"balance":"`, `"balance":"1`)
		},
		"quarantine": func(t *testing.T, data string) {
			damageViews(t, data, "blocked_destination", "too_old")
		},
		"charge index": forgetCharges,
	} {
		t.Run(name, func(t *testing.T) {
			data := usedLedger(t)
			ok(t, data, "verify")
			damage(t, data)
			refused(t, "run prepay rebuild", exitFailed, data, "verify")
			ok(t, data, "rebuild")
			ok(t, data, "verify")
			if _, err := os.Stat(filepath.Join(data, verifyFolder)); err == nil {
				t.Error("verify left its folder behind")
			}
		})
	}
}

// damageViews replaces text in the values that have it.
func damageViews(t *testing.T, data, old, with string) {
	t.Helper()
	db, err := pebble.Open(filepath.Join(data, app.ViewsFolder), &pebble.Options{Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for valid := it.First(); valid; valid = it.Next() {
		if text := string(it.Value()); strings.Contains(text, old) {
			changed++
			if err := db.Set(it.Key(), []byte(strings.Replace(text, old, with, 1)), pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if changed == 0 {
		t.Fatalf("no read model has %q: the test proves nothing", old)
	}
}

// forgetCharges puts an empty index in place that claims to know the log.
func forgetCharges(t *testing.T, data string) {
	t.Helper()
	folder := filepath.Join(data, app.IndexFolder)
	checkpoint := func(do func(*chargeindex.Index) error) {
		x, err := chargeindex.Open(context.Background(), folder)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(x); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var at eventstore.Position
	checkpoint(func(x *chargeindex.Index) (err error) { at, err = x.Checkpoint(); return err })
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	checkpoint(func(x *chargeindex.Index) error { return x.Commit(at) })
}

// TestRebuildMends opens what can't be opened any more.
func TestRebuildMends(t *testing.T) {
	data := usedLedger(t)
	before := ok(t, data, "--json", "balance")
	for _, folder := range []string{app.ViewsFolder, app.IndexFolder} {
		files, err := filepath.Glob(filepath.Join(data, folder, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal("no files", err)
		}
		for _, file := range files {
			if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, errs, code := cli(t, data, "balance"); code != exitFailed || !strings.Contains(errs, "prepay rebuild") || strings.Count(errs, "\n") != 1 {
		t.Errorf("damaged folders: code %d: %s", code, errs)
	}
	ok(t, data, "rebuild")
	if after := ok(t, data, "--json", "balance"); after != before {
		t.Errorf("balance %s, before %s", after, before)
	}
	refused(t, "no data", exitFailed, t.TempDir(), "rebuild")
	refused(t, "no data", exitFailed, t.TempDir(), "verify")
}

// TestExportAndReplay filters events, goes on after a position, writes to a
// file, and gives the balance after every event of an account.
func TestExportAndReplay(t *testing.T) {
	data := usedLedger(t)
	lines := func(text string) (all []desk.Replayed) {
		t.Helper()
		for d := json.NewDecoder(strings.NewReader(text)); d.More(); {
			var r desk.Replayed
			if err := d.Decode(&r); err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
		return all
	}
	all := lines(ok(t, data, "export", "events"))
	if len(all) < 6 {
		t.Fatalf("%d events", len(all))
	}
	if rest := lines(ok(t, data, "export", "events", "--after", all[2].Position)); len(rest) != len(all)-3 || rest[0].ID != all[3].ID {
		t.Errorf("after %s: %d of %d events", all[2].Position, len(rest), len(all))
	}
	charged := lines(ok(t, data, "export", "events", "--type", "ConversationCharged", "--stream", "account-PA-1"))
	if len(charged) != 2 {
		t.Errorf("%d charges", len(charged))
	}
	file := filepath.Join(t.TempDir(), "out.ndjson")
	ok(t, data, "export", "events", "--out", file)
	if text, err := os.ReadFile(file); err != nil || len(lines(string(text))) != len(all) {
		t.Errorf("file: %v", err)
	}
	refused(t, "--after", exitFailed, data, "export", "events", "--after", "soon")
	replay := lines(ok(t, data, "--json", "replay", "account-PA-1"))
	last := replay[len(replay)-1]
	if want := parsed[[]desk.BalanceLine](t, data, "balance", "PA-1")[0].Balance; !last.Balance.Equal(want) {
		t.Errorf("replay ends at %s, the balance is %s", last.Balance, want)
	}
	if out := ok(t, data, "replay", "account-PA-1"); !strings.Contains(out, "fold to the live state") {
		t.Error(out)
	}
	if out := ok(t, data, "replay", "ratecard-USD"); !strings.Contains(out, "1 events.") && !strings.Contains(out, "1 event.") {
		t.Error(out)
	}
}

// TestVersion says what was built, and with which Go.
func TestVersion(t *testing.T) {
	v := parsed[versionView](t, t.TempDir(), "version")
	if !strings.HasPrefix(v.Go, "go1.") || v.Version == "" {
		t.Errorf("%+v", v)
	}
	if out := ok(t, t.TempDir(), "version"); !strings.HasPrefix(out, "prepay "+v.Version) {
		t.Error(out)
	}
}
