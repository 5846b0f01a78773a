package web

import (
	"fmt"
	"testing"
)

// TestJobs: a job of a name begins once; what ended begins again only where
// that is asked for; what ended first is forgotten first.
func TestJobs(t *testing.T) {
	var js jobs
	first, fresh := js.begin("a", "it", false)
	if !fresh || js.find("a") != first || first.about != "it" {
		t.Fatal("it did not begin")
	}
	if _, fresh := js.begin("a", nil, true); fresh {
		t.Error("it began twice at a time")
	}
	first.at(2)
	first.end(nil)
	if stage, ended, err := first.state(); stage != 2 || !ended || err != nil {
		t.Errorf("%d %t %v", stage, ended, err)
	}
	if _, fresh := js.begin("a", nil, false); fresh {
		t.Error("what ended began again unasked")
	}
	if again, fresh := js.begin("a", nil, true); !fresh || again == first {
		t.Error("what ended did not begin again")
	}
	for n := range maxJobs + 10 {
		next, _ := js.begin(fmt.Sprint(n), nil, false)
		next.end(nil)
	}
	if len(js.all) > maxJobs+1 || js.find("0") != nil || js.find("a") == nil {
		t.Errorf("%d are remembered; a runs still: %t", len(js.all), js.find("a") != nil)
	}
	js.drop("a")
	if js.find("a") != nil {
		t.Error("it was not dropped")
	}
}
