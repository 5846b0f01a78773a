package runindex

import (
	"context"
	"fmt"
	"slices"
)

// lookupGroup is how many keys are asked for under one hold of the lock, and
// how many cache misses can be under way together.
const lookupGroup = 64

// question is the scratch memory of a lookup.
type question struct {
	prefixes [lookupGroup]uint64
	ends     [lookupGroup]int // of each key in inTables
	inTables []Entry          // newest first for each key
	maybe    maybe
	suspects []suspect // by key, newest first for each
	entries  []Entry   // the answer for one key
	page     [pageBytes]byte
	touched  uint64
}

// suspect names records of a run that may have a key of the group. The run
// is retained.
type suspect struct {
	key      int
	run      *run
	from, to uint32
}

// Lookup appends the live entries of the key to dst, ordered by identity.
// For a key never put it reads no file, but for one in about 200 that the
// filters don't tell apart. Errors: ErrDamaged, ErrTooManyEntries,
// ErrClosed, or what the disk says; dst is then as it was given.
func (x *Index) Lookup(ctx context.Context, dst []Entry, key Key) ([]Entry, error) {
	keys := [1]Key{key}
	err := x.LookupAll(ctx, keys[:], func(_ int, entries []Entry) error {
		dst = append(dst, entries...)
		return nil
	})
	return dst, err
}

// LookupAll looks many keys up, which costs less than one at a time. It
// calls found with the number of each key that has live entries, in order;
// the entries are ordered by identity and valid until found returns. It ends
// with found's first error, or as Lookup does.
func (x *Index) LookupAll(ctx context.Context, keys []Key, found func(i int, entries []Entry) error) error {
	q := x.questions.Get().(*question)
	defer x.questions.Put(q)
	for start := 0; start < len(keys); start += lookupGroup {
		group := keys[start:min(start+lookupGroup, len(keys))]
		if err := x.ask(q, group); err != nil {
			return err
		}
		if len(q.suspects) == 0 && len(q.inTables) == 0 {
			continue
		}
		if err := q.answer(ctx, group, start, found); err != nil {
			return err
		}
	}
	return nil
}

// ask puts what memory knows of the keys into the question.
func (x *Index) ask(q *question, group []Key) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return ErrClosed
	}
	for i := range group {
		q.prefixes[i] = group[i].prefix()
	}
	prefixes := q.prefixes[:len(group)]
	x.askTables(q, group, prefixes)
	x.askRuns(q, prefixes)
	return nil
}

// askTables fills inTables. mu is held.
func (x *Index) askTables(q *question, group []Key, prefixes []uint64) {
	for _, t := range []*table{x.active, x.sealed} {
		if t != nil {
			for _, prefix := range prefixes {
				q.touched ^= t.touch(prefix)
			}
		}
	}
	q.inTables = q.inTables[:0]
	for i := range group {
		q.inTables = x.active.appendKey(q.inTables, &group[i])
		if x.sealed != nil {
			q.inTables = x.sealed.appendKey(q.inTables, &group[i])
		}
		q.ends[i] = len(q.inTables)
	}
}

// askRuns fills suspects. mu is held.
func (x *Index) askRuns(q *question, prefixes []uint64) {
	q.suspects = q.suspects[:0]
	for i, r := range x.runs {
		for _, key := range x.filters[i].probe(&q.maybe, prefixes) {
			if from, to, ok := x.filters[i].compare(prefixes[key]); ok {
				r.retain()
				q.suspects = append(q.suspects, suspect{key: int(key), run: r, from: from, to: to})
			}
		}
	}
	if len(prefixes) > 1 && len(q.suspects) > 1 {
		slices.SortStableFunc(q.suspects, func(a, b suspect) int { return a.key - b.key })
	}
}

// answer calls found for the keys of the group, whose first has the number
// start.
func (q *question) answer(ctx context.Context, group []Key, start int, found func(int, []Entry) error) error {
	suspects, at := q.suspects, 0
	defer func() {
		for _, s := range suspects {
			s.run.unref()
		}
	}()
	for i := range group {
		q.entries = append(q.entries[:0], q.inTables[at:q.ends[i]]...)
		at = q.ends[i]
		for len(suspects) > 0 && suspects[0].key == i {
			if err := ctx.Err(); err != nil {
				return err
			}
			s := suspects[0]
			var err error
			if q.entries, err = s.run.appendKey(q.entries, &group[i], s.from, s.to, &q.page); err != nil {
				return err
			}
			s.run.unref()
			suspects = suspects[1:]
		}
		if len(q.entries) == 0 {
			continue
		}
		live, err := settle(q.entries)
		if err != nil {
			return err
		}
		if len(live) > 0 {
			if err := found(start+i, live); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle orders the entries of one key, which come newest first, by
// identity, and keeps the newest of each and no removed ones.
func settle(found []Entry) ([]Entry, error) {
	if len(found) > MaxEntriesPerKey {
		return nil, fmt.Errorf("%w: key %x has more than %d", ErrTooManyEntries, found[0].Key, MaxEntriesPerKey)
	}
	if len(found) > 1 {
		slices.SortStableFunc(found, compareIdentity)
		found = slices.CompactFunc(found, func(a, b Entry) bool { return compareIdentity(a, b) == 0 })
	}
	return slices.DeleteFunc(found, func(e Entry) bool { return e.Value == 0 }), nil
}
