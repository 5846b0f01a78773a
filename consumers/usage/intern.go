package usage

import (
	"hash/maphash"
	"strings"
)

// internSlots is how many strings an interner keeps; a power of two.
const internSlots = 8192

// interner gives equal strings the same memory. Ids of channels and names of
// markets repeat all the time: kept so, they don't hold their blocks in
// memory. It is bounded: a string has two slots, and the older one makes way.
type interner struct {
	seed  maphash.Seed
	slots [internSlots]string
}

// intern returns s in memory of its own.
func (n *interner) intern(s string) string {
	if s == "" {
		return ""
	}
	h := maphash.String(n.seed, s) % (internSlots / 2)
	newer, older := &n.slots[2*h], &n.slots[2*h+1]
	switch {
	case *newer == s:
		return *newer
	case *older == s:
		return *older
	}
	*older, *newer = *newer, strings.Clone(s)
	return *newer
}
