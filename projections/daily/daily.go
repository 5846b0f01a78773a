// Package daily is the read model of published balances, one per account and
// day, for ever (R33).
package daily

import (
	"encoding/json"
	"time"

	"prepayledger/domain"
	"prepayledger/projections"
)

// Model keeps every published balance.
type Model struct {
	view    projections.View
	pending []published
}

type published struct {
	partner string
	*domain.BalancePublished
}

// New returns the model.
func New() *Model { return &Model{} }

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
	var p domain.BalancePublished
	ok, err := m.view.GetJSON(balancesOf(partnerID)+day.UTC().Format(time.DateOnly), &p)
	return p, ok, err
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
