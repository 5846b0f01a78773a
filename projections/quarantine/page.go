package quarantine

import (
	"encoding/json"
	"slices"
	"strings"
)

// MaxScan bounds the entries that are read for one page (entries): where few
// are wanted of many, a page may have fewer than asked for and yet a next.
const MaxScan = 10_000

// Wanted says which entries are wanted; the zero value wants those of no
// account.
type Wanted struct {
	// Owner is the account's partner id; All wants all owners, whatever Owner.
	Owner string
	All   bool
	// Reason and ChargeID narrow it; empty is any.
	Reason, ChargeID string
}

// Page returns at most limit of the wanted entries behind a place, in order of
// owner and charge id, and the place of the next page: empty after the last.
// The empty place is the start. It reads MaxScan entries at most.
func (m *Model) Page(w Wanted, after string, limit int) (entries []Entry, next string, err error) {
	read := 0
	for _, owner := range m.owners(w) {
		from := entriesOf(owner)
		if after != "" && !strings.HasPrefix(after, from) && from < after {
			continue
		}
		if w.ChargeID != "" {
			from += w.ChargeID + "\x00"
		}
		for row, err := range m.view.ScanAfter(from, after) {
			if err != nil {
				return nil, "", err
			}
			if len(entries) == limit || read == MaxScan {
				return entries, next, nil
			}
			read++
			next = row.Key
			var e Entry
			if err := json.Unmarshal(row.Value, &e); err != nil {
				return nil, "", err
			}
			if (w.Reason == "" || e.Reason == w.Reason) && (w.ChargeID == "" || e.ChargeID == w.ChargeID) {
				entries = append(entries, e)
			}
		}
	}
	return entries, "", nil
}

// owners are those that have what is wanted, in order.
func (m *Model) owners(w Wanted) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var found []string
	for owner, c := range m.counts {
		if (w.All || owner == w.Owner) && len(c) > 0 && (w.Reason == "" || c[w.Reason] > 0) {
			found = append(found, owner)
		}
	}
	slices.Sort(found)
	return found
}

// Find returns an entry; nil where there is none. Content is in hex.
func (m *Model) Find(owner, chargeID, content string) (*Entry, error) {
	var e Entry
	ok, err := m.view.GetJSON(path(owner, chargeID, content), &e)
	if err != nil || !ok {
		return nil, err
	}
	return &e, nil
}
