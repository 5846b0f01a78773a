package embedded

import (
	"sort"
	"sync"
)

// recentBytes is how many bytes of the newest appends are kept in memory: 4
// MiB. Those who follow the log, several of them, find them here and need not
// search the database for every group that is synced.
const recentBytes = 4 << 20

// recent is the newest appends, without a gap. Their memory is never changed.
type recent struct {
	mu      sync.RWMutex
	records []raw // the oldest first
	bytes   int
}

// add keeps the records of a group that is synced. They follow those before.
// next is the number of the event after the last of them.
func (n *recent) add(group []*request, next uint64) {
	size := 0
	first := next
	for _, r := range group {
		size += len(r.record)
		first -= uint64(r.count)
	}
	block := make([]byte, 0, size) // requests use their buffers again
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range group {
		from := len(block)
		block = append(block, r.record...)
		n.records = append(n.records, raw{first: first, value: block[from:len(block):len(block)]})
		first += uint64(r.count)
	}
	n.bytes += size
	for ; n.bytes > recentBytes; n.records = n.records[1:] {
		n.bytes -= len(n.records[0].value)
		n.records[0] = raw{}
	}
}

// page appends to page the record that holds event from, and those that follow
// up to event end, until they are size bytes. It appends none where from is not
// among the newest.
func (n *recent) page(page []raw, from, end uint64, size int) []raw {
	n.mu.RLock()
	defer n.mu.RUnlock()
	i := sort.Search(len(n.records), func(i int) bool { return n.records[i].first > from }) - 1
	if i < 0 {
		return page
	}
	for read := 0; i < len(n.records) && n.records[i].first <= end && read < size; i++ {
		page = append(page, n.records[i])
		read += len(n.records[i].value)
	}
	return page
}
