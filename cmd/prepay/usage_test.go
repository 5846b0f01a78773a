package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

const webhook = `{"object":"whatsapp_business_account","entry":[{"id":"W-1","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"4930123456","phone_number_id":"1065"},"statuses":[` +
	`{"id":"wamid.A","status":"delivered","timestamp":"1793534473","recipient_id":"16505551234","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}},` +
	`{"id":"wamid.A","status":"sent","timestamp":"1793534472","recipient_id":"16505551234"}]},"field":"messages"}]}]}` + "\n"

const tierWebhook = `{"object":"whatsapp_business_account","entry":[{"id":"W-1","changes":[{"value":{"volume_tier_info":{"tier_update_time":1793451903,"pricing_category":"UTILITY","tier":"25000001:50000000","effective_month":"2026-11","region":"India"},"event":"VOLUME_BASED_PRICING_TIER_UPDATE"},"field":"account_update"}]}]}` + "\n"

// importStdin imports the standard input.
func importStdin(t *testing.T, data, text string) (s importSummary) {
	t.Helper()
	out, errs, code := cliAt(t, today, text, data, "--json", "usage", "import", "-")
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != exitDone {
		t.Fatalf("code %d, %v: %s%s", code, err, out, errs)
	}
	return s
}

// TestImportFormats takes the same usage in every format, one after the
// other: the first is charged, the others are duplicates.
func TestImportFormats(t *testing.T) {
	data := newLedger(t)
	const csv = "charge_id,partner_id,channel_id,waba_id,country,category,pricing_model,occurred_at\n" +
		"a,PA-1,CH-1,W-1,BR,marketing,PMP,2026-10-03T12:34:56Z\n" + "b,PA-1,CH-1,W-1,IN,marketing,PMP,2026-10-03T12:34:56Z\n"
	ndjson := usageLine("a", `,"country":"BR"`) + usageLine("b", `,"country":"IN"`)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(z, csv); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{csv, ndjson, zipped.String()} {
		if s := importStdin(t, data, text); i == 0 && s.Charged != 2 || i > 0 && s.Duplicates != 2 {
			t.Errorf("format %d: %+v", i, s.Summary)
		}
	}
	s := parsed[importSummary](t, data, "usage", "import", write(t, "1.csv", csv), write(t, "2.ndjson", ndjson), write(t, "3.csv.gz", zipped.String()))
	if s.Files != 3 || s.Duplicates != 6 || s.Charged != 0 {
		t.Errorf("three files: %+v", s)
	}
	s = importStdin(t, data, webhook+tierWebhook+webhook)
	if s.Charged != 1 || s.Duplicates != 1 || s.Tiers != 1 || s.Read.IgnoredStatuses != 2 {
		t.Errorf("webhooks: %+v", s.Summary)
	}
	if s = importStdin(t, data, tierWebhook); s.Tiers != 0 || s.Read.TierChanges != 1 {
		t.Errorf("the same tier again: %+v", s.Summary)
	}
	if out := ok(t, data, "usage", "import", write(t, "w.json", webhook)); !strings.Contains(out, "duplicates                      1") || !strings.Contains(out, "1 status (sent") {
		t.Errorf("for people:\n%s", out)
	}
}

// TestFilesAreCheckedFirst: of several files none is taken where one is not
// there.
func TestFilesAreCheckedFirst(t *testing.T) {
	data := newLedger(t)
	good := write(t, "u.ndjson", usageLine("a", `,"country":"BR"`))
	for _, command := range []string{"usage", "rates", "invoice"} {
		refused(t, "nowhere.csv", exitFailed, data, command, "import", good, "nowhere.csv")
		refused(t, "is a folder", exitFailed, data, command, "import", good, t.TempDir())
	}
	if s := parsed[importSummary](t, data, "usage", "import", good); s.Charged != 1 {
		t.Errorf("it was charged before: %+v", s.Summary)
	}
}

// TestStrict: what was quarantined makes code 3, and only with --strict.
func TestStrict(t *testing.T) {
	data := newLedger(t)
	bad := write(t, "bad.ndjson", usageLine("a", `,"country":"CU"`))
	for want, args := range map[int][]string{
		exitDone:     {"usage", "import", bad},
		exitNotTaken: {"--strict", "usage", "import", bad},
	} {
		if _, errs, code := cli(t, data, args...); code != want {
			t.Errorf("%v: code %d: %s", args, code, errs)
		}
	}
	good := write(t, "good.ndjson", usageLine("b", `,"country":"BR"`))
	ok(t, data, "--strict", "usage", "import", good)
	if _, errs, code := cli(t, data, "--strict", "quarantine", "retry"); code != exitNotTaken {
		t.Errorf("retry of what stays: code %d: %s", code, errs)
	}
}

// endless gives lines until it is interrupted, and then waits as a pipe does.
type endless struct {
	n         int
	interrupt func()
}

// interruptAt is the line at which the interrupt comes.
const interruptAt = 20_000

func (e *endless) Read(p []byte) (n int, err error) {
	if e.n == interruptAt {
		e.interrupt()
		select {} // nobody writes any more
	}
	e.n++
	return copy(p, usageLine(fmt.Sprintf("e-%d", e.n), `,"country":"BR"`)), nil
}

// TestInterrupt ends an import in the middle: what came before is charged and
// told, and a second run finds it as duplicates.
func TestInterrupt(t *testing.T) {
	data := newLedger(t)
	ctx, interrupt := context.WithTimeout(context.Background(), time.Minute)
	defer interrupt()
	var out, errs bytes.Buffer
	g := globals{Stdin: &endless{interrupt: interrupt}, Stdout: &out, Stderr: &errs, Now: func() time.Time { return today }}
	code := run(ctx, []string{"--data", data, "--json", "usage", "import", "-"}, g)
	var s importSummary
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), errs.String())
	}
	if code != exitFailed || !strings.Contains(errs.String(), `"code":"interrupted"`) || !strings.Contains(errs.String(), "nothing counts twice") {
		t.Errorf("code %d: %s", code, errs.String())
	}
	var all strings.Builder
	for n := range interruptAt {
		all.WriteString(usageLine(fmt.Sprintf("e-%d", n+1), `,"country":"BR"`))
	}
	again := importStdin(t, data, all.String())
	if again.Duplicates != s.Charged || again.Charged+again.Duplicates != interruptAt {
		t.Errorf("interrupted after %d; then %d charged and %d duplicates", s.Charged, again.Charged, again.Duplicates)
	}
}
