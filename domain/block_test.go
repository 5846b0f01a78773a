package domain_test

import (
	"testing"
	"time"

	"prepayledger/domain"
)

// negative is an account at -20 whose recharge R1 failed at start.
func negative(change ...func(*domain.OpenAccount)) []step {
	return with(active(change...), do(priced("a", "520")), failed(1))
}

// overdue is the same account, blocked at its deadline; no payment is in
// flight.
func overdue(change ...func(*domain.OpenAccount)) []step {
	return with(negative(change...), after(7*domain.Day, &domain.BlockOverdue{Text: "pay"}))
}

func confirm(reference, amount string) *domain.ConfirmPayment {
	return &domain.ConfirmPayment{Reference: reference, Amount: amt(amount)}
}

// R19, R20: the clock and the block.
func TestGraceAndBlock(t *testing.T) {
	tellAll(t, []story{
		{"R20 zero is not negative", active(noAuto), do(priced("a", "500")), "charged a 500"},
		{"R20 the clock starts once", with(active(noAuto), do(priced("a", "501"))), after(time.Hour, priced("b", "1")), "charged b 1"},
		{"R20 a debit at month end starts it", active(noAuto), do(adjustment(1, "-501")), "adjusted 2026-09 run 1 -501; grace 1/08:00 to 8/08:00; requested PA-R000001 amount_due 1+0.04=1.04"},
		{"R20 back at zero it is gone", negative(), do(confirm("B1", "20")), "confirmed B1 credited 20; grace ended"},
		{"R20 still negative it runs on", negative(), do(confirm("B1", "19.99")), "confirmed B1 credited 19.99"},
		{"R20 and starts anew", with(negative(), do(confirm("B1", "20"))), after(time.Hour, priced("b", "1")), "charged b 1; grace 1/09:00 to 8/09:00; requested PA-R000002 amount_due 501+20.04=521.04"},
		{"R20 not before the deadline", negative(), after(7*domain.Day-1, &domain.BlockOverdue{}), ""},
		{"R20 at the deadline", negative(), after(7*domain.Day, &domain.BlockOverdue{}), "blocked overdue 8/08:00"},
		{"R20 after it, effective at the deadline", negative(), after(9*domain.Day, &domain.BlockOverdue{}), "blocked overdue 8/08:00"},
		{"R20 also while a recharge is in flight", with(active(), do(priced("a", "520"))), after(7*domain.Day, &domain.BlockOverdue{}), "blocked overdue 8/08:00"},
		{"R20 once", overdue(), do(&domain.BlockOverdue{}), ""},
		{"R20 not when nothing is due", active(), after(7*domain.Day, &domain.BlockOverdue{}), ""},
		{"R20 the contract's own grace", negative(grace(1)), after(domain.Day, &domain.BlockOverdue{}), "blocked overdue 2/08:00"},
		{"R20 none", negative(grace(0)), do(&domain.BlockOverdue{}), "blocked overdue 1/08:00"},
		{"R20 blocked by hand, the clock runs too", with(negative(), do(&domain.Block{Reason: "x"})), after(7*domain.Day, &domain.BlockOverdue{}), "blocked overdue 8/08:00"},
		{"R13 nothing is charged while blocked", overdue(), do(priced("b", "100")), "charged b 100"},
		{"R13 not by settings", overdue(), do(&domain.ChangeRechargeSettings{}), "settings true 100 500"},
		{"R13 nor by a new card", overdue(), do(&domain.ReplaceCard{Card: "card-2"}), "card card-2"},
	})
}

// R19 to R23: how an account stands.
func TestStanding(t *testing.T) {
	for _, c := range []struct {
		given    []step
		standing domain.Standing
		reason   string
		due      string
		channel  domain.ChannelState
	}{
		{active(), domain.Active, "", "0", domain.ChannelOpen},
		{negative(), domain.Grace, "", "20", domain.ChannelOpen},
		{overdue(), domain.Blocked, "overdue", "20", domain.ChannelBlocked},
		{with(active(), do(&domain.Block{Reason: "x"})), domain.Blocked, "manual", "0", domain.ChannelBlocked},
		{with(overdue(), do(&domain.Block{Reason: "x"})), domain.Blocked, "overdue+manual", "20", domain.ChannelBlocked},
		{with(overdue(), do(&domain.CancelChannel{ChannelID: "CH"})), domain.Blocked, "overdue", "20", domain.ChannelIsOver},
		{[]step{open("0", noMinimum), channel("CH"), do(&domain.CloseAccount{})}, domain.Closed, "", "0", domain.ChannelIsOver},
	} {
		a := story{given: c.given, when: do(&domain.PublishBalance{}), then: ""}.run(t).account
		if a.Standing() != c.standing || a.BlockedReason() != c.reason || a.AmountDue().String() != c.due || a.ChannelState(a.Channels["CH"]) != c.channel {
			t.Errorf("stands %s, blocked %q, due %s, channel %s; want %+v", a.Standing(), a.BlockedReason(), a.AmountDue(), a.ChannelState(a.Channels["CH"]), c)
		}
	}
}

// R22: only a confirmation lifts the overdue block, or the contract says
// otherwise.
func TestUnblocking(t *testing.T) {
	paid := with(overdue(), do(&domain.AddFunds{Amount: amt("20")}))
	auto := with(overdue(automatic), do(&domain.AddFunds{Amount: amt("20")}))
	tellAll(t, []story{
		{"a payment credits and lifts nothing", paid, succeeded(2), "succeeded PA-R000002 20; invoice PA-2026-000001 20+0.8=20.8; grace ended"},
		{"its confirmation lifts and credits nothing", with(paid, succeeded(2)), do(&domain.ConfirmPayment{Reference: "B1", Amount: amt("20"), RechargeID: "PA-R000002"}), "confirmed B1 credited 0; unblocked overdue by confirmation"},
		{"a confirmation restores the balance", overdue(), do(confirm("B1", "20")), "confirmed B1 credited 20; grace ended; unblocked overdue by confirmation"},
		{"more than due is credit", overdue(), do(confirm("B1", "50")), "confirmed B1 credited 50; grace ended; unblocked overdue by confirmation"},
		{"a partial one is credited, the block stays", overdue(), do(confirm("B1", "19.99")), "confirmed B1 credited 19.99"},
		{"the rest lifts it", with(overdue(), do(confirm("B1", "19.99"))), do(confirm("B2", "0.01")), "confirmed B2 credited 0.01; grace ended; unblocked overdue by confirmation"},
		{"one that names a failed recharge credits", overdue(), do(&domain.ConfirmPayment{Reference: "B1", Amount: amt("20"), RechargeID: "PA-R000001"}), "confirmed B1 credited 20; grace ended; unblocked overdue by confirmation"},
		{"R23 it does not lift a block by hand", with(overdue(), do(&domain.Block{Reason: "x"})), do(confirm("B1", "20")), "confirmed B1 credited 20; grace ended; unblocked overdue by confirmation"},
		{"R22 automatic: a payment lifts it", auto, succeeded(2), "succeeded PA-R000002 20; invoice PA-2026-000001 20+0.8=20.8; grace ended; unblocked overdue by automatic"},
		{"R22 automatic: not while something is due", with(auto, do(priced("b", "1"))), succeeded(2), "succeeded PA-R000002 20; invoice PA-2026-000001 20+0.8=20.8"},
		{"R22 automatic: an adjustment lifts it", overdue(automatic), do(adjustment(1, "20")), "adjusted 2026-09 run 1 20; grace ended; unblocked overdue by automatic"},
		{"R22 automatic: a correction lifts it", overdue(automatic), do(correction("a", "520")), "corrected a 520; grace ended; unblocked overdue by automatic"},
		{"R22 finance: an adjustment lifts nothing", overdue(), do(adjustment(1, "20")), "adjusted 2026-09 run 1 20; grace ended"},
		{"R22 automatic: nothing credited lifts nothing", with(paid, succeeded(2), do(&domain.ChangeContract{UnblockPolicy: domain.UnblockAutomatic})), do(adjustment(1, "0")), "adjusted 2026-09 run 1 0"},
		{"R22 automatic: a block by hand stays", with(auto, do(&domain.Block{Reason: "x"})), succeeded(2), "succeeded PA-R000002 20; invoice PA-2026-000001 20+0.8=20.8; grace ended; unblocked overdue by automatic"},
	})
}

// R22: what a confirmation must name.
func TestConfirmation(t *testing.T) {
	inFlight := with(active(), do(priced("a", "520")))
	tellAll(t, []story{
		{"no amount", overdue(), do(confirm("B1", "0")), "! invalid_amount"},
		{"negative", overdue(), do(confirm("B1", "-1")), "! invalid_amount"},
		{"nothing is due and no block stands", active(), do(confirm("B1", "20")), "! nothing_to_confirm"},
		{"due is enough", inFlight, do(confirm("B1", "20")), "confirmed B1 credited 20; grace ended"},
		{"any block is enough", with(active(), do(&domain.Block{Reason: "x"})), do(confirm("B1", "20")), "confirmed B1 credited 20"},
		{"no reference", overdue(), do(confirm("", "20")), "! reference_required"},
		{"each reference once", with(overdue(), do(confirm("B1", "1"))), do(confirm("B1", "1")), "! reference_used"},
		{"no such recharge", overdue(), do(&domain.ConfirmPayment{Reference: "B1", Amount: amt("1"), RechargeID: "PA-R000009"}), "! unknown_recharge"},
		{"one still in flight", inFlight, do(&domain.ConfirmPayment{Reference: "B1", Amount: amt("20"), RechargeID: "PA-R000001"}), "! recharge_in_flight"},
		{"by nobody", overdue(), unsigned(confirm("B1", "20")), "! actor_required"},
		{"precedence: flight before nothing to confirm", short(), unsigned(&domain.ConfirmPayment{Amount: amt("20"), RechargeID: "PA-R000001"}), "! recharge_in_flight"},
		{"precedence: nothing to confirm before reference", active(), unsigned(confirm("", "20")), "! nothing_to_confirm"},
		{"precedence: reference before recharge", with(overdue(), do(confirm("B1", "1"))), unsigned(&domain.ConfirmPayment{Reference: "B1", Amount: amt("1"), RechargeID: "x"}), "! reference_used"},
		{"precedence: recharge before actor", overdue(), unsigned(&domain.ConfirmPayment{Reference: "B1", Amount: amt("1"), RechargeID: "x"}), "! unknown_recharge"},
	})
	// R17: a credited confirmation clears the retry, an uncredited one does not.
	l := story{given: negative(), when: do(confirm("B1", "1")), then: "confirmed B1 credited 1"}.run(t)
	if !l.account.RetryAt.IsZero() {
		t.Errorf("a retry is planned for %s", l.account.RetryAt)
	}
	// R22: and what it took for a credit is no invoice.
	if l.account.InvoiceCount != 0 {
		t.Errorf("%d invoices", l.account.InvoiceCount)
	}
}

// R23: the block by hand.
func TestBlockByHand(t *testing.T) {
	blocked := with(active(), do(&domain.Block{Reason: "fraud"}))
	tellAll(t, []story{
		{"with a reason", active(), do(&domain.Block{Reason: "fraud"}), "blocked manual 1/08:00"},
		{"without", active(), do(&domain.Block{}), "! reason_required"},
		{"by nobody", active(), unsigned(&domain.Block{}), "! actor_required"},
		{"again: nothing", blocked, do(&domain.Block{Reason: "fraud"}), ""},
		{"beside the overdue one", overdue(), do(&domain.Block{Reason: "fraud"}), "blocked manual 8/08:00"},
		{"lifted by hand", blocked, do(&domain.Unblock{}), "unblocked manual by finance"},
		{"by nobody it stays", blocked, unsigned(&domain.Unblock{}), "! actor_required"},
		{"no such block", active(), unsigned(&domain.Unblock{}), "! not_blocked"},
		{"not the overdue one", overdue(), do(&domain.Unblock{}), "! not_blocked"},
		{"not while money is owed", with(negative(), do(&domain.Block{Reason: "fraud"})), unsigned(&domain.Unblock{}), "! amount_due"},
		{"payment does not lift it", with(blocked, do(&domain.AddFunds{Amount: amt("10")})), succeeded(1), "succeeded PA-R000001 10; invoice PA-2026-000001 10+0.4=10.4"},
	})
}

// R20, R33: what falls due next, in order.
func TestNextDue(t *testing.T) {
	midnight := time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC)
	// daily is a step that publishes every balance up to that day of October.
	daily := func(given []step, days int) []step {
		for i := range days {
			s := after(domain.Day, &domain.PublishBalance{Day: midnight.Add(time.Duration(i) * domain.Day)})
			given = with(given, s)
		}
		return given
	}
	if due := domain.NewAccount().NextDue(""); due.Command != nil || !due.At.IsZero() {
		t.Errorf("before the opening %+v is due", due)
	}
	atMidnight := func(s []step) []step { // the same, but everything begins at 00:00
		s = with(s)
		s[0].wait = midnight.Sub(start)
		return s
	}
	for _, c := range []struct {
		name         string
		given        []step
		at           time.Time
		command      string
		afterOutcome bool
	}{
		{"the day's balance", active(), midnight, "PublishBalance", true},
		{"after it the next", daily(active(), 1), midnight.Add(domain.Day), "PublishBalance", true},
		{"the retry", daily(with(active(), do(priced("a", "450")), failed(1)), 1), start.Add(domain.RetryAfter), "RetryRecharge", true},
		{"the deadline", daily(with(active(), do(priced("a", "520"))), 7), start.Add(7 * domain.Day), "BlockOverdue", false},
		{"no grace: after the outcome of that instant", with(active(grace(0)), do(priced("a", "520"))), start, "BlockOverdue", true},
		{"at one instant the deadline before retry and balance", atMidnight(negative(grace(1))), midnight.Add(domain.Day), "BlockOverdue", false},
		{"then the retry before the balance", atMidnight(with(short(), failed(1))), midnight.Add(domain.Day), "RetryRecharge", true},
		{"blocked already", daily(overdue(), 0), midnight, "PublishBalance", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger(t)
			for _, s := range c.given {
				l.now = l.now.Add(s.wait)
				if _, err := l.do(s.actor, s.cmd); err != nil {
					t.Fatal(err)
				}
			}
			due := l.account.NextDue("pay")
			if !due.At.Equal(c.at) || due.Command.CommandName() != c.command || due.AfterOutcome != c.afterOutcome {
				t.Errorf("due is %s at %s, after outcome %v; want %+v", due.Command.CommandName(), due.At, due.AfterOutcome, c)
			}
			if !l.account.NextDueAt().Equal(due.At) {
				t.Errorf("NextDueAt is %s, NextDue at %s", l.account.NextDueAt(), due.At)
			}
			if b, ok := due.Command.(*domain.BlockOverdue); ok && b.Text != "pay" {
				t.Errorf("the text of the block is %q", b.Text)
			}
		})
	}
}

// R33: each day's balance once, and none ahead of its time.
func TestPublishedBalance(t *testing.T) {
	midnight := time.Date(2026, 10, 2, 0, 0, 0, 0, time.UTC)
	publish := &domain.PublishBalance{Day: midnight}
	tellAll(t, []story{
		{"at 00:00 UTC", active(), step{wait: 16 * time.Hour, cmd: publish}, "published 2/00:00 500 due 0"},
		{"with what is due", negative(), step{wait: 16 * time.Hour, cmd: publish}, "published 2/00:00 -20 due 20"},
		{"later, for that day", active(), step{wait: 50 * time.Hour, cmd: publish}, "published 2/00:00 500 due 0"},
		{"not before", active(), step{wait: 16*time.Hour - 1, cmd: publish}, ""},
		{"once", with(active(), after(16*time.Hour, publish)), do(publish), ""},
		{"none left out", active(), after(50*time.Hour, &domain.PublishBalance{Day: midnight.Add(domain.Day)}), ""},
		{"also of a closed account", []step{open("0", noMinimum), do(&domain.CloseAccount{})}, step{wait: 16 * time.Hour, cmd: publish}, "published 2/00:00 0 due 0"},
	})
	if got := domain.NextMidnight(midnight); !got.Equal(midnight.Add(domain.Day)) {
		t.Errorf("after midnight comes %s", got)
	}
}

// R24, R28, R32: posting, refunding, closing.
func TestMonthEndRefundAndClosing(t *testing.T) {
	refund := func(amount, reason string) *domain.Refund {
		return &domain.Refund{Amount: amt(amount), Reason: reason}
	}
	empty := []step{open("0", noMinimum), channel("CH"), channel("C2")}
	reconciled := with(active(), do(priced("a", "1")), do(&domain.AdjustReconciliation{Month: "2026-10", Run: 1, Amount: amt("0"), Charged: amt("1")}))
	tellAll(t, []story{
		{"R24 a difference is posted", active(), do(adjustment(1, "3.5")), "adjusted 2026-09 run 1 3.5"},
		{"R28 the same run changes nothing", with(active(), do(adjustment(1, "3.5"))), do(adjustment(1, "3.5")), ""},
		{"R29 nor does an older one", with(active(), do(adjustment(2, "3.5"))), do(adjustment(1, "3")), ""},
		{"R28 the next run posts what changed", with(active(), do(adjustment(1, "3.5"))), do(adjustment(2, "-1")), "adjusted 2026-09 run 2 -1"},
		{"R24 also of a closed account", with(empty, do(&domain.CloseAccount{})), do(adjustment(1, "-3")), "adjusted 2026-09 run 1 -3; grace 1/08:00 to 8/08:00"},
		{"R32 refunded", active(), do(refund("500", "contract ends")), "refunded 500"},
		{"R32 no more than the balance", active(), do(refund("500.01", "contract ends")), "! refund_exceeds_balance"},
		{"R32 nothing", active(), do(refund("0", "contract ends")), "! invalid_amount"},
		{"R32 by nobody", active(), unsigned(refund("600", "")), "! actor_required"},
		{"R32 without reason", active(), do(refund("600", "")), "! reason_required"},
		{"R32 closed, channels first", empty, do(&domain.CloseAccount{}), "cancelled C2; cancelled CH; AccountClosed"},
		{"R32 cancelled stays cancelled", with(empty, do(&domain.CancelChannel{ChannelID: "C2"})), do(&domain.CloseAccount{}), "cancelled CH; AccountClosed"},
		{"R32 not with a balance", active(), do(&domain.CloseAccount{}), "! not_closable"},
		{"R32 not owing", negative(), do(&domain.CloseAccount{}), "! not_closable"},
		{"R32 not in flight", []step{open("0")}, do(&domain.CloseAccount{}), "! not_closable"},
		{"R32 not with an open month", []step{open("1", noMinimum, noAuto), channel("CH"), do(priced("a", "1"))}, do(&domain.CloseAccount{}), "! not_closable"},
		{"R32 nor with one opened again", with(reconciled, do(correction("a", "1")), do(refund("500", "end"))), do(&domain.CloseAccount{}), "! not_closable"},
		{"R32 reconciled", with(reconciled, do(refund("499", "end"))), do(&domain.CloseAccount{}), "cancelled CH; AccountClosed"},
		{"R32 by nobody", active(), unsigned(&domain.CloseAccount{}), "! actor_required"},
		{"R13 a closed account is never recharged", with(empty, do(&domain.CloseAccount{})), do(priced("a", "1", at(start.Add(-1)))), "charged a 1; grace 1/08:00 to 8/08:00"},
		{"R10 its channels ended with it", with(empty, do(&domain.CloseAccount{})), do(priced("a", "1")), "quarantined a channel_cancelled"},
	})
	l := story{given: with(empty, do(&domain.CloseAccount{})), when: do(priced("a", "1", at(start.Add(-1)))), then: "charged a 1; grace 1/08:00 to 8/08:00"}.run(t)
	if due := l.account.NextDue(""); due.Command.CommandName() != "PublishBalance" {
		t.Errorf("a closed account has %s due", due.Command.CommandName())
	}
}

// An event that does not belong in an account's stream is never skipped.
func TestApplyIsLoud(t *testing.T) {
	for _, e := range []domain.Event{strange{}, &domain.ChannelCancelled{ChannelID: "CH"}, &domain.ChannelRegistered{ChannelID: "CH", TimeZone: "Mars/Base"}} {
		if err := domain.NewAccount().Apply(e); err == nil {
			t.Errorf("%s was applied", e.EventType())
		}
	}
}

type strange struct{}

func (strange) EventType() string { return "Strange" }

// The unknown command is a rejection, no panic.
func TestUnknownCommand(t *testing.T) {
	story{given: active(), when: do(strangeCommand{}), then: "! invalid_setting"}.run(t)
	if domain.RejectionCode(nil) != "" || domain.RejectionCode(domain.ErrNumber) != "" {
		t.Error("what is no rejection has a code")
	}
}

type strangeCommand struct{}

func (strangeCommand) CommandName() string { return "Strange" }
