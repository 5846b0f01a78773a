package evidence

import (
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// Wanted names one line of a month's comparison.
type Wanted struct {
	PartnerID string       `json:"partner_id"`
	Month     domain.Month `json:"month"`
	reconciliation.Key
	// Part limits what is listed to one part of the difference; empty lists
	// all charges and lines of the key.
	Part reconciliation.PartKind `json:"part,omitempty"`
}

// Line is one line of the comparison as of now, with the lines of Meta's
// documents behind it.
type Line struct {
	Wanted
	Currency money.Currency      `json:"currency"`
	Compared reconciliation.Line `json:"compared"`
	// Parts are the parts that were asked for, each with what can be known of
	// it.
	Parts []Part `json:"parts"`
	// Invoiced are the lines of documents of the key; Counterparts those of
	// other keys that the parts refer to: the free ones at Meta, the other
	// category's, or for the rounding everything that was converted.
	Invoiced     []reconciliation.Piece `json:"invoiced"`
	Counterparts []reconciliation.Piece `json:"counterparts,omitempty"`
}

// Find compares the month and finds the line that is wanted. It rejects
// (nothing_to_reconcile) where there is no such account, line or part.
func Find(in reconciliation.Input, earlier map[string]reconciliation.Posted, w Wanted) (*Line, error) {
	result, err := reconciliation.Compute(in, earlier)
	if err != nil {
		return nil, err
	}
	l := &Line{Wanted: w}
	if err := l.compared(result); err != nil {
		return nil, err
	}
	if err := l.parts(); err != nil {
		return nil, err
	}
	pieces, err := reconciliation.Pieces(in, w.PartnerID, func(k reconciliation.Key) bool {
		return k == w.Key || l.refersTo(k)
	})
	if err != nil {
		return nil, err
	}
	for _, p := range pieces {
		switch {
		case p.Key == w.Key:
			l.Invoiced = append(l.Invoiced, p)
		case !w.IsRounding() || p.Rate != nil:
			l.Counterparts = append(l.Counterparts, p)
		}
	}
	return l, nil
}

// compared finds the line in the result.
func (l *Line) compared(result *reconciliation.Result) error {
	for i := range result.Accounts {
		a := &result.Accounts[i]
		if a.PartnerID != l.PartnerID {
			continue
		}
		for j := range a.Lines {
			if a.Lines[j].Key == l.Key {
				l.Currency, l.Compared = a.Currency, a.Lines[j]
				return nil
			}
		}
		return domain.Reject(domain.NothingToReconcile, "The comparison of %s has no line of %.64q for WABA %.64q, market %.64q, category %.64q, pricing type %.64q: see prepay month preview %s --lines.",
			l.Month, l.PartnerID, l.WABAID, l.Market, l.Category, l.PricingType, l.Month)
	}
	return domain.Reject(domain.NothingToReconcile, "The comparison of %s has nothing of partner %.64q: see prepay month preview %s.", l.Month, l.PartnerID, l.Month)
}

// parts picks the parts that are wanted.
func (l *Line) parts() error {
	for i := range l.Compared.Parts {
		if p := &l.Compared.Parts[i]; l.Part == "" || p.Kind == l.Part {
			l.Parts = append(l.Parts, explain(p))
		}
	}
	if l.Part != "" && len(l.Parts) == 0 {
		return domain.Reject(domain.NothingToReconcile, "The line's difference of %s has no part %.20q: leave --part out to see all.", l.Compared.Difference, l.Part)
	}
	return nil
}

// refersTo reports whether a part of the line points at another key.
func (l *Line) refersTo(k reconciliation.Key) bool {
	if l.IsRounding() {
		return true
	}
	if k.WABAID != l.WABAID || k.Market != l.Market {
		return false
	}
	for i := range l.Parts {
		switch p := &l.Parts[i]; p.Kind {
		case reconciliation.PartFree:
			if k.Free() && k.Category == l.Category {
				return true
			}
		case reconciliation.PartCategory:
			if k.PricingType == l.PricingType && k.Category == p.With {
				return true
			}
		}
	}
	return false
}

// lists says which charges are listed.
func (l *Line) lists(late bool) bool {
	if l.Part == "" {
		return true
	}
	for i := range l.Parts {
		if which := l.Parts[i].Charges; late && which == ChargesLate || !late && which == ChargesOnTime {
			return true
		}
	}
	return false
}
