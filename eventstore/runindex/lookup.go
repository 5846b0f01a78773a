package runindex

import (
	"context"
	"fmt"
	"slices"
)

// lookupGroup is how many keys LookupAll asks for under one hold of the
// lock.
const lookupGroup = 128

// suspect names records of a run that may have the key numbered key of a
// group. The run is retained.
type suspect struct {
	key      int
	run      *run
	from, to uint32
}

// gathered is what memory knows of a group of keys.
type gathered struct {
	entries  []Entry // of the tables, newest first for each key
	ends     [lookupGroup]int
	suspects []suspect // ordered by key, newest first for each
}

// Lookup appends the live entries of the key to dst, ordered by identity.
// For a key never put it reads no file, but for one in some hundreds that
// the filters don't tell apart. Errors: ErrDamaged, ErrTooManyEntries,
// ErrClosed, or what the disk says; dst is then as it was given.
func (x *Index) Lookup(ctx context.Context, dst []Entry, key Key) ([]Entry, error) {
	base := len(dst)
	prefix := key.prefix()
	var few [4]suspect
	suspects := few[:0]
	x.mu.RLock()
	if x.closed {
		x.mu.RUnlock()
		return dst, ErrClosed
	}
	dst = x.gatherTables(dst, &key)
	suspects = x.gatherRuns(suspects, 0, prefix)
	x.mu.RUnlock()
	if len(suspects) == 0 && len(dst) == base {
		return dst, nil
	}
	dst, err := x.read(ctx, dst, &key, suspects)
	if err == nil {
		dst, err = settle(dst, base)
	}
	if err != nil {
		return dst[:base], err
	}
	return dst, nil
}

// LookupAll looks many keys up, cheaper than one at a time. It calls found
// with the number of each key that has live entries, in order; the entries
// are valid until found returns. It ends with found's first error, or as
// Lookup does.
func (x *Index) LookupAll(ctx context.Context, keys []Key, found func(i int, entries []Entry) error) error {
	var g gathered
	var entries []Entry
	for start := 0; start < len(keys); start += lookupGroup {
		group := keys[start:min(start+lookupGroup, len(keys))]
		if err := x.gather(&g, group); err != nil {
			return err
		}
		if len(g.suspects) == 0 && len(g.entries) == 0 {
			continue
		}
		suspects, at := g.suspects, 0
		for i := range group {
			n := 0
			for n < len(suspects) && suspects[n].key == i {
				n++
			}
			if n == 0 && g.ends[i] == at {
				continue
			}
			entries = append(entries[:0], g.entries[at:g.ends[i]]...)
			at = g.ends[i]
			var err error
			entries, err = x.read(ctx, entries, &group[i], suspects[:n])
			suspects = suspects[n:]
			if err == nil {
				entries, err = settle(entries, 0)
			}
			if err == nil && len(entries) > 0 {
				err = found(start+i, entries)
			}
			if err != nil {
				unrefAll(suspects)
				return err
			}
		}
	}
	return nil
}

// gather asks memory about a group of keys.
func (x *Index) gather(g *gathered, group []Key) error {
	g.entries, g.suspects = g.entries[:0], g.suspects[:0]
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return ErrClosed
	}
	for i := range group {
		g.entries = x.gatherTables(g.entries, &group[i])
		g.ends[i] = len(g.entries)
		g.suspects = x.gatherRuns(g.suspects, i, group[i].prefix())
	}
	return nil
}

// gatherTables appends what the tables have of the key. mu is held.
func (x *Index) gatherTables(dst []Entry, key *Key) []Entry {
	dst = x.active.appendKey(dst, key)
	if x.sealed != nil {
		dst = x.sealed.appendKey(dst, key)
	}
	return dst
}

// gatherRuns appends the runs that may have a key, retained. mu is held.
func (x *Index) gatherRuns(dst []suspect, key int, prefix uint64) []suspect {
	for _, r := range x.runs {
		if from, to, ok := r.filter.probe(prefix); ok {
			r.retain()
			dst = append(dst, suspect{key: key, run: r, from: from, to: to})
		}
	}
	return dst
}

// read appends what the suspects really have of the key, and ends their
// retention.
func (x *Index) read(ctx context.Context, dst []Entry, key *Key, suspects []suspect) ([]Entry, error) {
	if len(suspects) == 0 {
		return dst, nil
	}
	defer unrefAll(suspects)
	if err := ctx.Err(); err != nil {
		return dst, err
	}
	buf := x.pages.Get().(*[pageBytes]byte)
	defer x.pages.Put(buf)
	for _, s := range suspects {
		var err error
		if dst, err = s.run.appendKey(dst, key, s.from, s.to, buf); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func unrefAll(suspects []suspect) {
	for _, s := range suspects {
		s.run.unref()
	}
}

// settle orders dst[base:], which comes newest first, by identity, keeping
// the newest of each and no removed ones.
func settle(dst []Entry, base int) ([]Entry, error) {
	found := dst[base:]
	if len(found) > MaxEntriesPerKey {
		return dst, fmt.Errorf("%w: key %x has more than %d", ErrTooManyEntries, found[0].Key, MaxEntriesPerKey)
	}
	if len(found) > 1 {
		slices.SortStableFunc(found, compareIdentity)
		found = slices.CompactFunc(found, func(a, b Entry) bool { return compareIdentity(a, b) == 0 })
	}
	found = slices.DeleteFunc(found, func(e Entry) bool { return e.Value == 0 })
	return dst[:base+len(found)], nil
}
