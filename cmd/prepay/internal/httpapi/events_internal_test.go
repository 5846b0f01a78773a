package httpapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestStreamEndsWithAccess ends a stream before the next sign of life when its
// follower's key is revoked, not before.
func TestStreamEndsWithAccess(t *testing.T) {
	w := httptest.NewRecorder()
	holds := true
	s := &eventStream{w: w, control: http.NewResponseController(w), holds: func() bool { return holds }}
	if err := s.send("", nil); err != nil {
		t.Fatal(err)
	}
	before := w.Body.Len()
	holds = false
	if err := s.send("", nil); !errors.Is(err, errNoAccess) {
		t.Errorf("%v", err)
	}
	if w.Body.Len() != before {
		t.Errorf("something was written to who has no access: %q", w.Body.String()[before:])
	}
}
