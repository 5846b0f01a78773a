package domain

import (
	"cmp"
	"maps"
	"slices"
)

// sortedKeys returns a map's keys in order: nothing in the domain may depend
// on the order of a map.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
