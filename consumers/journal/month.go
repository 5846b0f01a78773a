package journal

import (
	"fmt"
	"maps"
	"slices"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// bookMonth settles what was estimated of a month: what this run counts for
// the first time goes from estimated to final, the difference to the partner.
// Meta's claim is the converted sum, the invoiced one is rounded (R30).
func (b *Book) bookMonth(p *partner, x *entry, e domain.Event) bool {
	a, ok := e.(*domain.ReconciliationAdjusted)
	if !ok {
		return false
	}
	x.month = a.Month
	before := p.months[a.Month]
	now := posted{charged: a.Charged, rounding: b.of(a.Month).rounding[x.partner]}
	charged, rounding := now.charged.Sub(before.charged), now.rounding.Sub(before.rounding)
	x.add(MetaEstimated, charged).add(PrepaymentLiability, a.Amount.Neg()).add(Rounding, rounding).
		add(MetaFinal, a.Amount.Sub(charged).Sub(rounding))
	p.months[a.Month] = now
	return true
}

func (b *Book) of(m domain.Month) *month {
	if b.months[m] == nil {
		b.months[m] = &month{}
	}
	return b.months[m]
}

// monthEntries takes what a month's stream says of roundings and of the
// provider's own cost, which is booked when the month is posted.
func (b *Book) monthEntries(of domain.Month, e domain.Event) ([]Line, error) {
	m := b.of(of)
	switch e := e.(type) {
	case *reconciliation.ReconciliationAccounts:
		m.begin(e.Proposal)
		for i := range e.Accounts {
			if a := &e.Accounts[i]; !a.Rounding.IsZero() {
				m.rounding[a.PartnerID] = a.Rounding
			}
		}
	case *reconciliation.ReconciliationDetails:
		m.begin(e.Proposal)
		for i := range e.OwnCost {
			l := &e.OwnCost[i]
			m.ownCost[l.Currency] = m.ownCost[l.Currency].Add(l.Amount)
		}
	case *reconciliation.ReconciliationPosted:
		m.begin(e.Proposal)
		return m.bookOwnCost(of), nil
	default:
		return nil, fmt.Errorf("%w: %s", ErrUndecided, e.EventType())
	}
	return nil, nil
}

// begin forgets an older proposal: only the newest is ever posted.
func (m *month) begin(proposal int) {
	if m.rounding == nil || m.proposal != proposal {
		m.proposal, m.rounding, m.ownCost = proposal, map[string]money.Amount{}, map[money.Currency]money.Amount{}
	}
}

// bookOwnCost books what changed since the last run.
func (m *month) bookOwnCost(of domain.Month) []Line {
	x := &entry{month: of}
	currencies := map[money.Currency]bool{}
	for c := range m.ownCost {
		currencies[c] = true
	}
	for c := range m.bookedOwnCost {
		currencies[c] = true
	}
	for _, c := range slices.Sorted(maps.Keys(currencies)) {
		x.currency = c
		x.move(OwnCost, MetaFinal, m.ownCost[c].Sub(m.bookedOwnCost[c]))
	}
	m.bookedOwnCost = maps.Clone(m.ownCost)
	return x.lines
}
