package main

import (
	"testing"
)

// TestBenchMonth closes a small month: the lines asked for are there, one in
// fifty is wrong, and each step took time.
func TestBenchMonth(t *testing.T) {
	r := parsed[benchMonthResult](t, t.TempDir(), "bench", "--month", "--charges", "3000", "--accounts", "4", "--lines", "1000")
	if r.Lines != 1000 || r.Differences == 0 || r.Sums == 0 || r.End <= 0 || r.Approve <= 0 {
		t.Errorf("%+v", r)
	}
}
