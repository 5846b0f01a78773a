package runindex

import (
	"bytes"
	"math/bits"
)

const (
	// slotsPerEntry is the inverse of a full table's load, in hundredths.
	slotsPerEntry = 150
	// tableSlack are slots past the last home slot, for the entries that
	// their neighbours push there.
	tableSlack = 1024
)

// table holds the newest entries in memory: open addressing with linear
// probing, records in place, no pointers.
//
// The home slot of an entry grows with its key and entries that share slots
// are kept in order, so the table is always sorted as a whole: sealing it
// needs no sort, a lookup can stop at the first larger record. An empty slot
// is one whose key is zero.
type table struct {
	mem   []byte
	homes uint64 // home slots
	slots int    // with the slack; the last one stays empty
	limit int    // entries that it takes
	count int    // entries in it
	// checkpoint is the last Commit before the table was retired from
	// taking Puts.
	checkpoint checkpoint
}

// newTable makes an empty table for limit entries.
func newTable(limit int) (*table, error) {
	homes := limit * slotsPerEntry / 100
	t := &table{homes: uint64(homes), slots: homes + tableSlack, limit: limit}
	var err error
	t.mem, err = allocate(t.slots * recordBytes)
	return t, err
}

// clear empties the table for another use.
func (t *table) clear() {
	clear(t.mem)
	t.count, t.checkpoint = 0, checkpoint{}
}

// slot returns the record at i, without its bounds being known to be good.
func (t *table) slot(i int) []byte {
	return t.mem[i*recordBytes : i*recordBytes+recordBytes : i*recordBytes+recordBytes]
}

// home returns the slot where the search for a key starts.
func (t *table) home(prefix uint64) int {
	h, _ := bits.Mul64(prefix, t.homes)
	return int(h)
}

// isEmpty reports whether no entry is in the slot.
func isEmpty(rec []byte) bool {
	return recordPrefix(rec) == 0 && recordPrefix(rec[8:]) == 0
}

// put adds the record or replaces the one of the same identity. It reports
// false, and does nothing, when the table must be sealed first.
func (t *table) put(rec *[recordBytes]byte) bool {
	prefix := recordPrefix(rec[:])
	at := t.home(prefix)
	for ; !isEmpty(t.slot(at)); at++ {
		have := t.slot(at)
		p := recordPrefix(have)
		if p < prefix {
			continue
		}
		if p > prefix {
			break
		}
		c := bytes.Compare(have[:identityBytes], rec[:identityBytes])
		if c == 0 {
			have[identityBytes] = rec[identityBytes]
			return true
		}
		if c > 0 {
			break
		}
	}
	if t.count >= t.limit {
		return false
	}
	end := at
	for !isEmpty(t.slot(end)) {
		end++
	}
	if end == t.slots-1 {
		return false
	}
	copy(t.mem[(at+1)*recordBytes:(end+1)*recordBytes], t.mem[at*recordBytes:end*recordBytes])
	copy(t.slot(at), rec[:])
	t.count++
	return true
}

// touch reads the first record that a search for the prefix looks at. The
// result means nothing: reading many ahead lets their cache misses overlap.
func (t *table) touch(prefix uint64) uint64 { return recordPrefix(t.slot(t.home(prefix))) }

// appendKey appends the key's entries to dst.
func (t *table) appendKey(dst []Entry, key *Key) []Entry {
	prefix := key.prefix()
	for at := t.home(prefix); !isEmpty(t.slot(at)); at++ {
		have := t.slot(at)
		p := recordPrefix(have)
		if p < prefix {
			continue
		}
		if p > prefix {
			break
		}
		c := bytes.Compare(have[:keyBytes], key[:])
		if c == 0 {
			dst = append(dst, decode(have))
		}
		if c > 0 {
			break
		}
	}
	return dst
}

// each calls f with every record in order, until f fails.
func (t *table) each(f func(rec []byte) error) error {
	for at := range t.slots {
		if rec := t.slot(at); !isEmpty(rec) {
			if err := f(rec); err != nil {
				return err
			}
		}
	}
	return nil
}
