//go:build !(linux || darwin || freebsd) || race

package runindex

// allocate returns zeroed memory. This is the variant for systems without
// anonymous mappings, and for the race detector, which sees only Go's heap.
func allocate(size int) ([]byte, error) { return make([]byte, size), nil }

// release leaves the memory to the collector.
func release([]byte) {}
