package domain_test

import (
	"testing"
	"time"

	"prepayledger/domain"
)

// active is an account at 500 with one channel; short one below threshold
// whose recharge R1 is in flight.
func active(change ...func(*domain.OpenAccount)) []step {
	return []step{open("500", change...), channel("CH")}
}

func short() []step { return with(active(), do(priced("a", "450"))) }

func settings(auto bool, threshold, amount string) *domain.ChangeRechargeSettings {
	return &domain.ChangeRechargeSettings{AutoRecharge: &auto, Threshold: ptr(amt(threshold)), RechargeAmount: ptr(amt(amount))}
}

// R11, R12, R13: when the card is charged, and with what.
func TestRechargeNeed(t *testing.T) {
	tellAll(t, []story{
		{"R11 equal to the threshold is not below", active(), do(priced("a", "400")), "charged a 400"},
		{"R11 below the threshold", active(), do(priced("a", "400.0001")), "charged a 400.0001; requested PA-R000001 threshold 500+20=520"},
		{"R11 not with auto-recharge off", active(noAuto), do(priced("a", "450")), "charged a 450"},
		{"R11 the partner's own figures", with(active(), do(settings(true, "300", "50.005"))), do(priced("a", "201")), "charged a 201; requested PA-R000001 threshold 50.01+2=52.01"},
		{"R12 zero: the auto-renew amount", active(), do(priced("a", "500")), "charged a 500; requested PA-R000001 amount_due 500+20=520"},
		{"R12 below zero: what is due as well", active(), do(priced("a", "512.5")), "charged a 512.5; grace 1/08:00 to 8/08:00; requested PA-R000001 amount_due 512.5+20.5=533"},
		{"R12 auto-recharge off, zero: nothing", active(noAuto), do(priced("a", "500")), "charged a 500"},
		{"R12 auto-recharge off, below zero: what is due, rounded up", active(noAuto), do(priced("a", "500.001")), "charged a 500.001; grace 1/08:00 to 8/08:00; requested PA-R000001 amount_due 0.01+0=0.01"},
		{"R13 one in flight at most", short(), do(priced("b", "100")), "charged b 100; grace 1/08:00 to 8/08:00"},
		{"R13 a success alone leads to no other", with(active(), do(priced("a", "450")), do(priced("b", "600"))), succeeded(1), "succeeded PA-R000001 500; invoice PA-2026-000001 500+20=520"},
		{"R13 the next lowering does", with(active(), do(priced("a", "450")), do(priced("b", "600")), succeeded(1)), do(priced("c", "1")), "charged c 1; requested PA-R000002 amount_due 551+22.04=573.04"},
		{"R13 a charge of 0 lowers nothing", with(active(), do(priced("a", "450")), do(priced("b", "500")), succeeded(1)), do(priced("c", "0")), "charged c 0"},
		{"R13 not while blocked by hand", with(active(), do(&domain.Block{Reason: "fraud"})), do(priced("a", "450")), "charged a 450"},
		{"R13 settings are examined", active(noAuto), do(settings(true, "600", "100")), "settings true 600 100; requested PA-R000001 threshold 100+4=104"},
		{"R13 settings without need", active(), do(settings(true, "500", "100")), "settings true 500 100"},
		{"R13 not while blocked, whatever the trigger", with(active(noAuto), do(&domain.Block{Reason: "fraud"})), do(settings(true, "600", "100")), "settings true 600 100"},
		{"R13 a new card is examined", []step{open("50", noMinimum), channel("CH")}, do(&domain.ReplaceCard{Card: "card-2"}), "card card-2; requested PA-R000001 threshold 500+20=520"},
		{"R13 lifting a block examines nothing", []step{open("50", noMinimum), do(&domain.Block{Reason: "x"})}, do(&domain.Unblock{}), "unblocked manual by finance"},
		{"R13 a posted debit is examined", active(), do(adjustment(1, "-450")), "adjusted 2026-09 run 1 -450; requested PA-R000001 threshold 500+20=520"},
		{"R13 a posted credit is not", []step{open("50", noMinimum)}, do(adjustment(1, "1")), "adjusted 2026-09 run 1 1"},
		{"R32 a refund triggers none", active(), do(&domain.Refund{Amount: amt("450"), Reason: "contract ends"}), "refunded 450"},
		{"R2 the initial need lasts until a payment is credited", []step{open("400"), channel("CH"), failed(1)}, do(&domain.ReplaceCard{Card: "card-2"}), "card card-2; requested PA-R000002 initial 100+4=104"},
		{"R17 its amount is 500 less the balance", []step{open("400"), channel("CH"), failed(1), do(priced("a", "410")), failed(2)}, do(&domain.ReplaceCard{Card: "card-2"}), "card card-2; requested PA-R000003 initial 510+20.4=530.4"},
		{"R2 after a payment the need is R11's", []step{open("400"), channel("CH"), failed(1), do(&domain.AddFunds{Amount: amt("10")}), succeeded(2)}, do(&domain.ReplaceCard{Card: "card-2"}), "card card-2"},
		{"R2 an adjustment is no payment", []step{open("400"), channel("CH"), failed(1), do(adjustment(1, "50"))}, do(&domain.ReplaceCard{Card: "card-2"}), "card card-2; requested PA-R000002 initial 50+2=52"},
	})
}

func adjustment(run int, amount string) *domain.AdjustReconciliation {
	return &domain.AdjustReconciliation{Month: "2026-09", Run: run, Amount: amt(amount)}
}

// R14: the surcharge rounds half up to the minor unit, the amount up.
func TestSurcharge(t *testing.T) {
	for _, c := range []struct{ currency, percent, carried, then string }{
		{"EUR", "4", "387.5", "112.5+4.5=117"},
		{"EUR", "4", "499.87", "0.13+0.01=0.14"}, // 0.0052
		{"EUR", "4", "499.88", "0.12+0=0.12"},    // 0.0048
		{"EUR", "5", "499.9", "0.1+0.01=0.11"},   // 0.005
		{"EUR", "0", "0", "500+0=500"},
		{"EUR", "2.9", "0.001", "500+14.5=514.5"},
		{"KWD", "4", "499.8875", "0.113+0.005=0.118"},
		{"JPY", "2.5", "480", "20+1=21"}, // 0.5
	} {
		s := open(c.carried, func(o *domain.OpenAccount) { o.Currency, o.SurchargePercent = c.currency, ptr(amt(c.percent)) })
		story{when: s, then: "opened " + c.carried + " " + c.currency + "; requested PA-R000001 initial " + c.then}.run(t)
	}
}

// R15, R16: outcomes.
func TestRechargeOutcomes(t *testing.T) {
	tellAll(t, []story{
		{"R15 success credits and invoices", short(), succeeded(1), "succeeded PA-R000001 500; invoice PA-2026-000001 500+20=520"},
		{"R15 failure does neither", short(), failed(1), "failed PA-R000001 retry 2/08:00"},
		{"R15 numbers have no gap", with(short(), failed(1), do(&domain.AddFunds{Amount: amt("10")}), succeeded(2), do(&domain.AddFunds{Amount: amt("20")})), succeeded(3), "succeeded PA-R000003 20; invoice PA-2026-000002 20+0.8=20.8"},
		{"R16 a success told twice", with(short(), succeeded(1)), succeeded(1), ""},
		{"R16 a failure told twice", with(short(), failed(1)), failed(1), ""},
		{"R16 a success after a failure is news that can't be", with(short(), failed(1)), succeeded(1), "! unknown_recharge"},
		{"R16 a failure after a success", with(short(), succeeded(1)), failed(1), "! unknown_recharge"},
		{"no such recharge", short(), succeeded(2), "! unknown_recharge"},
		{"no such recharge failed", active(), failed(1), "! unknown_recharge"},
		{"R15 the invoice's year is that of its issue", with(short()), step{wait: 100 * domain.Day, cmd: &domain.RecordRechargeSucceeded{RechargeID: "PA-R000001"}}, "succeeded PA-R000001 500; invoice PA-2027-000001 500+20=520"},
		{"R15 the count goes on over the years", with(short(), succeeded(1), after(100*domain.Day, &domain.AddFunds{Amount: amt("10")})), succeeded(2), "succeeded PA-R000002 10; invoice PA-2027-000002 10+0.4=10.4"},
		{"R16 in flight as long as it takes", short(), after(30*domain.Day, &domain.RetryRecharge{}), ""},
	})
}

// R14: the contract of the request holds, its invoice says so.
func TestInvoiceAddsUp(t *testing.T) {
	l := story{given: with(short(), do(&domain.ChangeContract{SurchargePercent: ptr(amt("7"))})), when: succeeded(1), then: "succeeded PA-R000001 500; invoice PA-2026-000001 500+20=520"}.run(t)
	e, ok := l.history[len(l.history)-1].(*domain.InvoiceIssued)
	if !ok || !e.Prepayment.Percent(e.SurchargePercent).Equal(e.Surcharge) {
		t.Errorf("the invoice says %s per cent of %s are %s", e.SurchargePercent, e.Prepayment, e.Surcharge)
	}
}

// R17: retries.
func TestRetry(t *testing.T) {
	declined := with(short(), failed(1)) // balance 50, retry planned for 2/08:00
	day := domain.RetryAfter
	tellAll(t, []story{
		{"24 h after the attempt, not after its outcome", with(short(), after(time.Hour, &domain.RetryRecharge{})), failed(1), "failed PA-R000001 retry 2/08:00"},
		{"with the amount that is due by then", with(declined, do(priced("b", "30"))), after(day, &domain.RetryRecharge{}), "requested PA-R000002 threshold 500+20=520"},
		{"not before", declined, after(day-1, &domain.RetryRecharge{}), ""},
		{"once", with(declined, after(day, &domain.RetryRecharge{})), do(&domain.RetryRecharge{}), ""},
		{"again and again", with(declined, after(day, &domain.RetryRecharge{})), failed(2), "failed PA-R000002 retry 3/08:00"},
		{"not without need", with(declined, do(adjustment(1, "50"))), after(day, &domain.RetryRecharge{}), "retry cleared no_need"},
		{"never planned, nothing done", active(), after(day, &domain.RetryRecharge{}), ""},
		{"until then charges cause none", declined, do(priced("b", "49.99")), "charged b 49.99"},
		{"except from above zero to zero", declined, do(priced("b", "50")), "charged b 50; requested PA-R000002 amount_due 500+20=520"},
		{"except from above zero to below", declined, do(priced("b", "60")), "charged b 60; grace 1/08:00 to 8/08:00; requested PA-R000002 amount_due 510+20.4=530.4"},
		{"not from zero to below", with(declined, do(priced("b", "50")), failed(2)), do(priced("c", "1")), "charged c 1; grace 1/08:00 to 8/08:00"},
		{"settings that change attempt at once", declined, do(settings(true, "100", "70")), "settings true 100 70; requested PA-R000002 threshold 70+2.8=72.8"},
		{"settings that stay the same, too", declined, do(&domain.ChangeRechargeSettings{}), "settings true 100 500; requested PA-R000002 threshold 500+20=520"},
		{"a replaced card, too", declined, do(&domain.ReplaceCard{Card: "card-1"}), "card card-1; requested PA-R000002 threshold 500+20=520"},
		{"an attempt at once without need clears it", declined, do(settings(true, "50", "500")), "settings true 50 500; retry cleared no_need"},
		{"the step to zero without need clears it", with(active(), do(priced("a", "450")), failed(1)), do(settings(false, "100", "500")), "settings false 100 500; retry cleared no_need"},
		{"a failed payment by hand plans nothing", with(active(), do(&domain.AddFunds{Amount: amt("10")})), failed(1), "failed PA-R000001"},
		{"nor does it clear or move", with(declined, after(time.Hour, &domain.AddFunds{Amount: amt("10")}), failed(2)), after(day-time.Hour, &domain.RetryRecharge{}), "requested PA-R000003 threshold 500+20=520"},
		{"a credited payment by hand clears it", with(declined, do(&domain.AddFunds{Amount: amt("10")}), succeeded(2)), after(day, &domain.RetryRecharge{}), ""},
		{"due during a payment by hand, it is not made up", with(declined, do(&domain.AddFunds{Amount: amt("10")})), after(day, &domain.RetryRecharge{}), "retry cleared in_flight"},
		{"a block deletes it", with(declined, do(&domain.Block{Reason: "x"}), do(&domain.Unblock{})), after(day, &domain.RetryRecharge{}), ""},
		{"a failure while blocked plans none", with(short(), do(&domain.Block{Reason: "x"})), failed(1), "failed PA-R000001"},
		{"initial: 500 less the balance by then", []step{open("400"), channel("CH"), failed(1), do(priced("a", "50"))}, after(day, &domain.RetryRecharge{}), "requested PA-R000002 initial 150+6=156"},
		{"while initial charges cause none", []step{open("400"), channel("CH"), failed(1)}, do(priced("a", "350")), "charged a 350"},
	})
}

// R18: funds by hand.
func TestAddFunds(t *testing.T) {
	tellAll(t, []story{
		{"10", active(), do(&domain.AddFunds{Amount: amt("10")}), "requested PA-R000001 manual 10+0.4=10.4"},
		{"100,000", active(), do(&domain.AddFunds{Amount: amt("100000"), Method: "card"}), "requested PA-R000001 manual 100000+4000=104000"},
		{"less than 10", active(), do(&domain.AddFunds{Amount: amt("9.99")}), "! amount_out_of_range"},
		{"more than 100,000", active(), do(&domain.AddFunds{Amount: amt("100000.01")}), "! amount_out_of_range"},
		{"parts of a cent", active(), do(&domain.AddFunds{Amount: amt("10.001")}), "! invalid_amount"},
		{"zeros are no parts of a cent", active(), do(&domain.AddFunds{Amount: amt("10.0100")}), "requested PA-R000001 manual 10.01+0.4=10.41"},
		{"zero", active(), do(&domain.AddFunds{}), "! invalid_amount"},
		{"negative", active(), do(&domain.AddFunds{Amount: amt("-10")}), "! invalid_amount"},
		{"R4 by card only", active(), do(&domain.AddFunds{Amount: amt("10"), Method: "sepa"}), "! payment_method_not_accepted"},
		{"not while another is in flight", short(), do(&domain.AddFunds{Amount: amt("10")}), "! recharge_in_flight"},
		{"also while blocked", with(active(), do(&domain.Block{Reason: "x"})), do(&domain.AddFunds{Amount: amt("10")}), "requested PA-R000001 manual 10+0.4=10.4"},
		{"precedence: method, amount, range, flight", short(), do(&domain.AddFunds{Amount: amt("-1"), Method: "cash"}), "! payment_method_not_accepted"},
		{"precedence: amount before range", short(), do(&domain.AddFunds{Amount: amt("1.001")}), "! invalid_amount"},
		{"precedence: range before flight", short(), do(&domain.AddFunds{Amount: amt("1")}), "! amount_out_of_range"},
	})
}
