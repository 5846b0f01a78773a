package runindex

// Stats say how an index stands.
type Stats struct {
	// Runs is the number of runs, Entries that of the records in them
	// (replaced and removed ones included until a merge drops them).
	Runs    int
	Entries uint64
	// InMemory is the number of entries not sealed yet.
	InMemory int
	// FilterBytes and TableBytes are the memory of filters and tables.
	FilterBytes, TableBytes int
	// Seals and Merges done since Open, and the records that merges read.
	Seals, Merges int
	MergedEntries uint64
	// Stalls counts how often Put had to wait since Open.
	Stalls int
}

// Stats returns the present figures.
func (x *Index) Stats() Stats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	s := x.stats
	s.Runs, s.Entries = len(x.runs), sumEntries(x.runs)
	for _, r := range x.runs {
		s.FilterBytes += len(r.filter.mem)
	}
	for _, t := range []*table{x.active, x.sealed, x.spare} {
		if t != nil {
			s.InMemory += t.count
			s.TableBytes += len(t.mem)
		}
	}
	return s
}
