package gate

import (
	"hash/maphash"
	"sync"
)

// shards is into how many parts a table is cut, so that an update stops few
// of those who ask; a power of two.
const shards = 256

// table holds the channels by id.
type table struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu       sync.RWMutex
	channels map[string]*known
}

// known is what a gate keeps of a channel. It is never changed.
type known struct {
	// key is the channel's key in the bucket.
	key string
	// answer is given while the bucket is fresh.
	answer Decision
}

func newTable() *table {
	t := &table{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].channels = map[string]*known{}
	}
	return t
}

func (t *table) shard(channelID string) *shard {
	return &t.shards[maphash.String(t.seed, channelID)%shards]
}

// get returns what is known of a channel, nil if nothing.
func (t *table) get(channelID string) *known {
	s := t.shard(channelID)
	s.mu.RLock()
	k := s.channels[channelID]
	s.mu.RUnlock()
	return k
}

func (t *table) put(channelID string, k *known) {
	s := t.shard(channelID)
	s.mu.Lock()
	s.channels[channelID] = k
	s.mu.Unlock()
}

// remove forgets the channel of a key. It looks at all of them: nothing but a
// repair of the bucket ever deletes a key.
func (t *table) remove(key string) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for id, k := range s.channels {
			if k.key == key {
				delete(s.channels, id)
			}
		}
		s.mu.Unlock()
	}
}
