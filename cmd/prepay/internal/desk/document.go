package desk

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// MetaDocument is a document for people and machines.
type MetaDocument struct {
	InvoiceID string `json:"invoice_id"`
	// Version counts corrections, from 1 (R28).
	Version   int                           `json:"version"`
	LineCount int                           `json:"line_count"`
	Allocated int                           `json:"allocated"`
	Totals    []reconciliation.InvoiceTotal `json:"totals"`
	FX        []reconciliation.FXRate       `json:"fx,omitempty"`
	SHA256    string                        `json:"sha256"`
	Lines     []DocumentLine                `json:"lines,omitempty"`
}

// DocumentLine is a line with its number and Finance's word on it (R27).
type DocumentLine struct {
	Line int `json:"line"`
	reconciliation.InvoiceLine
	Allocation *reconciliation.Allocation `json:"allocation,omitempty"`
}

// document reads a document from its stream; nil where there is none.
func (d *Desk) document(ctx context.Context, id string) (*reconciliation.Document, error) {
	if !domain.ValidID(id) {
		return nil, nil // it names no stream
	}
	invoice := reconciliation.NewMetaInvoice()
	err := d.Fold(ctx, reconciliation.MetaInvoiceStream(id), func(_ eventstore.Recorded, _ codec.Metadata, e domain.Event) error { return invoice.Apply(e) })
	if errors.Is(err, eventstore.ErrStreamNotFound) {
		return nil, nil
	}
	return invoice.Document(), err
}

// viewOfDocument is a document without its lines.
func viewOfDocument(d *reconciliation.Document) MetaDocument {
	return MetaDocument{
		InvoiceID: d.InvoiceID, Version: d.Version, LineCount: len(d.Lines), Allocated: len(d.Allocations),
		Totals: reconciliation.Totals(d.Lines), FX: d.FX, SHA256: d.SHA256,
	}
}

// Documents lists Meta's documents in order, those with lines in the month or,
// for "", all.
func (d *Desk) Documents(ctx context.Context, month domain.Month) ([]MetaDocument, error) {
	return d.DocumentsAfter(ctx, month, "", math.MaxInt)
}

// DocumentsAfter lists at most limit of Meta's documents behind an id.
func (d *Desk) DocumentsAfter(ctx context.Context, month domain.Month, after string, limit int) ([]MetaDocument, error) {
	ids, err := d.documentIDs(month)
	if err != nil {
		return nil, err
	}
	all := []MetaDocument{}
	for _, id := range ids {
		if id <= after || len(all) == limit {
			continue
		}
		found, err := d.document(ctx, id)
		if err != nil {
			return nil, err
		}
		if found != nil { // else its import was cut short: it does not exist yet
			all = append(all, viewOfDocument(found))
		}
	}
	return all, nil
}

func (d *Desk) documentIDs(month domain.Month) ([]string, error) {
	if month != "" {
		return d.Views.Months.Documents(month)
	}
	all, err := d.Views.Months.AllDocuments()
	ids := map[string]bool{}
	for _, known := range all {
		ids[known.InvoiceID] = true
	}
	return slices.Sorted(maps.Keys(ids)), err
}

// DocumentLines shows a document of Meta with at most limit lines, from the
// line on; lines count from 1.
func (d *Desk) DocumentLines(ctx context.Context, id string, from, limit int) (*MetaDocument, error) {
	found, err := d.document(ctx, id)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, domain.Reject(domain.UnknownInvoiceLine, "There is no document %.64q: see prepay invoice list.", id)
	}
	v := viewOfDocument(found)
	first := min(max(from, 1), len(found.Lines)+1)
	last := min(first-1+max(limit, 0), len(found.Lines))
	for n := first; n <= last; n++ {
		l := DocumentLine{Line: n, InvoiceLine: found.Lines[n-1]}
		if word, ok := found.Allocations[n]; ok {
			l.Allocation = &word
		}
		v.Lines = append(v.Lines, l)
	}
	return &v, nil
}
