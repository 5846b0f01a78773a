package eventstore

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Position is the place of an event in the whole log. Positions are ordered
// and otherwise opaque: drivers number as they like, with gaps.
type Position struct {
	Commit, Prepare uint64
}

// Start is the position before the first event.
var Start = Position{}

// Compare returns -1, 0 or +1 as p lies before, at or after q.
func (p Position) Compare(q Position) int {
	if c := cmp.Compare(p.Commit, q.Commit); c != 0 {
		return c
	}
	return cmp.Compare(p.Prepare, q.Prepare)
}

// Before reports whether p lies before q.
func (p Position) Before(q Position) bool { return p.Compare(q) < 0 }

// String writes the position as "commit/prepare", the form that
// ParsePosition reads.
func (p Position) String() string { return fmt.Sprintf("%d/%d", p.Commit, p.Prepare) }

// ParsePosition reads what String wrote.
func ParsePosition(s string) (Position, error) {
	c, q, ok := strings.Cut(s, "/")
	if ok {
		commit, err1 := strconv.ParseUint(c, 10, 64)
		prepare, err2 := strconv.ParseUint(q, 10, 64)
		if err1 == nil && err2 == nil {
			return Position{Commit: commit, Prepare: prepare}, nil
		}
	}
	return Position{}, fmt.Errorf("%w: position %q is not of the form commit/prepare", ErrInvalid, s)
}
