package embedded

import "prepayledger/eventstore"

// headsPerGeneration bounds each of the two generations of a heads cache
// (streams; about 100 bytes each besides the name). It exceeds
// maxGroupAppends, so that no stream of the group at hand is forgotten.
const headsPerGeneration = 1 << 16

// head is where a stream ends.
type head struct {
	// revision of the newest event; NoStream if there is none.
	revision eventstore.Revision
	// group is the newest group of appends that wrote to the stream.
	group uint64
}

// heads remembers the ends of the streams that were lately written. What was
// not used for a whole generation is forgotten. Only the writer uses it.
type heads struct {
	young, old map[string]head
}

func newHeads() *heads { return &heads{young: make(map[string]head)} }

func (h *heads) get(stream string) (head, bool) {
	if v, ok := h.young[stream]; ok {
		return v, true
	}
	v, ok := h.old[stream]
	if ok {
		h.put(stream, v)
	}
	return v, ok
}

func (h *heads) put(stream string, v head) {
	if len(h.young) >= headsPerGeneration {
		if _, ok := h.young[stream]; !ok {
			h.old, h.young = h.young, make(map[string]head)
		}
	}
	h.young[stream] = v
}
