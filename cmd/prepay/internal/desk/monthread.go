package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

const (
	// KeptLines bounds the lines of months that are kept in memory for paging
	// (lines); the month that was asked for last is kept in any case.
	KeptLines = 250_000
	// KeptMonths bounds the months that are kept.
	KeptMonths = 8
	// PreviewAge is how old a preview that is shown may be (time).
	PreviewAge = time.Minute
	// KeptAge is how long a month is kept that nobody asks for (time).
	KeptAge = 5 * time.Minute
)

// Month is a month as it was read once: what is paged is paged from it. It is
// not changed any more.
type Month struct {
	MonthHead
	// Revision is where the month's stream ended; of a preview, too.
	Revision eventstore.Revision
	// ComputedAt is when it was read or, a preview, computed, by the ledger's
	// clock.
	ComputedAt time.Time
	// inputs are the versions of the documents that a preview was made of.
	inputs string
	rows   []MonthLine
	// largest are the places of rows by the size of the difference.
	largest    []int32
	currencies []Waterfall
	accounts   []Waterfall
}

// MonthLine is a line of a month with whose it is.
type MonthLine struct {
	PartnerID string         `json:"partner_id"`
	Currency  money.Currency `json:"currency"`
	reconciliation.Line
	// Tolerated says that the difference lies within a tolerance.
	Tolerated bool `json:"tolerated,omitempty"`
}

// compare orders lines by account and key.
func (l *MonthLine) compare(o *MonthLine) int {
	return cmp.Or(strings.Compare(l.PartnerID, o.PartnerID), l.Key.Compare(o.Key))
}

// compareSize orders lines by the size of their difference, the largest first.
func (l *MonthLine) compareSize(o *MonthLine) int {
	return cmp.Or(o.Difference.Abs().Cmp(l.Difference.Abs()), l.compare(o))
}

// months keeps months that were read.
type months struct {
	mu   sync.Mutex
	kept map[monthKey]*keptMonth
	// reading lets one month be read at a time: each takes memory.
	reading lane
}

type monthKey struct {
	month   domain.Month
	preview bool
}

type keptMonth struct {
	*Month
	// since and asked are when it came and when it was asked for last, by the
	// machine's clock: the ledger's may stand still.
	since, asked time.Time
}

// ReadMonth reads the newest proposal or posting of a month or, for a preview,
// the month as it is now, unless it is kept from before. A month without
// proposal has the phase not_proposed, and nothing else.
func (d *Desk) ReadMonth(ctx context.Context, month domain.Month, preview bool) (*Month, error) {
	revision, err := d.lastRevision(ctx, reconciliation.Stream(month))
	if err != nil {
		return nil, err
	}
	inputs := ""
	if preview {
		if inputs, err = d.inputsOf(ctx, month); err != nil {
			return nil, err
		}
	}
	key := monthKey{month, preview}
	if m := d.months.get(key, revision, inputs); m != nil {
		return m, nil
	}
	leave, err := d.months.reading.enter(ctx, "The reading of a month")
	if err != nil {
		return nil, err
	}
	defer leave()
	if m := d.months.get(key, revision, inputs); m != nil { // another one read it meanwhile
		return m, nil
	}
	read := d.readMonth
	if preview {
		read = d.previewMonth
	}
	m, err := read(ctx, month)
	if err != nil {
		return nil, err
	}
	m.inputs = inputs
	d.months.keep(key, m)
	return m, nil
}

// inputsOf names the documents of a month with where their streams end: another
// version, or a line that is allocated, makes another preview at once.
func (d *Desk) inputsOf(ctx context.Context, month domain.Month) (string, error) {
	if err := d.Ledger.Settle(ctx); err != nil {
		return "", err
	}
	ids, err := d.documentIDs(month)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, id := range ids {
		revision, err := d.lastRevision(ctx, reconciliation.MetaInvoiceStream(id))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "%q %d\n", id, revision)
	}
	return text.String(), nil
}

// lastRevision is where a stream ends; NoStream where there is none.
func (d *Desk) lastRevision(ctx context.Context, stream string) (eventstore.Revision, error) {
	for r, err := range d.Store.ReadStream(ctx, stream, eventstore.End, eventstore.Backwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return eventstore.NoStream, nil
		}
		return r.Revision, err
	}
	return eventstore.NoStream, nil
}

func (d *Desk) readMonth(ctx context.Context, month domain.Month) (*Month, error) {
	r, revision, err := d.Ledger.Month(ctx, month)
	if err != nil {
		return nil, err
	}
	p := r.Latest()
	if p == nil {
		head := MonthHead{Month: month, Phase: reconciliation.NotProposed, Comments: r.Comments()}
		return newMonth(&MonthView{MonthHead: head}, revision, d.Ledger.Now()), nil
	}
	return newMonth(ViewOfProposal(r, p), revision, d.Ledger.Now()), nil
}

func (d *Desk) previewMonth(ctx context.Context, month domain.Month) (*Month, error) {
	revision, err := d.lastRevision(ctx, reconciliation.Stream(month))
	if err != nil {
		return nil, err
	}
	result, err := d.Ledger.PreviewMonth(ctx, month)
	if err != nil {
		return nil, err
	}
	settings, _, err := d.Ledger.MonthSettings(ctx)
	if err != nil {
		return nil, err
	}
	return newMonth(ViewOfResult(result, month, settings.Tolerances()), revision, d.Ledger.Now()), nil
}

// newMonth puts a month that was read now in order for paging.
func newMonth(v *MonthView, revision eventstore.Revision, now time.Time) *Month {
	m := &Month{MonthHead: v.MonthHead, Revision: revision, ComputedAt: now}
	m.complete()
	for i := range v.Accounts {
		a := &v.Accounts[i]
		for _, l := range v.Lines[a.PartnerID] {
			m.rows = append(m.rows, MonthLine{a.PartnerID, a.Currency, l, reconciliation.Within(v.Tolerances, a.Currency, l.Difference)})
		}
	}
	slices.SortFunc(m.rows, func(a, b MonthLine) int { return a.compare(&b) })
	m.largest = make([]int32, len(m.rows))
	sizes := make([]money.Amount, len(m.rows)) // worked out once: there are many comparisons
	for i := range m.largest {
		m.largest[i], sizes[i] = int32(i), m.rows[i].Difference.Abs()
	}
	slices.SortFunc(m.largest, func(a, b int32) int { return cmp.Or(sizes[b].Cmp(sizes[a]), cmp.Compare(a, b)) })
	m.currencies, m.accounts = waterfalls(v.Accounts, m.rows)
	return m
}

// complete makes lists of what is absent: JSON has no null for them.
func (h *MonthHead) complete() {
	h.Documents, h.Accounts = list(h.Documents), list(h.Accounts)
	h.Unallocated, h.OwnCost, h.Uninvoiced, h.Largest = list(h.Unallocated), list(h.OwnCost), list(h.Uninvoiced), list(h.Largest)
	if h.Parts == nil {
		h.Parts = map[reconciliation.PartKind]int{}
	}
}

// list makes an empty list of none.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// get returns a month that is kept and not out of date.
func (m *months) get(key monthKey, revision eventstore.Revision, inputs string) *Month {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.kept[key]
	now := time.Now()
	if k == nil || k.Revision != revision || k.inputs != inputs || key.preview && now.Sub(k.since) > PreviewAge {
		return nil
	}
	k.asked = now
	return k.Month
}

// keep keeps a month, and forgets those that nobody asked for, those asked for
// longest ago first, until the others are within bounds.
func (m *months) keep(key monthKey, month *Month) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.kept == nil {
		m.kept = map[monthKey]*keptMonth{}
	}
	m.kept[key] = &keptMonth{month, now, now}
	for {
		lines, oldest := 0, key
		for k, kept := range m.kept {
			if lines += len(kept.rows); kept.asked.Before(m.kept[oldest].asked) {
				oldest = k
			}
		}
		stale := now.Sub(m.kept[oldest].asked) > KeptAge
		if oldest == key || !stale && lines <= KeptLines && len(m.kept) <= KeptMonths {
			return
		}
		delete(m.kept, oldest)
	}
}
