package domain_test

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// The size of the random runs.
const (
	randomRuns  = 80
	randomSteps = 250
	// leastOfEach is how often each command must have been accepted over all
	// runs, each code given and each fate of a charge met, for the test to
	// mean anything.
	leastOfEach = 10
)

// gambler makes random commands; it knows the account's state only to make
// interesting ones likely.
type gambler struct {
	rng    *rand.Rand
	l      *ledger
	serial int
	past   []domain.Charge
}

func (g *gambler) chance(percent int) bool { return g.rng.IntN(100) < percent }

func pick[T any](g *gambler, of ...T) T { return of[g.rng.IntN(len(of))] }

// amount is one with up to four decimals, of any magnitude up to the highest.
func (g *gambler) amount(highest int64) money.Amount {
	n := g.rng.Int64N(highest*10_000) + 1
	switch g.rng.IntN(4) {
	case 0:
		n = n/10_000*10_000 + 10_000
	case 1:
		n = n%10_000 + 1
	}
	return money.FromInt(n).Mul(amt("0.0001"))
}

func (g *gambler) open() *domain.OpenAccount {
	c := &domain.OpenAccount{PartnerID: "PA", Currency: pick(g, "EUR", "JPY", "KWD"), Card: "card-1", CarriedOver: g.amount(1000)}
	if g.chance(40) {
		c.MinimumOpening = ptr(pick(g, money.Zero(), amt("250.5")))
	}
	if g.chance(40) {
		c.SurchargePercent = ptr(pick(g, money.Zero(), amt("2.75")))
	}
	if g.chance(50) {
		c.GraceDays = ptr(g.rng.IntN(4))
	}
	if g.chance(40) {
		c.UnblockPolicy = domain.UnblockAutomatic
	}
	if g.chance(40) {
		c.AutoRecharge = ptr(g.chance(50))
	}
	return c
}

// charge repeats charges and ids often: the fate of a charge depends on its
// past.
func (g *gambler) charge() *domain.Charge {
	if len(g.past) > 0 && g.chance(20) {
		again := pick(g, g.past...)
		return &again
	}
	c := g.fresh()
	g.past = append(g.past, *c)
	return c
}

func (g *gambler) fresh() *domain.Charge {
	g.serial++
	c := unpriced(fmt.Sprintf("id-%d", g.rng.IntN(g.serial+20)), pick(g, "marketing", "marketing", "service", "new"), at(g.l.now))
	c.ChannelID = pick(g, "CH", "CH", "CH", "CH", "BR", "DI", "LATE", "nobody's")
	if g.chance(60) {
		c.Priced, c.Currency = true, g.l.account.Currency
		c.Amount = g.amount(pick[int64](g, 1, 1, 100, 400))
		if g.chance(30) {
			c.Amount = amt("0.5")
		}
		if exact := g.l.account.Balance; exact.Sign() > 0 && g.chance(10) {
			c.Amount = exact
		}
	}
	if g.chance(20) {
		c.WABAID = pick(g, "", "W2")
	}
	switch g.rng.IntN(16) {
	case 0:
		free(c)
	case 1:
		c.Country = "CU"
	case 2:
		c.OccurredAt = g.l.now.Add(domain.MaxClockSkew + time.Minute)
	case 3:
		c.OccurredAt = g.l.now.Add(-500 * domain.Day)
	case 4:
		c.OccurredAt = g.l.now.Add(-time.Duration(g.rng.IntN(30)) * domain.Day)
	case 5:
		c.Malformed, c.Raw = "bad", pick(g, "x", "y")
	case 6:
		c.Currency = "USD"
	}
	return c
}

func (g *gambler) command() (string, domain.Command) {
	actor := pick(g, "finance:ana", "finance:ana", "finance:ana", "")
	id := fmt.Sprintf("PA-R%06d", g.rng.IntN(g.l.account.RechargeCount+2))
	if f := g.l.account.InFlight; f != nil && g.chance(80) {
		id = f.RechargeID
	}
	if g.chance(15) {
		return g.payback(actor, id)
	}
	switch n := g.rng.IntN(100); {
	case n < 45:
		return "", g.charge()
	case n < 55:
		return "", &domain.RecordRechargeFailed{RechargeID: id, Code: "declined"}
	case n < 63:
		return "", &domain.RecordRechargeSucceeded{RechargeID: id}
	case n < 67:
		return "", &domain.AddFunds{Amount: pick(g, g.amount(200), amt("15"), amt("0.01"), amt("100001")), Method: pick(g, "", "card", "card", "sepa")}
	case n < 71:
		c := &domain.ConfirmPayment{Reference: fmt.Sprint("B", g.rng.IntN(20)), Amount: g.amount(100)}
		if due := g.l.account.AmountDue(); !due.IsZero() && g.chance(50) {
			c.Amount = due
		}
		if g.chance(30) {
			c.RechargeID = id
		}
		return actor, c
	case n < 75:
		c := &domain.AdjustReconciliation{Month: pick[domain.Month](g, "2026-09", "2026-10", "2026-11"), Run: 1 + g.rng.IntN(12), Amount: pick(g, g.amount(200), g.amount(200).Neg(), money.Zero())}
		if s := g.l.account.Months[c.Month]; s != nil && g.chance(70) {
			c.Charged = s.Charged // else something came between proposal and posting
		}
		return actor, c
	case n < 78:
		return actor, g.correction()
	case n < 81:
		return "", &domain.ChangeRechargeSettings{AutoRecharge: ptr(g.chance(70)), Threshold: ptr(g.amount(300)), RechargeAmount: ptr(g.amount(400))}
	case n < 83:
		return "", &domain.ReplaceCard{Card: "card-2"}
	case n < 85:
		return actor, &domain.Block{Reason: "fraud"}
	case n < 89:
		return actor, &domain.Unblock{}
	case n < 91:
		return "finance:ana", &domain.ChangeContract{GraceDays: ptr(g.rng.IntN(5)), SurchargePercent: ptr(pick(g, amt("4"), amt("1.5"))), UnblockPolicy: pick(g, domain.UnblockAutomatic, domain.UnblockByFinance)}
	case n < 93:
		return actor, &domain.Refund{Amount: pick(g, g.amount(100), g.l.account.Balance), Reason: "goodwill"}
	case n < 95:
		return "", &domain.RegisterChannel{ChannelID: pick(g, "LATE", "CH"), PhoneNumber: "+4930123456", PhoneNumberID: "PN", WABAID: "WABA", PaymentModel: domain.PartnerPaid}
	case n < 96:
		return "", &domain.CancelChannel{ChannelID: pick(g, "LATE", "DI", "none")}
	case n < 97:
		return "", pick[domain.Command](g, &domain.Transfer{}, &domain.ChargeLicenceFee{})
	case n < 98:
		return "", g.open()
	default:
		return actor, &domain.CloseAccount{}
	}
}

// payback is about money that goes back; id is a recharge's.
func (g *gambler) payback(actor, id string) (string, domain.Command) {
	refund := fmt.Sprintf("PA-F%06d", g.rng.IntN(g.l.account.RefundCount+2))
	if n := g.l.account.RefundCount; n > 0 && g.chance(80) {
		refund = fmt.Sprintf("PA-F%06d", 1+g.rng.IntN(n))
	}
	if all := payments(g.l.history, ""); len(all) > 0 && g.chance(80) {
		id = pick(g, all...).RechargeID
	}
	attempt := 1
	if r := g.l.account.Refunds[refund]; r != nil && g.chance(80) {
		attempt = r.Attempt
	}
	switch g.rng.IntN(14) {
	case 0, 1:
		return "", &domain.RecordRechargeReversed{RechargeID: id, Reason: "fraudulent"}
	case 3:
		return "", &domain.RecordRechargeReinstated{RechargeID: id}
	case 2, 4, 5, 6, 7:
		c := &domain.Refund{Amount: pick(g, g.amount(100), amt("7"), amt("1"), g.l.account.Balance), Reason: "end", Payout: g.chance(80)}
		if g.chance(30) || !c.Payout {
			c.RechargeID = id
		}
		return actor, c
	case 8:
		return "", &domain.RecordRefundPaidOut{RefundID: refund}
	case 9, 10, 11:
		return "", &domain.RecordRefundFailed{RefundID: refund, Attempt: attempt, Code: "closed"}
	case 12:
		return "", &domain.RetryRefund{RefundID: refund}
	default:
		return actor, &domain.CancelRefund{RefundID: refund, Reason: "closed"}
	}
}

// correction names a charge: none that there was, or one of the first few.
func (g *gambler) correction() *domain.CorrectCharge {
	c := &domain.CorrectCharge{ChargeID: "never", Reason: "wrong"}
	left := g.rng.IntN(5)
	for _, e := range g.l.history {
		if e, ok := e.(*domain.ConversationCharged); ok && left > 0 {
			c.ChargeID, c.Original = e.ChargeID, e
			left--
		}
	}
	return c
}

// tally counts what the runs met.
type tally map[string]int

// match runs a command on both sides.
func match(g *gambler, o *oracle, met tally, actor string, cmd domain.Command) {
	t := g.l.t
	t.Helper()
	if c, ok := cmd.(*domain.Charge); ok {
		if _, err := g.l.do(actor, c); err != nil {
			t.Fatal(err)
		}
		got := string(g.l.outcome.Charge)
		if g.l.outcome.Charge == domain.ChargeQuarantinedResult {
			got = g.l.outcome.Reason.String()
		}
		if want := o.charge(c, g.l.now); got != want {
			t.Fatalf("%+v came to %s, want %s", *c, got, want)
		}
		met["charge "+got]++
		return
	}
	_, err := g.l.do(actor, cmd)
	got := string(domain.RejectionCode(err))
	if want := o.decide(cmd, actor, g.l.now); got != want {
		t.Fatalf("%s %+v came to %q (%v), want %q", cmd.CommandName(), cmd, got, err, want)
	}
	if got == "" {
		met["accepted "+cmd.CommandName()]++
	} else {
		met["rejected "+got]++
	}
}

// pass lets time go by and works what falls due, which both sides must agree
// on.
func pass(g *gambler, o *oracle, met tally, until time.Time) {
	for {
		due := g.l.account.NextDue("pay")
		at, what := o.next()
		if !due.At.Equal(at) || due.Command.CommandName() != what || !g.l.account.NextDueAt().Equal(at) {
			g.l.t.Fatalf("due is %s at %s, want %s at %s", due.Command.CommandName(), due.At, what, at)
		}
		if at.After(until) {
			break
		}
		if at.After(g.l.now) {
			g.l.now = at
		}
		match(g, o, met, "system:deadlines", due.Command)
		compare(g, o)
	}
	g.l.now = until
}

// side is one side's view of everything that is compared.
type side struct {
	balance, due, credited, cardTotal, adjustments, charged string
	standing, blocked, flight, negativeSince, deadline      string
	retry, invoices, quarantined, daily, channels           string
	requested, succeeded, failed, charges, free             int
	notes, refunds                                          string
}

func text(a money.Amount) string { return rat(a).RatString() }

func instant(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ofLedger reads the state and the events.
func ofLedger(l *ledger) side {
	a := l.account
	s := side{
		balance: text(a.Balance), due: text(a.AmountDue()), standing: string(a.Standing()), blocked: a.BlockedReason(),
		negativeSince: instant(a.NegativeSince), deadline: instant(a.BlockDeadline), retry: instant(a.RetryAt), quarantined: fmt.Sprint(l.facts.quarantined()),
	}
	if f := a.InFlight; f != nil {
		s.flight = fmt.Sprint(f.RechargeID, " ", text(f.Amount), " ", text(f.Surcharge), " ", text(f.CardTotal), " ", instant(f.RequestedAt))
	}
	for _, id := range slices.Sorted(maps.Keys(a.Channels)) {
		s.channels += id + " " + string(a.ChannelState(a.Channels[id])) + "; "
	}
	var credited, cardTotal, adjustments, charged money.Amount
	var invoices, daily, notes []string
	for _, e := range l.history {
		switch e := e.(type) {
		case *domain.RechargeRequested:
			s.requested++
		case *domain.RechargeSucceeded:
			s.succeeded++
			credited, cardTotal = credited.Add(e.Amount), cardTotal.Add(e.CardTotal)
		case *domain.RechargeFailed:
			s.failed++
		case *domain.InvoiceIssued:
			invoices = append(invoices, e.InvoiceNumber)
		case *domain.ReconciliationAdjusted:
			adjustments = adjustments.Add(e.Amount)
		case *domain.ConversationCharged:
			s.charges++
			charged = charged.Add(e.Amount)
		case *domain.ConversationCounted:
			s.free++
		case *domain.BalancePublished:
			daily = append(daily, e.Day.Format(time.DateOnly)+" "+text(e.Balance))
		case *domain.CreditNoteIssued:
			notes = append(notes, e.CreditNoteNumber+" "+text(e.Total))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.Refunds)) {
		r := a.Refunds[id]
		s.refunds += fmt.Sprint(id, " ", text(r.Amount), " ", map[domain.RefundStatus]string{
			domain.RefundInFlight: "asked", domain.RefundIsFailed: "failed", domain.RefundIsPaid: "paid", domain.RefundIsCancelled: "cancelled",
		}[r.Status], " ", r.Attempt, "; ")
	}
	s.notes = strings.Join(notes, "; ")
	s.credited, s.cardTotal, s.adjustments, s.charged = text(credited), text(cardTotal), text(adjustments), text(charged)
	s.invoices, s.daily = strings.Join(invoices, " "), strings.Join(daily, " ")
	return s
}

func ofOracle(o *oracle) side {
	s := side{
		balance: o.balance.RatString(), due: o.due().RatString(), credited: o.credited.RatString(), cardTotal: o.cardTotal.RatString(),
		adjustments: o.adjustments.RatString(), charged: o.charged.RatString(), negativeSince: instant(o.negativeSince), deadline: "-",
		retry: instant(o.retry), invoices: strings.Join(o.invoices, " "), daily: strings.Join(o.daily, " "),
		requested: o.requested, succeeded: o.succeeded, failed: o.failed, charges: o.charges, free: o.free, standing: "active",
	}
	s.notes = strings.Join(o.notes, "; ")
	for i, r := range o.refunds {
		if r.state != "by hand" {
			s.refunds += fmt.Sprintf("PA-F%06d %s %s %d; ", i+1, r.amount.RatString(), r.state, r.attempt)
		}
	}
	if !o.negativeSince.IsZero() {
		s.standing, s.deadline = "grace", instant(o.deadline())
	}
	var blocks []string
	if o.overdue {
		blocks = append(blocks, "overdue")
	}
	if o.manual {
		blocks = append(blocks, "manual")
	}
	if s.blocked = strings.Join(blocks, "+"); s.blocked != "" {
		s.standing = "blocked"
	}
	if o.closed {
		s.standing = "closed"
	}
	if f := o.flight; f != nil {
		s.flight = fmt.Sprint(f.id, " ", f.amount.RatString(), " ", f.surcharge.RatString(), " ", plus(f.amount, f.surcharge).RatString(), " ", instant(f.at))
	}
	reasons := map[string]int{}
	for _, r := range o.quarantine {
		reasons[r]++
	}
	s.quarantined = fmt.Sprint(reasons)
	for _, id := range slices.Sorted(maps.Keys(o.channels)) {
		state := "open"
		if s.blocked != "" {
			state = "blocked"
		}
		if !o.channels[id].cancelled.IsZero() {
			state = "cancelled"
		}
		s.channels += id + " " + state + "; "
	}
	return s
}

// compare holds both sides against each other, and what must always hold.
func compare(g *gambler, o *oracle) {
	t, a := g.l.t, g.l.account
	t.Helper()
	if got, want := ofLedger(g.l), ofOracle(o); got != want {
		t.Fatalf("after %s\n got %+v\nwant %+v", tell(g.l.history[max(0, len(g.l.history)-4):]), got, want)
	}
	if a.RechargeCount != o.requested || a.InvoiceCount != len(o.invoices) || (a.Balance.Sign() < 0) == a.NegativeSince.IsZero() {
		t.Fatalf("recharges %d, invoices %d, balance %s, negative since %s", a.RechargeCount, a.InvoiceCount, a.Balance, a.NegativeSince)
	}
	sum := new(big.Rat) // the balance is the sum of its movements
	for _, e := range g.l.history {
		switch e := e.(type) {
		case *domain.AccountOpened:
			sum.Add(sum, rat(e.CarriedOver))
		case *domain.ConversationCharged:
			sum.Sub(sum, rat(e.Amount))
		case *domain.RechargeSucceeded:
			sum.Add(sum, rat(e.Amount))
		case *domain.PaymentConfirmed:
			sum.Add(sum, rat(e.Credited))
		case *domain.ReconciliationAdjusted:
			sum.Add(sum, rat(e.Amount))
		case *domain.ChargeCorrected:
			sum.Add(sum, rat(e.Amount))
		case *domain.RefundIssued:
			sum.Sub(sum, rat(e.Amount))
		case *domain.RechargeReversed:
			sum.Sub(sum, rat(e.Amount))
		case *domain.RechargeReinstated:
			sum.Add(sum, rat(e.Amount))
		case *domain.RefundCancelled:
			sum.Add(sum, rat(e.Credited))
		case *domain.RefundPaidOut:
			sum.Sub(sum, rat(e.Debited))
		}
	}
	if sum.RatString() != text(a.Balance) {
		t.Fatalf("the movements sum to %s, the balance is %s", sum.RatString(), text(a.Balance))
	}
}

// wait is a random time until the next command; often none at all.
func (g *gambler) wait() time.Duration {
	switch g.rng.IntN(6) {
	case 0:
		return time.Duration(g.rng.IntN(60)) * time.Minute
	case 1:
		return time.Duration(g.rng.IntN(30)) * time.Hour
	default:
		return 0
	}
}

// windDown empties and closes the account, if it lets itself be closed.
func windDown(g *gambler, o *oracle, met tally) {
	l := g.l
	commands := []domain.Command{&domain.Block{Reason: "end"}}
	if f := l.account.InFlight; f != nil {
		commands = append(commands, &domain.RecordRechargeFailed{RechargeID: f.RechargeID})
	}
	for _, m := range slices.Sorted(maps.Keys(l.account.Months)) {
		commands = append(commands, &domain.AdjustReconciliation{Month: m, Run: 50, Amount: money.Zero(), Charged: l.account.Months[m].Charged})
	}
	if b := l.account.Balance; b.Sign() > 0 {
		commands = append(commands, &domain.Refund{Amount: b, Reason: "end"})
	} else if b.Sign() < 0 {
		commands = append(commands, &domain.ConfirmPayment{Reference: "last", Amount: b.Neg()})
	}
	for _, cmd := range append(commands, &domain.CloseAccount{}) {
		match(g, o, met, "finance:ana", cmd)
		compare(g, o)
	}
}

// Random commands: the code and a naive oracle agree on everything after
// every step, Decide changes nothing, and replay gives the same state.
func TestAgainstOracle(t *testing.T) {
	met := tally{}
	for seed := range uint64(randomRuns) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			g := &gambler{rng: rand.New(rand.NewPCG(seed, 8)), l: newLedger(t)}
			o := newOracle()
			match(g, o, met, "", &domain.Transfer{})
			match(g, o, met, "", g.open())
			for _, s := range []step{channel("CH"), channel("DI", direct), channel("BR", func(c *domain.RegisterChannel) { c.TimeZone = "America/Sao_Paulo" })} {
				match(g, o, met, "", s.cmd)
			}
			for n := range randomSteps {
				pass(g, o, met, g.l.now.Add(g.wait()))
				if n == randomSteps*9/10 && seed%2 == 0 {
					windDown(g, o, met)
				}
				actor, cmd := g.command()
				match(g, o, met, actor, cmd)
				compare(g, o)
			}
			if live, replayed := stateJSON(t, g.l.account), stateJSON(t, g.l.replayed()); live != replayed {
				t.Fatalf("replay differs from the live state:\nlive   %s\nreplay %s", live, replayed)
			}
		})
	}
	mustHaveMet(t, met)
}

// mustHaveMet makes sure that the random runs were not idle.
func mustHaveMet(t *testing.T, met tally) {
	t.Helper()
	for _, what := range []string{
		"OpenAccount", "ChangeContract", "RegisterChannel", "CancelChannel", "ChangeRechargeSettings", "ReplaceCard", "AddFunds",
		"RecordRechargeSucceeded", "RecordRechargeFailed", "RetryRecharge", "BlockOverdue", "PublishBalance", "ConfirmPayment", "Block",
		"Unblock", "AdjustReconciliation", "CorrectCharge", "Refund", "CloseAccount", "RecordRechargeReversed", "RecordRechargeReinstated",
		"RecordRefundPaidOut", "RecordRefundFailed", "RetryRefund", "CancelRefund",
	} {
		if met["accepted "+what] < leastOfEach {
			t.Errorf("%s was accepted %d times only", what, met["accepted "+what])
		}
	}
	for _, code := range []string{
		"unknown_account", "account_exists", "account_closed", "transfer_not_supported", "not_covered_by_prepayment", "payment_method_not_accepted",
		"invalid_amount", "amount_out_of_range", "unknown_channel", "channel_exists", "channel_cancelled", "unknown_charge", "already_corrected",
		"recharge_in_flight", "nothing_to_confirm", "reference_used", "unknown_recharge", "not_blocked", "amount_due", "actor_required",
		"refund_exceeds_balance", "not_closable", "refund_exceeds_payment", "unknown_refund", "refund_not_failed",
	} {
		if met["rejected "+code] < leastOfEach {
			t.Errorf("%s was given %d times only", code, met["rejected "+code])
		}
	}
	fates := []string{"charged", "free", "duplicate"}
	for _, r := range domain.Reasons() {
		fates = append(fates, r.String())
	}
	for _, fate := range fates {
		if met["charge "+fate] < leastOfEach {
			t.Errorf("%d charges came to %s", met["charge "+fate], fate)
		}
	}
	t.Logf("met %v", met)
}
