package bank

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"prepayledger/domain"
)

const (
	// maxChunkEntries and maxChunkBytes bound the entries of one event: a
	// large statement has several.
	maxChunkEntries = 500
	maxChunkBytes   = 64 << 10
)

// ErrStream is what Apply wraps where a stream's events do not fit together.
var ErrStream = errors.New("bank: events do not fit together")

// ImportBankStatement records a statement, whole or not at all.
type ImportBankStatement struct {
	BankStatementImported
	Entries []Entry
}

// CommandName implements domain.Command.
func (*ImportBankStatement) CommandName() string { return "ImportBankStatement" }

// Statement is the state of a statement, folded from its stream. One that was
// cut short begins anew with the next import.
type Statement struct {
	BankStatementImported
	Entries []Entry
	// Sealed says that it is whole: it exists.
	Sealed bool
}

// Apply folds an event into the state; it errs with ErrStream.
func (s *Statement) Apply(e domain.Event) error {
	if s.Sealed {
		return fmt.Errorf("%w: %s after the seal", ErrStream, e.EventType())
	}
	switch e := e.(type) {
	case *BankStatementImported:
		s.BankStatementImported, s.Entries = *e, nil
		return nil
	case *BankStatementEntries:
		if e.First != len(s.Entries)+1 {
			return fmt.Errorf("%w: entries from %d after %d", ErrStream, e.First, len(s.Entries))
		}
		s.Entries = append(s.Entries, e.Entries...)
		return nil
	case *BankStatementSealed:
		if e.Count != len(s.Entries) || e.EntriesSHA256 != hashOf(s.Entries) {
			return fmt.Errorf("%w: the entries are not those that were sealed", ErrStream)
		}
		s.Sealed = true
		return nil
	}
	return fmt.Errorf("%w: event %s in the stream of a bank statement", ErrStream, e.EventType())
}

// Decide answers an import with events: none where the statement is there.
func (s *Statement) Decide(m domain.Meta, c *ImportBankStatement) ([]domain.Event, error) {
	if s.Sealed {
		if s.SHA256 != c.SHA256 {
			return nil, domain.Reject(domain.BankStatementInvalid, "Statement %s was imported from another file: tell whoever runs the ledger.", c.StatementID)
		}
		return nil, nil
	}
	begin := c.BankStatementImported
	begin.ImportedAt = m.At
	events := []domain.Event{&begin}
	for first := 0; first < len(c.Entries); {
		size, n := 0, 0
		for n < maxChunkEntries && first+n < len(c.Entries) && (n == 0 || size < maxChunkBytes) {
			e := &c.Entries[first+n]
			size += len(e.Text) + len(e.Debtor) + len(e.Reference) + len(e.EndToEndID)
			n++
		}
		events = append(events, &BankStatementEntries{First: first + 1, Entries: c.Entries[first : first+n]})
		first += n
	}
	return append(events, &BankStatementSealed{Count: len(c.Entries), EntriesSHA256: hashOf(c.Entries)}), nil
}

// hashOf is the hash of the entries' JSON, one a line, in hex.
func hashOf(entries []Entry) string {
	h := sha256.New()
	for i := range entries {
		line, err := json.Marshal(&entries[i])
		if err != nil {
			panic("bank: an entry that can't be written: " + err.Error()) // texts and amounts can
		}
		h.Write(append(line, '\n'))
	}
	return hex.EncodeToString(h.Sum(nil))
}
