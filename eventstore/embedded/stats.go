package embedded

// Stats are figures for operators.
type Stats struct {
	// Events is the number of events in the log.
	Events uint64
	// Appends and Syncs count what was written since Open: how many appends
	// share a sync shows how well grouping works.
	Appends, Syncs uint64
	// DiskBytes is what the log takes on disk, WrittenBytes what was written
	// to the disk since Open (write-ahead log, flushes, compactions).
	DiskBytes, WrittenBytes uint64
	// MemoryBytes is what memtables, block cache and table readers hold.
	MemoryBytes uint64
}

// Stats returns the store's figures; ErrClosed after Close, ErrUnavailable
// when the store no longer writes.
func (s *Store) Stats() (Stats, error) {
	if err := s.failed(); err != nil {
		return Stats{}, err // Pebble may hold the lock that Metrics takes
	}
	if err := s.enter(); err != nil {
		return Stats{}, err
	}
	defer s.leave()
	m := s.db.Metrics()
	total := m.Total()
	return Stats{
		Events:    s.durable.Load(),
		Appends:   s.counts.appends.Load(),
		Syncs:     s.counts.groups.Load(),
		DiskBytes: m.DiskSpaceUsage(),
		// The total counts the write-ahead log as flushed.
		WrittenBytes: total.TableBytesFlushed + total.TableBytesCompacted,
		MemoryBytes:  m.MemTable.Size + uint64(m.BlockCache.Size) + uint64(m.FileCache.Size),
	}, nil
}
