package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
)

// operator is who asks the servers of these tests.
func operator() *access.Principal {
	return &access.Principal{Kind: access.KindUser, ID: "u-1", Name: "ops@bsp.example", Role: access.RoleAdmin}
}

// served serves a data folder, as prepay serve does, to the operator, and
// returns its address.
func served(t *testing.T, data string) string {
	t.Helper()
	d, err := desk.Open(t.Context(), data, app.Options{Clock: func() time.Time { return today }})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	httpapi.New(r, httpapi.Options{Desk: d})
	h := httpapi.WithRequestID(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("X-API-Key") == "the-key" {
			q = q.WithContext(access.With(q.Context(), operator()))
		}
		r.ServeHTTP(w, q)
	}))
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.Close()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.URL
}

// outcome is what a command line came to.
type outcome struct {
	stdout, stderr string
	code           int
}

// cliOn runs a command line with globals that are set up.
func cliOn(g globals, stdin string, args ...string) outcome {
	var out, errs bytes.Buffer
	g.Stdin, g.Stdout, g.Stderr, g.Now = strings.NewReader(stdin), &out, &errs, func() time.Time { return today }
	code := run(context.Background(), args, g)
	return outcome{out.String(), errs.String(), code}
}

// twice is a ledger in a data folder, and another one behind a server: what is
// done to one is done to the other.
type twice struct {
	t         *testing.T
	data, url string
}

func newTwice(t *testing.T) *twice {
	t.Helper()
	t.Setenv("PREPAY_ACTOR", operator().Actor())
	folders := []string{filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "served")}
	for _, data := range folders {
		ok(t, data, "account", "open", "PA-1", "--currency", "USD", "--card", "sim_ok", "--carried-over", "100")
		ok(t, data, "account", "open", "PA-2", "--currency", "EUR", "--card", "sim_ok", "--carried-over", "730.50")
	}
	return &twice{t, folders[0], served(t, folders[1])}
}

// same gives a command line to both, once for people and once for machines
// where it only reads, and returns what both said.
func (w *twice) same(args ...string) outcome {
	w.t.Helper()
	return w.given("", args...)
}

// given is same with a standard input.
func (w *twice) given(stdin string, args ...string) outcome {
	w.t.Helper()
	local := cliOn(globals{}, stdin, append([]string{"--data", w.data}, args...)...)
	remote := cliOn(globals{serverFlags: serverFlags{APIKey: "the-key"}}, stdin, append([]string{"--server", w.url}, args...)...)
	if local != remote {
		w.t.Errorf("prepay %s: code %d\n%s%s\nwith --server: code %d\n%s%s", strings.Join(args, " "), local.code, local.stdout, local.stderr, remote.code, remote.stdout, remote.stderr)
	}
	return remote
}

// read is same, for people and for machines.
func (w *twice) read(args ...string) {
	w.t.Helper()
	w.same(args...)
	w.same(append([]string{"--json"}, args...)...)
}

// must is same for what must be done.
func (w *twice) must(args ...string) {
	w.t.Helper()
	if o := w.same(args...); o.code != exitDone {
		w.t.Errorf("prepay %s: code %d %s", strings.Join(args, " "), o.code, o.stderr)
	}
}

// TestServerSaysTheSame runs command lines on a data folder and through a
// running server: output and exit codes are the same, byte for byte.
func TestServerSaysTheSame(t *testing.T) {
	w := newTwice(t)
	w.must("account", "settings", "PA-1", "--threshold", "250", "--no-auto-recharge")
	w.read("account", "list")
	w.read("account", "show", "PA-1")
	w.read("account", "show", "PA-3")
	w.read("account", "settings", "PA-1", "--threshold", "-3")
}

// TestServerAndKey refuses what can't be with --server.
func TestServerAndKey(t *testing.T) {
	w := newTwice(t)
	for _, c := range []struct {
		want string
		code int
		key  string
		args []string
	}{
		{"needs an API key", exitFailed, "", []string{"account", "list"}},
		{"API key", exitFailed, "wrong", []string{"account", "list"}},
		{"--actor", exitUsage, "the-key", []string{"account", "block", "PA-1", "--reason", "x", "--actor", "finance:ana"}},
		{"data folder itself", exitUsage, "the-key", []string{"verify"}},
		{"data folder itself", exitUsage, "the-key", []string{"nats", "verify"}},
		{"--ca", exitFailed, "the-key", []string{"account", "list", "--ca", "/nowhere"}},
		{"--api-key-file", exitFailed, "", []string{"account", "list", "--api-key-file", "/nowhere"}},
		{"not the address", exitFailed, "the-key", []string{"account", "list", "--server", "nonsense"}},
	} {
		o := cliOn(globals{serverFlags: serverFlags{APIKey: c.key}}, "", append([]string{"--server", w.url}, c.args...)...)
		if o.code != c.code || !strings.Contains(o.stderr, c.want) || o.stdout != "" {
			t.Errorf("prepay %s: %+v", strings.Join(c.args, " "), o)
		}
	}
	file := write(t, "key", "the-key\n")
	if o := cliOn(globals{}, "", "--server", w.url, "--api-key-file", file, "account", "list"); o.code != exitDone {
		t.Errorf("with the key in a file: %+v", o)
	}
}
