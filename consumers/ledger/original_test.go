package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/eventstore/esdb/esdbtest"
)

// damaging gives back other bytes of originals than were appended.
type damaging struct {
	eventstore.Store
	from, to string
}

func (d *damaging) ReadStream(ctx context.Context, stream string, from eventstore.Revision, direction eventstore.Direction) iter.Seq2[eventstore.Recorded, error] {
	return func(yield func(eventstore.Recorded, error) bool) {
		for r, err := range d.Store.ReadStream(ctx, stream, from, direction) {
			if r.Type == reconciliation.TypeMetaInvoiceDocument {
				r.Data = bytes.Replace(r.Data, []byte(d.from), []byte(d.to), 1)
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// TestOriginal: a file comes back byte for byte from whichever of its
// documents; one that the log no longer has as it came is refused, and not a
// byte of it is written.
func TestOriginal(t *testing.T) {
	esdbtest.Each(t, func(t *testing.T, open func(testing.TB) eventstore.Store) { original(t, newWorld(t, open(t))) })
}

func original(t *testing.T, w *world) {
	ctx := context.Background()
	const line = ",INV,2026-10-01,W1,,BR,,marketing,,,1,0.25,EUR\n"
	text := "invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n" +
		"MI-1" + line + strings.Repeat("MI-2"+line, 5000)
	l := w.ledger(ledger.Options{})
	mapping, err := metainvoice.ParseMapping("m.toml", strings.NewReader("decimal_mark = '.'"))
	w.must(err)
	file, err := metainvoice.Read("meta.csv", strings.NewReader(text), metainvoice.Options{Mapping: mapping})
	w.must(err)
	_, err = l.ImportMetaFile(ctx, meta("finance:ana"), file)
	w.must(err)
	for _, id := range []string{"MI-1", "MI-2"} {
		var out bytes.Buffer
		o, err := l.Original(ctx, id, 0, &out)
		if err != nil || out.String() != text || o.SHA256 != file.SHA256 || o.Mapping != mapping.Text || o.FileIn != "MI-1" || o.FileName != "meta.csv" || o.Version != 1 {
			t.Errorf("%s: %+v, %d bytes, %v", id, o, out.Len(), err)
		}
	}
	for _, id := range []string{"MI-1", "MI-3", ""} {
		if _, err := l.Original(ctx, id, 2, &bytes.Buffer{}); domain.RejectionCode(err) != domain.UnknownInvoiceLine {
			t.Errorf("version 2 of %s: %v", id, err)
		}
	}
	w.store = &damaging{Store: w.store, from: "aW52b2lj", to: "aW52b2lk"} // invoic, invoid
	l = w.ledger(ledger.Options{})
	for _, id := range []string{"MI-1", "MI-2"} {
		var out bytes.Buffer
		if _, err := l.Original(ctx, id, 0, &out); !errors.Is(err, ledger.ErrOriginal) || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", id, err, out.Len())
		}
	}
}
