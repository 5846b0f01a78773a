package apidoc

import (
	"net/netip"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/access"
)

const (
	samplePassword = "correct horse battery"
	sampleUser     = "ana@example.com"
)

// accessUnder is access for an API under test, with a user and a key.
func accessUnder(t *testing.T, now func() time.Time) (*access.Authenticator, *access.Links) {
	t.Helper()
	s, err := access.Open(t.TempDir(), access.Options{Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	a, err := access.NewAuthenticator(s, access.AuthenticatorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := s.Invite(t.Context(), access.By{}, sampleUser, access.RoleFinance, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetPassword(t.Context(), token, samplePassword, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateKey(t.Context(), access.By{}, access.NewKey{Name: "gateway", Role: access.RoleService}); err != nil {
		t.Fatal(err)
	}
	return a, &access.Links{Base: func() string { return "https://prepay.example" }}
}

// accessSamples are the samples of users, keys and sessions.
func accessSamples() []sample {
	user, key := map[string]string{"user": sampleUser}, map[string]string{"key": "gateway"}
	admin := access.RoleAdmin
	return []sample{
		{op: "get_session", role: access.RolePartner, status: 200, contains: `"role":"partner"`},
		{op: "sign_in", body: `{"email":"ana@example.com","password":"` + samplePassword + `"}`, status: 201, contains: `"token":"pt_`},
		{op: "sign_in", body: `{"email":"ana@example.com","password":"wrong"}`, status: 401, contains: "sign_in_failed"},
		{op: "sign_out", role: access.RoleFinance, status: 204},
		{op: "sign_out_everywhere", role: access.RoleFinance, status: 204},
		{op: "list_users", role: admin, status: 200, contains: sampleUser},
		{op: "invite_user", role: admin, body: `{"email":"pia@example.com","role":"partner","partners":["PA-1"]}`, status: 201, contains: `"link":"https://prepay.example/set-password`},
		{op: "invite_user", role: admin, body: `{"email":"ana@example.com","role":"finance"}`, status: 409, contains: "access_exists"},
		{op: "get_user", role: admin, path: user, status: 200},
		{op: "set_user", role: admin, path: user, body: `{"role":"auditor"}`, status: 200, contains: `"role":"auditor"`},
		{op: "sign_user_out", role: admin, path: user, status: 200},
		{op: "reset_user", role: admin, path: user, status: 200, contains: `"mailed":false`},
		{op: "disable_user", role: admin, path: user, status: 200, contains: `"status":"disabled"`},
		{op: "enable_user", role: admin, path: user, status: 200, contains: `"status":"active"`},
		{op: "enable_user", role: admin, path: user, status: 409, contains: "access_state"},
		{op: "list_keys", role: admin, status: 200, contains: "gateway"},
		{op: "create_key", role: admin, body: `{"name":"intake","role":"service","scopes":["intake"],"days":30}`, status: 201, contains: `"secret":"pk_`},
		{op: "get_key", role: admin, path: key, status: 200},
		{op: "rotate_key", role: admin, path: key, body: `{"overlap_seconds":60}`, status: 200, contains: "old_until"},
		{op: "revoke_key", role: admin, path: key, status: 200, contains: "revoked_at"},
		{op: "revoke_key", role: admin, path: map[string]string{"key": "nothing"}, status: 404, contains: "access_unknown"},
		{op: "list_access_log", role: admin, query: "?limit=2", status: 200, contains: `"next"`},
	}
}
