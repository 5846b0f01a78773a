// Package recharges is the read model of card payments: each with what it was
// to credit, how it ended and when (R13, R15 to R18, R36).
package recharges

import (
	"encoding/json"
	"fmt"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections"
)

// Row is a card payment. Card is the processor's reference, never a card number.
type Row struct {
	RechargeID string                `json:"recharge_id" doc:"The recharge's id (R13)." example:"PA-1001-R000007"`
	Number     int                   `json:"number" doc:"Counts the account's recharges from 1."`
	Reason     domain.RechargeReason `json:"reason" enum:"initial,threshold,amount_due,manual" doc:"Why the card was charged (R2, R11, R12, R18)."`
	Status     domain.RechargeStatus `json:"status" enum:"in_flight,succeeded,failed,reversed" doc:"How it ended; in_flight has no outcome yet (R16)."`
	// Amount is what is credited, Surcharge comes on top, CardTotal is both
	// (R14).
	Amount           money.Amount   `json:"amount" doc:"What is credited."`
	Surcharge        money.Amount   `json:"surcharge" doc:"What the card pays on top (R14)."`
	SurchargePercent money.Amount   `json:"surcharge_percent" doc:"The contract's surcharge at the request, in per cent."`
	CardTotal        money.Amount   `json:"card_total" doc:"What the card pays: amount and surcharge."`
	Currency         money.Currency `json:"currency" doc:"ISO 4217 code."`
	Card             string         `json:"card" doc:"The processor's reference of the card, never a card number."`
	// RequestedAt is when it was asked for, RequestedBy who did: a person, or
	// whoever brought what lowered the balance.
	RequestedAt time.Time `json:"requested_at" doc:"When it was asked for."`
	RequestedBy string    `json:"requested_by,omitempty" doc:"Who asked, or brought what lowered the balance."`
	// EndedAt is when its outcome was recorded; zero while it is in flight.
	EndedAt time.Time `json:"ended_at,omitzero" doc:"When its outcome was recorded; absent while it is in flight."`
	// Code is why it failed, or why the bank took it back; RetryAt when it is
	// tried again (R17), as a new one.
	Code    string    `json:"code,omitempty" doc:"Why it failed, or why the bank took it back." example:"card_declined"`
	RetryAt time.Time `json:"retry_at,omitzero" doc:"When it is tried again, as a new recharge (R17)."`
	// InvoiceNumber is its newest invoice (R15).
	InvoiceNumber string `json:"invoice_number,omitempty" doc:"The number of its newest invoice (R15)."`
	// ReversedAt is when the bank took it back, Reversed by how much that
	// lowered the balance (R36).
	ReversedAt time.Time    `json:"reversed_at,omitzero" doc:"When the bank took it back (R36)."`
	Reversed   money.Amount `json:"reversed,omitzero" doc:"By how much that lowered the balance."`
}

// Model keeps every card payment, by account and number.
type Model struct {
	view    projections.View
	pending map[id]*Row // since the last Flush
}

// id names a card payment.
type id struct{ partner, recharge string }

// New returns the model.
func New() *Model { return &Model{pending: map[id]*Row{}} }

// Name implements projections.Model.
func (*Model) Name() string { return "recharges" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	m.view = v
	clear(m.pending)
	return nil
}

// maxNumber bounds the numbers of an account's recharges: six digits and more.
const maxNumber = 9_999_999_999

// of is where the keys of an account's rows begin. Partner ids have no control
// characters.
func of(partnerID string) string { return "recharge/" + partnerID + "\x00" }

// keyOf orders an account's rows, the newest first.
func keyOf(partnerID string, number int) string {
	return fmt.Sprintf("%s%010d", of(partnerID), maxNumber-number)
}

// numberKey finds a row's number by its recharge id.
func numberKey(partnerID, rechargeID string) string { return "id/" + partnerID + "\x00" + rechargeID }

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	switch e := f.Event.(type) {
	case *domain.RechargeRequested:
		m.pending[id{f.PartnerID, e.RechargeID}] = &Row{
			RechargeID: e.RechargeID, Number: e.Number, Reason: e.Reason, Status: domain.RechargeIsInFlight, Amount: e.Amount, Surcharge: e.Surcharge,
			SurchargePercent: e.SurchargePercent, CardTotal: e.CardTotal, Currency: e.Currency, Card: e.Card, RequestedAt: e.RequestedAt, RequestedBy: f.Meta.Actor,
		}
	case *domain.RechargeSucceeded:
		return m.change(f.PartnerID, e.RechargeID, func(r *Row) { r.Status, r.EndedAt = domain.RechargeIsCredited, f.Meta.RecordedAt })
	case *domain.RechargeFailed:
		return m.change(f.PartnerID, e.RechargeID, func(r *Row) {
			r.Status, r.EndedAt, r.Code, r.RetryAt = domain.RechargeIsFailed, f.Meta.RecordedAt, e.Code, e.RetryAt
		})
	case *domain.RechargeReversed:
		return m.change(f.PartnerID, e.RechargeID, func(r *Row) {
			r.Status, r.Code, r.ReversedAt, r.Reversed = domain.RechargeIsReversed, e.Reason, f.Meta.RecordedAt, e.Amount
		})
	case *domain.RechargeReinstated:
		return m.change(f.PartnerID, e.RechargeID, func(r *Row) {
			r.Status, r.Code, r.ReversedAt, r.Reversed = domain.RechargeIsCredited, "", time.Time{}, money.Zero()
		})
	case *domain.InvoiceIssued:
		return m.change(f.PartnerID, e.RechargeID, func(r *Row) { r.InvoiceNumber = e.InvoiceNumber })
	}
	return nil
}

// change changes the row of a recharge id; one that is not known is left alone.
func (m *Model) change(partnerID, rechargeID string, change func(*Row)) (err error) {
	key := id{partnerID, rechargeID}
	r := m.pending[key]
	if r == nil {
		if r, err = m.Get(partnerID, rechargeID); err != nil || r == nil {
			return err
		}
		m.pending[key] = r
	}
	change(r)
	return nil
}

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	for of, r := range m.pending {
		key := keyOf(of.partner, r.Number)
		if err := b.SetJSON(key, r); err != nil {
			return err
		}
		if err := b.Set(numberKey(of.partner, of.recharge), []byte(key)); err != nil {
			return err
		}
	}
	clear(m.pending)
	return nil
}

// Get returns a card payment; nil where there is none.
func (m *Model) Get(partnerID, rechargeID string) (*Row, error) {
	key, ok, err := m.view.Get(numberKey(partnerID, rechargeID))
	if err != nil || !ok {
		return nil, err
	}
	r := &Row{}
	if ok, err = m.view.GetJSON(string(key), r); err != nil || !ok {
		return nil, err
	}
	return r, nil
}

// List returns at most limit of an account's card payments, the newest first:
// those with smaller numbers than before, or for 0 from the newest on.
func (m *Model) List(partnerID string, before, limit int) (rows []Row, err error) {
	after := ""
	if before > 0 {
		after = keyOf(partnerID, before)
	}
	for row, err := range m.view.ScanAfter(of(partnerID), after) {
		if err != nil {
			return nil, err
		}
		if len(rows) >= limit {
			break
		}
		var r Row
		if err := json.Unmarshal(row.Value, &r); err != nil {
			return nil, fmt.Errorf("%s: %w", row.Key, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}
