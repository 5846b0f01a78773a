package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// ErrOriginal says that the original file that the log keeps is not the one
// that was received: the log is damaged.
var ErrOriginal = fmt.Errorf("the original kept is not the file that was received: %w", eventstore.ErrCorrupt)

// Original is the file that a version of a document of Meta came in.
type Original struct {
	InvoiceID string `json:"invoice_id"`
	Version   int    `json:"version"`
	FileName  string `json:"file_name"`
	SHA256    string `json:"sha256"`
	Bytes     int64  `json:"bytes"`
	// FileIn is the document in whose stream it is kept: this one, or another
	// that came in the same file.
	FileIn string `json:"file_in"`
	// Sheet and Mapping say how it was read.
	Sheet   string `json:"sheet,omitempty"`
	Mapping string `json:"mapping,omitempty"`
}

// Original writes the file that a document came in to w, byte for byte.
// Version 0 is the newest. The hash is checked before the first byte is
// written; ErrOriginal where it does not fit. A document or version that is
// not there is a rejection.
func (l *Ledger) Original(ctx context.Context, invoiceID string, version int, w io.Writer) (*Original, error) {
	found, err := l.received(ctx, invoiceID, func(e *reconciliation.MetaInvoiceReceived) bool {
		return version == 0 || e.Version == version
	})
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, domain.Reject(domain.UnknownInvoiceLine, "There is no such document %.64q, version %d (0 is the newest): see prepay invoice list.", invoiceID, version)
	}
	o := &Original{
		InvoiceID: found.InvoiceID, Version: found.Version, FileName: found.FileName, SHA256: found.SHA256,
		Bytes: found.FileBytes, FileIn: found.InvoiceID,
		Sheet: found.Sheet, Mapping: found.Mapping,
	}
	kept := found
	if found.FileIn != "" {
		o.FileIn = found.FileIn
		if kept, err = l.received(ctx, found.FileIn, func(e *reconciliation.MetaInvoiceReceived) bool {
			return e.SHA256 == found.SHA256 && e.FileIn == ""
		}); err != nil {
			return nil, err
		}
		if kept == nil {
			return nil, fmt.Errorf("%w: %s has no file %s", ErrOriginal, found.FileIn, found.SHA256)
		}
	}
	hash := sha256.New()
	n, err := l.pieces(ctx, kept, hash)
	if err != nil {
		return nil, err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != o.SHA256 || n != o.Bytes {
		return nil, fmt.Errorf("%w: %d bytes with SHA-256 %s, not %d with %s", ErrOriginal, n, sum, o.Bytes, o.SHA256)
	}
	_, err = l.pieces(ctx, kept, w)
	return o, err
}

// received is the newest sealed version that fits; nil where there is none.
func (l *Ledger) received(ctx context.Context, invoiceID string, fits func(*reconciliation.MetaInvoiceReceived) bool) (found *reconciliation.MetaInvoiceReceived, err error) {
	var begun *reconciliation.MetaInvoiceReceived
	_, err = l.fold(ctx, reconciliation.MetaInvoiceStream(invoiceID), func(e domain.Event) error {
		switch e := e.(type) {
		case *reconciliation.MetaInvoiceReceived:
			begun = e
		case *reconciliation.MetaInvoiceSealed:
			if begun != nil && begun.Version == e.Version && fits(begun) {
				found = begun
			}
		}
		return nil
	})
	return found, err
}

// pieces writes the file that the version keeps and returns its length.
func (l *Ledger) pieces(ctx context.Context, of *reconciliation.MetaInvoiceReceived, w io.Writer) (total int64, err error) {
	_, err = l.fold(ctx, reconciliation.MetaInvoiceStream(of.InvoiceID), func(e domain.Event) error {
		piece, ok := e.(*reconciliation.MetaInvoiceDocument)
		if !ok || piece.Version != of.Version {
			return nil
		}
		n, err := w.Write(piece.Data)
		total += int64(n)
		return err
	})
	return total, err
}
