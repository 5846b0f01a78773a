// Package activity is the read model of what happened in an account beside its
// conversations: the movements of money, and the changes of its settings and
// its standing. It grows with what people do, not with usage, and is read by
// the page, the newest first.
package activity

import (
	"encoding/json"
	"fmt"
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

// Model keeps the entries.
type Model struct {
	view projections.View
	// entries are those since the last Flush, by key.
	entries map[string]*Entry
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "activity" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	*m = Model{view: v, entries: map[string]*Entry{}}
	return nil
}

// entriesOf is where the keys of an account's entries begin. Partner ids have
// no control characters.
func entriesOf(partnerID string) string { return "entry/" + partnerID + "\x00" }

// backwards writes a revision so that later ones come first in the order of
// keys.
func backwards(r eventstore.Revision) string { return fmt.Sprintf("%020d", eventstore.End-r) }

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
	m.entries[entriesOf(f.PartnerID)+backwards(f.Revision)] = e
	return nil
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

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	for key, e := range m.entries {
		if err := b.SetJSON(key, e); err != nil {
			return err
		}
	}
	clear(m.entries)
	return nil
}

// Entries returns what happened before the revision, the newest first, at most
// limit (0 is all); before 0 begins with the newest. Only those of the types, where any
// are named.
func (m *Model) Entries(partnerID string, before eventstore.Revision, limit int, types ...string) ([]Entry, error) {
	return m.page(partnerID, before, limit, func(e *Entry) bool {
		return len(types) == 0 || slices.Contains(types, e.Type)
	})
}

// Moves reports whether the entry changed the balance.
func (e *Entry) Moves() bool { return !e.Effect.IsZero() }

// Movements is Entries, of those alone that changed the balance.
func (m *Model) Movements(partnerID string, before eventstore.Revision, limit int) ([]Entry, error) {
	return m.page(partnerID, before, limit, (*Entry).Moves)
}

// page reads at most limit entries that are wanted, of those before the
// revision, 0 for all.
func (m *Model) page(partnerID string, before eventstore.Revision, limit int, want func(*Entry) bool) ([]Entry, error) {
	from, after := entriesOf(partnerID), ""
	if before > 0 {
		after = from + backwards(before)
	}
	all := []Entry{}
	for row, err := range m.view.ScanAfter(from, after) {
		if err != nil {
			return nil, err
		}
		var e Entry
		if err := json.Unmarshal(row.Value, &e); err != nil {
			return nil, fmt.Errorf("%s: %w", row.Key, err)
		}
		if !want(&e) {
			continue
		}
		if all = append(all, e); limit > 0 && len(all) >= limit {
			break
		}
	}
	return all, nil
}
