package simulate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/simulate"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdb/esdbtest"
)

// run works a scenario on both drivers, which must print the same bytes.
func run(t *testing.T, scenario string, dir string) []map[string]any {
	t.Helper()
	own, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	out := runOn(t, own, scenario, dir)
	if other := runOn(t, esdbtest.Open(t), scenario, dir); other != out {
		t.Errorf("the drivers differ:\n%s\n%s", out, other)
	}
	var objects []map[string]any
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var o map[string]any
		if err := d.Decode(&o); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
	return objects
}

// runOn works a scenario on a store and returns what it prints.
func runOn(t *testing.T, store eventstore.Store, scenario string, dir string) string {
	t.Helper()
	ctx := context.Background()
	c := codec.New()
	clock := &simulate.Clock{}
	l, err := ledger.Open(ctx, store, ledgertest.New(store, c), c, ledger.Options{Clock: clock.Now, Exact: true, IDs: simulate.IDs()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := simulate.New(l, store, clock, os.DirFS(dir))
	if err := r.Scenario(ctx, strings.NewReader(scenario)); err != nil {
		t.Fatal(err)
	}
	result, err := r.Result(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := result.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestExamples compares the scenarios of testdata with the figures of an
// independent calculator, field by field.
func TestExamples(t *testing.T) {
	dirs, err := filepath.Glob("testdata/[0-9]*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no examples", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			scenario, err := os.ReadFile(filepath.Join(dir, "scenario.ndjson"))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
			if err != nil {
				t.Fatal(err)
			}
			var expected struct {
				Accounts []map[string]any
				Rejected [][]any
				Nobody   int
			}
			if err := json.Unmarshal(raw, &expected); err != nil {
				t.Fatal(err)
			}
			compare(t, run(t, string(scenario), dir), expected.Accounts, expected.Rejected, expected.Nobody)
		})
	}
}

func compare(t *testing.T, got, accounts []map[string]any, rejected [][]any, nobody int) {
	t.Helper()
	var rejections [][]any
	var found []map[string]any
	unassigned := 0
	for _, o := range got {
		if r, ok := o["rejected"].(map[string]any); ok {
			rejections = append(rejections, []any{r["line"], r["do"], r["code"]})
		} else if o["partner_id"] == nil {
			for _, n := range o["quarantined"].(map[string]any) {
				unassigned += int(n.(float64))
			}
		} else {
			found = append(found, o)
		}
	}
	if len(rejections) != len(rejected) || len(rejected) > 0 && !reflect.DeepEqual(rejections, rejected) {
		t.Errorf("rejected %v, expected %v", rejections, rejected)
	}
	if unassigned != nobody {
		t.Errorf("nobody's: %d, expected %d", unassigned, nobody)
	}
	if len(found) != len(accounts) {
		t.Fatalf("%d accounts, expected %d", len(found), len(accounts))
	}
	for i, want := range accounts {
		for field, value := range want {
			if !reflect.DeepEqual(found[i][field], value) {
				t.Errorf("%v, %s:\n got %v\nwant %v", want["partner_id"], field, found[i][field], value)
			}
		}
		for field := range found[i] {
			if _, ok := want[field]; !ok {
				t.Errorf("%v: unexpected field %s", want["partner_id"], field)
			}
		}
	}
}
