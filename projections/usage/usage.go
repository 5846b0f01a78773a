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

// maxCached bounds the sums that are kept in memory between batches.
const maxCached = 500_000

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

type dayKey struct {
	partner  string
	day      int64
	category string
}

type cell struct {
	Row
	dirty bool
}

type dayCell struct {
	Day
	dirty bool
}

type posted struct {
	partner string
	month   domain.Month
}

// Model keeps the sums.
type Model struct {
	view   projections.View
	cells  map[Key]*cell
	days   map[dayKey]*dayCell
	posted map[posted]bool
	fresh  []posted
	// dirty and dirtyDays are what Apply changed since the last Flush.
	dirty     []*cell
	dirtyDays []*dayCell
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "usage" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	*m = Model{view: v, cells: map[Key]*cell{}, days: map[dayKey]*dayCell{}, posted: map[posted]bool{}}
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
		key := Key{
			PartnerID: f.PartnerID, Month: e.Month, ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market,
			Category: e.Category, PricingModel: e.PricingModel, PricingType: e.PricingType,
		}
		c, err := m.cell(key)
		if err != nil {
			return err
		}
		c.Count++
		c.Amount = c.Amount.Add(e.Amount)
		d, err := m.day(f.PartnerID, e.OccurredAt, e.Category)
		if err != nil {
			return err
		}
		d.Count++
		d.Amount = d.Amount.Add(e.Amount)
	case *domain.ConversationCounted:
		key := Key{
			PartnerID: f.PartnerID, Month: e.Month, ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market,
			Category: e.Category, PricingModel: e.PricingModel, PricingType: e.PricingType, Direct: e.Why == "direct",
		}
		c, err := m.cell(key)
		if err != nil {
			return err
		}
		c.Count++
		d, err := m.day(f.PartnerID, e.OccurredAt, e.Category)
		if err != nil {
			return err
		}
		d.FreeCount++
	case *domain.ChargeCorrected:
		return m.correct(f.PartnerID, e)
	case *domain.ReconciliationAdjusted:
		if p := (posted{f.PartnerID, e.Month}); !m.posted[p] {
			m.posted[p] = true
			m.fresh = append(m.fresh, p)
		}
	}
	return nil
}

func (m *Model) correct(partner string, e *domain.ChargeCorrected) error {
	key := Key{
		PartnerID: partner, Month: e.Month, ChannelID: e.ChannelID, WABAID: e.WABAID, Market: e.Market,
		Category: e.Category, PricingModel: e.PricingModel, PricingType: e.PricingType,
	}
	c, err := m.cell(key)
	if err != nil {
		return err
	}
	c.CorrectedCount++
	c.CorrectedAmount = c.CorrectedAmount.Add(e.Amount)
	d, err := m.day(partner, e.OccurredAt, e.Category)
	if err != nil {
		return err
	}
	d.CorrectedCount++
	d.CorrectedAmount = d.CorrectedAmount.Add(e.Amount)
	return nil
}

// cell returns the sum of a key, from memory or from the database.
func (m *Model) cell(key Key) (*cell, error) {
	key.Late = m.posted[posted{key.PartnerID, key.Month}]
	c := m.cells[key]
	if c == nil {
		c = &cell{Row: Row{Key: key}}
		if _, err := m.view.GetJSON(key.path(), &c.Sum); err != nil {
			return nil, err
		}
		m.cells[key] = c
	}
	if !c.dirty {
		c.dirty = true
		m.dirty = append(m.dirty, c)
	}
	return c, nil
}

func (m *Model) day(partner string, at time.Time, category string) (*dayCell, error) {
	const seconds = 24 * 60 * 60
	key := dayKey{partner, at.Unix() / seconds, category}
	d := m.days[key]
	if d == nil {
		d = &dayCell{Day: Day{PartnerID: partner, Day: time.Unix(key.day*seconds, 0).UTC(), Category: category}}
		if _, err := m.view.GetJSON(d.path(), &d.Day); err != nil {
			return nil, err
		}
		m.days[key] = d
	}
	if !d.dirty {
		d.dirty = true
		m.dirtyDays = append(m.dirtyDays, d)
	}
	return d, nil
}

// flag writes a truth value into a path.
func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// path is where a key's sum is kept: by partner and month.
func (k *Key) path() string {
	return strings.Join([]string{
		"sum/" + k.PartnerID, string(k.Month), k.WABAID, k.ChannelID, k.Market, k.Category, string(k.PricingModel),
		k.PricingType, flag(k.Direct), flag(k.Late),
	}, "\x00")
}

// parsePath reads what path wrote.
func parsePath(path string) (k Key, err error) {
	parts := strings.Split(strings.TrimPrefix(path, "sum/"), "\x00")
	if len(parts) != 10 {
		return k, fmt.Errorf("key %q has %d parts", path, len(parts))
	}
	return Key{
		PartnerID: parts[0], Month: domain.Month(parts[1]), WABAID: parts[2], ChannelID: parts[3], Market: parts[4], Category: parts[5],
		PricingModel: domain.PricingModel(parts[6]), PricingType: parts[7], Direct: parts[8] == "1", Late: parts[9] == "1",
	}, nil
}

func (d *Day) path() string {
	return "day/" + d.PartnerID + "\x00" + d.Day.Format(time.DateOnly) + "\x00" + d.Category
}

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	for _, c := range m.dirty {
		c.dirty = false
		if err := b.SetJSON(c.path(), &c.Sum); err != nil {
			return err
		}
	}
	for _, d := range m.dirtyDays {
		d.dirty = false
		if err := b.SetJSON(d.path(), &d.Day); err != nil {
			return err
		}
	}
	for _, p := range m.fresh {
		if err := b.Set("posted/"+string(p.month)+"/"+p.partner, []byte("{}")); err != nil {
			return err
		}
	}
	m.fresh, m.dirty, m.dirtyDays = m.fresh[:0], m.dirty[:0], m.dirtyDays[:0]
	if len(m.cells)+len(m.days) > maxCached {
		clear(m.cells)
		clear(m.days)
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
	var days []Day
	for row, err := range m.view.Scan("day/" + partnerID + "\x00") {
		if err != nil {
			return nil, err
		}
		var d Day
		if err := json.Unmarshal(row.Value, &d); err != nil {
			return nil, err
		}
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
