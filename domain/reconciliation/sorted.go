package reconciliation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sortedKeys returns a map's keys in order: nothing may depend on the order of
// a map.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

// named lists the first MaxNamed things for a message.
func named(things []string) string {
	if len(things) <= MaxNamed {
		return strings.Join(things, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(things[:MaxNamed], ", "), len(things)-MaxNamed)
}
