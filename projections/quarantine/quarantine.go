// Package quarantine is the read model of charges that can't be charged
// (R10): one entry per charge id and content, with its latest reason.
package quarantine

import (
	"encoding/hex"
	"encoding/json"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"prepayledger/domain"
	"prepayledger/projections"
)

// Entry is one charge id with one content.
type Entry struct {
	// Owner is the account whose quarantine it is in; empty for what belongs
	// to no account.
	Owner string `json:"owner"`
	// Content is the hash of the content, in hex.
	Content string `json:"content"`
	// FirstSeen and LastSeen are when it was recorded first and last.
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	domain.ChargeQuarantined
}

// Counts counts entries by reason.
type Counts map[string]int

// Model keeps the entries.
type Model struct {
	view projections.View
	// pending are changes since the last Flush; nil is removed.
	pending map[string]*Entry
	// unassigned counts the entries of no account by the hash of their charge
	// id: every charge asks for its own, and hardly any is there.
	unassigned map[uint64]int
	seed       maphash.Seed

	mu     sync.RWMutex
	counts map[string]Counts // by owner
}

// New returns the model.
func New() *Model { return &Model{} }

// Name implements projections.Model.
func (*Model) Name() string { return "quarantine" }

// Version implements projections.Model.
func (*Model) Version() int { return 1 }

// Load implements projections.Model.
func (m *Model) Load(v projections.View) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.view, m.pending, m.counts = v, map[string]*Entry{}, map[string]Counts{}
	m.unassigned, m.seed = map[uint64]int{}, maphash.MakeSeed()
	for row, err := range v.Scan("count/") {
		if err != nil {
			return err
		}
		var c Counts
		if err := json.Unmarshal(row.Value, &c); err != nil {
			return err
		}
		m.counts[strings.TrimPrefix(row.Key, "count/")] = c
	}
	for row, err := range v.Scan(entriesOf("")) {
		if err != nil {
			return err
		}
		m.noteUnassigned(chargeIDOf(row.Key), 1)
	}
	return nil
}

// noteUnassigned counts an entry of no account in or out.
func (m *Model) noteUnassigned(chargeID string, n int) {
	h := maphash.String(m.seed, chargeID)
	if m.unassigned[h] += n; m.unassigned[h] == 0 {
		delete(m.unassigned, h)
	}
}

// path is an entry's key. A charge id may hold anything; owner and content
// have no NUL.
func path(owner, chargeID, content string) string {
	return entriesOf(owner) + chargeID + "\x00" + content
}

// entriesOf is where the keys of an owner's entries begin.
func entriesOf(owner string) string { return "entry/" + owner + "\x00" }

// chargeIDOf reads the charge id from an entry's key.
func chargeIDOf(path string) string {
	_, rest, _ := strings.Cut(path, "\x00")
	return rest[:strings.LastIndexByte(rest, 0)]
}

// Apply implements projections.Model.
func (m *Model) Apply(f *projections.Fact) error {
	if f.PartnerID == "" && !f.Unassigned {
		return nil
	}
	switch e := f.Event.(type) {
	case *domain.ConversationCharged:
		return m.counted(f.PartnerID, e.ChargeID, e, e.Released)
	case *domain.ConversationCounted:
		return m.counted(f.PartnerID, e.ChargeID, e, e.Released)
	case *domain.ChargeQuarantined:
		return m.add(f, e)
	case *domain.QuarantineReleased:
		return m.remove(f.PartnerID, e.ChargeID, e.Content)
	}
	return nil
}

// counted takes what was counted out of quarantine: the account's own where
// the event says so, and what belonged to no account before.
func (m *Model) counted(owner, chargeID string, e domain.Event, released bool) error {
	unassigned := m.unassigned[maphash.String(m.seed, chargeID)] > 0
	if !released && !unassigned {
		return nil
	}
	if released {
		hash := domain.ContentOf(e)
		if err := m.remove(owner, chargeID, hex.EncodeToString(hash[:])); err != nil {
			return err
		}
	}
	if unassigned {
		for _, hash := range domain.UnassignedContents(e) {
			if err := m.remove("", chargeID, hex.EncodeToString(hash[:])); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Model) get(key string) (*Entry, error) {
	if e, ok := m.pending[key]; ok {
		return e, nil
	}
	var e Entry
	ok, err := m.view.GetJSON(key, &e)
	if err != nil || !ok {
		return nil, err
	}
	return &e, nil
}

func (m *Model) add(f *projections.Fact, e *domain.ChargeQuarantined) error {
	hash := domain.ContentOf(e)
	entry := &Entry{
		Owner: f.PartnerID, Content: hex.EncodeToString(hash[:]), FirstSeen: f.Meta.RecordedAt, LastSeen: f.Meta.RecordedAt,
		ChargeQuarantined: *e,
	}
	key := path(f.PartnerID, e.ChargeID, entry.Content)
	before, err := m.get(key)
	if err != nil {
		return err
	}
	if before != nil {
		m.count(f.PartnerID, before.Reason, -1)
		entry.FirstSeen = before.FirstSeen
	} else if f.PartnerID == "" {
		m.noteUnassigned(e.ChargeID, 1)
	}
	m.count(f.PartnerID, e.Reason, 1)
	m.pending[key] = entry
	return nil
}

func (m *Model) remove(owner, chargeID, content string) error {
	key := path(owner, chargeID, content)
	before, err := m.get(key)
	if err != nil || before == nil {
		return err
	}
	m.count(owner, before.Reason, -1)
	if owner == "" {
		m.noteUnassigned(chargeID, -1)
	}
	m.pending[key] = nil
	return nil
}

func (m *Model) count(owner, reason string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.counts[owner]
	if c == nil {
		c = Counts{}
		m.counts[owner] = c
	}
	if c[reason] += n; c[reason] == 0 {
		delete(c, reason)
	}
}

// Flush implements projections.Model.
func (m *Model) Flush(_ projections.View, b *projections.Batch) error {
	if len(m.pending) == 0 {
		return nil
	}
	for key, e := range m.pending {
		var err error
		if e == nil {
			err = b.Delete(key)
		} else {
			err = b.SetJSON(key, e)
		}
		if err != nil {
			return err
		}
	}
	clear(m.pending)
	m.mu.RLock()
	defer m.mu.RUnlock()
	for owner, c := range m.counts {
		if err := b.SetJSON("count/"+owner, c); err != nil {
			return err
		}
	}
	return nil
}

// Counts returns how many entries an owner has by reason.
func (m *Model) Counts(owner string) Counts {
	m.mu.RLock()
	defer m.mu.RUnlock()
	c := Counts{}
	for reason, n := range m.counts[owner] {
		c[reason] = n
	}
	return c
}

// Totals returns how many entries there are by reason, of all owners and of
// no account together.
func (m *Model) Totals() Counts {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := Counts{}
	for _, c := range m.counts {
		for reason, n := range c {
			all[reason] += n
		}
	}
	return all
}

// List calls each with the entries of an owner, of all owners for all, in
// order; reason may be empty for every reason. It ends with each's error.
func (m *Model) List(owner string, all bool, reason string, each func(*Entry) error) error {
	from := "entry/"
	if !all {
		from += owner + "\x00"
	}
	for row, err := range m.view.Scan(from) {
		if err != nil {
			return err
		}
		var e Entry
		if err := json.Unmarshal(row.Value, &e); err != nil {
			return err
		}
		if reason != "" && e.Reason != reason {
			continue
		}
		if err := each(&e); err != nil {
			return err
		}
	}
	return nil
}
