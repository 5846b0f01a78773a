package desk

import (
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
	"prepayledger/projections/usage"
)

// Usage is an account's usage of a billing month (R25), broken down.
type Usage struct {
	PartnerID string         `json:"partner_id" doc:"The account's partner id."`
	Month     domain.Month   `json:"month" doc:"The billing month; by day it is the calendar month (UTC)." example:"2026-10"`
	By        string         `json:"by" doc:"What the labels are."`
	Currency  money.Currency `json:"currency" doc:"ISO 4217 code."`
	Estimated bool           `json:"estimated" doc:"The month is not reconciled with Meta's invoice, or has charges that came later (R31)."`
	Lines     []usage.Line   `json:"lines" doc:"In order of labels. Counts and amounts are less what was taken back."`
}

// UsageOf breaks an account's usage of a month down by waba, channel, market,
// category or day.
func (d *Desk) UsageOf(found *accounts.Account, month domain.Month, by string) (*Usage, error) {
	a := found.State
	lines, err := d.UsageLines(a.PartnerID, month, by)
	if lines == nil {
		lines = []usage.Line{}
	}
	return &Usage{PartnerID: a.PartnerID, Month: month, By: by, Currency: a.Currency, Estimated: estimated(a, month), Lines: lines}, err
}

// UsageDay is what was used of a category on a day.
type UsageDay struct {
	Day       string       `json:"day" format:"date" doc:"The day (UTC) on which the conversations occurred." example:"2026-10-03"`
	Category  string       `json:"category" doc:"Meta's category." example:"marketing"`
	Count     int64        `json:"count" doc:"Conversations deducted, less those taken back."`
	Amount    money.Amount `json:"amount" doc:"What they cost, less what was taken back."`
	FreeCount int64        `json:"free_count" doc:"Conversations counted at no cost."`
}

// UsageDays returns an account's usage by day and category, in order, from one
// day to another, both included.
func (d *Desk) UsageDays(partner string, from, to time.Time) ([]UsageDay, error) {
	all, err := d.Views.Usage.Days(partner)
	days := []UsageDay{}
	for i := range all {
		day := &all[i]
		if day.Day.Before(from) || day.Day.After(to) {
			continue
		}
		count, amount := day.Net()
		days = append(days, UsageDay{Day: day.Day.Format(time.DateOnly), Category: day.Category, Count: count, Amount: amount, FreeCount: day.FreeCount})
	}
	return days, err
}
