package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/invoices"
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
	httpapi.New(r, httpapi.Options{Desk: d, Issuer: invoices.Issuer{Name: defaultProvider}})
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
	// differing is what is not compared; nil is nothing.
	differing *regexp.Regexp
}

func newTwice(t *testing.T) *twice {
	t.Helper()
	t.Setenv("PREPAY_ACTOR", operator().Actor())
	return &twice{t: t, data: filepath.Join(t.TempDir(), "data"), url: served(t, filepath.Join(t.TempDir(), "served"))}
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
	// A server is always given a command id, and notes the hash beside it.
	hash := regexp.MustCompile(`,"command_hash":"[0-9a-f]+"`)
	remote.stdout = hash.ReplaceAllString(remote.stdout, "")
	ids := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}|\b[0-9]+/[0-9]+\b`) // given at random, hashes over them, and positions: streams of an import are written side by side
	local.stdout, remote.stdout = ids.ReplaceAllString(local.stdout, "ID"), ids.ReplaceAllString(remote.stdout, "ID")
	if w.differing != nil {
		local.stdout, remote.stdout = w.differing.ReplaceAllString(local.stdout, "TIME"), w.differing.ReplaceAllString(remote.stdout, "TIME")
	}
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
	w.must("account", "open", "PA-1", "--currency", "USD", "--card", "sim_ok", "--carried-over", "100")
	w.must("account", "open", "PA-2", "--currency", "EUR", "--card", "sim_ok", "--carried-over", "730.50")
	w.must("channel", "register", "PA-1", "CH-1", "--phone-number", "+4930123456", "--phone-number-id", "1065", "--waba", "W-1")
	w.must("channel", "register", "PA-2", "CH/2 a", "--phone-number", "+4930123457", "--phone-number-id", "1066", "--waba", "W-2", "--time-zone", "Europe/Madrid")
	w.must("channel", "cancel", "PA-2", "CH/2 a")
	w.must("account", "settings", "PA-1", "--threshold", "250", "--no-auto-recharge")
	w.must("account", "contract", "PA-1", "--grace-days", "14", "--tax-text", "The total includes German VAT.", "--tax-rate", "19")
	w.must("account", "add-funds", "PA-1", "1000")
	w.must("account", "card", "PA-1", "sim_declined")
	w.must("account", "block", "PA-1", "--reason", "suspected fraud")
	w.must("account", "unblock", "PA-1")
	w.must("account", "refund", "PA-1", "120.50", "--reason", "end of contract")
	w.same("account", "unblock", "PA-1")
	w.same("account", "close", "PA-1")
	w.same("account", "confirm", "PA-1", "12", "--reference", "BANK-1")
	w.same("account", "correct-charge", "PA-1", "wamid.1", "--reason", "test")
	w.same("account", "refund-retry", "PA-1", "PA-1-F000001")
	w.same("account", "refund-cancel", "PA-1", "PA-1-F000001", "--reason", "closed")
	w.same("account", "settings", "PA-1", "--threshold", "-3")
	w.same("account", "settings", "PA-3", "--threshold", "3")
	w.read("account", "billing", "PA-1")
	w.must("account", "billing", "PA-1", "--company", "Example S.L.", "--street", "Calle Mayor 1", "--postal-code", "28013", "--city", "Madrid", "--country", "ES", "--email", "facturas@example.es")
	w.must("account", "billing", "PA-1", "--city", "Toledo")
	w.read("account", "billing", "PA-1")
	w.read("account", "alerts", "PA-1")
	w.must("account", "alerts", "PA-1", "--to", "ana@example.com", "--kinds", "Blocked,Unblocked")
	w.must("account", "alerts", "PA-1", "--nobody", "--usual")
	w.read("account", "alerts", "PA-1")
	for _, partner := range []string{"PA-1", "PA-2", "PA-3"} {
		w.read("account", "show", partner)
		w.read("account", "why", partner)
		w.read("account", "forecast", partner)
		w.read("balance", partner)
		w.read("balance", partner, "--as-recorded-at", "2026-11-24T12:00:00.5Z")
		w.read("channel", "list", partner)
		w.read("statement", partner, "--month", "2026-11", "--by", "day")
		w.read("partner-invoice", "list", partner)
		w.read("partner-invoice", "show", partner+"-2026-000001")
		w.same("statement", partner, "--month", "2026-11", "--full-csv", "-")
	}
	w.read("account", "list")
	w.read("account", "forecast", "--all")
	w.read("balance")
	w.read("balance", "--as-happened-by", "2026-11-23T00:00:00Z")
	w.read("channel", "list")
	w.same("statement", "PA-1", "--month", "2026-11", "--csv")
}

// TestServerReconcilesTheSame does the same for usage, rates, months, banks and
// the log.
func TestServerReconcilesTheSame(t *testing.T) {
	w := newTwice(t)
	w.must("account", "open", "PA-1", "--currency", "USD", "--card", "sim_ok", "--carried-over", "500")
	w.must("channel", "register", "PA-1", "CH-1", "--phone-number", "+4930123456", "--phone-number-id", "1065", "--waba", "W-1")
	w.must("rates", "import", "rates-usd-2026-10-01.csv")
	w.same("rates", "import", "rates-usd-2026-10-01.csv")
	w.same("rates", "import", write(t, "bad-2026-10-01.csv", "nonsense\n"))
	w.read("rates", "list")
	table := write(t, "markets.csv", "calling_code_prefix,country,market,effective_from\n55,BR,Brazil,2020-01-01\n")
	w.must("markets", "import", table)
	w.must("markets", "import", table)
	usage := write(t, "usage.ndjson", usageLine("a", `,"country":"BR","amount":"0.05","currency":"USD"`)+usageLine("b", `,"country":"BR","amount":"0.05","currency":"USD"`)+
		"nonsense\n"+usageLine("c", `,"country":"BR","amount":"1","currency":"EUR"`))
	w.imported("usage", "import", usage)
	w.imported("--strict", "usage", "import", usage)
	w.given(usageLine("a", `,"country":"BR","amount":"0.05","currency":"USD"`), "quarantine", "list")
	w.read("quarantine", "list")
	w.read("quarantine", "list", "--reason", "wrong_currency", "--limit", "1")
	w.read("quarantine", "list", "--partner", "PA-3")
	w.same("quarantine", "export", "--reason", "wrong_currency")
	w.same("--strict", "quarantine", "retry", "--reason", "wrong_currency")
	file := write(t, "i.csv", invoiceHeader+invoiceLines)
	w.must("invoice", "import", file, "--fx", "EUR:USD=1.1@2026-10-31:ECB")
	w.must("invoice", "import", file)
	w.same("invoice", "import", write(t, "bad.csv", invoiceHeader+"MI-2,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,2,x,USD\n"))
	w.read("invoice", "list")
	w.read("invoice", "list", "--month", "2026-09")
	w.read("invoice", "show", "MI-1")
	w.read("invoice", "show", "MI-1", "--from", "2", "--limit", "1")
	w.read("invoice", "show", "MI-9")
	if o := w.same("invoice", "original", "MI-1", "--mapping"); o.code != exitDone {
		t.Error(o)
	}
	w.read("month", "show", "2026-10")
	w.read("month", "preview", "2026-10")
	w.monthFiles()
	w.same("month", "propose", "2026-10")
	w.same("month", "approve", "2026-10")
	w.must("invoice", "allocate", "MI-1", "2", "--own-cost")
	w.same("invoice", "allocate", "MI-1", "9", "--own-cost")
	w.must("month", "withdraw", "2026-10", "--reason", "wait")
	w.must("month", "propose", "2026-10", "--lines")
	w.must("month", "comment", "2026-10", "--text", "a cent")
	w.read("month", "limits")
	w.must("month", "limits", "--actor-pattern", "admin:*", "--max", "1000 USD")
	w.must("month", "tolerance", "--amount", "0.01 USD")
	w.must("month", "limits", "--actor-pattern", "admin:*", "--remove", "--currency", "USD")
	w.read("month", "show", "2026-10")
	w.same("month", "post", "2026-10")
	book := filepath.Join(t.TempDir(), "october.xlsx") // two ledgers' bytes differ by their streams' ids
	w.read("month", "workbook", "2026-10", "--xlsx", book)
	if written, err := os.ReadFile(book); err != nil || !bytes.HasPrefix(written, []byte("PK")) {
		t.Errorf("%d bytes are no workbook: %v", len(written), err)
	}
	bank := write(t, "b.csv", statementHeader+"2026-11-23,12.34,USD,Acme,BANK-1,thanks\n")
	w.must("payments", "propose", bank)
	w.must("payments", "propose", bank)
	w.same("payments", "list", "5f2190dd26b9")
	w.same("export", "journal", "--csv", "--month", "2026-11")
	w.same("export", "events", "--type", "AccountOpened")
	w.same("--json", "replay", "account-PA-1")
	w.same("--json", "replay", "ratecard-USD")
	w.same("replay", "ratecard-USD")
}

// monthFiles opens, compares and writes a month of which nothing is proposed yet.
func (w *twice) monthFiles() {
	w.t.Helper()
	open := []string{"month", "open", "2026-10", "--partner", "PA-1"}
	marketing := append(slices.Clone(open), "--waba", "W-1", "--market", "Brazil", "--category", "MARKETING")
	w.differing = regexp.MustCompile(`"recorded_at":"[^"]+"`)
	for _, args := range [][]string{
		marketing, append(slices.Clone(marketing), "--limit", "1"), append(slices.Clone(marketing), "--part", "rate"), append(slices.Clone(marketing), "--part", "late"),
		append(slices.Clone(open), "--waba", "W-9"), append(slices.Clone(open), "--rounding"), {"month", "open", "2026-10", "--partner", "PA-9", "--waba", "W-1"},
	} {
		w.read(args...)
		w.same(append(args, "--csv")...)
	}
	w.differing = nil
	w.must(marketing...)
	analytics, other := write(w.t, "waba.json", analyticsOf), write(w.t, "other.json", strings.ReplaceAll(analyticsOf, "W-1", "W-8"))
	drift := []string{"month", "drift", "2026-10", "--analytics", analytics}
	w.must(drift...)
	w.read(append(drift, "--analytics", other, "--lines")...)
	w.read(append(drift, "--on", "2026-10-03")...)
	w.read(append(drift, "--on", "2026-11-03")...)
	w.read(append(drift, "--analytics", write(w.t, "bad.json", "{}"))...)
	w.read(append(drift, "--analytics", filepath.Join(w.t.TempDir(), "none.json"))...)
	for _, from := range [][]string{{"--data", w.data}, {"--server", w.url}} { // the parts of a workbook have no order
		o := cliOn(globals{serverFlags: serverFlags{APIKey: "the-key"}}, "", append(from, "month", "workbook", "2026-10", "--xlsx", "-")...)
		if o.code != exitDone || !strings.HasPrefix(o.stdout, "PK") || o.stderr != "" {
			w.t.Errorf("%v: code %d, %d bytes, %s", from, o.code, len(o.stdout), o.stderr)
		}
	}
	w.read("month", "workbook", "2026-10", "--xlsx", filepath.Join(w.t.TempDir(), "october.xlsx"))
	w.read("month", "workbook", "2026-08", "--xlsx", "-")
	w.read("month", "workbook", "2026-10", "--xlsx", "/nowhere/october.xlsx")
}

// imported is same for imports, whose time differs.
func (w *twice) imported(args ...string) {
	w.t.Helper()
	w.differing = regexp.MustCompile(`in [0-9.]+ s, [0-9]+/s`)
	w.same(args...)
	w.differing = nil
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
