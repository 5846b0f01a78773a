package main

import (
	"strings"
	"testing"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
)

// line is what every command of an account prints.
type line struct {
	Balance       string `json:"balance"`
	AmountDue     string `json:"amount_due"`
	Standing      string `json:"standing"`
	BlockedReason string `json:"blocked_reason"`
}

// give gives a command and returns the account after it.
func give(t *testing.T, data string, args string) line {
	t.Helper()
	return parsed[line](t, data, strings.Fields(args)...)
}

// TestAccountCommands gives every command of an account once, and what refuses
// it.
func TestAccountCommands(t *testing.T) {
	data := newLedger(t)
	refused(t, "account_exists", exitFailed, data, strings.Fields("account open PA-1 --currency USD --card sim_ok")...)
	refused(t, "unsupported_currency", exitFailed, data, strings.Fields("account open PA-9 --currency XYZ --card sim_ok")...)
	refused(t, "unknown_account", exitFailed, data, strings.Fields("account add-funds PA-9 100")...)
	if l := give(t, data, "account add-funds PA-1 100"); l.Balance != "600" {
		t.Errorf("add-funds: %+v", l)
	}
	if out := ok(t, data, "account", "show", "PA-1"); !strings.Contains(out, "PA-1-2026-000001") || !strings.Contains(out, "104.00 USD") {
		t.Errorf("the payment has no invoice with its surcharge:\n%s", out)
	}
	give(t, data, "account settings PA-1 --threshold 50 --recharge-amount 200 --no-auto-recharge")
	give(t, data, "account contract PA-1 --grace-days 3 --actor finance:ana")
	give(t, data, "account card PA-1 sim_declined")
	if out := ok(t, data, "account", "show", "PA-1"); !strings.Contains(out, "card sim_declined; auto-recharge off of 200.00 USD below 50.00 USD") || !strings.Contains(out, "grace 3 days") {
		t.Errorf("settings, contract and card:\n%s", out)
	}
	refused(t, "invalid_setting", exitFailed, data, strings.Fields("account settings PA-1 --threshold=-1")...)
	refused(t, "actor_required", exitFailed, data, strings.Fields("account block PA-1 --reason fraud")...)
	t.Setenv("PREPAY_ACTOR", "finance:ana")
	if l := give(t, data, "account block PA-1 --reason fraud"); l.Standing != "blocked" || l.BlockedReason != "manual" {
		t.Errorf("block: %+v", l)
	}
	if l := give(t, data, "account unblock PA-1"); l.Standing != "active" {
		t.Errorf("unblock: %+v", l)
	}
	refused(t, "not_blocked", exitFailed, data, strings.Fields("account unblock PA-1")...)
	refused(t, "nothing_to_confirm", exitFailed, data, strings.Fields("account confirm PA-1 10 --reference B-1")...)
	if l := give(t, data, "account refund PA-1 50.5 --reason goodwill"); l.Balance != "549.5" {
		t.Errorf("refund: %+v", l)
	}
	refused(t, "refund_exceeds_balance", exitFailed, data, strings.Fields("account refund PA-1 1000 --reason goodwill")...)
	refused(t, "not_closable", exitFailed, data, strings.Fields("account close PA-1")...)
	give(t, data, "account refund PA-1 549.5 --reason end")
	if l := give(t, data, "account close PA-1"); l.Standing != "closed" {
		t.Errorf("close: %+v", l)
	}
	refused(t, "account_closed", exitFailed, data, strings.Fields("account add-funds PA-1 100")...)
}

// TestOverdue lets an account run into its block, which commands that only
// look work too, confirms the payment, and takes a charge back.
func TestOverdue(t *testing.T) {
	data := newLedger(t)
	give(t, data, "account card PA-1 sim_declined")
	ok(t, data, "usage", "import", write(t, "u.ndjson", usageLine("big", `,"country":"BR","amount":"700","currency":"USD"`)))
	if out := ok(t, data, "account", "list"); !strings.Contains(out, "grace") || !strings.Contains(out, "2026-12-01T12:00:00Z") {
		t.Errorf("grace:\n%s", out)
	}
	later := today.Add(8 * 24 * time.Hour)
	for _, command := range []string{"account list", "account show PA-1", "channel list"} {
		if out, errs, code := cliAt(t, later, "", data, strings.Fields(command)...); code != exitDone || !strings.Contains(out, "blocked") {
			t.Errorf("%s after the deadline: code %d: %s%s", command, code, out, errs)
		}
	}
	confirm := strings.Fields("account confirm PA-1 200 --reference B-1 --actor finance:ana")
	if out, errs, code := cliAt(t, later, "", data, confirm...); code != exitDone || !strings.Contains(out, "active") {
		t.Errorf("confirm: code %d: %s%s", code, out, errs)
	}
	correct := strings.Fields("account correct-charge PA-1 big --reason wrong --actor finance:ana")
	if out, errs, code := cliAt(t, later, "", data, correct...); code != exitDone || !strings.Contains(out, "700.00 USD") {
		t.Errorf("correct-charge: code %d: %s%s", code, out, errs)
	}
	if _, errs, code := cliAt(t, later, "", data, correct...); code != exitFailed || strings.Contains(errs, "goroutine") {
		t.Errorf("the same charge taken back twice: code %d: %s", code, errs)
	}
}

// TestCommandID: the same id again changes nothing, with other content it is
// refused, and one that is no UUID is wrong usage.
func TestCommandID(t *testing.T) {
	data := newLedger(t)
	const id = " --command-id 0197c3a5-7d1b-7c3e-9a54-2f3c1d2e4b5a"
	for range 2 {
		if l := give(t, data, "account add-funds PA-1 100"+id); l.Balance != "600" {
			t.Errorf("balance %s", l.Balance)
		}
	}
	refused(t, "command_conflict", exitFailed, data, strings.Fields("account add-funds PA-1 101"+id)...)
	refused(t, "not a UUID", exitUsage, data, strings.Fields("account add-funds PA-1 101 --command-id 12")...)
}

// TestChannels registers, lists and cancels.
func TestChannels(t *testing.T) {
	data := newLedger(t)
	ok(t, data, strings.Fields("account open PA-2 --currency USD --card sim_ok --carried-over 500")...)
	register := func(number string) []string {
		return strings.Fields("channel register PA-2 CH-2 --phone-number " + number + " --phone-number-id 1066 --waba W-2 --payment-model direct --time-zone Asia/Kolkata")
	}
	refused(t, "blocked_number", exitFailed, data, register("+5312345678")...)
	refused(t, "number_taken", exitFailed, data, register("+4930123456")...)
	ok(t, data, register("+4930123457")...)
	ok(t, data, "channel", "cancel", "PA-1", "CH-1")
	refused(t, "channel_cancelled", exitFailed, data, "channel", "cancel", "PA-1", "CH-1")
	all := parsed[[]desk.ChannelLine](t, data, "channel", "list")
	if len(all) != 2 || all[0].State != "cancelled" || all[0].CancelledAt == nil || all[1].State != "open" || all[1].PaymentModel != "direct" || all[1].TimeZone != "Asia/Kolkata" {
		t.Errorf("%+v", all)
	}
	if one := parsed[[]desk.ChannelLine](t, data, "channel", "list", "PA-2"); len(one) != 1 || one[0].ChannelID != "CH-2" {
		t.Errorf("%+v", one)
	}
	refused(t, "unknown_account", exitFailed, data, "channel", "list", "PA-3")
}

// TestBalances shows a balance as it was recorded and as it happened, and the
// one that was published at midnight.
func TestBalances(t *testing.T) {
	data := newLedger(t)
	before := today.Add(-48 * time.Hour)
	data2 := t.TempDir() + "/data"
	for _, command := range []string{
		"account open PA-1 --currency USD --card sim_ok --carried-over 500",
		"channel register PA-1 CH-1 --phone-number +4930123456 --phone-number-id 1065 --waba W-1",
	} {
		if _, errs, code := cliAt(t, before, "", data2, strings.Fields(command)...); code != exitDone {
			t.Fatal(errs)
		}
	}
	late := strings.Replace(usageLine("a", `,"country":"BR","amount":"40","currency":"USD"`), "2026-10-03T12:34:56Z", before.Add(time.Hour).Format(time.RFC3339), 1)
	ok(t, data2, "usage", "import", write(t, "u.ndjson", late))
	balance := func(flags string) desk.BalanceLine {
		t.Helper()
		return parsed[[]desk.BalanceLine](t, data2, append([]string{"balance", "PA-1"}, strings.Fields(flags)...)...)[0]
	}
	between := before.Add(2 * time.Hour).Format(time.RFC3339)
	if l := balance(""); l.Balance.String() != "460" || l.Published == nil || l.Published.String() != "500" || l.PublishedAt.Hour() != 0 {
		t.Errorf("live: %+v", l)
	}
	if l := balance("--as-recorded-at " + between); l.Balance.String() != "500" {
		t.Errorf("as recorded: %s", l.Balance)
	}
	if l := balance("--as-happened-by " + between); l.Balance.String() != "460" {
		t.Errorf("as happened: %s", l.Balance)
	}
	refused(t, "not an instant", exitUsage, data, "balance", "--as-recorded-at", "yesterday")
	refused(t, "can't be used together", exitUsage, data, "balance", "--as-recorded-at", between, "--as-happened-by", between)
	refused(t, "unknown_account", exitFailed, data, "balance", "PA-7")
}

// TestStatement adds up, and marks what is estimated.
func TestStatement(t *testing.T) {
	data := newLedger(t)
	ok(t, data, "usage", "import", write(t, "u.ndjson",
		usageLine("a", `,"country":"BR","amount":"40","currency":"USD"`)+usageLine("b", `,"country":"IN","amount":"2","currency":"USD"`)))
	s := parsed[desk.Statement](t, data, "statement", "PA-1", "--month", "2026-11")
	if s.Opening.String() != "0" || s.Closing.String() != "458" || !s.Estimated || len(s.Movements) != 2 {
		t.Errorf("%+v", s)
	}
	sum := s.Opening
	for _, m := range s.Movements {
		sum = sum.Add(m.Amount)
	}
	if !sum.Equal(s.Closing) {
		t.Errorf("opening and movements make %s, closing is %s", sum, s.Closing)
	}
	out := ok(t, data, "statement", "PA-1", "--month", "2026-10", "--by", "market", "--csv")
	if !strings.Contains(out, "PA-1,2026-10,estimated usage by market,Brazil,1,40,USD\n") {
		t.Errorf("csv:\n%s", out)
	}
	for _, by := range []string{"waba", "channel", "day", "category"} {
		if out := ok(t, data, "statement", "PA-1", "--month", "2026-10", "--by", by); !strings.Contains(out, "estimated") || !strings.Contains(out, "usage by "+by) {
			t.Errorf("by %s:\n%s", by, out)
		}
	}
	refused(t, "not a month", exitUsage, data, "statement", "PA-1", "--month", "October")
	refused(t, "unknown_account", exitFailed, data, "statement", "PA-7", "--month", "2026-10")
}
