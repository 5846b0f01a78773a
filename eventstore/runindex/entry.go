package runindex

import (
	"bytes"
	"encoding/binary"
)

// Limits of what one call may bring or get.
const (
	// MaxEntriesPerKey bounds the entries of one key that a Lookup gathers
	// (live, replaced and removed ones together). A key that has more cannot
	// be looked up: ErrTooManyEntries.
	MaxEntriesPerKey = 4096
	// MaxCheckpointBytes bounds the position given to Commit.
	MaxCheckpointBytes = 256
)

// recordBytes is the size of an entry in memory and on disk. The order of
// records is that of their bytes: key, content, slot, and the value last.
const (
	recordBytes   = 32
	keyBytes      = 16
	contentBytes  = 14
	identityBytes = keyBytes + contentBytes + 1
)

// Key is what is looked up. Keys must be uniformly distributed, such as the
// first half of a SHA-256: skewed keys are answered rightly but slowly. The
// zero key is reserved.
type Key [keyBytes]byte

// Entry is what the index keeps. Key, Content and Slot are its identity.
type Entry struct {
	Key     Key
	Content [contentBytes]byte
	Slot    uint8
	// Value is the user's; 0 removes the entry of this identity.
	Value uint8
}

// prefix is the part of the key by which entries are placed, in tables as in
// runs: it keeps the order of the keys.
func (k *Key) prefix() uint64 { return binary.BigEndian.Uint64(k[:8]) }

// encode writes the entry as a record.
func (e *Entry) encode(rec *[recordBytes]byte) {
	copy(rec[:keyBytes], e.Key[:])
	copy(rec[keyBytes:], e.Content[:])
	rec[identityBytes-1] = e.Slot
	rec[identityBytes] = e.Value
}

// decode reads a record of recordBytes bytes.
func decode(rec []byte) (e Entry) {
	_ = rec[recordBytes-1]
	copy(e.Key[:], rec)
	copy(e.Content[:], rec[keyBytes:])
	e.Slot = rec[identityBytes-1]
	e.Value = rec[identityBytes]
	return e
}

// compareIdentity orders entries as their records are ordered.
func compareIdentity(a, b Entry) int {
	if c := bytes.Compare(a.Key[:], b.Key[:]); c != 0 {
		return c
	}
	if c := bytes.Compare(a.Content[:], b.Content[:]); c != 0 {
		return c
	}
	return int(a.Slot) - int(b.Slot)
}

// recordPrefix is prefix for a record.
func recordPrefix(rec []byte) uint64 { return binary.BigEndian.Uint64(rec) }
