// Package usage is the read model of what was charged and counted: sums by
// month, channel, WABA, market and category, and by day.
package usage

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections"
)

// maxCached bounds the sums that are kept in memory between batches: about
// 300 bytes each.
const maxCached = 250_000

// Key is what usage is summed up by. All of it belongs to one billing month
// (R25).
type Key struct {
	PartnerID    string              `json:"partner_id"`
	Month        domain.Month        `json:"month"`
	ChannelID    string              `json:"channel_id"`
	WABAID       string              `json:"waba_id"`
	Market       string              `json:"market"`
	Category     string              `json:"category"`
	PricingModel domain.PricingModel `json:"pricing_model"`
	PricingType  string              `json:"pricing_type"`
	// Direct says that it was counted for a direct channel.
	Direct bool `json:"direct,omitempty"`
	// Late says that it came after a run of the month was posted (R26).
	Late bool `json:"late,omitempty"`
}

// Sum is what came together under a key. Corrected charges are part of Count
// and Amount; they stand beside them, too.
type Sum struct {
	Count           int64        `json:"count"`
	Amount          money.Amount `json:"amount"`
	CorrectedCount  int64        `json:"corrected_count,omitempty"`
	CorrectedAmount money.Amount `json:"corrected_amount"`
}

// Net is the sum less what was corrected.
func (s *Sum) Net() (int64, money.Amount) {
	return s.Count - s.CorrectedCount, s.Amount.Sub(s.CorrectedAmount)
}

// Row is a key with its sum.
type Row struct {
	Key
	Sum
}

// Day is what was charged on one day (UTC, by when it occurred).
type Day struct {
	PartnerID string    `json:"partner_id"`
	Day       time.Time `json:"day"`
	Category  string    `json:"category"`
	Sum
	FreeCount int64 `json:"free_count,omitempty"`
}

// daySum is what is kept of a day; its key says the rest.
type daySum struct {
	Sum
	FreeCount int64 `json:"free_count,omitempty"`
}

// cell is a sum in memory. Its path is its key in the database, so that one
// string tells cells apart.
type cell struct {
	path string
	daySum
	dirty bool
}

type posted struct {
	partner string
	month   domain.Month
}

// Model keeps the sums.
type Model struct {
	view projections.View
	// cells are sums by path, those of days too. They are whole when the
	// database has none that is not among them.
	cells  map[string]*cell
	whole  bool
	dirty  []*cell
	limit  int // of cells between batches
	posted map[posted]bool
	fresh  []posted
	// path is where the next path is written.
	path []byte
	day  dayText
}

// New returns the model.
func New() *Model { return &Model{limit: maxCached} }

// Name implements projections.Model.
func (*Model) Name() string { return "usage" }

// Version implements projections.Model.
func (*Model) Version() int { return 2 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	*m = Model{view: v, limit: m.limit, cells: map[string]*cell{}, whole: true, posted: map[posted]bool{}}
	for _, err := range v.Scan("") {
		if err != nil {
			return err
		}
		m.whole = false
		break
	}
	for row, err := range v.Scan("posted/") {
		if err != nil {
			return err
		}
		month, partner, ok := strings.Cut(strings.TrimPrefix(row.Key, "posted/"), "/")
		if !ok {
			return fmt.Errorf("key %q", row.Key)
		}
		m.posted[posted{partner, domain.Month(month)}] = true
	}
	return nil
}

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	switch e := f.Event.(type) {
	case *domain.ConversationCharged:
		return m.add(&Key{
			PartnerID: f.PartnerID, Month: e.Month, ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market,
			Category: e.Category, PricingModel: e.PricingModel, PricingType: e.PricingType,
		}, e.OccurredAt, func(s *daySum, _ bool) {
			s.Count++
			s.Amount = s.Amount.Add(e.Amount)
		})
	case *domain.ConversationCounted:
		return m.add(&Key{
			PartnerID: f.PartnerID, Month: e.Month, ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market,
			Category: e.Category, PricingModel: e.PricingModel, PricingType: e.PricingType, Direct: e.Why == "direct",
		}, e.OccurredAt, func(s *daySum, day bool) {
			if day {
				s.FreeCount++
			} else {
				s.Count++
			}
		})
	case *domain.ChargeCorrected:
		return m.add(&Key{
			PartnerID: f.PartnerID, Month: e.Month, ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market,
			Category: e.Category, PricingModel: e.PricingModel, PricingType: e.PricingType,
		}, e.OccurredAt, func(s *daySum, _ bool) {
			s.CorrectedCount++
			s.CorrectedAmount = s.CorrectedAmount.Add(e.Amount)
		})
	case *domain.ReconciliationAdjusted:
		if p := (posted{f.PartnerID, e.Month}); !m.posted[p] {
			m.posted[p] = true
			m.fresh = append(m.fresh, p)
		}
	}
	return nil
}

// add changes the key's sum and that of its day.
func (m *Model) add(key *Key, at time.Time, change func(s *daySum, day bool)) error {
	key.Late = m.posted[posted{key.PartnerID, key.Month}]
	m.path = key.appendPath(m.path[:0])
	c, err := m.cell()
	if err != nil {
		return err
	}
	change(&c.daySum, false)
	m.path = appendDayPath(m.path[:0], key.PartnerID, m.day.of(at), key.Category)
	if c, err = m.cell(); err != nil {
		return err
	}
	change(&c.daySum, true)
	return nil
}

// cell returns the sum at m.path, from memory or from the database; it will
// be written by the next Flush.
func (m *Model) cell() (*cell, error) {
	c := m.cells[string(m.path)]
	if c == nil {
		c = &cell{path: string(m.path)}
		if !m.whole {
			if _, err := m.view.GetJSON(c.path, &c.daySum); err != nil {
				return nil, err
			}
		}
		m.cells[c.path] = c
	}
	if !c.dirty {
		c.dirty = true
		m.dirty = append(m.dirty, c)
	}
	return c, nil
}

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	// In order, the database takes them several times faster.
	slices.SortFunc(m.dirty, func(a, b *cell) int { return strings.Compare(a.path, b.path) })
	var value []byte
	for _, c := range m.dirty {
		c.dirty = false
		value = c.appendJSON(value[:0])
		if err := b.Set(c.path, value); err != nil {
			return err
		}
	}
	for _, p := range m.fresh {
		if err := b.Set("posted/"+string(p.month)+"/"+p.partner, []byte("{}")); err != nil {
			return err
		}
	}
	m.fresh, m.dirty = m.fresh[:0], m.dirty[:0]
	if len(m.cells) > m.limit {
		clear(m.cells)
		m.whole = false
	}
	return nil
}

// Month returns the sums of an account's billing month.
func (m *Model) Month(partnerID string, month domain.Month) ([]Row, error) {
	var rows []Row
	for row, err := range m.view.Scan("sum/" + partnerID + "\x00" + string(month) + "\x00") {
		if err != nil {
			return nil, err
		}
		r := Row{}
		if r.Key, err = parsePath(row.Key); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(row.Value, &r.Sum); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// Days returns an account's sums by day and category, in order.
func (m *Model) Days(partnerID string) ([]Day, error) {
	return m.days(partnerID, "", lastDay)
}

// DaysBetween is Days from a day to another, both included: the rest is not
// read.
func (m *Model) DaysBetween(partnerID string, from, to time.Time) ([]Day, error) {
	return m.days(partnerID, from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
}

// lastDay comes after all days.
const lastDay = "9999-12-31"

func (m *Model) days(partnerID, from, to string) ([]Day, error) {
	prefix := dayPrefix + partnerID + "\x00"
	after := ""
	if from != "" {
		after = prefix + from // the day's own rows have a category behind it
	}
	var days []Day
	for row, err := range m.view.ScanAfter(prefix, after) {
		if err != nil {
			return nil, err
		}
		d, err := parseDayPath(row.Key)
		if err != nil {
			return nil, err
		}
		if d.Day.Format(time.DateOnly) > to {
			break
		}
		var sum daySum
		if err := json.Unmarshal(row.Value, &sum); err != nil {
			return nil, err
		}
		d.Sum, d.FreeCount = sum.Sum, sum.FreeCount
		days = append(days, d)
	}
	return days, nil
}

// Line is one line of a breakdown.
type Line struct {
	Label string `json:"label"`
	// Count and Amount are what was deducted, less corrections; FreeCount
	// what was counted at no cost.
	Count     int64        `json:"count"`
	Amount    money.Amount `json:"amount"`
	FreeCount int64        `json:"free_count"`
}

// Breakdown sums rows up by what the label says, in order of labels.
func Breakdown(rows []Row, label func(*Row) string) []Line {
	lines := map[string]*Line{}
	for i := range rows {
		r := &rows[i]
		l := lines[label(r)]
		if l == nil {
			l = &Line{Label: label(r)}
			lines[l.Label] = l
		}
		if r.Charged() {
			count, amount := r.Net()
			l.Count += count
			l.Amount = l.Amount.Add(amount)
		} else {
			l.FreeCount += r.Count
		}
	}
	sorted := make([]Line, 0, len(lines))
	for _, l := range lines {
		sorted = append(sorted, *l)
	}
	slices.SortFunc(sorted, func(a, b Line) int { return cmp.Compare(a.Label, b.Label) })
	return sorted
}

// Charged says that the key's conversations were deducted.
func (k *Key) Charged() bool { return !k.Direct && k.PricingType == domain.PricingTypeRegular }

// ByDay sums days of a calendar month (UTC) up over their categories.
func ByDay(days []Day, month domain.Month) []Line {
	var lines []Line
	for i := range days {
		d := &days[i]
		if domain.MonthOf(d.Day, time.UTC) != month {
			continue
		}
		label := d.Day.Format(time.DateOnly)
		if len(lines) == 0 || lines[len(lines)-1].Label != label {
			lines = append(lines, Line{Label: label})
		}
		l := &lines[len(lines)-1]
		count, amount := d.Net()
		l.Count += count
		l.Amount = l.Amount.Add(amount)
		l.FreeCount += d.FreeCount
	}
	return lines
}
