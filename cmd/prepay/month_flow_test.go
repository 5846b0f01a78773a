package main

import (
	"strings"
	"testing"

	"prepayledger/cmd/prepay/internal/desk"
)

// TestMonthWorkflow: comments stay with the month, limits stop an approval by
// somebody who may not, a withdrawn proposal can't be approved and is replaced
// by another, and a tolerated difference is posted to the cent.
func TestMonthWorkflow(t *testing.T) {
	data := newLedger(t)
	importStdin(t, data, usageLine("a", `,"country":"BR","amount":"0.05","currency":"USD"`)+usageLine("b", `,"country":"BR","amount":"0.05","currency":"USD"`))
	ok(t, data, "invoice", "import", write(t, "i.csv", invoiceHeader+"MI-1,INV,2026-10-01,W-1,,BR,Brazil,marketing,regular,,2,0.11,USD\n"))
	refused(t, "actor_required", exitFailed, data, "month", "limits", "--actor-pattern", "finance:*", "--max", "1 USD")
	refused(t, "write it like", exitUsage, data, "month", "limits", "--actor-pattern", "finance:*", "--max", "1")
	refused(t, "--actor-pattern with --max", exitFailed, data, "month", "limits", "--actor-pattern", "finance:*", "--actor", "finance:lead")
	ok(t, data, "month", "limits", "--actor-pattern", "finance:*", "--max", "0.001 USD", "--actor", "finance:lead")
	ok(t, data, "month", "limits", "--actor-pattern", "finance:ben", "--max", "5 USD", "--actor", "finance:lead")
	ok(t, data, "month", "tolerance", "--amount", "0.01 USD", "--actor", "finance:lead")
	s := parsed[desk.MonthSettings](t, data, "month", "limits")
	if len(s.Limits) != 2 || len(s.Tolerances) != 1 {
		t.Errorf("settings: %+v", s)
	}
	if out := ok(t, data, "month", "preview", "2026-10"); !strings.Contains(out, "(tolerated)") || !strings.Contains(out, "Tolerated: 1 lines") {
		t.Errorf("preview:\n%s", out)
	}
	ok(t, data, "month", "propose", "2026-10", "--actor", "finance:ana")
	ok(t, data, "month", "comment", "2026-10", "--actor", "finance:ana", "--text", "a cent of rounding at Meta")
	refused(t, "approval_limit", exitFailed, data, "month", "approve", "2026-10", "--actor", "finance:cem")
	refused(t, "no approval limit is set", exitFailed, data, "month", "approve", "2026-10", "--actor", "sales:cem")
	ok(t, data, "month", "withdraw", "2026-10", "--actor", "finance:ana", "--reason", "wait for the memo")
	refused(t, "withdrew the proposal", exitFailed, data, "month", "approve", "2026-10", "--actor", "finance:ben")
	if v := parsed[desk.MonthView](t, data, "month", "show", "2026-10"); v.Phase != "withdrawn" || v.Withdrawal == nil || len(v.Comments) != 1 {
		t.Errorf("withdrawn: %+v", v)
	}
	ok(t, data, "month", "propose", "2026-10", "--actor", "finance:ana")
	ok(t, data, "month", "approve", "2026-10", "--actor", "finance:ben")
	v := parsed[desk.MonthView](t, data, "month", "show", "2026-10")
	if v.Phase != "posted" || len(v.Limits) != 1 || v.Limits[0].Amount.String() != "5" || len(v.Tolerated) != 1 || v.Tolerated[0].Sum.String() != "-0.01" {
		t.Errorf("posted: %+v", v)
	}
	if l := parsed[[]desk.BalanceLine](t, data, "balance", "PA-1")[0]; l.Balance.String() != "499.89" {
		t.Errorf("balance %s: the tolerated cent is not posted", l.Balance)
	}
	refused(t, "can't be withdrawn", exitFailed, data, "month", "withdraw", "2026-10", "--actor", "finance:ana", "--reason", "too late")
	if out := ok(t, data, "month", "show", "2026-10"); !strings.Contains(out, "a cent of rounding at Meta") {
		t.Errorf("show:\n%s", out)
	}
	ok(t, data, "verify")
}
