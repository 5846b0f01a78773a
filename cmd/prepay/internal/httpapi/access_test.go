package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/mailer"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// door is the API behind the authenticator, as it is served.
type door struct {
	http.Handler
	t     *testing.T
	store *access.Store
	mails []*mailer.Mail
	// mailErr is what sending a mail comes to.
	mailErr error
	admin   string
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{t: t}
	now := func() time.Time { return time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC) }
	var err error
	if d.store, err = access.Open(t.TempDir(), access.Options{Clock: now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	auth, err := access.NewAuthenticator(d.store, access.AuthenticatorOptions{Refuse: Refuse})
	if err != nil {
		t.Fatal(err)
	}
	links := &access.Links{Base: func() string { return "https://prepay.example" }, Mail: func(_ context.Context, m *mailer.Mail) error {
		d.mails = append(d.mails, m)
		return d.mailErr
	}}
	r := chi.NewRouter()
	r.Use(WithRequestID, auth.Middleware)
	New(r, Options{Access: auth, Links: links})
	d.Handler = r
	if d.admin, _, err = d.store.EnsureAdminKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// ask makes a request with a key or token, checks the status and reads the
// answer into to, where that is not nil.
func (d *door) ask(credential, method, path, body string, status int, to any) {
	d.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code != status {
		d.t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	if to == nil {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
		d.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
	}
}

// refused makes a request that is refused with a code.
func (d *door) refused(credential, method, path, body string, status int, code string) {
	d.t.Helper()
	var p Problem
	d.ask(credential, method, path, body, status, &p)
	if p.Code != code || p.Detail == "" || p.Instance == "" {
		d.t.Fatalf("%s %s: %+v, want %s", method, path, p, code)
	}
}

const password = "correct horse battery"

// TestFollowerLosesAccess ends a stream of events when the key of who follows is
// revoked: what comes afterwards is not sent.
func TestFollowerLosesAccess(t *testing.T) {
	d := newDoor(t)
	ledger, err := desk.Open(t.Context(), t.TempDir(), app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ledger.Close() })
	auth, err := access.NewAuthenticator(d.store, access.AuthenticatorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	r.Use(WithRequestID, auth.Middleware)
	New(r, Options{Access: auth, Desk: ledger})
	server := httptest.NewServer(r)
	defer server.Close()
	_, secret, err := d.store.CreateKey(t.Context(), access.By{}, access.NewKey{Name: "follower", Role: access.RoleAuditor})
	if err != nil {
		t.Fatal(err)
	}
	open := func(partner string) {
		t.Helper()
		cmd := &domain.OpenAccount{PartnerID: partner, Currency: "EUR", Card: "sim_ok", CarriedOver: money.MustParse("500")}
		if err := ledger.Ledger.Do(t.Context(), partner, domain.Meta{Actor: "test:set-up"}, cmd); err != nil {
			t.Fatal(err)
		}
	}
	open("PA-1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("X-API-Key", secret)
	q.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), "PA-1") {
	}
	if !strings.Contains(lines.Text(), "PA-1") {
		t.Fatal("nothing came", lines.Err())
	}
	if _, err := d.store.RevokeKey(t.Context(), access.By{}, "follower"); err != nil {
		t.Fatal(err)
	}
	open("PA-2")
	for lines.Scan() {
		if strings.Contains(lines.Text(), "PA-2") {
			t.Fatal("it came after the key was revoked")
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestUserByAPI invites somebody, who signs a program in and out.
func TestUserByAPI(t *testing.T) {
	d := newDoor(t)
	var invited LinkedUser
	d.ask(d.admin, "POST", "/v1/users", `{"email":"ana@example.com","role":"partner","partners":["PA-1"]}`, 201, &invited)
	if invited.User.Status != access.StatusInvited || !invited.Mailed || len(d.mails) != 1 {
		t.Fatalf("%+v", invited)
	}
	if m := d.mails[0]; m.To != "ana@example.com" || !strings.Contains(m.Text, invited.URL) || !strings.Contains(m.HTML, `<a href="https://prepay.example/set-password?token=pl_`) {
		t.Errorf("mailed %+v", m)
	}
	link, err := url.Parse(invited.URL)
	if err != nil || link.Path != access.PasswordPath {
		t.Fatal(err, invited.URL)
	}
	if _, err := d.store.SetPassword(t.Context(), link.Query().Get("token"), password, access.ClientAddress(t.Context())); err != nil {
		t.Fatal(err)
	}
	d.refused("", "POST", "/v1/session", `{"email":"ana@example.com","password":"wrong"}`, 401, "sign_in_failed")
	var s NewSession
	d.ask("", "POST", "/v1/session", `{"email":"ana@example.com","password":"`+password+`"}`, 201, &s)
	if s.Actor != "partner:ana@example.com" || s.ExpiresAt == nil {
		t.Fatalf("%+v", s)
	}
	var me Session
	d.ask(s.Token, "GET", "/v1/session", "", 200, &me)
	if me.ID != invited.User.ID || me.Partners[0] != "PA-1" || !me.ExpiresAt.Equal(*s.ExpiresAt) {
		t.Errorf("%+v", me)
	}
	d.refused(s.Token, "GET", "/v1/users", "", 403, CodeForbidden)
	d.ask(s.Token, "DELETE", "/v1/session", "", 204, nil)
	d.refused(s.Token, "GET", "/v1/session", "", 401, "credential_invalid")

	d.ask("", "POST", "/v1/session", `{"email":"ana@example.com","password":"`+password+`"}`, 201, &s)
	d.ask(s.Token, "DELETE", "/v1/sessions", "", 204, nil)
	d.refused(s.Token, "GET", "/v1/session", "", 401, "credential_invalid")

	var u access.User
	d.ask(d.admin, "PUT", "/v1/users/ana@example.com", `{"role":"auditor"}`, 200, &u)
	if u.Role != access.RoleAuditor || u.Partners != nil {
		t.Errorf("%+v", u)
	}
	d.mailErr = errors.New("no mail server")
	var reset LinkedUser
	d.ask(d.admin, "POST", "/v1/users/"+u.ID+"/reset", "", 200, &reset)
	if reset.Mailed || !strings.Contains(reset.URL, "token=pl_") {
		t.Errorf("%+v", reset)
	}
	for _, step := range []struct {
		path   string
		status access.Status
	}{{"sign-out", access.StatusActive}, {"disable", access.StatusDisabled}, {"enable", access.StatusActive}} {
		d.ask(d.admin, "POST", "/v1/users/"+u.ID+"/"+step.path, "", 200, &u)
		if u.Status != step.status {
			t.Errorf("%s: %s", step.path, u.Status)
		}
	}
	d.refused(d.admin, "POST", "/v1/users/"+u.ID+"/enable", "", 409, "access_state")
	d.refused(d.admin, "GET", "/v1/users/nobody@example.com", "", 404, "access_unknown")
	d.refused(d.admin, "POST", "/v1/users", `{"email":"ana@example.com","role":"finance"}`, 409, "access_exists")
	d.refused(d.admin, "POST", "/v1/users", `{"email":"ben","role":"finance"}`, 422, "access_invalid")
	d.refused(d.admin, "POST", "/v1/users", `{"email":"ben@example.com","role":"root"}`, 422, "invalid_request")
}

func TestKeyByAPI(t *testing.T) {
	d := newDoor(t)
	var made, rotated KeySecret
	d.ask(d.admin, "POST", "/v1/keys", `{"name":"gateway","role":"service","scopes":["gate","read"],"days":30}`, 201, &made)
	var me Session
	d.ask(made.Secret, "GET", "/v1/session", "", 200, &me)
	if me.Actor != "service:key/gateway" || len(me.Scopes) != 2 || me.ExpiresAt != nil {
		t.Errorf("%+v", me)
	}
	d.ask(made.Secret, "DELETE", "/v1/session", "", 204, nil) // has none
	d.ask(d.admin, "POST", "/v1/keys/gateway/rotate", `{"overlap_seconds":60}`, 200, &rotated)
	for _, secret := range []string{made.Secret, rotated.Secret} {
		d.ask(secret, "GET", "/v1/session", "", 200, nil)
	}
	var k access.Key
	d.ask(d.admin, "POST", "/v1/keys/"+made.Key.ID+"/revoke", "", 200, &k)
	if k.RevokedAt == nil {
		t.Errorf("%+v", k)
	}
	for _, secret := range []string{made.Secret, rotated.Secret} {
		d.refused(secret, "GET", "/v1/session", "", 401, "credential_invalid")
	}
	d.refused(d.admin, "POST", "/v1/keys/first-admin/revoke", "", 409, "last_admin")
	d.refused(d.admin, "POST", "/v1/keys", `{"name":"gateway","role":"service"}`, 409, "access_exists")
	d.refused(d.admin, "POST", "/v1/keys", `{"name":"other","role":"service","scopes":["all"]}`, 422, "invalid_request")
	d.refused(d.admin, "POST", "/v1/keys/gateway/rotate", `{"overlap_seconds":604801}`, 422, "invalid_request")
	d.ask(d.admin, "GET", "/v1/keys/first-admin", "", 200, &k)
	if k.LastUsed == nil {
		t.Error("its last use is not shown")
	}
	for _, path := range []string{"/v1/users", "/v1/keys", "/v1/access-log"} {
		d.ask(d.admin, "POST", "/v1/keys", `{"name":"narrow`+path[4:6]+`","role":"admin","scopes":["read"]}`, 201, &made)
		d.refused(made.Secret, "GET", path, "", 403, CodeForbidden)
	}
}

// TestAccessLists pages through users, keys and the log.
func TestAccessLists(t *testing.T) {
	d := newDoor(t)
	for _, name := range []string{"c", "a", "b"} {
		d.ask(d.admin, "POST", "/v1/users", `{"email":"`+name+`@example.com","role":"finance"}`, 201, nil)
		d.ask(d.admin, "POST", "/v1/keys", `{"name":"`+name+`","role":"finance"}`, 201, nil)
	}
	pages := func(path string, names func([]byte) ([]string, string)) []string {
		t.Helper()
		var all []string
		for cursor := ""; ; {
			var raw json.RawMessage
			d.ask(d.admin, "GET", path+"?limit=2&cursor="+cursor, "", 200, &raw)
			some, next := names(raw)
			if all = append(all, some...); next == "" {
				return all
			}
			cursor = next
		}
	}
	users := pages("/v1/users", func(b []byte) (names []string, next string) {
		var p Page[access.User]
		_ = json.Unmarshal(b, &p)
		for _, u := range p.Items {
			names = append(names, u.Email)
		}
		return names, p.Next
	})
	if got := strings.Join(users, " "); got != "a@example.com b@example.com c@example.com" {
		t.Error(got)
	}
	keys := pages("/v1/keys", func(b []byte) (names []string, next string) {
		var p Page[access.Key]
		_ = json.Unmarshal(b, &p)
		for _, k := range p.Items {
			names = append(names, k.Name)
		}
		return names, p.Next
	})
	if got := strings.Join(keys, " "); got != "a b c first-admin" {
		t.Error(got)
	}
	log := pages("/v1/access-log", func(b []byte) (names []string, next string) {
		var p Page[access.LogEntry]
		_ = json.Unmarshal(b, &p)
		for _, e := range p.Items {
			names = append(names, e.Subject)
		}
		return names, p.Next
	})
	if got := strings.Join(log, " "); got != "key/b b@example.com key/a a@example.com key/c c@example.com key/first-admin" {
		t.Error(got)
	}
	d.refused(d.admin, "GET", "/v1/access-log?cursor=eA", "", 422, "invalid_request")
}
