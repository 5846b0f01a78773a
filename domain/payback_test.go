package domain_test

import (
	"slices"
	"testing"
	"time"

	"prepayledger/domain"
)

// payments are the card payments of a history, the newest first, as the
// ledger finds them.
func payments(history []domain.Event, id string) (all []domain.Payment) {
	card := map[string]string{}
	for _, e := range history {
		switch e := e.(type) {
		case *domain.RechargeRequested:
			card[e.RechargeID] = e.Card
		case *domain.RechargeSucceeded:
			all = append(all, domain.Payment{RechargeID: e.RechargeID, Amount: e.Amount, Surcharge: e.Surcharge, ProcessorRef: e.ProcessorRef, Card: card[e.RechargeID]})
		case *domain.InvoiceIssued:
			for i := range all {
				if all[i].RechargeID == e.RechargeID {
					all[i].InvoiceNumber, all[i].SurchargePercent = e.InvoiceNumber, e.SurchargePercent
				}
			}
		}
	}
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(p domain.Payment) bool { return id != "" && p.RechargeID != id })
}

// withPayments gives a command what the ledger looks up for it.
func withPayments(history []domain.Event, cmd domain.Command) domain.Command {
	switch c := cmd.(type) {
	case *domain.Refund:
		given := *c
		given.Payments = payments(history, c.RechargeID)
		return &given
	case *domain.RecordRechargeReversed:
		given := *c
		given.Payments = payments(history, c.RechargeID)
		return &given
	case *domain.RecordRechargeReinstated:
		given := *c
		given.Payments = payments(history, c.RechargeID)
		return &given
	default:
		return cmd
	}
}

func reversed(id string) step {
	return do(&domain.RecordRechargeReversed{RechargeID: id, ProcessorRef: "dp_1", Reason: "fraudulent"})
}

func reinstated(id string) step {
	return do(&domain.RecordRechargeReinstated{RechargeID: id, ProcessorRef: "dp_1"})
}

func refund(amount string) step {
	return do(&domain.Refund{Amount: amt(amount), Reason: "end", Payout: true})
}

func paid(id string) step { return do(&domain.RecordRefundPaidOut{RefundID: id, ProcessorRef: "re_1"}) }

func refused(id string, attempt int) step {
	return do(&domain.RecordRefundFailed{RefundID: id, Attempt: attempt, Code: "card_closed"})
}

func again(id string) step { return do(&domain.RetryRefund{RefundID: id}) }

func cancel(id string) step { return do(&domain.CancelRefund{RefundID: id, Reason: "card closed"}) }

const (
	r1 = "PA-R000001"
	f1 = "PA-F000001"
)

// paidIn is an account at 550 after one card payment of 500 + 20.
func paidIn() []step { return with(short(), succeeded(1)) }

// R36: what the bank takes back.
func TestRechargeReversed(t *testing.T) {
	spent := with(paidIn(), do(priced("b", "100"))) // 450 are left
	tellAll(t, []story{
		{"R36 lowers by what it credited, with a credit note", paidIn(), reversed(r1), "reversed PA-R000001 500+20; note PA-CN-2026-000001 of PA-2026-000001 500+20=520"},
		{"R36 starts grace, and charges no card", spent, reversed(r1), "reversed PA-R000001 500+20; note PA-CN-2026-000001 of PA-2026-000001 500+20=520; grace 1/08:00 to 8/08:00"},
		{"R13 the next lowering examines", with(spent, reversed(r1)), do(priced("c", "1")), "charged c 1; requested PA-R000002 amount_due 551+22.04=573.04"},
		{"R36 once per recharge", with(paidIn(), reversed(r1)), reversed(r1), ""},
		{"R36 not of one that failed", with(short(), failed(1)), reversed(r1), "! unknown_recharge"},
		{"R36 not of one that there never was", paidIn(), reversed("PA-R000009"), "! unknown_recharge"},
		{"R36 not while in flight", short(), reversed(r1), "! recharge_in_flight"},
		{"R16 its success told again is no news", with(paidIn(), reversed(r1)), succeeded(1), ""},
		{"R36 of a closed account", []step{open("500"), do(&domain.AddFunds{Amount: amt("10")}), succeeded(1), do(&domain.Refund{Amount: amt("510"), Reason: "end"}), do(&domain.CloseAccount{})}, reversed(r1), "reversed PA-R000001 10+0.4; note PA-CN-2026-000001 of PA-2026-000001 10+0.4=10.4; grace 1/08:00 to 8/08:00"},
		{"R36 less what was refunded from it", with(paidIn(), refund("200"), paid(f1)), reversed(r1), "reversed PA-R000001 300+20; note PA-CN-2026-000002 of PA-2026-000001 300+20=320"},
		{"R36 also while the refund is on its way", with(paidIn(), refund("200")), reversed(r1), "reversed PA-R000001 300+20; note PA-CN-2026-000001 of PA-2026-000001 300+20=320"},
		{"R22 a transfer for it is credited", with(spent, reversed(r1)), do(&domain.ConfirmPayment{Reference: "B", Amount: amt("520"), RechargeID: r1}), "confirmed B credited 520; grace ended"},
		{"R36 a dispute that was won", with(spent, reversed(r1)), reinstated(r1), "reinstated PA-R000001 500; invoice PA-2026-000002 500+20=520; grace ended"},
		{"R36 won twice", with(paidIn(), reversed(r1), reinstated(r1)), reinstated(r1), ""},
		{"R36 lost again", with(paidIn(), reversed(r1), reinstated(r1)), reversed(r1), ""},
		{"R36 won where nothing was lost", paidIn(), reinstated(r1), ""},
		{"R36 won, of no recharge", paidIn(), reinstated("PA-R000009"), "! unknown_recharge"},
		{"R22 that lifts an overdue block where the contract says so", with(active(automatic, grace(0)), do(priced("a", "450")), succeeded(1), do(priced("b", "100")), reversed(r1), do(&domain.BlockOverdue{})), reinstated(r1), "reinstated PA-R000001 500; invoice PA-2026-000002 500+20=520; grace ended; unblocked overdue by automatic"},
	})
}

// R32, R36: credit goes back to the card, once, and never vanishes.
func TestRefundPayout(t *testing.T) {
	failedOnce := with(paidIn(), refund("200"), refused(f1, 1))
	closing := with(paidIn(), refund("500"), do(&domain.Refund{Amount: amt("50"), Reason: "end"}), do(&domain.AdjustReconciliation{Month: "2026-10", Run: 1, Charged: amt("450")}))
	tellAll(t, []story{
		{"R32 issued", paidIn(), refund("200"), "refunded 200 PA-F000001 from PA-R000001"},
		{"R32 no more than one payment has left", with(paidIn(), refund("200")), refund("301"), "! refund_exceeds_payment"},
		{"R32 no card payment, no payout", active(), refund("1"), "! refund_exceeds_payment"},
		{"R32 no more than the balance", paidIn(), refund("551"), "! refund_exceeds_balance"},
		{"R32 whole minor units", paidIn(), refund("1.001"), "! invalid_amount"},
		{"R32 someone", paidIn(), unsigned(&domain.Refund{Amount: amt("1"), Reason: "end", Payout: true}), "! actor_required"},
		{"R32 from the newest that has enough", with(paidIn(), do(&domain.AddFunds{Amount: amt("10")}), succeeded(2)), refund("11"), "refunded 11 PA-F000001 from PA-R000001"},
		{"R32 from the newest", with(paidIn(), do(&domain.AddFunds{Amount: amt("10")}), succeeded(2)), refund("10"), "refunded 10 PA-F000001 from PA-R000002"},
		{"R32 from the one that is named", with(paidIn(), do(&domain.AddFunds{Amount: amt("10")}), succeeded(2)), do(&domain.Refund{Amount: amt("10"), Reason: "end", Payout: true, RechargeID: r1}), "refunded 10 PA-F000001 from PA-R000001"},
		{"R32 not from one that the bank took", with(paidIn(), reversed(r1)), do(&domain.Refund{Amount: amt("10"), Reason: "end", Payout: true, RechargeID: r1}), "! unknown_recharge"},
		{"R32 by hand, with a credit note", paidIn(), do(&domain.Refund{Amount: amt("10"), Reason: "end", RechargeID: r1}), "refunded 10 PA-F000001 from PA-R000001; note PA-CN-2026-000001 of PA-2026-000001 10+0=10"},
		{"R36 paid out", with(paidIn(), refund("200")), paid(f1), "paid out PA-F000001 200; note PA-CN-2026-000001 of PA-2026-000001 200+0=200"},
		{"R36 paid out once", with(paidIn(), refund("200"), paid(f1)), paid(f1), ""},
		{"R36 of no refund", paidIn(), paid(f1), "! unknown_refund"},
		{"R36 numbers have no gap", with(paidIn(), refund("200"), paid(f1), refund("10"), refused("PA-F000002", 1), refund("20")), paid("PA-F000003"), "paid out PA-F000003 20; note PA-CN-2026-000002 of PA-2026-000001 20+0=20"},
		{"R36 failed: shown, nothing credited", with(paidIn(), refund("200")), refused(f1, 1), "refund failed PA-F000001 attempt 1"},
		{"R36 failed, told twice", failedOnce, refused(f1, 1), ""},
		{"R36 failed, of no refund", paidIn(), refused(f1, 1), "! unknown_refund"},
		{"R36 tried again", failedOnce, again(f1), "refund retried PA-F000001 attempt 2"},
		{"R36 not while in flight", with(failedOnce, again(f1)), again(f1), ""},
		{"R36 the first attempt's failure told again", with(failedOnce, again(f1)), refused(f1, 1), ""},
		{"R36 paid at last", with(failedOnce, again(f1)), paid(f1), "paid out PA-F000001 200; note PA-CN-2026-000001 of PA-2026-000001 200+0=200"},
		{"R36 cancelled by Finance", failedOnce, cancel(f1), "refund cancelled PA-F000001 credited 200"},
		{"R36 cancelled once", with(failedOnce, cancel(f1)), cancel(f1), ""},
		{"R36 not while in flight: it may be paid", with(failedOnce, again(f1)), cancel(f1), "! refund_not_failed"},
		{"R36 not once it is paid", with(paidIn(), refund("200"), paid(f1)), cancel(f1), "! refund_not_failed"},
		{"R36 by someone", failedOnce, unsigned(&domain.CancelRefund{RefundID: f1, Reason: "x"}), "! actor_required"},
		{"R36 with a reason", failedOnce, do(&domain.CancelRefund{RefundID: f1}), "! reason_required"},
		{"R36 a refund that there is", paidIn(), cancel(f1), "! unknown_refund"},
		{"R36 retried, of no refund", paidIn(), again(f1), "! unknown_refund"},
		{"R36 what is cancelled can be refunded again", with(failedOnce, cancel(f1)), refund("500"), "refunded 500 PA-F000002 from PA-R000001"},
		{"R36 cancelled, and paid all the same", with(failedOnce, cancel(f1)), paid(f1), "paid out PA-F000001 200 debited 200; note PA-CN-2026-000001 of PA-2026-000001 200+0=200"},
		{"R36 and it counts as refunded again", with(failedOnce, cancel(f1), paid(f1)), refund("301"), "! refund_exceeds_payment"},
		{"R36 sent back by the bank later", with(paidIn(), refund("200"), paid(f1)), refused(f1, 1), "refund failed PA-F000001 attempt 1"},
		{"R36 and then cancelled: an invoice again", with(paidIn(), refund("200"), paid(f1), refused(f1, 1)), cancel(f1), "refund cancelled PA-F000001 credited 200; invoice PA-2026-000002 200+0=200"},
		{"R36 and then paid: no second note", with(paidIn(), refund("200"), paid(f1), refused(f1, 1), again(f1)), paid(f1), "paid out PA-F000001 200"},
		{"R36 cancelled after the bank took all", with(failedOnce, reversed(r1)), cancel(f1), "refund cancelled PA-F000001 credited 0; note PA-CN-2026-000002 of PA-2026-000001 200+0=200"},
		{"R36 and all comes back", with(failedOnce, reversed(r1), cancel(f1)), reinstated(r1), "reinstated PA-R000001 500; invoice PA-2026-000002 500+20=520"},
		{"R32 an account with a refund on its way stays open", closing, do(&domain.CloseAccount{}), "! not_closable"},
		{"R32 and closes once it is paid", with(closing, paid(f1)), do(&domain.CloseAccount{}), "cancelled CH; AccountClosed"},
		{"R36 a refund may fail after the account was closed", with(closing, paid(f1), after(time.Hour, &domain.CloseAccount{})), refused(f1, 1), "refund failed PA-F000001 attempt 1"},
		{"R36 and is tried again there", with(closing, paid(f1), after(time.Hour, &domain.CloseAccount{}), refused(f1, 1)), again(f1), "refund retried PA-F000001 attempt 2"},
		{"R36 and paid at last", with(closing, paid(f1), after(time.Hour, &domain.CloseAccount{}), refused(f1, 1), again(f1)), paid(f1), "paid out PA-F000001 500"},
		{"R36 not credited to a closed account", with(closing, paid(f1), after(time.Hour, &domain.CloseAccount{}), refused(f1, 1)), cancel(f1), "! account_closed"},
		{"R36 no attempt where none failed", with(closing, paid(f1), after(time.Hour, &domain.CloseAccount{})), again(f1), ""},
	})
}
