package desk

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/usage"
)

// MaxUsageDays bounds the days of a DailyUsage (days): a year and a day.
const MaxUsageDays = 366

// DailyUsage is what an account used by day (UTC, by when it occurred) and
// category.
type DailyUsage struct {
	PartnerID string         `json:"partner_id"`
	Currency  money.Currency `json:"currency"`
	From      time.Time      `json:"from"`
	To        time.Time      `json:"to"`
	// Categories are those that were used, the dearest first.
	Categories []UsageSum `json:"categories"`
	// Days are all days from From to To, those without usage too.
	Days  []DayUsage `json:"days"`
	Total UsageSum   `json:"total"`
	// Estimated says that a month in it is not reconciled yet (R31).
	Estimated bool `json:"estimated"`
}

// UsageSum is what was deducted, less corrections, and what was counted at no
// cost.
type UsageSum struct {
	Name      string       `json:"name,omitempty"`
	Count     int64        `json:"count"`
	Amount    money.Amount `json:"amount"`
	FreeCount int64        `json:"free_count"`
}

func (s *UsageSum) add(count int64, amount money.Amount, free int64) {
	s.Count, s.Amount, s.FreeCount = s.Count+count, s.Amount.Add(amount), s.FreeCount+free
}

// DayUsage is a day. ByCategory has a sum for each of the categories, in their
// order.
type DayUsage struct {
	Day        time.Time  `json:"day"`
	ByCategory []UsageSum `json:"by_category"`
	UsageSum
}

// DailyUsage sums an account's usage up by day, from a day to another, both
// included.
func (d *Desk) DailyUsage(partner string, from, to time.Time) (*DailyUsage, error) {
	from, to = from.UTC().Truncate(domain.Day), to.UTC().Truncate(domain.Day)
	count := int(to.Sub(from)/domain.Day) + 1
	if count < 1 || count > MaxUsageDays {
		return nil, domain.Reject(domain.InvalidSetting, "From %s to %s are %d days: choose 1 to %d.", from.Format(time.DateOnly), to.Format(time.DateOnly), count, MaxUsageDays)
	}
	account, err := d.Views.Accounts.Get(partner)
	if err != nil {
		return nil, err
	}
	if account == nil {
		return nil, unknown(partner)
	}
	rows, err := d.Views.Usage.DaysBetween(partner, from, to)
	if err != nil {
		return nil, err
	}
	u := &DailyUsage{PartnerID: partner, Currency: account.State.Currency, From: from, To: to}
	u.categories(rows)
	u.Days = make([]DayUsage, count)
	for i := range u.Days {
		u.Days[i] = DayUsage{Day: from.AddDate(0, 0, i), ByCategory: make([]UsageSum, len(u.Categories))}
	}
	place := map[string]int{}
	for i, c := range u.Categories {
		place[c.Name] = i
	}
	for i := range rows {
		r := &rows[i]
		n, amount := r.Net()
		day := &u.Days[int(r.Day.Sub(from)/domain.Day)]
		day.add(n, amount, r.FreeCount)
		c := &day.ByCategory[place[r.Category]]
		c.Name = r.Category
		c.add(n, amount, r.FreeCount)
		u.Estimated = u.Estimated || estimated(account.State, domain.MonthOf(r.Day, time.UTC))
	}
	return u, nil
}

// categories sums the rows up by category.
func (u *DailyUsage) categories(rows []usage.Day) {
	sums := map[string]*UsageSum{}
	for i := range rows {
		r := &rows[i]
		if sums[r.Category] == nil {
			sums[r.Category] = &UsageSum{Name: r.Category}
		}
		n, amount := r.Net()
		sums[r.Category].add(n, amount, r.FreeCount)
		u.Total.add(n, amount, r.FreeCount)
	}
	for _, s := range sums {
		u.Categories = append(u.Categories, *s)
	}
	slices.SortFunc(u.Categories, dearestFirst)
}

// dearestFirst puts sums in order of their amounts, then of their counts, then
// of their names.
func dearestFirst(a, b UsageSum) int {
	if c := b.Amount.Cmp(a.Amount); c != 0 {
		return c
	}
	if c := (b.Count + b.FreeCount) - (a.Count + a.FreeCount); c != 0 {
		return int(c)
	}
	if a.Name < b.Name {
		return -1
	}
	return 1
}

// UsageBy is what a month's usage is broken down by.
type UsageBy string

// The breakdowns.
const (
	ByCategory UsageBy = "category"
	ByMarket   UsageBy = "market"
	ByChannel  UsageBy = "channel"
	ByWABA     UsageBy = "waba"
	ByDay      UsageBy = "day"
)

// UsageBys returns all breakdowns; the first is the default.
func UsageBys() []UsageBy { return []UsageBy{ByCategory, ByMarket, ByChannel, ByWABA, ByDay} }

// MonthlyUsage is a billing month's usage, broken down. Its days are calendar
// days of UTC.
type MonthlyUsage struct {
	PartnerID string         `json:"partner_id"`
	Month     domain.Month   `json:"month"`
	Currency  money.Currency `json:"currency"`
	By        UsageBy        `json:"by"`
	// Estimated says that the month is not reconciled yet (R31).
	Estimated bool       `json:"estimated"`
	Lines     []UsageSum `json:"lines"`
	Total     UsageSum   `json:"total"`
}

// MonthlyUsage breaks an account's billing month down: the dearest line first,
// days in their order.
func (d *Desk) MonthlyUsage(partner string, month domain.Month, by UsageBy) (*MonthlyUsage, error) {
	if !slices.Contains(UsageBys(), by) {
		return nil, fmt.Errorf("a month is not broken down by %.20q: choose one of %v", by, UsageBys())
	}
	account, err := d.Views.Accounts.Get(partner)
	if err != nil {
		return nil, err
	}
	if account == nil {
		return nil, unknown(partner)
	}
	lines, err := d.UsageLines(partner, month, string(by))
	if err != nil {
		return nil, err
	}
	u := &MonthlyUsage{PartnerID: partner, Month: month, Currency: account.State.Currency, By: by, Estimated: estimated(account.State, month)}
	for _, l := range lines {
		u.Lines = append(u.Lines, UsageSum{Name: l.Label, Count: l.Count, Amount: l.Amount, FreeCount: l.FreeCount})
		u.Total.add(l.Count, l.Amount, l.FreeCount)
	}
	if by != ByDay {
		slices.SortFunc(u.Lines, dearestFirst)
	}
	return u, nil
}

// BillingMonth is a billing month of an account in a list.
type BillingMonth struct {
	Month domain.Month `json:"month"`
	// Charged is the sum of the month's charges less corrections.
	Charged   money.Amount `json:"charged"`
	Estimated bool         `json:"estimated"`
}

// BillingMonths lists the months of an account from its opening to now, and
// others for which it has charges: the newest first.
func (d *Desk) BillingMonths(a *domain.Account) ([]BillingMonth, error) {
	now := d.Ledger.Now()
	opened, err := d.Views.Activity.Entries(a.PartnerID, 0, 1, domain.TypeAccountOpened)
	if err != nil {
		return nil, err
	}
	first := now
	if len(opened) > 0 && opened[0].At.Before(now) {
		first = opened[0].At
	}
	sums := map[domain.Month]money.Amount{}
	for m := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC); !m.After(now); m = m.AddDate(0, 1, 0) {
		sums[domain.MonthOf(m, time.UTC)] = money.Zero()
	}
	for m, s := range a.Months {
		sums[m] = s.Charged
	}
	months := make([]BillingMonth, 0, len(sums))
	for _, m := range slices.Backward(slices.Sorted(maps.Keys(sums))) {
		months = append(months, BillingMonth{Month: m, Charged: sums[m], Estimated: estimated(a, m)})
	}
	return months, nil
}
