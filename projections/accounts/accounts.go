// Package accounts is the read model of accounts and their channels: the
// state as the domain folds it, and figures that people ask for.
package accounts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections"
)

// Figures are sums over the account's whole life.
type Figures struct {
	// Charged are the conversations deducted, Corrected those taken back.
	ChargedCount    int64        `json:"charged_count"`
	Charged         money.Amount `json:"charged"`
	CorrectedCount  int64        `json:"corrected_count"`
	Corrected       money.Amount `json:"corrected"`
	FreeCount       int64        `json:"free_count"`
	Requested       int          `json:"recharges_requested"`
	Succeeded       int          `json:"recharges_succeeded"`
	Failed          int          `json:"recharges_failed"`
	Credited        money.Amount `json:"recharges_credited"`
	CardTotal       money.Amount `json:"recharges_card_total"`
	Confirmed       money.Amount `json:"confirmed"`
	Adjusted        money.Amount `json:"adjustments"`
	Refunded        money.Amount `json:"refunded"`
	CarriedOver     money.Amount `json:"carried_over"`
	InvoicesIssued  int          `json:"invoices_issued"`
	BlockedSince    time.Time    `json:"blocked_since,omitzero"`
	LastEventAt     time.Time    `json:"last_event_at"`
	ConfirmedNumber int          `json:"confirmations"`
	// ReversedCount and Reversed are what the bank took back, less what it
	// gave back again (R36).
	ReversedCount     int          `json:"reversals,omitempty"`
	Reversed          money.Amount `json:"reversed,omitzero"`
	CreditNotesIssued int          `json:"credit_notes_issued,omitempty"`
}

// Account is an account as of a revision of its stream, which stands at a
// position of the log.
type Account struct {
	State    *domain.Account     `json:"state"`
	Figures  Figures             `json:"figures"`
	Revision eventstore.Revision `json:"revision"`
	Position eventstore.Position `json:"position"`
}

// Model keeps all accounts in memory: there are thousands, and what grows
// with the number of charges is not part of them.
type Model struct {
	mu       sync.RWMutex
	accounts map[string]*Account
	// phones finds channels by phone number id.
	phones map[string][]Channel
	view   projections.View
	dirty  map[string]bool
	// invoices are those issued since the last Flush.
	invoices []invoice
	payback  payback
	// snapshots are those taken since the last Flush, by key.
	snapshots map[string][]byte
}

// Channel says whose a channel is.
type Channel struct {
	PartnerID string
	domain.Channel
}

type invoice struct {
	partner string
	*domain.InvoiceIssued
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "accounts" }

// Version implements projections.Model.
func (*Model) Version() int { return 5 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts, m.phones, m.dirty, m.view = map[string]*Account{}, map[string][]Channel{}, map[string]bool{}, v
	m.invoices = nil
	m.payback = payback{payments: map[string]*domain.Payment{}}
	m.snapshots = map[string][]byte{}
	for row, err := range v.Scan("account/") {
		if err != nil {
			return err
		}
		a, err := decode(row.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", row.Key, err)
		}
		partner := strings.TrimPrefix(row.Key, "account/")
		m.accounts[partner] = a
		for _, c := range a.State.Channels {
			m.indexChannel(partner, c)
		}
	}
	return nil
}

// decode reads an account and completes what its JSON leaves out.
func decode(value []byte) (*Account, error) {
	a := &Account{State: domain.NewAccount()}
	if err := json.Unmarshal(value, a); err != nil {
		return nil, err
	}
	return a, a.State.LoadZones()
}

func (m *Model) indexChannel(partner string, c *domain.Channel) {
	list := m.phones[c.PhoneNumberID]
	for i := range list {
		if list[i].PartnerID == partner && list[i].ChannelID == c.ChannelID {
			list[i].Channel = *c
			return
		}
	}
	m.phones[c.PhoneNumberID] = append(list, Channel{PartnerID: partner, Channel: *c})
}

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	if f.PartnerID == "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.accounts[f.PartnerID]
	if a == nil {
		a = &Account{State: domain.NewAccount(), Revision: eventstore.NoStream}
		m.accounts[f.PartnerID] = a
	}
	if f.Revision <= a.Revision {
		return nil // delivered before
	}
	if err := m.notePayback(f.PartnerID, a.State, f.Event); err != nil {
		return err
	}
	if err := a.State.Apply(f.Event); err != nil {
		return err
	}
	a.Revision, a.Position = f.Revision, f.Position
	a.Figures.LastEventAt = f.Meta.RecordedAt
	m.dirty[f.PartnerID] = true
	switch e := f.Event.(type) {
	case *domain.ChannelRegistered:
		m.indexChannel(f.PartnerID, a.State.Channels[e.ChannelID])
	case *domain.ChannelCancelled:
		m.indexChannel(f.PartnerID, a.State.Channels[e.ChannelID])
	case *domain.InvoiceIssued:
		m.invoices = append(m.invoices, invoice{f.PartnerID, e})
	}
	a.Figures.add(f.Event)
	return m.noteSnapshot(f.PartnerID, a)
}

func (f *Figures) add(e domain.Event) {
	switch e := e.(type) {
	case *domain.AccountOpened:
		f.CarriedOver = e.CarriedOver
	case *domain.ConversationCharged:
		f.ChargedCount++
		f.Charged = f.Charged.Add(e.Amount)
	case *domain.ChargeCorrected:
		f.CorrectedCount++
		f.Corrected = f.Corrected.Add(e.Amount)
	case *domain.ConversationCounted:
		f.FreeCount++
	case *domain.RechargeRequested:
		f.Requested++
	case *domain.RechargeSucceeded:
		f.Succeeded++
		f.Credited = f.Credited.Add(e.Amount)
		f.CardTotal = f.CardTotal.Add(e.CardTotal)
	case *domain.RechargeFailed:
		f.Failed++
	case *domain.PaymentConfirmed:
		f.ConfirmedNumber++
		f.Confirmed = f.Confirmed.Add(e.Credited)
	case *domain.ReconciliationAdjusted:
		f.Adjusted = f.Adjusted.Add(e.Amount)
	case *domain.RefundIssued:
		f.Refunded = f.Refunded.Add(e.Amount)
	case *domain.RefundCancelled:
		f.Refunded = f.Refunded.Sub(e.Credited)
	case *domain.RefundPaidOut:
		f.Refunded = f.Refunded.Add(e.Debited)
	case *domain.RechargeReversed:
		f.ReversedCount++
		f.Reversed = f.Reversed.Add(e.Amount)
	case *domain.RechargeReinstated:
		f.ReversedCount--
		f.Reversed = f.Reversed.Sub(e.Amount)
	case *domain.CreditNoteIssued:
		f.CreditNotesIssued++
	case *domain.InvoiceIssued:
		f.InvoicesIssued++
	case *domain.AccountBlocked:
		if f.BlockedSince.IsZero() {
			f.BlockedSince = e.EffectiveAt
		}
	case *domain.AccountUnblocked:
		f.BlockedSince = time.Time{}
	}
}

// invoicesOf is where the keys of an account's invoices begin. Partner ids
// have no control characters.
func invoicesOf(partnerID string) string { return "invoice/" + partnerID + "\x00" }

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.dirty {
		if err := b.SetJSON("account/"+id, m.accounts[id]); err != nil {
			return err
		}
	}
	for _, i := range m.invoices {
		if err := b.SetJSON(fmt.Sprintf("%s%010d", invoicesOf(i.partner), i.Sequence), i.InvoiceIssued); err != nil {
			return err
		}
	}
	if err := m.payback.flush(b); err != nil {
		return err
	}
	for key, text := range m.snapshots {
		if err := b.Set(key, text); err != nil {
			return err
		}
	}
	clear(m.snapshots)
	clear(m.dirty)
	m.invoices = m.invoices[:0]
	return nil
}

// Get returns a copy of an account; nil where there is none.
func (m *Model) Get(partnerID string) (*Account, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	a := m.accounts[partnerID]
	if a == nil {
		return nil, nil
	}
	text, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return decode(text)
}

// Position is where the account's newest event stands in the log; false where
// there is no account.
func (m *Model) Position(partnerID string) (eventstore.Position, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if a := m.accounts[partnerID]; a != nil {
		return a.Position, true
	}
	return eventstore.Start, false
}

// Funds returns an account's figures and switches: a plain value, cheap to
// have. False where there is no account.
func (m *Model) Funds(partnerID string) (domain.Funds, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	a := m.accounts[partnerID]
	if a == nil {
		return domain.Funds{}, false
	}
	return a.State.Funds, true
}

// Exists reports whether the partner has an account.
func (m *Model) Exists(partnerID string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.accounts[partnerID] != nil
}

// Due returns the accounts in which something fell due up to the instant (R17,
// R20, R33), those with a card payment without outcome (R16), and when the
// next falls due after it; zero for never. Both lists are in order.
func (m *Model) Due(at time.Time) (due, inFlight []string, next time.Time) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for id, a := range m.accounts {
		if a.State.InFlight != nil {
			inFlight = append(inFlight, id)
		}
		switch when := a.State.NextDueAt(); {
		case when.IsZero():
		case !when.After(at):
			due = append(due, id)
		case next.IsZero() || when.Before(next):
			next = when
		}
	}
	slices.Sort(due)
	slices.Sort(inFlight)
	return due, inFlight, next
}

// Standings counts the accounts by their standing.
func (m *Model) Standings() map[domain.Standing]int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	counts := map[domain.Standing]int{domain.Active: 0, domain.Grace: 0, domain.Blocked: 0, domain.Closed: 0}
	for _, a := range m.accounts {
		counts[a.State.Standing()]++
	}
	return counts
}

// Partners returns the ids of all accounts, in order.
func (m *Model) Partners() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	ids := make([]string, 0, len(m.accounts))
	for id := range m.accounts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// EachAtOnce is how many accounts Each looks at before it lets events through
// (accounts).
const EachAtOnce = 1000

// Each calls look with every account, in order of partner ids. Look must be
// quick, and must neither change nor keep the account: events wait for it.
func (m *Model) Each(look func(partnerID string, a *Account)) {
	for ids := range slices.Chunk(m.Partners(), EachAtOnce) {
		m.some(ids, look)
	}
}

func (m *Model) some(ids []string, look func(string, *Account)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, id := range ids {
		if a := m.accounts[id]; a != nil {
			look(id, a)
		}
	}
}

// ByPhoneNumberID returns the channels, cancelled ones too, that had the id, by
// partner and channel.
func (m *Model) ByPhoneNumberID(id string) []Channel {
	m.mu.RLock()
	channels := slices.Clone(m.phones[id])
	m.mu.RUnlock()
	slices.SortFunc(channels, func(a, b Channel) int {
		return cmp.Or(strings.Compare(a.PartnerID, b.PartnerID), strings.Compare(a.ChannelID, b.ChannelID))
	})
	return channels
}

// Invoices returns the account's invoices in the order of their numbers.
func (m *Model) Invoices(partnerID string) ([]domain.InvoiceIssued, error) {
	var all []domain.InvoiceIssued
	for row, err := range m.view.Scan(invoicesOf(partnerID)) {
		if err != nil {
			return nil, err
		}
		var i domain.InvoiceIssued
		if err := json.Unmarshal(row.Value, &i); err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}
