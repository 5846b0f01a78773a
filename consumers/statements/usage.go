package statements

import (
	"cmp"
	"slices"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/projections/usage"
)

// AddUsage puts the billing month's usage into the statement, and what Meta
// invoiced of it: the lines of the newest posting, none before there is one.
func (s *Statement) AddUsage(rows []usage.Row, invoiced []reconciliation.Line) {
	of := map[reconciliation.Key]*Usage{}
	line := func(waba, market, category string) *Usage {
		k := reconciliation.Key{WABAID: waba, Market: market, Category: reconciliation.NormalizeCategory(category)}
		if of[k] == nil {
			of[k] = &Usage{WABAID: k.WABAID, Market: k.Market, Category: k.Category}
		}
		return of[k]
	}
	for i := range rows {
		r := &rows[i]
		if r.Direct {
			continue // nobody's prepayment (R7)
		}
		l := line(r.WABAID, r.Market, r.Category)
		count, amount := r.Net()
		if reconciliation.Key.Free(reconciliation.Key{PricingType: reconciliation.NormalizePricingType(r.PricingType)}) {
			l.Free += count
		} else {
			l.Count += count
		}
		l.Amount = l.Amount.Add(amount)
	}
	for i := range invoiced {
		n := &invoiced[i]
		l := line(n.WABAID, n.Market, n.Category)
		l.Invoiced += n.Invoiced.Count
		l.InvoicedAmount = l.InvoicedAmount.Add(n.Invoiced.Amount)
	}
	s.Usage = make([]Usage, 0, len(of))
	for _, l := range of {
		s.Usage = append(s.Usage, *l)
	}
	slices.SortFunc(s.Usage, func(a, b Usage) int {
		return cmp.Or(last(a)-last(b), cmp.Compare(a.WABAID, b.WABAID), cmp.Compare(a.Market, b.Market), cmp.Compare(a.Category, b.Category))
	})
	s.UsageTotal = Usage{}
	for i := range s.Usage {
		l, t := &s.Usage[i], &s.UsageTotal
		t.Count, t.Free, t.Invoiced = t.Count+l.Count, t.Free+l.Free, t.Invoiced+l.Invoiced
		t.Amount, t.InvoicedAmount = t.Amount.Add(l.Amount), t.InvoicedAmount.Add(l.InvoicedAmount)
	}
}

// last puts the line of R30's rounding, which has no names, behind the others.
func last(u Usage) int {
	if u.WABAID == "" && u.Market == "" && u.Category == "" {
		return 1
	}
	return 0
}

// AddDays puts the usage per day of the calendar month into the statement.
func (s *Statement) AddDays(days []usage.Day) {
	for i := range days {
		if d := &days[i]; domain.MonthOf(d.Day, nil) == s.Month {
			count, amount := d.Net()
			s.Days = append(s.Days, Day{Day: d.Day, Category: reconciliation.NormalizeCategory(d.Category), Count: count, Amount: amount})
		}
	}
}

// Total is what a breakdown says of one name.
type Total struct {
	Name   string
	Count  int64
	Amount money.Amount
}

// By sums the usage up by what name says, in order of names.
func (s *Statement) By(name func(*Usage) string) []Total {
	var totals []Total
	for i := range s.Usage {
		u := &s.Usage[i]
		if last(*u) == 1 {
			continue
		}
		n, found := slices.BinarySearchFunc(totals, name(u), func(t Total, name string) int { return cmp.Compare(t.Name, name) })
		if !found {
			totals = slices.Insert(totals, n, Total{Name: name(u)})
		}
		totals[n].Count += u.Count
		totals[n].Amount = totals[n].Amount.Add(u.Amount)
	}
	return totals
}
