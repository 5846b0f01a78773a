package reconciliation

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"prepayledger/domain"
)

// ErrStream is what Apply wraps where a stream's events do not fit together:
// it is damaged, or not this kind of stream.
var ErrStream = errors.New("reconciliation: events do not fit together")

// MetaInvoiceStream names the stream of a document of Meta.
func MetaInvoiceStream(invoiceID string) string { return "metainvoice-" + invoiceID }

// MetaInvoice is the state of a document of Meta, folded from its stream.
type MetaInvoice struct {
	// version is the newest that was begun, sealed or not.
	version int
	current *Document
	pending *pendingDocument
}

// pendingDocument is a version that is not sealed yet.
type pendingDocument struct {
	Document
	pieces int
}

// NewMetaInvoice returns the state before the first event.
func NewMetaInvoice() *MetaInvoice { return &MetaInvoice{} }

// Document is the newest sealed version; nil before the first. The answer is
// the caller's to keep: later events do not change it.
func (m *MetaInvoice) Document() *Document { return m.current }

// Apply folds an event into the state; it errs with ErrStream.
func (m *MetaInvoice) Apply(e domain.Event) error {
	switch e := e.(type) {
	case *MetaInvoiceReceived:
		m.version = e.Version
		m.pending = &pendingDocument{Document: Document{InvoiceID: e.InvoiceID, Version: e.Version, SHA256: e.SHA256, FX: e.FX}}
		return nil
	case *MetaInvoiceDocument:
		if m.pending == nil || e.Version != m.pending.Version || e.Piece != m.pending.pieces+1 {
			return fmt.Errorf("%w: piece %d of version %d of a file", ErrStream, e.Piece, e.Version)
		}
		m.pending.pieces++
		return nil
	case *MetaInvoiceLines:
		if m.pending == nil || e.Version != m.pending.Version || e.First != len(m.pending.Lines)+1 {
			return fmt.Errorf("%w: lines from %d of version %d", ErrStream, e.First, e.Version)
		}
		m.pending.Lines = append(m.pending.Lines, e.Lines...)
		return nil
	case *MetaInvoiceSealed:
		return m.seal(e)
	case *MetaInvoiceLineAllocated:
		if m.current == nil || e.Version != m.current.Version || e.Line < 1 || e.Line > len(m.current.Lines) {
			return fmt.Errorf("%w: allocation of line %d of version %d", ErrStream, e.Line, e.Version)
		}
		next := *m.current
		if next.Allocations = maps.Clone(next.Allocations); next.Allocations == nil {
			next.Allocations = map[int]Allocation{}
		}
		next.Allocations[e.Line] = e.Allocation
		m.current = &next
		return nil
	}
	return fmt.Errorf("%w: event %s in the stream of a document", ErrStream, e.EventType())
}

func (m *MetaInvoice) seal(e *MetaInvoiceSealed) error {
	p := m.pending
	if p == nil || e.Version != p.Version || e.Count != len(p.Lines) || e.Pieces != p.pieces {
		return fmt.Errorf("%w: seal of version %d", ErrStream, e.Version)
	}
	if p.LinesSHA256 = LinesSHA256(p.Lines); p.LinesSHA256 != e.SHA256 {
		return fmt.Errorf("%w: the lines of version %d are not those that were sealed", ErrStream, e.Version)
	}
	next := p.Document
	next.Allocations = carryOver(m.current, next.Lines)
	m.current, m.pending = &next, nil
	return nil
}

// carryOver keeps Finance's word on lines that a corrected version repeats in
// every field; on what changed it has to speak again.
func carryOver(old *Document, lines []InvoiceLine) map[int]Allocation {
	if old == nil || len(old.Allocations) == 0 {
		return nil
	}
	words := map[string][]Allocation{}
	for _, n := range slices.Sorted(maps.Keys(old.Allocations)) {
		content := old.Lines[n-1].Content()
		words[content] = append(words[content], old.Allocations[n])
	}
	carried := map[int]Allocation{}
	for i := range lines {
		content := lines[i].Content()
		if w := words[content]; len(w) > 0 {
			carried[i+1] = w[0]
			words[content] = w[1:]
		}
	}
	return carried
}

// Decide answers a command with events, none where nothing changes, or with
// a *domain.Rejection. It changes nothing.
func (m *MetaInvoice) Decide(meta domain.Meta, cmd domain.Command) ([]domain.Event, error) {
	switch c := cmd.(type) {
	case *ImportMetaInvoice:
		return m.receive(meta, c)
	case *AllocateInvoiceLine:
		return m.allocate(meta, c)
	}
	return nil, domain.Reject(domain.InvalidSetting, "This version does not know the command %s for a document of Meta.", cmd.CommandName())
}

func (m *MetaInvoice) receive(meta domain.Meta, c *ImportMetaInvoice) ([]domain.Event, error) {
	if c.InvoiceID == "" || len(c.InvoiceID) > MaxInvoiceIDBytes || len(c.Lines) == 0 {
		return nil, domain.Reject(domain.InvoiceInvalid, "A document needs an id of 1 to %d bytes and at least one line.", MaxInvoiceIDBytes)
	}
	if err := ValidateFX(c.FX); err != nil {
		return nil, domain.Reject(domain.InvoiceInvalid, "Correct the rates of exchange: %v.", err)
	}
	hash := LinesSHA256(c.Lines)
	if d := m.current; d != nil && d.LinesSHA256 == hash && (len(c.FX) == 0 || equalFX(d.FX, c.FX)) {
		return nil, nil
	}
	version := m.version + 1
	events := []domain.Event{&MetaInvoiceReceived{
		InvoiceID: c.InvoiceID, Version: version, FileName: c.FileName, SHA256: c.SHA256, FileBytes: c.FileBytes,
		FileIn: c.FileIn, Lines: len(c.Lines), FX: c.FX, ReceivedAt: meta.At,
		Sheet: c.Sheet, Mapping: c.Mapping,
	}}
	pieces := 0
	for piece := range slices.Chunk(c.File, MaxDocumentChunkBytes) {
		pieces++
		events = append(events, &MetaInvoiceDocument{Version: version, Piece: pieces, Data: piece})
	}
	chunks(c.Lines, sizeOfInvoiceLine, func(first int, lines []InvoiceLine) {
		events = append(events, &MetaInvoiceLines{Version: version, First: first + 1, Lines: lines})
	})
	return append(events, &MetaInvoiceSealed{
		Version: version, Count: len(c.Lines), SHA256: hash, Pieces: pieces, Totals: Totals(c.Lines),
	}), nil
}

func (m *MetaInvoice) allocate(meta domain.Meta, c *AllocateInvoiceLine) ([]domain.Event, error) {
	switch {
	case c.PartnerID != "" && c.AccountUnknown:
		return nil, domain.Reject(domain.UnknownAccount, "There is no partner account %q: open it first or correct the partner id.", c.PartnerID)
	case (c.PartnerID != "") == c.OwnCost:
		return nil, domain.Reject(domain.InvalidSetting, "Say either which partner's account takes the line (partner_id) or that it is our own cost (own_cost).")
	case meta.Actor == "":
		return nil, rejectNoActor()
	case m.current == nil:
		return nil, domain.Reject(domain.UnknownInvoiceLine, "There is no such document: import it first or correct the invoice id.")
	case c.Line < 1 || c.Line > len(m.current.Lines):
		return nil, domain.Reject(domain.UnknownInvoiceLine, "%s has lines 1 to %d, and no line %d.", m.current.InvoiceID, len(m.current.Lines), c.Line)
	}
	was, ok := m.current.Allocations[c.Line]
	if ok && was.PartnerID == c.PartnerID && was.OwnCost == c.OwnCost {
		return nil, nil
	}
	return []domain.Event{&MetaInvoiceLineAllocated{
		InvoiceID: m.current.InvoiceID, Version: m.current.Version, Line: c.Line,
		Allocation: Allocation{PartnerID: c.PartnerID, OwnCost: c.OwnCost, Actor: meta.Actor},
	}}, nil
}

func rejectNoActor() error {
	return domain.Reject(domain.ActorRequired, "Say who does this (actor), such as finance:ana.")
}

// Totals sums lines per type, month and currency, in that order.
func Totals(lines []InvoiceLine) []InvoiceTotal {
	type key struct {
		t        DocumentType
		month    domain.Month
		currency string
	}
	sums := map[key]*InvoiceTotal{}
	for i := range lines {
		l := &lines[i]
		k := key{l.DocumentType, l.Month, string(l.Currency)}
		t := sums[k]
		if t == nil {
			t = &InvoiceTotal{DocumentType: l.DocumentType, Month: l.Month, Currency: l.Currency}
			sums[k] = t
		}
		volume, amount := l.Signed()
		t.Lines++
		t.Volume += volume
		t.Amount = t.Amount.Add(amount)
	}
	totals := make([]InvoiceTotal, 0, len(sums))
	for _, t := range sums {
		totals = append(totals, *t)
	}
	slices.SortFunc(totals, func(a, b InvoiceTotal) int {
		return cmp.Or(cmp.Compare(a.DocumentType, b.DocumentType), cmp.Compare(a.Month, b.Month), cmp.Compare(a.Currency, b.Currency))
	})
	return totals
}
