package payments_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"prepayledger/consumers/payments"
	"prepayledger/domain"
)

var at = time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)

func told(o payments.Outcome, known bool, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case !known:
		return "unknown"
	case o.Succeeded:
		return fmt.Sprint("ok ", o.Reference, " ", o.At.Sub(at))
	default:
		return fmt.Sprint("failed ", o.Code, " ", o.At.Sub(at))
	}
}

// The card alone decides; that of another processor is left alone, because it
// may have been charged there.
func TestSimulated(t *testing.T) {
	for _, c := range []struct {
		card   string
		later  time.Duration
		charge string
		payout string
	}{
		{"sim_ok", 0, "ok sim-R 0s", "ok sim-F 0s"},
		{"sim_declined", 0, "failed declined 0s", "failed declined 0s"},
		{"sim_declined_until=2026-10-01T09:00:00Z", 0, "failed declined 0s", "failed declined 0s"},
		{"sim_declined_until=2026-10-01T09:00:00Z", time.Hour, "failed declined 0s", "ok sim-F 1h0m0s"},
		{"sim_declined_until=2026-10-01T08:00:00Z", 0, "ok sim-R 0s", "ok sim-F 0s"},
		{"sim_unknown_until=2026-10-01T09:00:00Z", 59 * time.Minute, "unknown", "unknown"},
		{"sim_unknown_until=2026-10-01T09:00:00Z", 2 * time.Hour, "ok sim-R 1h0m0s", "ok sim-F 2h0m0s"},
		{"cus_1/pm_1", 0, "unknown", "unknown"},
		{"", 0, "unknown", "unknown"},
	} {
		var s payments.Simulated
		if got := told(s.Charge(t.Context(), &domain.RechargeRequested{RechargeID: "R", Card: c.card, RequestedAt: at}, at.Add(c.later))); got != c.charge {
			t.Errorf("%s after %s: %s, want %s", c.card, c.later, got, c.charge)
		}
		if got := told(s.PayOut(t.Context(), payments.Payout{RefundID: "F", Card: c.card}, at.Add(c.later))); got != c.payout {
			t.Errorf("payout to %s after %s: %s, want %s", c.card, c.later, got, c.payout)
		}
	}
}

// A processor that is asked beside the ledger knows nothing in a decision.
func TestDeferred(t *testing.T) {
	d := payments.Deferred{Driver: nil}
	if got := told(d.Charge(t.Context(), &domain.RechargeRequested{Card: "sim_ok"}, at)); got != "unknown" {
		t.Error(got)
	}
	if _, pays := any(d).(payments.Payer); pays {
		t.Error("it pays refunds out in a decision")
	}
}

// Every code has advice that ends as a sentence.
func TestAdvice(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range []string{
		payments.CodeInsufficientFunds, payments.CodeExpiredCard, payments.CodeAuthentication, payments.CodeCardUnknown, payments.CodeProcessing,
		payments.CodeAmount, payments.CodeDeclined,
	} {
		advice := payments.Advice(code)
		if seen[advice] || !strings.HasSuffix(advice, ".") {
			t.Errorf("%s: %q", code, advice)
		}
		seen[advice] = true
	}
	if payments.Advice("lost_card") != payments.Advice(payments.CodeDeclined) {
		t.Error("a code that is not known is no decline")
	}
}
