package mailer

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"prepayledger/consumers/notices"
	"prepayledger/domain"
)

var update = flag.Bool("update", false, "write the golden mails anew")

// at is when the samples' mails are written.
var at = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// samples are payloads of every kind, as notices make them.
func samples() map[string]any {
	common := func(kind notices.Kind, balance, due, text string) notices.Common {
		return notices.Common{
			Kind: kind, PartnerID: "PA-1001", Currency: "EUR", Balance: balance, AmountDue: due, Threshold: "100", AutoRecharge: true,
			Standing: "active", Text: text, OccurredAt: at.Add(-time.Minute), RecordedAt: at,
		}
	}
	grace := common(notices.GraceStarted, "-12.3456", "12.3456", "The balance of account PA-1001 is negative.")
	grace.BlockDeadline = at.Add(7*24*time.Hour - time.Minute)
	tomorrow := common(notices.BlockTomorrow, "-12.3456", "12.3456", "All channels of account PA-1001 are blocked tomorrow.")
	tomorrow.BlockDeadline = at.Add(21*time.Hour + 40*time.Minute)
	manual := common(notices.LowBalance, "99.99", "0", "The balance of account PA-1001 is below its threshold.")
	manual.AutoRecharge = false
	payment := notices.Payment{RechargeID: "PA-1001-R000001", Amount: "500", Surcharge: "20", CardTotal: "520"}
	channels := notices.Channels{ChannelCount: 2}
	return map[string]any{
		"LowBalance":        &notices.LowBalanceData{Common: common(notices.LowBalance, "99.99", "0", "The balance of account PA-1001 is below its threshold."), RechargeAmount: "500"},
		"LowBalance-manual": &notices.LowBalanceData{Common: manual, RechargeAmount: "500"},
		"GraceStarted":      &notices.GraceStartedData{Common: grace, NegativeSince: at},
		"BlockTomorrow":     &notices.BlockTomorrowData{Common: tomorrow, NegativeSince: at, Channels: channels},
		"GraceEnded":        &notices.GraceEndedData{Common: common(notices.GraceEnded, "0", "0", "The balance is not negative any more."), NegativeSince: at},
		"Blocked": &notices.BlockedData{Common: common(notices.Blocked, "-20", "20", "All channels of account PA-1001 are blocked."), BlockKind: "overdue",
			EffectiveAt: at, Channels: channels},
		"Blocked-manual": &notices.BlockedData{Common: common(notices.Blocked, "20", "0", `Blocked by Finance: <script>alert("x")</script> & more`), BlockKind: "manual",
			Reason: "fraud", EffectiveAt: at, Channels: channels},
		"Unblocked":       &notices.UnblockedData{Common: common(notices.Unblocked, "0", "0", "The channels may send again."), By: "confirmation", EffectiveAt: at, Channels: channels},
		"Recharged":       &notices.RechargedData{Common: common(notices.Recharged, "599.99", "0", "The card was charged."), Payment: payment, InvoiceNumber: "PA-1001-2026-000001", SurchargePercent: "4"},
		"RechargeFailed":  &notices.RechargeFailedData{Common: common(notices.RechargeFailed, "99.99", "0", "The card could not be charged."), Payment: payment, Reason: "threshold", Code: "declined", RetryAt: at.Add(24 * time.Hour)},
		"MonthReconciled": &notices.MonthReconciledData{Common: common(notices.MonthReconciled, "480", "0", "October is reconciled."), Month: "2026-10", Run: 1, Amount: "-3.5", Charged: "30", Invoiced: "33.5", Adjusted: "-3.5"},
	}
}

// The mails of every kind are what stands in testdata.
func TestGoldenMails(t *testing.T) {
	layouts, err := newLayouts()
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for name, payload := range samples() {
		data, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		n, err := parseNote(data)
		if err != nil {
			t.Fatal(err)
		}
		met[string(n.Kind)] = true
		c := contentOf(n, at)
		m, err := layouts.mail("id", &c, at)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(m.Subject, "PA-1001: ") || strings.Contains(m.HTML, "http") || strings.Contains(m.HTML, "<img") {
			t.Errorf("%s: subject %q must say whom it concerns, and nothing is loaded from elsewhere", name, m.Subject)
		}
		for suffix, got := range map[string]string{".txt": "Subject: " + m.Subject + "\n\n" + m.Text, ".html": m.HTML} {
			file := filepath.Join("testdata", name+suffix)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || got != string(want) {
				t.Errorf("%s is not what is mailed (%v): run the test with -update and look at the difference\n%s", file, err, got)
			}
		}
	}
	for _, k := range domain.AlertKinds() {
		if !met[k] {
			t.Errorf("kind %s has no golden mail", k)
		}
	}
}

// What can be mailed is what there are notices of.
func TestKinds(t *testing.T) {
	var kinds []string
	for _, k := range notices.Kinds() {
		kinds = append(kinds, string(k))
	}
	all := domain.AlertKinds()
	slices.Sort(kinds)
	slices.Sort(all)
	if !slices.Equal(kinds, all) {
		t.Errorf("notices are %v, alerts %v", kinds, all)
	}
	if slices.Contains(OperatorKinds(), "Recharged") || !slices.Contains(OperatorKinds(), "MonthReconciled") {
		t.Errorf("operators are told of %v", OperatorKinds())
	}
}

func TestLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "now", 0: "now", time.Minute: "in less than an hour", time.Hour: "in 1 hour", 90 * time.Minute: "in 1 hour", 47 * time.Hour: "in 47 hours",
		48 * time.Hour: "in 2 days", 7*24*time.Hour - time.Minute: "in 7 days", 7*24*time.Hour - time.Hour: "in 6 days",
	} {
		if got := left(at, at.Add(d)); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

func TestNotesThatCantBeRead(t *testing.T) {
	for _, text := range []string{``, `[]`, `{}`, `{"kind":"Blocked"}`, `{"partner_id":"PA"}`} {
		if n, err := parseNote([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, n)
		}
	}
}

func TestSubjectsAreOneLine(t *testing.T) {
	n := &note{Common: notices.Common{Kind: notices.Unblocked, PartnerID: "PA\r\nBcc: x@example.com", Currency: "EUR", Balance: "0"}}
	layouts, err := newLayouts()
	if err != nil {
		t.Fatal(err)
	}
	c := contentOf(n, at)
	m, err := layouts.mail("id", &c, at)
	if err != nil || strings.ContainsAny(m.Subject, "\r\n") {
		t.Errorf("%q, %v", m.Subject, err)
	}
}
