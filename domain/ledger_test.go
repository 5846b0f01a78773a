package domain_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// start is when the accounts of these tests open.
var start = time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)

func amt(s string) money.Amount { return money.MustParse(s) }

func ptr[T any](v T) *T { return &v }

// facts is the in-memory twin of the charge index and the rate book: it
// learns from events alone.
type facts struct {
	seen  map[domain.ChargeKey]domain.Seen
	rates map[string]string // price by category
}

func (f *facts) Seen(key domain.ChargeKey) domain.Seen { return f.seen[key] }

func (f *facts) Rate(q domain.RateQuery) (domain.Rate, bool) {
	price, ok := f.rates[q.Category]
	if !ok {
		return domain.Rate{}, false
	}
	return domain.Rate{Price: amt(price), CardID: "card-1", Tier: "0:MAX"}, true
}

// note learns from an event of the partner's stream.
func (f *facts) note(partner string, e domain.Event) {
	content := domain.ContentOf(e)
	switch e := e.(type) {
	case *domain.ConversationCharged:
		f.count(domain.KeyOf(partner, e.ChargeID), content)
	case *domain.ConversationCounted:
		f.count(domain.KeyOf(partner, e.ChargeID), content)
	case *domain.ChargeQuarantined:
		reason, ok := domain.ParseReason(e.Reason)
		if !ok {
			panic("unknown reason " + e.Reason)
		}
		key := domain.QuarantineKey(partner, e.ChargeID, content)
		s := f.seen[key]
		s.Quarantined = append(without(s.Quarantined, content), domain.QuarantinedEntry{Content: content, Reason: reason})
		f.seen[key] = s
	case *domain.QuarantineReleased:
		raw, err := hex.DecodeString(e.Content)
		if err != nil {
			panic(err)
		}
		content = domain.ContentHash(raw)
		key := domain.QuarantineKey(partner, e.ChargeID, content)
		s := f.seen[key]
		s.Quarantined = without(s.Quarantined, content)
		f.seen[key] = s
	case *domain.ChargeCorrected:
		key := domain.KeyOf(partner, e.ChargeID)
		s := f.seen[key]
		s.Corrected = true
		f.seen[key] = s
	}
}

func (f *facts) count(key domain.ChargeKey, content domain.ContentHash) {
	s := f.seen[key]
	s.Counted, s.Content = true, content
	s.Quarantined = without(s.Quarantined, content)
	f.seen[key] = s
}

func without(entries []domain.QuarantinedEntry, content domain.ContentHash) []domain.QuarantinedEntry {
	return slices.DeleteFunc(slices.Clone(entries), func(q domain.QuarantinedEntry) bool { return q.Content == content })
}

// quarantined counts the entries that are in quarantine now, by reason.
func (f *facts) quarantined() map[string]int {
	counts := map[string]int{}
	for _, s := range f.seen {
		for _, q := range s.Quarantined {
			counts[q.Reason.String()]++
		}
	}
	return counts
}

// ledger runs commands against one account and checks with each of them that
// Decide changed nothing.
type ledger struct {
	t       testing.TB
	account *domain.Account
	facts   *facts
	now     time.Time
	history []domain.Event
	outcome domain.Outcome
}

func newLedger(t testing.TB) *ledger {
	return &ledger{
		t: t, account: domain.NewAccount(), now: start,
		facts: &facts{seen: map[domain.ChargeKey]domain.Seen{}, rates: map[string]string{"marketing": "0.0625", "service": "0"}},
	}
}

// picture is everything that a decision could change by mistake: the state,
// the command, and what the facts say of a charge.
func (l *ledger) picture(cmd domain.Command) string {
	var seen domain.Seen
	if c, ok := cmd.(*domain.Charge); ok {
		seen = l.facts.seen[domain.QuarantineKey(l.account.PartnerID, c.ChargeID, c.Content())]
	}
	return fmt.Sprintf("%s %+v %+v", stateJSON(l.t, l.account), seen, cmd)
}

func stateJSON(t testing.TB, a *domain.Account) string {
	t.Helper()
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// do decides a command and folds what it raised.
func (l *ledger) do(actor string, cmd domain.Command) ([]domain.Event, error) {
	l.t.Helper()
	cmd = withPayments(l.history, cmd)
	before := l.picture(cmd)
	m := domain.Meta{At: l.now, Actor: actor}
	events, outcome, err := domain.Decide(l.account, l.facts, m, cmd)
	again, _, errAgain := domain.Decide(l.account, l.facts, m, cmd)
	if tell(events) != tell(again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
		l.t.Fatalf("two decisions of %s differ:\n%s %v\n%s %v", cmd.CommandName(), tell(events), err, tell(again), errAgain)
	}
	if after := l.picture(cmd); after != before {
		l.t.Fatalf("Decide changed its input on %s:\nbefore %s\nafter  %s", cmd.CommandName(), before, after)
	}
	if err != nil && len(events) > 0 {
		l.t.Fatalf("a rejection of %s raised %s", cmd.CommandName(), tell(events))
	}
	for _, e := range events {
		if err := l.account.Apply(e); err != nil {
			l.t.Fatal(err)
		}
		l.facts.note(l.account.PartnerID, e)
	}
	l.history = append(l.history, events...)
	l.outcome = outcome
	return events, err
}

// replayed is the state folded anew from the history.
func (l *ledger) replayed() *domain.Account {
	l.t.Helper()
	a := domain.NewAccount()
	for _, e := range l.history {
		if err := a.Apply(e); err != nil {
			l.t.Fatal(err)
		}
	}
	return a
}

// tell writes events for people: what matters of each, joined by "; ".
func tell(events []domain.Event) string {
	told := make([]string, len(events))
	for i, e := range events {
		told[i] = tellOne(e)
	}
	return strings.Join(told, "; ")
}

func tellOne(e domain.Event) string {
	switch e := e.(type) {
	case *domain.AccountOpened:
		return fmt.Sprintf("opened %s %s", e.CarriedOver, e.Currency)
	case *domain.ConversationCharged:
		return fmt.Sprintf("charged %s %s%s", e.ChargeID, e.Amount, flag(e.Released, " released"))
	case *domain.ConversationCounted:
		return fmt.Sprintf("counted %s %s%s", e.ChargeID, e.Why, flag(e.Released, " released"))
	case *domain.ChargeQuarantined:
		return fmt.Sprintf("quarantined %s %s", e.ChargeID, e.Reason)
	case *domain.QuarantineReleased:
		return fmt.Sprintf("released %s %s", e.ChargeID, e.Outcome)
	case *domain.ChargeCorrected:
		return fmt.Sprintf("corrected %s %s", e.ChargeID, e.Amount)
	case *domain.RechargeRequested:
		return fmt.Sprintf("requested %s %s %s+%s=%s", e.RechargeID, e.Reason, e.Amount, e.Surcharge, e.CardTotal)
	case *domain.RechargeSucceeded:
		return fmt.Sprintf("succeeded %s %s", e.RechargeID, e.Amount)
	case *domain.RechargeFailed:
		return fmt.Sprintf("failed %s%s", e.RechargeID, flag(!e.RetryAt.IsZero(), " retry "+clock(e.RetryAt)))
	case *domain.RetryCleared:
		return "retry cleared " + e.Why
	case *domain.InvoiceIssued:
		return fmt.Sprintf("invoice %s %s+%s=%s", e.InvoiceNumber, e.Prepayment, e.Surcharge, e.Total)
	case *domain.GraceStarted:
		return fmt.Sprintf("grace %s to %s", clock(e.NegativeSince), clock(e.BlockDeadline))
	case *domain.GraceEnded:
		return "grace ended"
	case *domain.AccountBlocked:
		return fmt.Sprintf("blocked %s %s", e.Kind, clock(e.EffectiveAt))
	case *domain.AccountUnblocked:
		return fmt.Sprintf("unblocked %s by %s", e.Kind, e.By)
	case *domain.PaymentConfirmed:
		return fmt.Sprintf("confirmed %s credited %s", e.Reference, e.Credited)
	case *domain.ReconciliationAdjusted:
		return fmt.Sprintf("adjusted %s run %d %s", e.Month, e.Run, e.Amount)
	case *domain.RefundIssued:
		return "refunded " + e.Amount.String() + flag(e.RefundID != "", " "+e.RefundID+" from "+e.RechargeID)
	case *domain.RechargeReversed:
		return fmt.Sprintf("reversed %s %s+%s", e.RechargeID, e.Amount, e.Surcharge)
	case *domain.RechargeReinstated:
		return fmt.Sprintf("reinstated %s %s", e.RechargeID, e.Amount)
	case *domain.CreditNoteIssued:
		return fmt.Sprintf("note %s of %s %s+%s=%s", e.CreditNoteNumber, e.InvoiceNumber, e.Prepayment, e.Surcharge, e.Total)
	case *domain.RefundPaidOut:
		return fmt.Sprintf("paid out %s %s%s", e.RefundID, e.Amount, flag(!e.Debited.IsZero(), " debited "+e.Debited.String()))
	case *domain.RefundFailed:
		return fmt.Sprintf("refund failed %s attempt %d", e.RefundID, e.Attempt)
	case *domain.RefundRetried:
		return fmt.Sprintf("refund retried %s attempt %d", e.RefundID, e.Attempt)
	case *domain.RefundCancelled:
		return fmt.Sprintf("refund cancelled %s credited %s", e.RefundID, e.Credited)
	case *domain.BalancePublished:
		return fmt.Sprintf("published %s %s due %s", clock(e.Day), e.Balance, e.AmountDue)
	case *domain.ChannelRegistered:
		return fmt.Sprintf("channel %s %s", e.ChannelID, e.PhoneNumber)
	case *domain.ChannelCancelled:
		return "cancelled " + e.ChannelID
	case *domain.RechargeSettingsChanged:
		return fmt.Sprintf("settings %v %s %s", e.Settings.AutoRecharge, e.Settings.Threshold, e.Settings.RechargeAmount)
	case *domain.CardReplaced:
		return "card " + e.Card
	default:
		return e.EventType()
	}
}

// clock writes an instant as day and time of October 2026, or in full.
func clock(t time.Time) string {
	if t.Year() == 2026 && t.Month() == time.October {
		return t.Format("2/15:04")
	}
	return t.Format(time.RFC3339)
}

func flag(on bool, text string) string {
	if on {
		return text
	}
	return ""
}

// step is one command at an instant.
type step struct {
	wait  time.Duration
	actor string
	cmd   domain.Command
}

func do(cmd domain.Command) step { return step{actor: "finance:ana", cmd: cmd} }

// after is a step that comes later than the one before.
func after(wait time.Duration, cmd domain.Command) step {
	return step{wait: wait, actor: "finance:ana", cmd: cmd}
}

// unsigned is a step for which nobody takes responsibility.
func unsigned(cmd domain.Command) step { return step{cmd: cmd} }

// open opens PA with 500 or whatever is carried over, and leaves the rest at
// its default.
func open(carried string, change ...func(*domain.OpenAccount)) step {
	c := &domain.OpenAccount{PartnerID: "PA", Currency: "EUR", CarriedOver: amt(carried), Card: "card-1"}
	for _, f := range change {
		f(c)
	}
	return do(c)
}

func noAuto(c *domain.OpenAccount)    { c.AutoRecharge = ptr(false) }
func noMinimum(c *domain.OpenAccount) { c.MinimumOpening = ptr(money.Zero()) }
func automatic(c *domain.OpenAccount) { c.UnblockPolicy = domain.UnblockAutomatic }
func grace(days int) func(*domain.OpenAccount) {
	return func(c *domain.OpenAccount) { c.GraceDays = &days }
}

func channel(id string, change ...func(*domain.RegisterChannel)) step {
	c := &domain.RegisterChannel{ChannelID: id, PhoneNumber: "+49 30 123456", PhoneNumberID: "PN-" + id, WABAID: "WABA", PaymentModel: domain.PartnerPaid}
	for _, f := range change {
		f(c)
	}
	return do(c)
}

func direct(c *domain.RegisterChannel) { c.PaymentModel = domain.Direct }

// priced is a charge with a price, on channel CH, that occurs at start.
func priced(id, amount string, change ...func(*domain.Charge)) *domain.Charge {
	c := unpriced(id, "marketing", change...)
	if c.Currency == "" {
		c.Currency = "EUR"
	}
	c.Priced, c.Amount = true, amt(amount)
	return c
}

func unpriced(id, category string, change ...func(*domain.Charge)) *domain.Charge {
	c := &domain.Charge{
		ChargeID: id, PartnerID: "PA", ChannelID: "CH", WABAID: "WABA", RecipientPrefix: "5511987", Country: "BR", Market: "Brazil",
		Category: category, Model: domain.PMP, PricingType: "regular", OccurredAt: start,
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func free(c *domain.Charge) { c.PricingType = "free_customer_service" }

func at(t time.Time) func(*domain.Charge) { return func(c *domain.Charge) { c.OccurredAt = t } }

func onChannel(id string) func(*domain.Charge) { return func(c *domain.Charge) { c.ChannelID = id } }

func succeeded(number int) step {
	return do(&domain.RecordRechargeSucceeded{RechargeID: fmt.Sprintf("PA-R%06d", number), ProcessorRef: "ref"})
}

func failed(number int) step {
	return do(&domain.RecordRechargeFailed{RechargeID: fmt.Sprintf("PA-R%06d", number), Code: "declined"})
}

// story is given, when, then: then is what tell says of the events of the
// last step, or "! code" of a rejection.
type story struct {
	name  string
	given []step
	when  step
	then  string
}

// run plays a story and returns its ledger.
func (s story) run(t *testing.T) *ledger {
	t.Helper()
	l := newLedger(t)
	for i, g := range append(slices.Clone(s.given), s.when) {
		l.now = l.now.Add(g.wait)
		events, err := l.do(g.actor, g.cmd)
		if i < len(s.given) {
			if err != nil {
				t.Fatalf("given step %d, %s: %v", i+1, g.cmd.CommandName(), err)
			}
			continue
		}
		got := tell(events)
		if err != nil {
			code := domain.RejectionCode(err)
			if code == "" || len(err.Error()) < len(code)+10 {
				t.Errorf("%v is no Rejection with a code and a sentence", err)
			}
			got = "! " + string(code)
		}
		if got != s.then {
			t.Errorf("%s\n got %s\nwant %s", g.cmd.CommandName(), got, s.then)
		}
	}
	if live, replayed := stateJSON(t, l.account), stateJSON(t, l.replayed()); live != replayed {
		t.Errorf("replay differs from the live state:\nlive   %s\nreplay %s", live, replayed)
	}
	return l
}

func tellAll(t *testing.T, stories []story) {
	t.Helper()
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { s.run(t) })
	}
}

// with is given, and more.
func with(given []step, more ...step) []step { return append(slices.Clone(given), more...) }
