package runindex

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTableIsASortedMap compares a table with Go's map, also for keys that
// all want the same slots.
func TestTableIsASortedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 200).Draw(t, "limit")
		crowd := rapid.Uint64Range(1, 1000).Draw(t, "crowd")
		tab, err := newTable(limit)
		if err != nil {
			t.Fatal(err)
		}
		defer release(tab.mem)
		model := map[[identityBytes]byte]uint8{}
		for range rapid.IntRange(0, 400).Draw(t, "puts") {
			e := entry(rapid.Uint64Range(0, 99).Draw(t, "key")%crowd, 0, rapid.Byte().Draw(t, "slot")%2, rapid.Byte().Draw(t, "value"))
			if crowd%2 == 0 {
				e.Key = Key{0: 0xff, 15: e.Key[15]}
			}
			var rec [recordBytes]byte
			e.encode(&rec)
			id := [identityBytes]byte(rec[:])
			_, known := model[id]
			if ok := tab.put(&rec); ok != (known || len(model) < limit) {
				t.Fatalf("put with %d of %d entries, known %v: %v", len(model), limit, known, ok)
			} else if ok {
				model[id] = e.Value
			}
			if got := tab.appendKey(nil, &e.Key); !slices.ContainsFunc(got, func(g Entry) bool { return g == e }) && tab.count < limit {
				t.Fatalf("%v put, found %v", e, got)
			}
		}
		checkTable(t, tab, model)
	})
}

// checkTable checks that the table lists exactly the model, in order.
func checkTable(t *rapid.T, tab *table, model map[[identityBytes]byte]uint8) {
	want := slices.SortedFunc(maps.Keys(model), func(a, b [identityBytes]byte) int { return bytes.Compare(a[:], b[:]) })
	i := 0
	err := tab.each(func(rec []byte) error {
		if i == len(want) || want[i] != [identityBytes]byte(rec) || model[want[i]] != rec[identityBytes] {
			t.Fatalf("record %d is %x", i, rec)
		}
		i++
		return nil
	})
	if err != nil || i != len(want) || tab.count != len(want) {
		t.Fatalf("%d records, count %d, want %d: %v", i, tab.count, len(want), err)
	}
}

func TestTableRefusesWhenItsSlackIsFull(t *testing.T) {
	tab, err := newTable(2 * tableSlack)
	if err != nil {
		t.Fatal(err)
	}
	defer release(tab.mem)
	var rec [recordBytes]byte
	n := 0
	for ; n < 2*tableSlack; n++ {
		e := entry(uint64(n), 0, 0, 1)
		copy(e.Key[:8], bytes.Repeat([]byte{0xff}, 8)) // the last home slot
		e.encode(&rec)
		if !tab.put(&rec) {
			break
		}
	}
	if n != tableSlack {
		t.Fatalf("took %d entries of the last home slot, want %d", n, tableSlack)
	}
	if got := tab.appendKey(nil, (*Key)(rec[:])); len(got) != 0 {
		t.Fatalf("the refused entry is found: %v", got)
	}
}
