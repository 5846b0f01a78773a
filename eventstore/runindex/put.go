package runindex

import (
	"context"
	"fmt"
)

// putChunk is how many entries are put under one hold of the lock, so that
// lookups don't wait for large batches.
const putChunk = 512

// Put adds entries; one with the identity of an earlier one replaces it,
// Value 0 removes it. They are found at once and durable later (see Commit).
//
// Put works in memory and waits only where sealing and merging have fallen
// behind by MaxBacklog tables. Errors: ErrInvalid for a zero key (nothing is
// applied); ErrFailed, ErrDamaged (found by a merge), ErrClosed or the
// context's, after which a part of the entries may be in: putting them again
// is harmless.
func (x *Index) Put(ctx context.Context, entries ...Entry) error {
	for i := range entries {
		if entries[i].Key == (Key{}) {
			return fmt.Errorf("%w: entry %d has the zero key", ErrInvalid, i)
		}
	}
	for len(entries) > 0 {
		n, err := x.putSome(ctx, entries[:min(putChunk, len(entries))])
		if err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// putSome puts entries until the table is full and returns how many; it
// waits when not even one has room.
func (x *Index) putSome(ctx context.Context, entries []Entry) (int, error) {
	var rec [recordBytes]byte
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		if x.closed {
			return 0, ErrClosed
		}
		if x.failure != nil {
			return 0, x.failure
		}
		for i := range entries {
			x.touched ^= x.active.touch(entries[i].Key.prefix())
		}
		for i := range entries {
			entries[i].encode(&rec)
			if !x.active.put(&rec) {
				if i > 0 {
					return i, nil
				}
				break
			}
			if i == len(entries)-1 {
				return len(entries), nil
			}
		}
		if x.rotate() {
			continue
		}
		x.stats.Stalls++
		if err := x.wait(ctx); err != nil {
			return 0, err
		}
	}
}
