package desk

import (
	"context"
	"slices"
	"strings"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/projections/accounts"
	"prepayledger/projections/quarantine"
)

const (
	// DeadlineAlarm is how long before its block an account is an alarm (time).
	DeadlineAlarm = 48 * time.Hour
	// MaxAlarms is how many accounts an alarm names; the others are counted
	// (accounts).
	MaxAlarms = 5
)

// Alarm is a kind of thing that somebody should look at.
type Alarm struct {
	Count int `json:"count"`
	// First are the first MaxAlarms of them, the most urgent first.
	First []AccountRow `json:"first,omitempty"`
}

// CurrencyTotal sums the accounts of one currency.
type CurrencyTotal struct {
	Currency money.Currency `json:"currency"`
	Accounts int            `json:"accounts"`
	// Credit sums the balances above zero, Due what is due: their difference
	// is the sum of the balances.
	Credit money.Amount `json:"credit"`
	Due    money.Amount `json:"due"`
	// Blocked sums what is due from blocked accounts.
	Blocked money.Amount `json:"blocked"`
}

// MonthToClose is a billing month that is over and not reconciled.
type MonthToClose struct {
	Month domain.Month         `json:"month"`
	Phase reconciliation.Phase `json:"phase"`
	// Accounts have charges of the month that are not reconciled.
	Accounts int `json:"accounts"`
}

// Overview is what Finance looks at first.
type Overview struct {
	At        time.Time               `json:"at"`
	Standings map[domain.Standing]int `json:"standings"`
	Totals    []CurrencyTotal         `json:"totals"`
	// Blocked are blocked accounts, Deadlines those that will be within
	// DeadlineAlarm, Failed those whose last card payment failed, Waiting those
	// for which a payment can be confirmed (R22).
	Blocked   Alarm `json:"blocked"`
	Deadlines Alarm `json:"deadlines"`
	Failed    Alarm `json:"failed_recharges"`
	Waiting   Alarm `json:"waiting"`
	// Quarantine counts entries by reason.
	Quarantine quarantine.Counts `json:"quarantine"`
	// Months are those to close, the oldest first.
	Months []MonthToClose `json:"months"`
}

// Overview sums all accounts up, as the views know them.
func (d *Desk) Overview(ctx context.Context) (*Overview, error) {
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	o := overviewing{Overview: Overview{At: d.Ledger.Now(), Standings: map[domain.Standing]int{}}, totals: map[money.Currency]*CurrencyTotal{}, open: map[domain.Month]int{}}
	d.Views.Accounts.Each(o.add)
	o.Quarantine = d.Views.Quarantine.Totals()
	for _, t := range o.totals {
		o.Totals = append(o.Totals, *t)
	}
	slices.SortFunc(o.Totals, func(a, b CurrencyTotal) int { return strings.Compare(string(a.Currency), string(b.Currency)) })
	o.Blocked.cut(func(a, b AccountRow) int { return compareTimes(a.BlockedSince, b.BlockedSince) })
	o.Deadlines.cut(func(a, b AccountRow) int { return compareTimes(a.BlockDeadline, b.BlockDeadline) })
	o.Failed.cut(func(a, b AccountRow) int { return compareTimes(a.RetryAt, b.RetryAt) })
	o.Waiting.cut(func(a, b AccountRow) int { return b.AmountDue.Cmp(a.AmountDue) })
	return &o.Overview, d.monthsToClose(&o)
}

// overviewing sums accounts up.
type overviewing struct {
	Overview
	totals map[money.Currency]*CurrencyTotal
	// open counts the accounts by month with charges that are not reconciled.
	open map[domain.Month]int
}

func (o *overviewing) add(_ string, a *accounts.Account) {
	s := a.State
	standing := s.Standing()
	o.Standings[standing]++
	t := o.totals[s.Currency]
	if t == nil {
		t = &CurrencyTotal{Currency: s.Currency}
		o.totals[s.Currency] = t
	}
	due := s.AmountDue()
	t.Accounts++
	t.Due = t.Due.Add(due)
	if s.Balance.Sign() > 0 {
		t.Credit = t.Credit.Add(s.Balance)
	}
	switch {
	case standing == domain.Blocked:
		t.Blocked = t.Blocked.Add(due)
		o.Blocked.First = append(o.Blocked.First, accountRow(a))
	case standing == domain.Grace && !s.BlockDeadline.After(o.At.Add(DeadlineAlarm)):
		o.Deadlines.First = append(o.Deadlines.First, accountRow(a))
	}
	if standing != domain.Closed && rechargeFailed(s) {
		o.Failed.First = append(o.Failed.First, accountRow(a))
	}
	if standing == domain.Blocked || !due.IsZero() {
		o.Waiting.First = append(o.Waiting.First, accountRow(a))
	}
	for month, m := range s.Months {
		if m.Open || m.Run == 0 {
			o.open[month]++
		}
	}
}

// cut keeps the first of an alarm.
func (a *Alarm) cut(order func(a, b AccountRow) int) {
	a.Count = len(a.First)
	slices.SortStableFunc(a.First, order)
	a.First = slices.Clone(a.First[:min(MaxAlarms, a.Count)])
}

// monthsToClose are the months that are over and have charges or a run that is
// not posted.
func (d *Desk) monthsToClose(o *overviewing) error {
	known, err := d.Views.Months.All()
	if err != nil {
		return err
	}
	phases := map[domain.Month]reconciliation.Phase{}
	for _, m := range known {
		phases[m.Month] = reconciliation.Phase(m.Phase)
		if p := phases[m.Month]; (p == reconciliation.Proposed || p == reconciliation.Approved) && o.open[m.Month] == 0 {
			o.open[m.Month] = 0 // to be closed although no account has anything open
		}
	}
	now := domain.MonthOf(o.At, time.UTC)
	for month, accounts := range o.open {
		if month < now {
			phase := phases[month]
			if phase == "" {
				phase = reconciliation.NotProposed
			}
			o.Months = append(o.Months, MonthToClose{Month: month, Phase: phase, Accounts: accounts})
		}
	}
	slices.SortFunc(o.Months, func(a, b MonthToClose) int { return strings.Compare(string(a.Month), string(b.Month)) })
	return nil
}
