package usage

import "strings"

// internSlots is how many strings an interner keeps; a power of two.
const internSlots = 8192

// interner gives equal strings the same memory. Ids of channels and names of
// markets repeat all the time: kept so, they don't hold their blocks in
// memory. It is bounded: a string has two slots, and the older one makes way.
type interner struct{ slots [internSlots]string }

// intern returns s in memory of its own.
func (n *interner) intern(s string) string {
	if s == "" {
		return ""
	}
	// FNV-1a over the last bytes: ids differ at their ends.
	h := uint32(2166136261) ^ uint32(len(s))
	for i := max(0, len(s)-10); i < len(s); i++ {
		h = (h ^ uint32(s[i])) * 16777619
	}
	h ^= h >> 15
	newer, older := &n.slots[h%internSlots], &n.slots[(h^1)%internSlots]
	switch {
	case *newer == s:
		return *newer
	case *older == s:
		return *older
	}
	*older, *newer = *newer, strings.Clone(s)
	return *newer
}
