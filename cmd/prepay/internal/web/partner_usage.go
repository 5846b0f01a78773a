package web

import (
	"slices"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

const (
	// maxBars is how many lines the usage chart has (lines); its table has all.
	maxBars = 8
	// maxUsageLines is how many lines the table of a breakdown has (lines).
	maxUsageLines = 500
)

// usageView is a month's usage, broken down.
type usageView struct {
	*accountView
	*desk.MonthlyUsage
	// filter is the form of month and breakdown.
	filter *ui.Form
	months []ui.Option
	chart  *ui.Chart
	// summary says what the chart shows.
	summary string
	// more is how many lines are not shown.
	more int
}

// accountUsage shows a month's usage, broken down.
func (w *Web) accountUsage(q *request) error {
	v, err := q.account("Usage", "What the conversations cost, month by month.")
	if err != nil {
		return err
	}
	months, err := w.desk.BillingMonths(v.State)
	if err != nil {
		return err
	}
	u := &usageView{accountView: v}
	month, by := newest(months), desk.UsageBys()[0]
	for _, m := range months {
		u.months = append(u.months, ui.Option{Value: string(m.Month), Label: monthWords(m.Month)})
		if string(m.Month) == q.query("month") {
			month = m.Month
		}
	}
	if chosen := desk.UsageBy(q.query("by")); slices.Contains(desk.UsageBys(), chosen) {
		by = chosen
	}
	u.filter = ui.NewForm("month", string(month), "by", string(by))
	if u.MonthlyUsage, err = w.desk.MonthlyUsage(v.PartnerID, month, by); err != nil {
		return err
	}
	if err := u.draw(w.desk); err != nil {
		return err
	}
	if n := len(u.Lines); n > maxUsageLines {
		u.Lines, u.more = u.Lines[:maxUsageLines], n-maxUsageLines
	}
	return q.showAccount(v, usagePage(u))
}

// newest is the newest month with charges, or else the current one.
func newest(months []desk.BillingMonth) domain.Month {
	for _, m := range months {
		if m.Charged.Sign() != 0 {
			return m.Month
		}
	}
	return months[0].Month
}

// draw makes the chart: days by category, or the dearest lines.
func (u *usageView) draw(d *desk.Desk) error {
	if u.By == desk.ByDay {
		from, to := spanOf(u.Month, u.now)
		days, err := d.DailyUsage(u.accountView.PartnerID, from, to)
		if err == nil && len(days.Categories) > 0 {
			u.chart, u.summary = stacked(days), summary(days)
		}
		return err
	}
	u.summary = "Usage of " + monthWords(u.Month) + " by " + string(u.By) + "."
	s := ui.ChartSeries{Label: "Deducted"}
	c := &ui.Chart{Kind: ui.Bars, Unit: string(u.MonthlyUsage.Currency), Head: byWords(u.By)}
	for i := range u.Lines[:min(len(u.Lines), maxBars)] {
		l := &u.Lines[i]
		if l.Amount.Sign() == 0 {
			continue
		}
		c.X = append(c.X, lineWords(u.By, l.Name))
		s.Values = append(s.Values, &l.Amount)
	}
	if len(c.X) > 0 {
		c.Series = []ui.ChartSeries{s}
		u.chart = c
	}
	return nil
}

// spanOf are the first and the last day of a month, today at the latest.
func spanOf(m domain.Month, now time.Time) (from, to time.Time) {
	from, err := time.Parse("2006-01", string(m))
	if err != nil {
		from = now
	}
	to = from.AddDate(0, 1, -1)
	if to.After(now) {
		to = now
	}
	if to.Before(from) {
		to = from
	}
	return from, to
}

// share is a line's part of the whole in per mille, for people to compare.
func share(part, whole money.Amount) string {
	if whole.Sign() <= 0 || part.Sign() < 0 {
		return "–"
	}
	percent, _ := part.Times(100).Quo(whole, 1)
	return percent.Fixed(1) + " %"
}

// channelsView are an account's channels.
type channelsView struct {
	*accountView
	rows  []desk.DatedChannel
	pager ui.Pager
}

// channelsPerPage is how many channels a page of their list has (channels).
const channelsPerPage = 50

// accountChannels lists an account's channels.
func (w *Web) accountChannels(q *request) error {
	v, err := q.account("Channels", "The numbers that are hosted under this account, and whether they may send.")
	if err != nil {
		return err
	}
	p := &channelsView{accountView: v}
	if p.rows, err = w.desk.DatedChannels(v.Account); err != nil {
		return err
	}
	total, offset := len(p.rows), min(q.offset(), len(p.rows))
	p.rows = p.rows[offset:min(offset+channelsPerPage, total)]
	p.pager = ui.OffsetPager(q.URL, offset, channelsPerPage, len(p.rows), total)
	return q.showAccount(v, channelsPage(p, q.URL.RequestURI()))
}
