package desk

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/eventstore"
	"prepayledger/projections/invoices"
)

const (
	// FindTimeout bounds the search for a charge's event among an account's
	// (time): some ten million of them.
	FindTimeout = 5 * time.Second
	// maxBeside is how many events are looked at from the instant on at which a
	// document was issued (events): what is recorded at one instant is together.
	maxBeside = 20_000
	// maxDigits bounds a number that is looked for (digits).
	maxDigits = 15
)

// Found is something in the log that was looked for.
type Found struct {
	// What it is, for people: a charge, an invoice, a stream.
	What string
	// Name is what it is called.
	Name string
	// Stream has it, at Revision. Where Revision is eventstore.NoStream, the
	// stream itself was found, or the event was not found in time.
	Stream   string
	Revision eventstore.Revision
	// Note says more for people.
	Note string
}

// Find looks for what somebody has a name of: a charge by its id, which is
// Meta's conversation or message id (R8), a document by its number, a stream by
// what it is about. A charge's event is looked for on the day that it was
// recorded, if that is given; a search without it begins with the newest events
// and ends after FindTimeout.
func (d *Desk) Find(ctx context.Context, text string, day time.Time) ([]Found, error) {
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	all, err := d.findStreams(text)
	if err != nil {
		return nil, err
	}
	documents, err := d.findDocuments(ctx, text)
	if err != nil {
		return nil, err
	}
	charges, err := d.findCharges(ctx, text, day)
	return slices.Concat(documents, charges, all), err
}

// findStreams finds streams by their names, or by what they are about.
func (d *Desk) findStreams(text string) ([]Found, error) {
	names := []string{text}
	for _, k := range StreamKinds() {
		names = append(names, k.Prefix+text)
	}
	if digits, err := domain.NormalizeNumber(text); err == nil && len(digits) <= maxDigits {
		names = append(names, "number-"+digits)
	}
	slices.Sort(names)
	var all []Found
	for _, name := range slices.Compact(names) {
		s, err := d.Views.Streams.Get(name)
		if err != nil {
			return nil, err
		}
		if s != nil {
			all = append(all, Found{What: "stream", Name: name, Stream: name, Revision: eventstore.NoStream, Note: fmt.Sprintf("%d events", s.Events)})
		}
	}
	return all, nil
}

// findDocuments finds partners' invoices and credit notes by their numbers.
func (d *Desk) findDocuments(ctx context.Context, number string) ([]Found, error) {
	rows, err := d.Views.Invoices.Find(number)
	if err != nil {
		return nil, err
	}
	var all []Found
	for i := range rows {
		f := Found{What: "invoice", Name: number, Stream: ledger.AccountStream(rows[i].PartnerID), Revision: eventstore.NoStream}
		if rows[i].Kind() == invoices.CreditNote {
			f.What = "credit note"
		}
		total, currency := rows[i].Total()
		f.Note = fmt.Sprintf("%s, %s %s, issued on %s", rows[i].PartnerID, total.Fixed(currency.Decimals()), currency, rows[i].IssuedAt().Format(time.DateOnly))
		if err := d.locate(ctx, &f, rows[i].IssuedAt()); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// locate finds the event that issued a document, from the instant on.
func (d *Desk) locate(ctx context.Context, f *Found, at time.Time) error {
	s, err := d.Views.Streams.Get(f.Stream)
	if err != nil || s == nil {
		return err
	}
	from, err := d.RevisionAt(ctx, s, at)
	if err != nil {
		return err
	}
	looked := 0
	for r, err := range d.Store.ReadStream(ctx, f.Stream, from, eventstore.Forwards) {
		if err != nil {
			return err
		}
		issued := r.Type == "InvoiceIssued" || r.Type == "CreditNoteIssued"
		if issued && bytes.Contains(r.Data, []byte(f.Name)) {
			f.Revision = r.Revision
			return nil
		}
		if looked++; looked == maxBeside {
			return nil
		}
	}
	return nil
}

// findCharges finds in which accounts a charge was presented, and its event.
func (d *Desk) findCharges(ctx context.Context, id string, day time.Time) ([]Found, error) {
	if !domain.ValidID(id) {
		return nil, nil
	}
	partners := append(d.Views.Accounts.Partners(), "") // the last is what is nobody's
	keys := make([]domain.ChargeKey, len(partners))
	for i, p := range partners {
		keys[i] = domain.KeyOf(p, id)
	}
	var all, quarantined []Found
	err := d.Views.Index.Seen(ctx, keys, func(i int, s domain.Seen) {
		for n := range s.Quarantined {
			quarantined = append(quarantined, quarantinedAs(id, partners[i], &s.Quarantined[n]))
		}
		if !s.Counted {
			return
		}
		f := Found{What: "charge", Name: id, Stream: ledger.AccountStream(partners[i]), Revision: eventstore.NoStream, Note: partners[i]}
		if s.Corrected {
			f.Note += ", taken back"
		}
		all = append(all, f)
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := d.findCharge(ctx, &all[i], day); err != nil {
			return nil, err
		}
	}
	return append(all, quarantined...), nil
}

// quarantinedAs is a charge's entry in an owner's quarantine.
func quarantinedAs(id, owner string, e *domain.QuarantinedEntry) Found {
	f := Found{What: "charge in quarantine", Name: id, Stream: ledger.UnassignedStream, Revision: eventstore.NoStream, Note: "reason: " + e.Reason.String()}
	if owner != "" {
		f.Stream, f.Note = ledger.AccountStream(owner), owner+", "+f.Note
	}
	return f
}

// findCharge finds the event that charged, within FindTimeout: newest first, or
// on the day that it was recorded.
func (d *Desk) findCharge(ctx context.Context, f *Found, day time.Time) error {
	within, cancel := context.WithTimeout(ctx, FindTimeout)
	defer cancel()
	from, until := eventstore.End, eventstore.Revision(0)
	if !day.IsZero() {
		var err error
		if from, until, err = d.dayOf(within, f.Stream, day); err != nil {
			return err
		}
	}
	for r, err := range d.Store.ReadStream(within, f.Stream, from, eventstore.Backwards) {
		if err != nil && within.Err() != nil && ctx.Err() == nil {
			f.Note += "; its event is not among the newest: name the day on which it was recorded"
			return nil
		}
		if err != nil {
			return err
		}
		if r.Revision < until {
			break
		}
		found, err := d.charges(&r, f.Name)
		if err != nil || found {
			f.Revision = r.Revision
			return err
		}
	}
	f.Note += "; its event was not recorded on that day"
	return nil
}

// dayOf are the last and the first revision of a day; a day without events has
// none.
func (d *Desk) dayOf(ctx context.Context, stream string, day time.Time) (last, first eventstore.Revision, err error) {
	s, err := d.Stream(ctx, stream)
	if err != nil {
		return 0, 0, err
	}
	if first, err = d.RevisionAt(ctx, s, day); err != nil {
		return 0, 0, err
	}
	next, err := d.RevisionAt(ctx, s, day.AddDate(0, 0, 1))
	return max(next-1, 0), first, err
}

// charges says whether an event charges or counts the charge.
func (d *Desk) charges(r *eventstore.Recorded, id string) (bool, error) {
	if !strings.HasPrefix(r.Type, "Conversation") || !bytes.Contains(r.Data, []byte(id)) {
		return false, nil
	}
	_, e, err := d.Event(*r)
	switch e := e.(type) {
	case *domain.ConversationCharged:
		return e.ChargeID == id, err
	case *domain.ConversationCounted:
		return e.ChargeID == id, err
	}
	return false, err
}
