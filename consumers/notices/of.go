package notices

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"prepayledger/consumers/outbound"
	"prepayledger/domain"
)

// Of returns the notices of one event, none for most. It is pure: only the
// list of affected channels depends on how far the account was folded.
func Of(c outbound.Change) []Notice {
	if c.Account == nil {
		return nil
	}
	m := maker{c: &c}
	if !low(&c.Before) && low(&c.After) {
		m.lowBalance()
	}
	switch e := c.Event.(type) {
	case *domain.GraceStarted:
		m.graceStarted(e)
	case *domain.BalancePublished:
		if blocksTomorrow(&c, e.Day) {
			m.blockTomorrow()
		}
	case *domain.GraceEnded:
		m.graceEnded(e)
	case *domain.AccountBlocked:
		if !c.Before.Blocked() {
			m.blocked(e)
		}
	case *domain.AccountUnblocked:
		if c.Before.Blocked() && !c.After.Blocked() {
			m.unblocked(e)
		}
	case *domain.InvoiceIssued:
		if e.Why == "" { // else no card was charged
			m.recharged(e)
		}
	case *domain.RechargeFailed:
		m.rechargeFailed(e)
	case *domain.ReconciliationAdjusted:
		m.monthReconciled(e)
	}
	return m.notices
}

// low says that the balance of a living account is below its threshold.
func low(f *domain.Funds) bool {
	return f.Opened && !f.Closed && f.Balance.Less(f.Settings.Threshold)
}

// maker makes the notices of one event.
type maker struct {
	c       *outbound.Change
	notices []Notice
}

// common fills what all payloads have.
func (m *maker) common(kind Kind, format string, args ...any) Common {
	f := &m.c.After
	return Common{
		Kind: kind, EventID: m.c.ID, PartnerID: f.PartnerID, Currency: string(f.Currency),
		Balance: f.Balance.String(), AmountDue: f.AmountDue().String(), Threshold: f.Settings.Threshold.String(),
		AutoRecharge: f.Settings.AutoRecharge, Standing: string(standing(f)), BlockedReason: f.BlockedReason(),
		BlockDeadline: f.BlockDeadline.UTC(), Text: fmt.Sprintf(format, args...),
		OccurredAt: m.c.Meta.OccurredAt.UTC(), RecordedAt: m.c.Meta.RecordedAt.UTC(),
	}
}

// add adds a notice.
func (m *maker) add(c Common, data any) {
	m.notices = append(m.notices, Notice{
		ID: uuid.NewSHA1(m.c.ID, []byte(c.Kind)), Kind: c.Kind, PartnerID: c.PartnerID, Balance: c.Balance,
		OccurredAt: c.OccurredAt, RecordedAt: c.RecordedAt, Revision: m.c.Revision, Position: m.c.Position, Data: data,
	})
}

// money writes an amount with the currency and all its decimals.
func (m *maker) money(a interface{ Fixed(int) string }) string {
	f := &m.c.After
	return a.Fixed(f.Currency.Decimals()) + " " + string(f.Currency)
}

// day writes an instant for people.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func (m *maker) lowBalance() {
	f := &m.c.After
	next := "Add funds, or switch auto-recharge on."
	if f.Settings.AutoRecharge {
		next = "Auto-recharge is on: the registered card is charged."
	}
	if f.Blocked() {
		next = "The account is blocked: the card is not charged by itself."
	}
	c := m.common(LowBalance, "The balance of account %s is below its threshold of %s: it is %s. %s",
		f.PartnerID, m.money(f.Settings.Threshold), m.money(f.Balance), next)
	m.add(c, &LowBalanceData{Common: c, RechargeAmount: f.Settings.RechargeAmount.String()})
}

func (m *maker) graceStarted(e *domain.GraceStarted) {
	f := &m.c.After
	c := m.common(GraceStarted, "The balance of account %s is negative: %s are due. If it is not settled by %s, all its channels are blocked.",
		f.PartnerID, m.money(f.AmountDue()), day(e.BlockDeadline))
	m.add(c, &GraceStartedData{Common: c, NegativeSince: e.NegativeSince.UTC()})
}

// The time that BlockTomorrow leaves: less than a day between them would leave
// a deadline out, more would tell one twice.
const (
	leastWarning = 12 * time.Hour
	mostWarning  = leastWarning + domain.Day
)

// blocksTomorrow says that the midnight of a published balance is the one to
// warn at. A ledger that slept through the deadline has no warning to give.
func blocksTomorrow(c *outbound.Change, midnight time.Time) bool {
	f := &c.After
	if f.NegativeSince.IsZero() || f.Blocked() || f.Closed || !c.Meta.RecordedAt.Before(f.BlockDeadline) {
		return false
	}
	left := f.BlockDeadline.Sub(midnight)
	return leastWarning < left && left <= mostWarning
}

func (m *maker) blockTomorrow() {
	f := &m.c.After
	c := m.common(BlockTomorrow, "All channels of account %s are blocked at %s, unless the %s that are due are settled before.",
		f.PartnerID, day(f.BlockDeadline), m.money(f.AmountDue()))
	m.add(c, &BlockTomorrowData{Common: c, NegativeSince: f.NegativeSince.UTC(), Channels: m.channels()})
}

func (m *maker) graceEnded(e *domain.GraceEnded) {
	f := &m.c.After
	next := "No block is due any more."
	if f.Blocked() {
		next = "The account is still blocked."
	}
	c := m.common(GraceEnded, "The balance of account %s is not negative any more: it is %s. %s", f.PartnerID, m.money(f.Balance), next)
	m.add(c, &GraceEndedData{Common: c, NegativeSince: e.NegativeSince.UTC()})
}

func (m *maker) blocked(e *domain.AccountBlocked) {
	f := &m.c.After
	why := "because " + m.money(f.AmountDue()) + " are overdue: Finance lifts the block once the payment is confirmed"
	if e.Kind == domain.KindManual {
		why = "by Finance: " + e.Reason
	}
	c := m.common(Blocked, "All channels of account %s are blocked since %s, %s.", f.PartnerID, day(e.EffectiveAt), why)
	m.add(c, &BlockedData{
		Common: c, BlockKind: string(e.Kind), Reason: e.Reason, EffectiveAt: e.EffectiveAt.UTC(), SenderText: e.Text, Channels: m.channels(),
	})
}

func (m *maker) unblocked(e *domain.AccountUnblocked) {
	f := &m.c.After
	c := m.common(Unblocked, "The channels of account %s may send again since %s. The balance is %s.", f.PartnerID, day(e.EffectiveAt), m.money(f.Balance))
	m.add(c, &UnblockedData{Common: c, By: e.By, EffectiveAt: e.EffectiveAt.UTC(), Channels: m.channels()})
}

// recharged follows from the invoice, which every credited card payment has
// in the same decision: it alone has all that the notice says.
func (m *maker) recharged(e *domain.InvoiceIssued) {
	f := &m.c.After
	c := m.common(Recharged, "The card of account %s was charged %s: %s are credited, invoice %s. The balance is %s.",
		f.PartnerID, m.money(e.Total), m.money(e.Prepayment), e.InvoiceNumber, m.money(f.Balance))
	m.add(c, &RechargedData{
		Common: c, InvoiceNumber: e.InvoiceNumber, SurchargePercent: e.SurchargePercent.String(),
		Payment: Payment{RechargeID: e.RechargeID, Amount: e.Prepayment.String(), Surcharge: e.Surcharge.String(), CardTotal: e.Total.String()},
	})
}

func (m *maker) rechargeFailed(e *domain.RechargeFailed) {
	f, r := &m.c.After, m.c.Before.InFlight
	if r == nil {
		r = &domain.RechargeRequested{RechargeID: e.RechargeID, Reason: domain.RechargeManual} // a stream without its request: the rules never write one
	}
	next := "It is not tried again by itself: correct the card or add funds."
	if !e.RetryAt.IsZero() {
		next = "It is tried again at " + day(e.RetryAt) + "."
	}
	c := m.common(RechargeFailed, "The card of account %s could not be charged %s (%s). %s", f.PartnerID, m.money(r.CardTotal), e.Code, next)
	m.add(c, &RechargeFailedData{
		Common: c, Reason: string(r.Reason), Code: e.Code, RetryAt: e.RetryAt.UTC(),
		Payment: Payment{RechargeID: e.RechargeID, Amount: r.Amount.String(), Surcharge: r.Surcharge.String(), CardTotal: r.CardTotal.String()},
	})
}

func (m *maker) monthReconciled(e *domain.ReconciliationAdjusted) {
	f := &m.c.After
	c := m.common(MonthReconciled, "Month %s of account %s is reconciled with Meta's invoice of %s: %s were posted. The balance is %s.",
		e.Month, f.PartnerID, m.money(e.Invoiced), m.money(e.Amount), m.money(f.Balance))
	m.add(c, &MonthReconciledData{
		Common: c, Month: string(e.Month), Run: e.Run, Amount: e.Amount.String(), Charged: e.Charged.String(),
		Invoiced: e.Invoiced.String(), Adjusted: e.Adjusted.String(), Documents: e.Documents,
	})
}

// channels lists those that weren't cancelled before the event.
func (m *maker) channels() Channels {
	affected := Channels{Affected: []AffectedChannel{}}
	for _, id := range slices.Sorted(maps.Keys(m.c.Account.Channels)) {
		c := m.c.Account.Channels[id]
		if !c.CancelledAt.IsZero() && !c.CancelledAt.After(m.c.Meta.OccurredAt) {
			continue
		}
		if affected.ChannelCount++; affected.ChannelCount <= MaxChannels {
			affected.Affected = append(affected.Affected, AffectedChannel{c.ChannelID, c.PhoneNumber})
		}
	}
	return affected
}
