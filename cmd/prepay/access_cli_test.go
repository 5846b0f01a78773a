package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/httpapi"
)

// door is where command lines about access go: a data folder, or a running
// ledger with the key of its first start.
type door struct {
	name string
	g    globals
	args []string
}

// run runs a command line.
func (d *door) run(t *testing.T, args ...string) outcome {
	t.Helper()
	return cliOn(d.g, "", append(append([]string{}, d.args...), args...)...)
}

// must is run for what must be done; it reads JSON into to, where that is not
// nil.
func (d *door) must(t *testing.T, to any, args ...string) string {
	t.Helper()
	if to != nil {
		args = append([]string{"--json"}, args...)
	}
	o := d.run(t, args...)
	if o.code != exitDone {
		t.Fatalf("%s: prepay %s: code %d %s", d.name, strings.Join(args, " "), o.code, o.stderr)
	}
	if to != nil {
		if err := json.Unmarshal([]byte(o.stdout), to); err != nil {
			t.Fatalf("%s: prepay %s: %v: %s", d.name, strings.Join(args, " "), err, o.stdout)
		}
	}
	return o.stdout
}

// doors are a data folder, and a running ledger.
func doors(t *testing.T) []*door {
	t.Helper()
	running, _ := startedServer(t)
	return []*door{
		{"folder", globals{}, []string{"--data", filepath.Join(t.TempDir(), "data")}},
		{"server", globals{serverFlags: serverFlags{APIKey: running.adminKey}}, []string{"--server", running.httpURL()}},
	}
}

// TestAccessCommands does everything about access, on a folder and through a
// running ledger.
func TestAccessCommands(t *testing.T) {
	for _, d := range doors(t) {
		t.Run(d.name, func(t *testing.T) {
			var invited httpapi.LinkedUser
			d.must(t, &invited, "access", "user", "invite", "ana@example.com", "--role", "partner", "--partners", "PA-1,PA-2")
			if invited.User.Email != "ana@example.com" || len(invited.User.Partners) != 2 || !strings.Contains(invited.URL, "/set-password?token=pl_") || invited.Mailed {
				t.Fatalf("invited %+v", invited)
			}
			if text := d.must(t, nil, "access", "user", "invite", "ana@example.com", "--role", "auditor"); !regexp.MustCompile(`(?m)^  http://127\.0\.0\.1:\d+/set-password\?token=pl_[\w-]{43}$`).MatchString(text) {
				t.Errorf("no link: %s", text)
			}
			if text := d.must(t, nil, "access", "user", "list"); !strings.Contains(text, "ana@example.com") || !strings.Contains(text, "auditor") {
				t.Error(text)
			}
			var u access.User
			d.must(t, &u, "access", "user", "set", "ana@example.com", "--role", "finance")
			if u.Role != access.RoleFinance {
				t.Errorf("%+v", u)
			}
			d.must(t, &u, "access", "user", "disable", "ana@example.com")
			if u.Status != access.StatusDisabled {
				t.Errorf("%+v", u)
			}
			d.must(t, nil, "access", "user", "enable", u.ID)
			d.must(t, nil, "access", "user", "sign-out", u.ID)
			var made, rotated httpapi.KeySecret
			d.must(t, &made, "access", "key", "create", "erp", "--role", "finance", "--scopes", "read", "--days", "90")
			d.must(t, &rotated, "access", "key", "rotate", "erp", "--overlap", "24h")
			if made.Secret == rotated.Secret || rotated.Key.OldUntil == nil || len(rotated.Key.Scopes) != 1 {
				t.Errorf("%+v", rotated)
			}
			d.must(t, nil, "access", "key", "revoke", "erp")
			if text := d.must(t, nil, "access", "key", "list"); !strings.Contains(text, "revoked 20") || strings.Contains(text, "pk_") {
				t.Error(text)
			}
			var log []access.LogEntry
			d.must(t, &log, "access", "log", "--limit", "2")
			if len(log) != 2 || log[0].Action != access.ActionKeyRevoked || log[0].Subject != "key/erp" {
				t.Errorf("%+v", log)
			}
			if want := map[string]string{"folder": "operator:", "server": "admin:key/first-admin"}[d.name]; !strings.HasPrefix(log[0].Actor, want) {
				t.Errorf("done by %s, want %s", log[0].Actor, want)
			}
			if text := d.must(t, nil, "access", "log"); !strings.Contains(text, "user_invited") {
				t.Error(text)
			}
		})
	}
}

// TestAccessRefused says the same why something is refused, on a folder and
// through a running ledger.
func TestAccessRefused(t *testing.T) {
	all := doors(t)
	for _, d := range all {
		d.must(t, nil, "access", "user", "invite", "ana@example.com", "--role", "finance")
		d.must(t, nil, "access", "key", "create", "erp", "--role", "finance")
	}
	for _, c := range []struct {
		code string
		args []string
	}{
		{"access_unknown", []string{"access", "user", "disable", "nobody@example.com"}},
		{"access_state", []string{"access", "user", "reset", "ana@example.com"}},
		{"access_invalid", []string{"access", "user", "invite", "ben", "--role", "finance"}},
		{"access_invalid", []string{"access", "user", "invite", "ben@example.com", "--role", "partner"}},
		{"access_exists", []string{"access", "key", "create", "erp", "--role", "finance"}},
		{"access_invalid", []string{"access", "key", "create", "ERP", "--role", "finance"}},
	} {
		folder, server := all[0].run(t, c.args...), all[1].run(t, c.args...)
		if folder != server || folder.code != exitFailed || !strings.Contains(folder.stderr, "("+c.code+")") {
			t.Errorf("prepay %s: %+v, through the server %+v", strings.Join(c.args, " "), folder, server)
		}
	}
	for _, d := range all {
		if o := d.run(t, "access", "user", "invite", "ben@example.com", "--role", "root"); o.code != exitUsage {
			t.Errorf("%s: %+v", d.name, o)
		}
	}
}

// TestAccessInUse leaves the folder of a running ledger alone, and makes none
// only to look.
func TestAccessInUse(t *testing.T) {
	s, _ := startedServer(t)
	refused(t, "in use", exitFailed, s.globals.Data, "access", "user", "list")
	empty := filepath.Join(t.TempDir(), "data")
	refused(t, "nobody has access", exitFailed, empty, "access", "user", "list")
	if _, err := os.Stat(empty); err == nil {
		t.Error("the folder was made")
	}
}

// TestFirstStart gives the first key once, and none where somebody was invited
// before.
func TestFirstStart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	ok(t, data, "access", "user", "invite", "root@example.com", "--role", "admin")
	r := serve(t, data)
	if code, _ := r.get("/healthz"); code != http.StatusOK {
		t.Fatal(code)
	}
	if r.AdminKey != "" {
		t.Error("a key although somebody was invited")
	}
}

// TestLinksAreMailed mails invitations, and what people ask for who forgot
// their password, with links to where browsers see the ledger.
func TestLinksAreMailed(t *testing.T) {
	in := newInbox(t)
	r := serve(t, filepath.Join(t.TempDir(), "data"), "--smtp-url", in.url, "--mail-from", "prepay@example.com", "--http-url", "https://prepay.example.com/")
	d := &door{"server", globals{serverFlags: serverFlags{APIKey: r.AdminKey}}, []string{"--server", r.HTTP}}
	text := d.must(t, nil, "access", "user", "invite", "ana@example.com", "--role", "finance")
	if !strings.Contains(text, "was mailed to ana@example.com") || !strings.Contains(text, "  https://prepay.example.com/set-password?token=pl_") {
		t.Error(text)
	}
	in.want(t, "ana@example.com", "Your access to prepay")

	// The link leads to a session, whose cookie browsers send over HTTPS alone.
	_, token, _ := strings.Cut(text, "?token=")
	token, _, _ = strings.Cut(token, "\n")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(r.HTTP+access.PasswordPath+"?token="+token, url.Values{"password": {"correct horse battery"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if !slices.ContainsFunc(res.Cookies(), func(c *http.Cookie) bool { return c.Name == "__Host-prepay" && c.Secure && c.HttpOnly }) {
		t.Errorf("%s %v", res.Status, res.Header)
	}
}

// TestAccessSettings refuses settings that can't be right.
func TestAccessSettings(t *testing.T) {
	for want, args := range map[string][]string{
		"--http-url":             {"--http-url", "prepay.example.com"},
		"--http-trusted-proxies": {"--http-trusted-proxies", "10.0.0.0/99"},
		"--oidc-":                {"--oidc-issuer", "https://id.example.com"},
		"--oidc-issuer":          {"--oidc-client-id", "prepay"},
	} {
		refused(t, want, exitFailed, t.TempDir(), append([]string{"config", "check"}, args...)...)
	}
	ok(t, t.TempDir(), "config", "check", "--http-url", "https://prepay.example.com", "--http-trusted-proxies", "10.0.0.0/8,192.0.2.1",
		"--oidc-issuer", "https://id.example.com", "--oidc-client-id", "prepay", "--oidc-redirect-url", "https://prepay.example.com/oidc/callback")
	if out := ok(t, t.TempDir(), "config", "show", "--oidc-client-secret", "hunter2"); strings.Contains(out, "hunter2") {
		t.Error("a secret is shown")
	}
}
