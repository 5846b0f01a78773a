package embedded

import (
	"bytes"
	"fmt"
	"testing"
)

// TestRecent keeps the newest appends without a gap, within its bounds, and
// gives none where what is asked for has gone.
func TestRecent(t *testing.T) {
	var n recent
	next := uint64(1)
	add := func(counts ...int) {
		var group []*request
		for _, count := range counts {
			group = append(group, &request{count: count, record: bytes.Repeat([]byte{byte(next)}, 1<<20)})
			next += uint64(count)
		}
		n.add(group, next)
		for _, r := range group {
			clear(r.record) // requests are used again
		}
	}
	firsts := func(from, end uint64, size int) (all []uint64) {
		for _, r := range n.page(nil, from, end, size) {
			all = append(all, r.first)
			if r.value[0] == 0 {
				t.Errorf("the record of %d is another by now", r.first)
			}
		}
		return all
	}
	add(1, 3) // 1, 2 to 4
	add(2)    // 5 and 6
	for _, c := range []struct {
		from, end uint64
		size      int
		want      string
	}{
		{1, 6, 1 << 30, "[1 2 5]"}, {3, 6, 1 << 30, "[2 5]"}, {1, 4, 1 << 30, "[1 2]"}, {1, 6, 1, "[1]"}, {6, 6, 1, "[5]"},
	} {
		if got := fmt.Sprint(firsts(c.from, c.end, c.size)); got != c.want {
			t.Errorf("from %d to %d, %d bytes: %s, want %s", c.from, c.end, c.size, got, c.want)
		}
	}
	add(1, 1, 1) // 7, 8, 9: more than four mebibytes
	if got := fmt.Sprint(firsts(4, 9, 1<<30), firsts(5, 9, 1<<30)); got != "[] [5 7 8 9]" {
		t.Errorf("after the oldest have gone: %s", got)
	}
	if n.bytes > recentBytes {
		t.Errorf("%d bytes are kept", n.bytes)
	}
}
