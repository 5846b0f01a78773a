package access

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Action is what an entry of the log of access says was done.
type Action string

// The actions.
const (
	ActionUserInvited     Action = "user_invited"
	ActionUserChanged     Action = "user_changed"
	ActionUserDisabled    Action = "user_disabled"
	ActionUserEnabled     Action = "user_enabled"
	ActionResetIssued     Action = "reset_issued"
	ActionResetRefused    Action = "reset_refused"
	ActionPasswordSet     Action = "password_set"
	ActionSignedIn        Action = "signed_in"
	ActionSignInFailed    Action = "sign_in_failed"
	ActionSignedOut       Action = "signed_out"
	ActionSessionsEnded   Action = "sessions_ended"
	ActionKeyCreated      Action = "key_created"
	ActionKeyRotated      Action = "key_rotated"
	ActionKeyRevoked      Action = "key_revoked"
	ActionCredentialWrong Action = "credential_wrong"
)

// LogEntry is one of the log of access. Entries are never changed or deleted, and
// hold no secrets.
type LogEntry struct {
	// Sequence counts entries from 1, without holes.
	Sequence uint64    `json:"sequence"`
	At       time.Time `json:"at"`
	Action   Action    `json:"action"`
	// Actor is who did it; empty where that is not known.
	Actor string `json:"actor,omitempty"`
	// Subject is whom or what it was done to: an e-mail address or key/NAME.
	// Addresses without a user are not written down: they may be passwords.
	Subject string `json:"subject,omitempty"`
	// Detail says more, such as what a role was and is.
	Detail string `json:"detail,omitempty"`
	// Address is the client's.
	Address string `json:"address,omitempty"`
	// Omitted is how many failures before this one were not logged: there were
	// too many.
	Omitted int `json:"omitted,omitempty"`
}

// By says who asks for a change, for the log.
type By struct {
	Actor   string
	Address string
}

// Log returns entries before a sequence (exclusive; 0 is from the newest), the
// newest first, at most limit (1 to MaxLogPage).
func (s *Store) Log(before uint64, limit int) (_ []LogEntry, err error) {
	s.write.Lock()
	defer s.write.Unlock()
	if s.db == nil {
		return nil, errClosed
	}
	if before == 0 || before > s.next {
		before = s.next
	}
	limit = min(max(limit, 1), MaxLogPage)
	first := uint64(1)
	if before > uint64(limit) {
		first = before - uint64(limit)
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: logKey(first), UpperBound: logKey(before)})
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := it.Close(); err == nil {
			err = e
		}
	}()
	found := make([]LogEntry, 0, before-first)
	for ok := it.Last(); ok; ok = it.Prev() {
		var e LogEntry
		if err := json.Unmarshal(it.Value(), &e); err != nil {
			return nil, fmt.Errorf("log of access: %w", err)
		}
		found = append(found, e)
	}
	return found, nil
}

func logKey(sequence uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{logPrefix}, sequence)
}

// failureLimit bounds how many failures are logged: who floods the ledger with
// wrong passwords must not fill the disk.
type failureLimit struct {
	since   time.Time
	logged  int
	omitted int
}

// take reports whether a failure is logged, and how many before it were not.
func (f *failureLimit) take(now time.Time) (omitted int, ok bool) {
	if now.Sub(f.since) >= time.Minute {
		f.since, f.logged = now, 0
	}
	if f.logged >= failuresLogged {
		f.omitted++
		return 0, false
	}
	f.logged++
	omitted, f.omitted = f.omitted, 0
	return omitted, true
}

// logFailure notes that somebody got no access.
func (s *Store) logFailure(e LogEntry) error {
	return s.change(func(c *change) error { return c.logFailure(e) })
}

func (c *change) logFailure(e LogEntry) error {
	omitted, ok := c.store.failures.take(c.now)
	if !ok {
		return errNothing
	}
	e.Omitted = omitted
	return c.log(e)
}
