package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
)

// TestStreamEndsWithAccess ends a stream before the next sign of life when its
// follower's key is revoked, not before.
func TestStreamEndsWithAccess(t *testing.T) {
	w := httptest.NewRecorder()
	holds := true
	s := &eventStream{w: w, control: http.NewResponseController(w), who: partner("PA-1"), holds: func() bool { return holds }}
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

// TestPartnersSeeRoles shows partners what those are who gave commands to their
// account, not who; auditors see what is kept.
func TestPartnersSeeRoles(t *testing.T) {
	for actor, want := range map[string]string{
		"finance:ana@bsp.example": "finance", "service:key/intake": "service", "partner:pia@partner.example": "partner:pia@partner.example", "system:deadlines": "system:deadlines",
	} {
		kept := desk.Replayed{Metadata: json.RawMessage(`{"v":1,"actor":"` + actor + `","at":1}`)}
		var m struct {
			Actor string
			V     int
		}
		if err := json.Unmarshal(seenBy(partner("PA-1"), kept).Metadata, &m); err != nil || m.Actor != want || m.V != 1 {
			t.Errorf("%s: %+v %v", actor, m, err)
		}
		if got := seenBy(&access.Principal{Role: access.RoleAuditor}, kept).Metadata; !strings.Contains(string(got), actor) {
			t.Errorf("%s: an auditor sees %s", actor, got)
		}
	}
}
