// Package cards is the read model of the rate cards that were imported (R9).
package cards

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"prepayledger/domain/rating"
	"prepayledger/projections"
)

// Card is a rate card without its prices.
type Card struct {
	ID           string    `json:"card_id"`
	Currency     string    `json:"currency"`
	Effective    time.Time `json:"effective"`
	PricingModel string    `json:"pricing_model,omitempty"`
	// Replaces names the card of the same date that it replaced (R9).
	Replaces   string    `json:"replaces,omitempty"`
	Rates      int       `json:"rates"`
	FileName   string    `json:"file_name"`
	ImportedAt time.Time `json:"imported_at"`
	ImportedBy string    `json:"imported_by,omitempty"`
}

// Model keeps the cards.
type Model struct {
	view projections.View
	// fresh are those imported since the last Flush, by key.
	fresh map[string]Card
	// events counts since Load.
	events atomic.Uint64
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "cards" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	m.view, m.fresh = v, map[string]Card{}
	return nil
}

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	if f.PartnerID != "" {
		return nil
	}
	switch f.Event.(type) {
	case *rating.RateCardImported, *rating.MarketsImported, *rating.TierReached:
		m.events.Add(1)
	}
	e, ok := f.Event.(*rating.RateCardImported)
	if !ok {
		return nil
	}
	c := e.Card
	m.fresh[key(c)] = Card{
		ID: c.ID, Currency: string(c.Currency), Effective: c.Effective, PricingModel: string(c.Model), Replaces: c.Replaces,
		Rates: len(c.Rates), FileName: e.FileName, ImportedAt: f.Meta.RecordedAt, ImportedBy: f.Meta.Actor,
	}
	return nil
}

// Events counts the events of cards, markets and tiers since Load: it changes
// when prices may have.
func (m *Model) Events() uint64 { return m.events.Load() }

// key orders cards by currency, then by date.
func key(c *rating.Card) string {
	return fmt.Sprintf("card/%s/%s/%s", c.Currency, c.Effective.Format(time.DateOnly), c.ID)
}

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	for k, c := range m.fresh {
		if err := b.SetJSON(k, c); err != nil {
			return err
		}
	}
	clear(m.fresh)
	return nil
}

// All returns all cards by currency and date. What was replaced is among
// them.
func (m *Model) All() ([]Card, error) {
	all := []Card{}
	for row, err := range m.view.Scan("card/") {
		if err != nil {
			return nil, err
		}
		var c Card
		if err := json.Unmarshal(row.Value, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", row.Key, err)
		}
		all = append(all, c)
	}
	return all, nil
}
