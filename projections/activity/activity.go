// Package activity is the read model of what happened in an account beside its
// conversations: the movements of money, the card payments with how they ended,
// and the changes of its settings and its standing. It grows with what people
// do, not with usage, and is read by the page, the newest first.
package activity

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections"
)

// Entry is something that happened in an account.
type Entry struct {
	Revision eventstore.Revision `json:"revision"`
	// At is when it was recorded, Actor who caused it (R35).
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	// Type is the event's.
	Type string `json:"type"`
	// Effect is by how much it changed the balance; zero where it did not.
	Effect money.Amount `json:"effect,omitzero"`
	// Reference names what it is about: a recharge, a refund, a payment's
	// reference, a month, a channel, a charge. Note is its reason or code.
	Reference string `json:"reference,omitempty"`
	Note      string `json:"note,omitempty"`
}

// Recharge is a card payment with how it ended.
type Recharge struct {
	RechargeID string                `json:"recharge_id"`
	Number     int                   `json:"number"`
	Reason     domain.RechargeReason `json:"reason"`
	// Amount is credited, CardTotal is what the card pays (R14).
	Amount           money.Amount          `json:"amount"`
	Surcharge        money.Amount          `json:"surcharge"`
	SurchargePercent money.Amount          `json:"surcharge_percent"`
	CardTotal        money.Amount          `json:"card_total"`
	Currency         money.Currency        `json:"currency"`
	Card             string                `json:"card"`
	RequestedAt      time.Time             `json:"requested_at"`
	Actor            string                `json:"actor"`
	Status           domain.RechargeStatus `json:"status"`
	// EndedAt is when the outcome was recorded; absent while in flight.
	EndedAt *time.Time `json:"ended_at,omitempty"`
	// Code says why it failed, RetryAt when it is tried again (R17).
	Code    string     `json:"code,omitempty"`
	RetryAt *time.Time `json:"retry_at,omitempty"`
	// InvoiceNumber is the newest invoice's (R15).
	InvoiceNumber string `json:"invoice_number,omitempty"`
	// ReversedAt is when the bank took it back, Reversed the amount (R36).
	ReversedAt *time.Time   `json:"reversed_at,omitempty"`
	Reversed   money.Amount `json:"reversed,omitzero"`
}

// Model keeps the entries and the card payments.
type Model struct {
	view projections.View
	// entries and recharges are those changed since the last Flush, by key.
	entries   map[string]*Entry
	recharges map[string]*Recharge
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "activity" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	*m = Model{view: v, entries: map[string]*Entry{}, recharges: map[string]*Recharge{}}
	return nil
}

// entriesOf and rechargesOf are where the keys of an account's rows begin.
// Partner ids have no control characters.
func entriesOf(partnerID string) string   { return "entry/" + partnerID + "\x00" }
func rechargesOf(partnerID string) string { return "recharge/" + partnerID + "\x00" }

// backwards writes a number so that larger ones come first in the order of
// keys.
func backwards(n uint64) string { return fmt.Sprintf("%020d", math.MaxUint64-n) }

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	if f.PartnerID == "" {
		return nil
	}
	switch f.Event.(type) {
	case *domain.ConversationCharged, *domain.ConversationCounted, *domain.ChargeQuarantined, *domain.QuarantineReleased, *domain.BalancePublished:
		return nil // they grow with usage and time; other models have them
	}
	e := &Entry{Revision: f.Revision, At: f.Meta.RecordedAt, Actor: f.Meta.Actor, Type: f.Event.EventType(), Effect: domain.Effect(f.Event)}
	e.Reference, e.Note = about(f.Event)
	m.entries[entriesOf(f.PartnerID)+backwards(uint64(f.Revision))] = e
	return m.recharge(f)
}

// about says what an event is about, and why.
func about(e domain.Event) (reference, note string) {
	switch e := e.(type) {
	case *domain.ChannelRegistered:
		return e.ChannelID, e.PhoneNumber
	case *domain.ChannelCancelled:
		return e.ChannelID, e.PhoneNumber
	case *domain.ChargeCorrected:
		return e.ChargeID, e.Reason
	case *domain.RechargeRequested:
		return e.RechargeID, string(e.Reason)
	case *domain.RechargeSucceeded:
		return e.RechargeID, ""
	case *domain.RechargeFailed:
		return e.RechargeID, e.Code
	case *domain.RetryCleared:
		return "", e.Why
	case *domain.RechargeReversed:
		return e.RechargeID, e.Reason
	case *domain.RechargeReinstated:
		return e.RechargeID, ""
	case *domain.InvoiceIssued:
		return e.InvoiceNumber, string(e.Why)
	case *domain.CreditNoteIssued:
		return e.CreditNoteNumber, e.Reason
	case *domain.PaymentConfirmed:
		return e.Reference, e.RechargeID
	case *domain.ReconciliationAdjusted:
		return string(e.Month), fmt.Sprintf("run %d", e.Run)
	case *domain.RefundIssued:
		return e.RefundID, e.Reason
	case *domain.RefundPaidOut:
		return e.RefundID, ""
	case *domain.RefundFailed:
		return e.RefundID, e.Code
	case *domain.RefundRetried:
		return e.RefundID, ""
	case *domain.RefundCancelled:
		return e.RefundID, e.Reason
	case *domain.AccountBlocked:
		return string(e.Kind), e.Reason
	case *domain.AccountUnblocked:
		return string(e.Kind), e.By
	}
	return "", ""
}

// recharge notes what an event says of a card payment.
func (m *Model) recharge(f *projections.Fact) error {
	at := f.Meta.RecordedAt
	change := func(id string, with func(*Recharge)) error {
		r, err := m.known(f.PartnerID, id)
		if err == nil && r != nil {
			with(r)
		}
		return err
	}
	switch e := f.Event.(type) {
	case *domain.RechargeRequested:
		m.recharges[rechargeKey(f.PartnerID, e.RechargeID)] = &Recharge{
			RechargeID: e.RechargeID, Number: e.Number, Reason: e.Reason, Amount: e.Amount, Surcharge: e.Surcharge, SurchargePercent: e.SurchargePercent,
			CardTotal: e.CardTotal, Currency: e.Currency, Card: e.Card, RequestedAt: e.RequestedAt, Actor: f.Meta.Actor, Status: domain.RechargeIsInFlight,
		}
	case *domain.RechargeSucceeded:
		return change(e.RechargeID, func(r *Recharge) { r.Status, r.EndedAt = domain.RechargeIsCredited, &at })
	case *domain.RechargeFailed:
		return change(e.RechargeID, func(r *Recharge) {
			r.Status, r.EndedAt, r.Code = domain.RechargeIsFailed, &at, e.Code
			if !e.RetryAt.IsZero() {
				r.RetryAt = &e.RetryAt
			}
		})
	case *domain.InvoiceIssued:
		return change(e.RechargeID, func(r *Recharge) { r.InvoiceNumber = e.InvoiceNumber })
	case *domain.RechargeReversed:
		return change(e.RechargeID, func(r *Recharge) {
			r.Status, r.ReversedAt, r.Reversed = domain.RechargeIsReversed, &at, e.Amount
		})
	case *domain.RechargeReinstated:
		return change(e.RechargeID, func(r *Recharge) {
			r.Status, r.ReversedAt, r.Reversed = domain.RechargeIsCredited, nil, money.Zero()
		})
	}
	return nil
}

// rechargeKey is where a card payment is kept. Its number ends its id, after
// the account's own (R13): the key puts the newest first.
func rechargeKey(partnerID, rechargeID string) string {
	var number uint64
	if i := len(partnerID) + len("-R"); i < len(rechargeID) {
		for _, c := range rechargeID[i:] {
			number = number*10 + uint64(c-'0')
		}
	}
	return rechargesOf(partnerID) + backwards(number)
}

// known returns a card payment to change it; nil where there is none.
func (m *Model) known(partnerID, rechargeID string) (*Recharge, error) {
	key := rechargeKey(partnerID, rechargeID)
	if r := m.recharges[key]; r != nil {
		return r, nil
	}
	r := &Recharge{}
	found, err := m.view.GetJSON(key, r)
	if err != nil || !found {
		return nil, err
	}
	m.recharges[key] = r
	return r, nil
}

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	for key, e := range m.entries {
		if err := b.SetJSON(key, e); err != nil {
			return err
		}
	}
	for key, r := range m.recharges {
		if err := b.SetJSON(key, r); err != nil {
			return err
		}
	}
	clear(m.entries)
	clear(m.recharges)
	return nil
}

// Entries returns what happened before the revision, the newest first, at most
// limit; before 0 begins with the newest. Only those of the types, where any
// are named.
func (m *Model) Entries(partnerID string, before eventstore.Revision, limit int, types ...string) ([]Entry, error) {
	return page(m.view, entriesOf(partnerID), uint64(before), limit, func(e *Entry) bool {
		return len(types) == 0 || slices.Contains(types, e.Type)
	})
}

// Moves reports whether the entry changed the balance.
func (e *Entry) Moves() bool { return !e.Effect.IsZero() }

// Movements is Entries, of those alone that changed the balance.
func (m *Model) Movements(partnerID string, before eventstore.Revision, limit int) ([]Entry, error) {
	return page(m.view, entriesOf(partnerID), uint64(before), limit, (*Entry).Moves)
}

// Recharges returns the card payments before the number, the newest first, at
// most limit; before 0 begins with the newest.
func (m *Model) Recharges(partnerID string, before, limit int) ([]Recharge, error) {
	return page(m.view, rechargesOf(partnerID), uint64(before), limit, func(*Recharge) bool { return true })
}

// page reads at most limit rows that are wanted, of those whose keys begin so
// and whose number is below before, 0 for all.
func page[T any](v projections.View, from string, before uint64, limit int, want func(*T) bool) ([]T, error) {
	after := ""
	if before > 0 {
		after = from + backwards(before)
	}
	all := []T{}
	for row, err := range v.ScanAfter(from, after) {
		if err != nil {
			return nil, err
		}
		var one T
		if err := json.Unmarshal(row.Value, &one); err != nil {
			return nil, fmt.Errorf("%s: %w", row.Key, err)
		}
		if !want(&one) {
			continue
		}
		if all = append(all, one); len(all) == limit {
			break
		}
	}
	return all, nil
}
