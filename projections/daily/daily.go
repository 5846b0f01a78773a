// Package daily is the read model of published balances, one per account and
// day, for ever (R33).
package daily

import (
	"encoding/json"
	"sync"
	"time"

	"prepayledger/domain"
	"prepayledger/projections"
)

// Model keeps every published balance.
type Model struct {
	view    projections.View
	pending []published

	// mu guards newest: the newest day of each account that was published or
	// asked for. Balances are read far more often than published.
	mu     sync.Mutex
	newest map[string]answer
}

// answer is what was published for a day, if anything was.
type answer struct {
	day     time.Time
	balance domain.BalancePublished
	found   bool
}

type published struct {
	partner string
	*domain.BalancePublished
}

// New returns the model.
func New() *Model { return &Model{newest: map[string]answer{}} }

// Name implements projections.Model.
func (*Model) Name() string { return "daily" }

// Version implements projections.Model.
func (*Model) Version() int { return 2 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	m.view = v
	return nil
}

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	if e, ok := f.Event.(*domain.BalancePublished); ok {
		m.pending = append(m.pending, published{f.PartnerID, e})
		m.mu.Lock()
		m.keep(f.PartnerID, answer{e.Day, *e, true})
		m.mu.Unlock()
	}
	return nil
}

// balancesOf is where the keys of an account's balances begin. Partner ids
// have no control characters.
func balancesOf(partnerID string) string { return partnerID + "\x00" }

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	for _, p := range m.pending {
		if err := b.SetJSON(balancesOf(p.partner)+p.Day.Format(time.DateOnly), p.BalancePublished); err != nil {
			return err
		}
	}
	m.pending = m.pending[:0]
	return nil
}

// Get returns the balance published for a day; false where none was.
func (m *Model) Get(partnerID string, day time.Time) (domain.BalancePublished, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock() // also while it is read: what is published meanwhile must not be forgotten
	if a, ok := m.newest[partnerID]; ok && a.day.Equal(day) {
		return a.balance, a.found, nil
	}
	a := answer{day: day}
	var err error
	if a.found, err = m.view.GetJSON(balancesOf(partnerID)+day.UTC().Format(time.DateOnly), &a.balance); err == nil {
		m.keep(partnerID, a)
	}
	return a.balance, a.found, err
}

// keep keeps an answer unless a newer one is kept. The caller holds mu.
func (m *Model) keep(partnerID string, a answer) {
	if kept, ok := m.newest[partnerID]; !ok || !a.day.Before(kept.day) {
		m.newest[partnerID] = a
	}
}

// All returns all published balances of an account, in order of days.
func (m *Model) All(partnerID string) ([]domain.BalancePublished, error) {
	var all []domain.BalancePublished
	for row, err := range m.view.Scan(balancesOf(partnerID)) {
		if err != nil {
			return nil, err
		}
		var p domain.BalancePublished
		if err := json.Unmarshal(row.Value, &p); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}
