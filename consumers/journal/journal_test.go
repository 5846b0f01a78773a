package journal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"prepayledger/consumers/journal"
	"prepayledger/consumers/notices/histories"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// TestEveryTypeIsDecided: a type of event that nobody thought of fails here,
// and is refused where it happens.
func TestEveryTypeIsDecided(t *testing.T) {
	c := codec.New()
	for name, version := range c.Types() {
		e, err := c.Decode(name, version, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		b := journal.New()
		if _, err := b.Entries("account-P", &domain.AccountOpened{Currency: "EUR"}); err != nil {
			t.Fatal(err)
		}
		_, inAccount := b.Entries("account-P", e)
		_, inMonth := b.Entries("reconciliation-2026-10", e)
		if inAccount != nil && inMonth != nil {
			t.Errorf("%s is decided nowhere: %v, %v", name, inAccount, inMonth)
		}
	}
	b := journal.New()
	_, _ = b.Entries("account-P", &domain.AccountOpened{Currency: "EUR"})
	for _, stream := range []string{"account-P", "reconciliation-2026-10", "other"} {
		if _, err := b.Entries(stream, unknown{}); !errors.Is(err, journal.ErrUndecided) {
			t.Errorf("an unknown event in %s: %v", stream, err)
		}
	}
	if _, err := b.Entries("account-Q", &domain.ConversationCharged{}); !errors.Is(err, journal.ErrOrder) {
		t.Errorf("a charge without account: %v", err)
	}
}

type unknown struct{}

func (unknown) EventType() string { return "Unknown" }

// sums are the balances of the journal's accounts per partner.
type sums map[string]map[journal.Account]money.Amount

func (s sums) add(lines []journal.Line) {
	for _, l := range lines {
		if s[l.PartnerID] == nil {
			s[l.PartnerID] = map[journal.Account]money.Amount{}
		}
		s[l.PartnerID][l.Account] = s[l.PartnerID][l.Account].Add(l.Amount)
	}
}

// TestRandomHistories: after every event of a random history by the real rules
// the trial balance is zero, and the accounts are what the ledger's own state
// says: the balance, the refunds on their way, the surcharges kept, and what
// is charged and not settled.
func TestRandomHistories(t *testing.T) {
	const seeds, steps = 60, 150
	met := map[string]int{}
	for seed := range uint64(seeds) {
		h := histories.New(seed)
		rng := rand.New(rand.NewPCG(seed, 2))
		partners := []string{"A", "B"}
		for range steps {
			h.Step(partners)
			if rng.IntN(3) == 0 {
				payback(h, rng, partners[rng.IntN(2)])
			}
		}
		b, trial, got, states := journal.New(), journal.NewTrial(), sums{}, map[string]*domain.Account{}
		surcharges, adjusted := map[string]money.Amount{}, map[string]money.Amount{}
		for i := range h.Facts {
			f := &h.Facts[i]
			lines, err := b.Entries(f.Stream, f.Event)
			if err != nil {
				t.Fatalf("seed %d, event %d: %v", seed, i, err)
			}
			for j := range lines {
				if lines[j].Amount.IsZero() {
					t.Fatalf("seed %d, event %d: an empty line", seed, i)
				}
				trial.Add(&lines[j], i%2 == 0)
			}
			for c, total := range trial.Totals() {
				if !total.IsZero() {
					t.Fatalf("seed %d, event %d, %s: the trial balance is off by %s %s", seed, i, f.Type, total, c)
				}
			}
			got.add(lines)
			if f.PartnerID == "" {
				continue
			}
			met[f.Type]++
			if states[f.PartnerID] == nil {
				states[f.PartnerID] = domain.NewAccount()
			}
			if err := states[f.PartnerID].Apply(f.Event); err != nil {
				t.Fatal(err)
			}
			where := fmt.Sprintf("seed %d, event %d, %s", seed, i, f.Type)
			if e, ok := f.Event.(*domain.ReconciliationAdjusted); ok {
				adjusted[f.PartnerID] = adjusted[f.PartnerID].Add(e.Amount)
			}
			same(t, where, got[f.PartnerID], states[f.PartnerID], adjusted[f.PartnerID])
			if documented(surcharges, f.PartnerID, f.Event) && !got[f.PartnerID][journal.SurchargeRevenue].Neg().Equal(surcharges[f.PartnerID]) {
				t.Fatalf("%s: surcharges of %s, documents say %s", where, got[f.PartnerID][journal.SurchargeRevenue].Neg(), surcharges[f.PartnerID])
			}
		}
	}
	for _, name := range []string{
		domain.TypeConversationCharged, domain.TypeRechargeSucceeded, domain.TypePaymentConfirmed, domain.TypeReconciliationAdjusted, domain.TypeRechargeReversed,
		domain.TypeRechargeReinstated, domain.TypeRefundIssued, domain.TypeRefundPaidOut, domain.TypeRefundFailed, domain.TypeRefundCancelled,
	} {
		if met[name] < 10 {
			t.Errorf("%s came %d times: the histories are too tame", name, met[name])
		}
	}
}

// documented keeps what invoices and credit notes say of surcharges: another
// way to the same sum. It is complete when they are issued.
func documented(of map[string]money.Amount, partner string, e domain.Event) bool {
	switch e := e.(type) {
	case *domain.InvoiceIssued:
		of[partner] = of[partner].Add(e.Surcharge)
	case *domain.CreditNoteIssued:
		of[partner] = of[partner].Sub(e.Surcharge)
	default:
		return false
	}
	return true
}

func same(t *testing.T, where string, got map[journal.Account]money.Amount, a *domain.Account, adjusted money.Amount) {
	t.Helper()
	check := func(account journal.Account, want money.Amount) {
		if is := got[account].Neg(); !is.Equal(want) {
			t.Fatalf("%s: %s is %s, want %s", where, account, is, want)
		}
	}
	check(journal.PrepaymentLiability, a.Balance)
	open, charged := money.Zero(), money.Zero()
	for _, r := range a.Refunds {
		if r.Open() {
			open = open.Add(r.Amount)
		}
	}
	for _, m := range a.Months {
		charged = charged.Add(m.Charged)
	}
	check(journal.RefundsPayable, open)
	if meta := got[journal.MetaEstimated].Add(got[journal.MetaFinal]).Neg(); !meta.Equal(charged.Sub(adjusted)) {
		t.Fatalf("%s: Meta is owed %s, want %s charged less %s adjusted", where, meta, charged, adjusted)
	}
}

// payback does something with money that goes back.
func payback(h *histories.Log, rng *rand.Rand, p string) {
	a := h.Account(p)
	if a == nil {
		return
	}
	var paid []domain.Payment
	for i := range h.Facts {
		f := &h.Facts[i]
		if s, ok := f.Event.(*domain.RechargeSucceeded); ok && f.PartnerID == p {
			paid = append(paid, domain.Payment{RechargeID: s.RechargeID, Amount: s.Amount, Surcharge: s.Surcharge, SurchargePercent: money.FromInt(4), Card: "card", InvoiceNumber: "I"})
		}
	}
	if len(paid) == 0 {
		return
	}
	id := paid[rng.IntN(len(paid))].RechargeID
	refund := fmt.Sprintf("%s-F%06d", p, 1+rng.IntN(a.RefundCount+1))
	attempt := 1
	if r := a.Refunds[refund]; r != nil {
		attempt = r.Attempt
	}
	var cmd domain.Command
	switch rng.IntN(10) {
	case 0:
		cmd = &domain.RecordRechargeReversed{RechargeID: id, Payments: paid, Reason: "fraudulent"}
	case 1:
		cmd = &domain.RecordRechargeReinstated{RechargeID: id, Payments: paid}
	case 2, 3:
		cmd = &domain.Refund{Amount: money.FromInt(int64(1 + rng.IntN(20))), Reason: "end", Payout: rng.IntN(4) > 0, Payments: paid}
	case 4:
		cmd = &domain.RecordRefundPaidOut{RefundID: refund}
	case 5, 6:
		cmd = &domain.RecordRefundFailed{RefundID: refund, Attempt: attempt, Code: "closed"}
	case 7:
		cmd = &domain.RetryRefund{RefundID: refund}
	default:
		cmd = &domain.CancelRefund{RefundID: refund, Reason: "closed"}
	}
	_ = h.Do(p, cmd) // what the rules reject is part of the game
}

// TestMonth: a posted month moves from estimated to final, exactly as much as
// Meta invoiced before rounding; the provider's own cost is booked once; a
// second run books what changed.
func TestMonth(t *testing.T) {
	b, got := journal.New(), sums{}
	give := func(stream string, e domain.Event) {
		t.Helper()
		lines, err := b.Entries(stream, e)
		if err != nil {
			t.Fatal(err)
		}
		got.add(lines)
	}
	amt := money.MustParse
	const account, month = "account-P", "reconciliation-2026-10"
	run := func(n int, charged, invoiced, adjusted, post, rounding, own string) {
		give(month, &reconciliation.ReconciliationDetails{Proposal: n, OwnCost: []reconciliation.LineRef{{Amount: amt(own), Currency: "USD"}}})
		give(month, &reconciliation.ReconciliationAccounts{Proposal: n, Accounts: []reconciliation.AccountSummary{{PartnerID: "P", Rounding: amt(rounding)}}})
		give(account, &domain.ReconciliationAdjusted{Month: "2026-10", Run: n, Amount: amt(post), Charged: amt(charged), Invoiced: amt(invoiced), Adjusted: amt(adjusted)})
		give(month, &reconciliation.ReconciliationPosted{Proposal: n, Run: n})
	}
	check := func(partner string, account journal.Account, want string) {
		t.Helper()
		if is := got[partner][account]; !is.Equal(amt(want)) {
			t.Errorf("%s of %q is %s, want %s", account, partner, is, want)
		}
	}
	give(account, &domain.AccountOpened{Currency: "EUR", CarriedOver: amt("100"), OpenedAt: time.Time{}})
	give(account, &domain.ConversationCharged{Month: "2026-10", Amount: amt("10.5")})
	give(account, &domain.ConversationCharged{Month: "2026-11", Amount: amt("1")})
	// A proposal that nobody posts leaves nothing behind.
	give(month, &reconciliation.ReconciliationAccounts{Proposal: 1, Accounts: []reconciliation.AccountSummary{{PartnerID: "P", Rounding: amt("0.4")}}})
	run(2, "10.5", "9.12", "1.38", "1.38", "0.0034", "3")
	check("P", journal.MetaEstimated, "-1")
	check("P", journal.MetaFinal, "-9.1234")
	check("P", journal.Rounding, "0.0034")
	check("P", journal.PrepaymentLiability, "-89.88")
	check("", journal.OwnCost, "3")
	give(account, &domain.ConversationCharged{Month: "2026-10", Amount: amt("0.5")})
	run(3, "11", "9.62", "1.38", "0", "0.0001", "1")
	check("P", journal.MetaEstimated, "-1")
	check("P", journal.MetaFinal, "-9.6201")
	check("P", journal.PrepaymentLiability, "-89.38")
	check("", journal.OwnCost, "1")
	check("", journal.MetaFinal, "-1")
}
