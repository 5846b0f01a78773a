package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/intake/intaketest"
	"prepayledger/eventstore/esdb/esdbtest"
)

// today is when tests take place.
var today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// cli runs a command line in-process against a data folder.
func cli(t *testing.T, data string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return cliAt(t, today, "", data, args...)
}

// cliAt is cli at an instant, with a standard input.
func cliAt(t *testing.T, now time.Time, stdin, data string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	g := globals{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Now: func() time.Time { return now }}
	code = run(context.Background(), append([]string{"--data", data}, args...), g)
	return out.String(), errs.String(), code
}

// refused is cli for what must fail with the text in its error.
func refused(t *testing.T, want string, code int, data string, args ...string) {
	t.Helper()
	out, errs, got := cli(t, data, args...)
	if got != code || !strings.Contains(errs, want) {
		t.Errorf("prepay %s: code %d, want %d and %q: %s%s", strings.Join(args, " "), got, code, want, errs, out)
	}
}

// parsed is ok with JSON.
func parsed[T any](t *testing.T, data string, args ...string) (v T) {
	t.Helper()
	out := ok(t, data, append([]string{"--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("prepay %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return v
}

// ok is cli for what must succeed.
func ok(t *testing.T, data string, args ...string) string {
	t.Helper()
	out, errs, code := cli(t, data, args...)
	if code != exitDone {
		t.Fatalf("prepay %s: code %d: %s", strings.Join(args, " "), code, errs)
	}
	return out
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// newLedger makes a data folder with an account, a channel and rates.
func newLedger(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	ok(t, data, "account", "open", "PA-1", "--currency", "USD", "--card", "sim_ok", "--carried-over", "500")
	ok(t, data, "channel", "register", "PA-1", "CH-1", "--phone-number", "+4930123456", "--phone-number-id", "1065", "--waba", "W-1")
	ok(t, data, "rates", "import", "rates-usd-2026-10-01.csv")
	return data
}

func usageLine(id, rest string) string {
	return fmt.Sprintf(`{"charge_id":%q,"partner_id":"PA-1","channel_id":"CH-1","waba_id":"W-1","category":"marketing","pricing_model":"PMP","occurred_at":"2026-10-03T12:34:56Z"%s}`, id, rest) + "\n"
}

// TestImport: every kind of bad line goes to quarantine by name, good ones are
// charged, and the same file again changes nothing.
func TestImport(t *testing.T) {
	data := newLedger(t)
	file := write(t, "usage.ndjson", usageLine("a", `,"country":"BR"`)+"nonsense\n"+
		usageLine("b", `,"country":"BR","amount":"NaN","currency":"USD"`)+
		usageLine("c", `,"country":"BR","amount":"1e999999","currency":"USD"`)+
		usageLine("d", `,"country":"BR","amount":"0.`+strings.Repeat("1", 40)+`","currency":"USD"`)+
		usageLine("e", `,"country":"BR","amount":"-1","currency":"USD"`)+
		usageLine("f", `,"country":"BR","ammount":"1"`)+
		usageLine("g", `,"country":"BR","amount":"1","currency":"EUR"`)+
		usageLine("h", `,"country":"B`+"\xff"+`"`)+
		strings.Replace(usageLine("i", `,"country":"BR"`), "marketing", "general_purpose_ai", 1)+
		usageLine("j", `,"country":"BR","pricing_type":"free_entry_point"`))
	var s importSummary
	out, errs, code := cli(t, data, "--json", "--strict", "usage", "import", file)
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != exitNotTaken {
		t.Fatalf("code %d, %v: %s %s", code, err, out, errs)
	}
	if s.Charged != 1 || s.Free != 1 || s.Quarantined["malformed"] != 7 || s.Quarantined["wrong_currency"] != 1 || s.Quarantined["no_rate"] != 1 {
		t.Errorf("first import: %+v", s.Summary)
	}
	list := ok(t, data, "quarantine", "list")
	for _, want := range []string{"usage.ndjson line 2", "field amount", "ammount", "UTF-8", "wrong_currency", "no_rate"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list does not name %q:\n%s", want, list)
		}
	}
	before := ok(t, data, "export", "events")
	s = importSummary{}
	if err := json.Unmarshal([]byte(ok(t, data, "--json", "usage", "import", file)), &s); err != nil {
		t.Fatal(err)
	}
	if s.Charged != 0 || s.Duplicates != 2 || s.Repeated != 9 {
		t.Errorf("second import: %+v", s.Summary)
	}
	if after := ok(t, data, "export", "events"); after != before {
		t.Errorf("the second import recorded something:\n%s", after)
	}
	// Once a rate is there, the entry can be charged and leaves.
	if out := ok(t, data, "quarantine", "retry", "--reason", "no_rate"); !strings.Contains(out, "no_rate") {
		t.Errorf("retry without a mend: %s", out)
	}
}

// TestBrokenSources: what came before the break is charged, and a file that
// can't be understood is refused whole.
func TestBrokenSources(t *testing.T) {
	data := newLedger(t)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	for i := range 2000 {
		fmt.Fprint(z, usageLine(fmt.Sprintf("z-%d", i*7919), `,"country":"BR"`))
	}
	_ = z.Close()
	file := write(t, "cut.ndjson.gz", string(zipped.Bytes()[:zipped.Len()/2]))
	out, errs, code := cli(t, data, "--json", "usage", "import", file)
	var s importSummary
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != exitFailed || s.Charged == 0 || s.Charged >= 2000 || !strings.Contains(errs, "cut.ndjson.gz") {
		t.Errorf("truncated gzip: code %d, %+v, %s", code, s.Summary, errs)
	}
	for name, text := range map[string]string{
		"header.csv": "charge,partner\n1,2\n",
		"empty.csv":  "charge_id,partner_id\n",
	} {
		_, errs, code := cli(t, data, "usage", "import", write(t, name, text))
		if code != exitFailed || !strings.Contains(errs, name) {
			t.Errorf("%s: code %d, %s", name, code, errs)
		}
	}
	if _, errs, code := cli(t, data, "usage", "import", "nowhere.ndjson"); code != exitFailed || !strings.Contains(errs, "nowhere.ndjson") {
		t.Errorf("missing file: code %d, %s", code, errs)
	}
	card := write(t, "rates-2026-10-01.csv", "market,currency,category,from_volume,to_volume,rate\nBrazil,USD,utility,1,MAX,NaN\n")
	if _, errs, code := cli(t, data, "rates", "import", card); code != exitFailed || !strings.Contains(errs, "line 2") {
		t.Errorf("bad card: code %d, %s", code, errs)
	}
}

const invoiceHeader = "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n"

// TestMonth goes from preview to posting, with everything that is refused on
// the way.
func TestMonth(t *testing.T) {
	data := newLedger(t)
	ok(t, data, "usage", "import", write(t, "u.ndjson", usageLine("a", `,"country":"BR"`)+usageLine("b", `,"country":"BR"`)))
	bad := write(t, "bad.csv", invoiceHeader+"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,2,0.14,USD\nTOTAL,INV,2026-10-01,,,,,,,,2,0.15,USD\n")
	if _, errs, code := cli(t, data, "invoice", "import", bad); code != exitFailed || !strings.Contains(errs, "0.15") {
		t.Errorf("trailer that does not match: code %d, %s", code, errs)
	}
	if _, errs, _ := cli(t, data, "month", "propose", "2026-10", "--actor", "finance:ana"); !strings.Contains(errs, "nothing_to_reconcile") {
		t.Errorf("without a document: %s", errs)
	}
	good := write(t, "good.csv", invoiceHeader+"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,2,0.14,USD\nTOTAL,INV,2026-10-01,,,,,,,,2,0.14,USD\n")
	ok(t, data, "invoice", "import", good)
	if out := ok(t, data, "invoice", "import", good); !strings.Contains(out, "was there before") {
		t.Errorf("the same again: %s", out)
	}
	if out := ok(t, data, "month", "preview", "2026-10"); !strings.Contains(out, "rate -0.015") {
		t.Errorf("preview: %s", out)
	}
	ok(t, data, "month", "propose", "2026-10", "--actor", "finance:ana")
	if _, errs, code := cli(t, data, "month", "approve", "2026-10", "--actor", "finance:ana"); code != exitFailed || !strings.Contains(errs, "same_approver") {
		t.Errorf("same approver: code %d, %s", code, errs)
	}
	ok(t, data, "month", "approve", "2026-10", "--actor", "finance:ben")
	if out := ok(t, data, "--json", "balance", "PA-1"); !strings.Contains(out, `"balance":"499.86"`) {
		t.Errorf("balance: %s", out)
	}
	if out := ok(t, data, "month", "show", "2026-10"); !strings.Contains(out, "posted, run 1, proposed by finance:ana, approved by finance:ben") {
		t.Errorf("show: %s", out)
	}
	if out := ok(t, data, "statement", "PA-1", "--month", "2026-11"); !strings.Contains(out, "month-end differences") {
		t.Errorf("statement: %s", out)
	}
}

// TestRebuild deletes everything but the log and gets the same answers byte
// for byte.
func TestRebuild(t *testing.T) {
	data := newLedger(t)
	ok(t, data, "usage", "import", write(t, "u.ndjson", usageLine("a", `,"country":"BR"`)+usageLine("b", `,"country":"XX","amount":"450","currency":"USD"`)+usageLine("c", `,"country":"CU"`)))
	ok(t, data, "account", "block", "PA-1", "--reason", "test", "--actor", "finance:ana")
	dump := func() string {
		a, err := desk.Open(context.Background(), data, app.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		var b bytes.Buffer
		if err := a.Views.Engine.Dump(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	answers := func() string {
		return dump() + ok(t, data, "--json", "account", "show", "PA-1") + ok(t, data, "--json", "quarantine", "list") + ok(t, data, "--json", "balance")
	}
	before := answers()
	if !strings.Contains(before, "blocked_destination") || !strings.Contains(before, `"standing":"blocked"`) {
		t.Fatalf("the story is not as it should be: %s", before)
	}
	ok(t, data, "rebuild")
	if after := answers(); after != before {
		t.Errorf("rebuilt answers differ:\n%s\n%s", before, after)
	}
	if out := ok(t, data, "verify"); !strings.Contains(out, "whole") {
		t.Errorf("verify: %s", out)
	}
}

// TestExitCodes tells wrong usage, rejections and a folder in use apart.
func TestExitCodes(t *testing.T) {
	data := newLedger(t)
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"nonsense", exitUsage, "nonsense"},
		{"account add-funds PA-1 5", exitFailed, "amount_out_of_range"},
		{"account add-funds PA-1 NaN", exitUsage, "amount"},
		{"account show PA-2", exitFailed, "unknown_account"},
		{"month preview 2026-13", exitUsage, "2026-13"},
		{"--json account show PA-2", exitFailed, `{"error":{"code":"unknown_account"`},
		{"replay account-PA-2", exitFailed, "no stream"},
	} {
		_, errs, code := cli(t, data, strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(errs, test.want) {
			t.Errorf("%s: code %d, %s", test.args, code, errs)
		}
	}
	a, err := desk.Open(context.Background(), data, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, errs, code := cli(t, data, "balance"); code != exitFailed || !strings.Contains(errs, "in use") {
		t.Errorf("folder in use: code %d, %s", code, errs)
	}
	if _, errs, _ := cli(t, filepath.Join(t.TempDir(), "none"), "balance"); !strings.Contains(errs, "no data") {
		t.Errorf("no folder: %s", errs)
	}
}

// TestHelp: every command has help with an example.
func TestHelp(t *testing.T) {
	out, _, code := cli(t, t.TempDir(), "--help")
	if code != exitDone || !strings.Contains(out, "simulate") {
		t.Fatalf("help: code %d, %s", code, out)
	}
	parser, err := kong.New(&commands{}, defaults())
	if err != nil {
		t.Fatal(err)
	}
	leaves := parser.Model.Leaves(false)
	if len(leaves) < 40 {
		t.Errorf("only %d commands", len(leaves))
	}
	for _, leaf := range leaves {
		command := strings.TrimPrefix(leaf.FullPath(), parser.Model.Name+" ")
		out, _, code := cli(t, t.TempDir(), append(strings.Fields(command), "--help")...)
		if code != exitDone || !strings.Contains(out, "prepay "+command) || leaf.Help == "" {
			t.Errorf("%s: no example in its help: %s", command, out)
		}
		for _, f := range leaf.Flags {
			if f.Help == "" {
				t.Errorf("%s: --%s is not explained", command, f.Name)
			}
		}
	}
}

// TestDemo tells the whole story; every cause of a difference appears.
func TestDemo(t *testing.T) {
	out := ok(t, t.TempDir(), "demo", "--seed", "3")
	for _, want := range []string{"every channel is blocked", "may send again", "same_approver", "unallocated_lines", "uninvoiced_charges", "late ", "free ", "category ", "missing_at_meta ", "missing_here ", "tier ", "quantity ", "rate ", "currency ", "rounding ", "replays from its first event"} {
		if !strings.Contains(out, want) {
			t.Errorf("the story lacks %q", want)
		}
	}
}

// child is the environment that makes the test binary a prepay.
const child = "PREPAY_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		g := standard()
		g.Now = func() time.Time { return today }
		os.Exit(runUntilSignal(os.Args[1:], g))
	}
	os.Exit(m.Run())
}

// TestKilledImport kills an import in the middle, several times, runs it to
// its end, and compares with one clean run.
func TestKilledImport(t *testing.T) {
	w := intaketest.Workload{Charges: 60_000, Accounts: 1, DuplicatePercent: 5, Seed: 9, From: today.AddDate(0, 0, -29)}
	var usage bytes.Buffer
	if err := w.Write(&usage); err != nil {
		t.Fatal(err)
	}
	file := write(t, "usage.ndjson", usage.String())
	prepare := func() string {
		data := filepath.Join(t.TempDir(), "data")
		ok(t, data, "account", "open", intaketest.Partner(0), "--currency", "USD", "--card", "sim_ok", "--carried-over", "500")
		for c := range intaketest.ChannelsPerAccount {
			ok(t, data, "channel", "register", intaketest.Partner(0), intaketest.Channel(0, c), "--phone-number", intaketest.Number(0, c), "--phone-number-id", intaketest.WABA(0, c), "--waba", intaketest.WABA(0, c))
		}
		ok(t, data, "rates", "import", "rates-usd-2026-10-01.csv")
		return data
	}
	clean, killed := prepare(), prepare()
	ok(t, clean, "usage", "import", file)
	kills := 0
	for attempt := range 6 {
		command := exec.Command(os.Args[0], "--data", killed, "usage", "import", file)
		command.Env = append(os.Environ(), child+"=1")
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(60+90*attempt)*time.Millisecond, func() { _ = command.Process.Kill() })
		if err := command.Wait(); err != nil {
			kills++
		}
		timer.Stop()
	}
	if kills == 0 {
		t.Fatal("no import was killed: the test proves nothing")
	}
	ok(t, killed, "usage", "import", file)
	state := func(data string) string {
		var v struct {
			Balance  string          `json:"balance"`
			Figures  json.RawMessage `json:"figures"`
			Invoices []struct {
				Number string `json:"invoice_number"`
				Total  string `json:"total"`
			} `json:"invoices"`
		}
		if err := json.Unmarshal([]byte(ok(t, data, "--json", "account", "show", intaketest.Partner(0))), &v); err != nil {
			t.Fatal(err)
		}
		var figures map[string]any
		if err := json.Unmarshal(v.Figures, &figures); err != nil {
			t.Fatal(err)
		}
		delete(figures, "last_event_at")
		return fmt.Sprint(v.Balance, figures, v.Invoices) + ok(t, data, "--json", "quarantine", "list")
	}
	if a, b := state(clean), state(killed); a != b {
		t.Errorf("killed %d times, the state differs:\n%s\n%s", kills, a, b)
	}
	ok(t, killed, "verify")
}

// TestSimulateExamples runs the scenarios that come with an independent
// calculator's figures through the real read models; two runs print the same,
// also with the log in another event store.
func TestSimulateExamples(t *testing.T) {
	dirs, err := filepath.Glob("../../consumers/simulate/testdata/[0-9]*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no examples", err)
	}
	for _, dir := range dirs {
		scenario := filepath.Join(dir, "scenario.ndjson")
		out := ok(t, t.TempDir(), "--json", "simulate", scenario)
		if again := ok(t, t.TempDir(), "--json", "simulate", scenario); again != out {
			t.Errorf("%s: two runs differ", dir)
		}
		other := ok(t, t.TempDir(), "--json", "--eventstore", esdbtest.Serve(t), "simulate", scenario)
		if other != out {
			t.Errorf("%s: over the protocol of EventStoreDB it differs:\n%s\n%s", dir, other, out)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
		if err != nil {
			t.Fatal(err)
		}
		var expected struct{ Accounts []map[string]any }
		if err := json.Unmarshal(raw, &expected); err != nil {
			t.Fatal(err)
		}
		n := 0
		for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
			var o map[string]any
			if err := d.Decode(&o); err != nil {
				t.Fatal(err)
			}
			if o["partner_id"] == nil {
				continue
			}
			if n >= len(expected.Accounts) || !reflect.DeepEqual(o, expected.Accounts[n]) {
				t.Errorf("%s: account %v differs", dir, o["partner_id"])
			}
			n++
		}
		if n != len(expected.Accounts) {
			t.Errorf("%s: %d accounts", dir, n)
		}
	}
}
