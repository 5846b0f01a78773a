package runindex

import (
	"bytes"
	"context"
)

// mergeReadBytes is how much a merge reads from each run at a time.
const mergeReadBytes = 64 * pageBytes // 256 KiB

// maxMergeInputs bounds the runs of one merge, in multiples of the fan-in.
const maxMergeInputs = 2

// tier tells how often a run of that size was merged: 0 for a sealed table.
func (o Options) tier(entries uint64) int {
	t := 0
	for limit := uint64(o.TableEntries) * 2; entries > limit; limit *= uint64(o.FanIn) {
		t++
	}
	return t
}

// pickMerge returns which runs (newest first), from and to exclusive, are to
// be merged next; to is 0 when none are. Only neighbours in age are merged,
// so that what is newer stays known.
//
// The lowest tier with FanIn runs that have no larger run between them is
// merged. Smaller runs among or behind them, left by a Close or by a merge
// of many removals, are taken along.
func (o Options) pickMerge(runs []*run) (from, to int) {
	tiers := make([]int, len(runs))
	highest := 0
	for i, r := range runs {
		tiers[i] = o.tier(r.entries)
		highest = max(highest, tiers[i])
	}
	for t := 0; t <= highest; t++ {
		for start := 0; start < len(runs); {
			end, equal, first := start, 0, start
			for ; end < len(runs) && tiers[end] <= t; end++ {
				if tiers[end] == t {
					if equal == 0 {
						first = end
					}
					equal++
				}
			}
			if equal >= o.FanIn {
				first = max(first, end-maxMergeInputs*o.FanIn)
				for ; end-first >= o.FanIn; first++ {
					if sumEntries(runs[first:end]) <= uint64(o.MaxRunEntries) {
						return first, end
					}
				}
			}
			start = end + 1
		}
	}
	return 0, 0
}

// sumEntries counts the runs' entries.
func sumEntries(runs []*run) (sum uint64) {
	for _, r := range runs {
		sum += r.entries
	}
	return sum
}

// mergeInput walks through one run.
type mergeInput struct {
	run    *run
	next   uint64 // number of the record after rec
	rec    []byte // the current one, nil at the end
	prefix uint64
	buf    []byte // whole pages, from the one numbered page on
	page   uint64
	pages  uint64
}

// advance goes to the next record.
func (m *mergeInput) advance() error {
	if m.next == m.run.entries {
		m.rec = nil
		return nil
	}
	page := m.next / recordsPerPage
	if page >= m.page+m.pages {
		if err := m.fill(page); err != nil {
			return err
		}
	}
	at := (page-m.page)*pageBytes + m.next%recordsPerPage*recordBytes
	m.rec = m.buf[at : at+recordBytes]
	m.prefix = recordPrefix(m.rec)
	m.next++
	return nil
}

// fill reads and verifies pages from the given one on.
func (m *mergeInput) fill(page uint64) error {
	m.page, m.pages = page, min(uint64(len(m.buf)/pageBytes), pagesFor(m.run.entries)-page)
	if err := m.run.readAt(m.buf[:m.pages*pageBytes], int64(page*pageBytes)); err != nil {
		return err
	}
	for i := range m.pages {
		if err := m.run.check(m.buf[i*pageBytes:(i+1)*pageBytes], page+i); err != nil {
			return err
		}
	}
	return nil
}

// smallest returns the input with the smallest record, of equal identities
// the newest, nil when all are at their end.
func smallest(inputs []*mergeInput) *mergeInput {
	var least *mergeInput
	for _, in := range inputs {
		if in.rec == nil {
			continue
		}
		if least == nil || in.prefix < least.prefix ||
			in.prefix == least.prefix && bytes.Compare(in.rec[:identityBytes], least.rec[:identityBytes]) < 0 {
			least = in
		}
	}
	return least
}

// mergeRuns writes the records of the runs (newest first) to w, of each
// identity the newest. Removals are left out when nothing older than the
// runs is there to be removed.
func mergeRuns(ctx context.Context, w *runWriter, runs []*run, dropRemoved bool) error {
	inputs := make([]*mergeInput, len(runs))
	for i, r := range runs {
		inputs[i] = &mergeInput{run: r, buf: make([]byte, mergeReadBytes)}
		if err := inputs[i].advance(); err != nil {
			return err
		}
	}
	var last [recordBytes]byte // a zero key is none's
	for n := 0; ; n++ {
		if n%recordsPerPage == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		in := smallest(inputs)
		if in == nil {
			return nil
		}
		if !bytes.Equal(in.rec[:identityBytes], last[:identityBytes]) {
			copy(last[:], in.rec)
			if !dropRemoved || in.rec[identityBytes] != 0 {
				if err := w.add(in.rec); err != nil {
					return err
				}
			}
		}
		if err := in.advance(); err != nil {
			return err
		}
	}
}
