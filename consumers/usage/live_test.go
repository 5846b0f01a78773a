package usage

import (
	"errors"
	"io"
	"testing"
)

// TestLive delivers each line before the next is sent; a line in pieces when it
// is whole.
func TestLive(t *testing.T) {
	from, to := io.Pipe()
	s := NewSplitter(Source{Name: "u.ndjson", R: from, Live: true})
	send := func(pieces ...string) {
		go func() {
			for _, p := range pieces {
				_, _ = io.WriteString(to, p)
			}
		}()
	}
	var b Block
	for i, pieces := range [][]string{{"{}\n"}, {"{", "\"a\":1", "}\n"}, {"[]\n"}} {
		send(pieces...)
		want := ""
		for _, p := range pieces {
			want += p
		}
		if err := s.Next(&b); err != nil || string(b.Data) != want || b.FirstLine != i+1 {
			t.Fatalf("line %d: %q from %d, %v", i+1, b.Data, b.FirstLine, err)
		}
	}
	_ = to.Close()
	if err := s.Next(&b); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}
