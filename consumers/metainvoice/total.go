package metainvoice

import (
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// totalMark stands in place of the invoice id in a line of totals.
const totalMark = "TOTAL"

// sumKey is what a line of totals is about, over all documents of the file.
type sumKey struct {
	documentType reconciliation.DocumentType
	month        domain.Month
	currency     money.Currency
}

// sum adds up lines; stated is what TOTAL says.
type sum struct {
	volume       int64
	amount       money.Amount
	statedVolume int64
	statedAmount money.Amount
}

func (p *parser) at(k sumKey) *sum {
	s := p.sums[k]
	if s == nil {
		s = &sum{}
		p.sums[k] = s
	}
	return s
}

// sum adds a line to the sums, with the sign of the file; a credit memo's
// figures count without it.
func (p *parser) sum(l *reconciliation.InvoiceLine) {
	s := p.at(sumKey{l.DocumentType, l.Month, l.Currency})
	v, a := plain(l.DocumentType, l.Volume, l.Amount)
	s.volume += v
	s.amount = s.amount.Add(a)
}

func plain(t reconciliation.DocumentType, volume int64, amount money.Amount) (int64, money.Amount) {
	if t != reconciliation.CreditMemo {
		return volume, amount
	}
	return max(volume, -volume), amount.Abs()
}

// check compares the sums with what TOTAL says. Where lines could not be read
// the sums are wrong anyway.
func (p *parser) check() {
	if len(p.Problems) > 0 {
		return
	}
	for _, k := range p.stated {
		s, line := p.sums[k], p.totals[k]
		if s.volume != s.statedVolume {
			p.add(line, volume.String(), "the total is %d, the lines of %s, %s, %s sum to %d: ask for a complete file", s.statedVolume, k.documentType, k.month, k.currency, s.volume)
		}
		if !s.amount.Equal(s.statedAmount) {
			p.add(line, amount.String(), "the total is %s, the lines of %s, %s, %s sum to %s: ask for a complete file", s.statedAmount, k.documentType, k.month, k.currency, s.amount)
		}
	}
}

// total reads a line of totals.
func (p *parser) total() {
	r := &p.row
	p.ended = true
	for f := wabaID; f <= tier; f++ {
		if s := r.text(f); s != "" {
			r.problem(f, "%q in a line of totals: leave it empty", show(s))
		}
	}
	k := sumKey{documentType: r.documentType(), month: r.month()}
	v, a := r.totalVolume(), r.amount(k.documentType)
	k.currency = r.currency()
	if r.bad {
		return
	}
	if first := p.totals[k]; first > 0 {
		p.add(r.line, "", "the total of %s, %s, %s stands in line %d already: remove one", k.documentType, k.month, k.currency, first)
		return
	}
	p.totals[k] = r.line
	p.stated = append(p.stated, k)
	s := p.at(k)
	s.statedVolume, s.statedAmount = plain(k.documentType, v, a)
}
