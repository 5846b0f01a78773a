package web

import (
	"slices"
	"testing"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/eventstore"
)

// TestLiveSince tells a page what changed between its making and its
// connection, and nothing where nothing did.
func TestLiveSince(t *testing.T) {
	made := liveMark{position: eventstore.Position{Commit: 7, Prepare: 7}, verified: 3}
	if got, want := made.since("/live?account=PA-1"), "/live?account=PA-1&at=7%2F7&verified=3"; got != want {
		t.Errorf("%s", got)
	}
	if got := made.since("/live"); got != "/live?at=7%2F7&verified=3" {
		t.Errorf("%s", got)
	}
	if got := made.since(""); got != "" {
		t.Errorf("a page that follows nothing: %s", got)
	}
	d, err := desk.Open(t.Context(), t.TempDir(), app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	l := newLive(d)
	now := l.now()
	quiet := l.join("u", "", now)
	l.look()
	if got := l.take(quiet); len(got) != 0 {
		t.Errorf("nothing changed, and it is told %v", got)
	}
	l.verification() // before the page is connected
	late := l.join("u", "", now)
	l.look()
	if got := l.take(late); !slices.Equal(got, []string{changedVerification}) {
		t.Errorf("it is told %v", got)
	}
}
