package accounts

import (
	"encoding/json"
	"fmt"

	"prepayledger/domain"
	"prepayledger/eventstore"
)

// SnapshotEvery is how many events of an account lie between two snapshots of
// its state (events): who asks for the state at any revision folds fewer than
// that.
const SnapshotEvery = 1 << 15

// snapshotKey is the key of the state after a revision. Partner ids have no
// control characters.
func snapshotKey(partnerID string, r eventstore.Revision) string {
	return fmt.Sprintf("snapshot/%s\x00%020d", partnerID, r)
}

// noteSnapshot keeps the state where a snapshot is due.
func (m *Model) noteSnapshot(partnerID string, a *Account) error {
	if (a.Revision+1)%SnapshotEvery != 0 {
		return nil
	}
	text, err := json.Marshal(a.State)
	if err != nil {
		return err
	}
	m.snapshots[snapshotKey(partnerID, a.Revision)] = text
	return nil
}

// Snapshot returns the newest snapshot of the account that is not after the
// revision, and the revision that it is of. Without one it is the state before
// the first event, at eventstore.NoStream.
func (m *Model) Snapshot(partnerID string, at eventstore.Revision) (*domain.Account, eventstore.Revision, error) {
	m.mu.RLock()
	view := m.view
	m.mu.RUnlock()
	state := domain.NewAccount()
	r := (at+1)/SnapshotEvery*SnapshotEvery - 1
	if r < 0 {
		return state, eventstore.NoStream, nil
	}
	found, err := view.GetJSON(snapshotKey(partnerID, r), state)
	if err != nil {
		return nil, eventstore.NoStream, err
	}
	if !found {
		return nil, eventstore.NoStream, fmt.Errorf("account %s has no snapshot of revision %d: the read models are behind", partnerID, r)
	}
	return state, r, state.LoadZones()
}
