package evidence

import (
	"fmt"

	"prepayledger/domain/reconciliation"
)

// Which charges stand behind a part.
const (
	// ChargesLate: those that were recorded after the month was first posted.
	ChargesLate = "late"
	// ChargesOnTime: all others of the key.
	ChargesOnTime = "on_time"
	// ChargesNone: the part comes from Meta's lines alone.
	ChargesNone = "none"
)

// Part is a part of a difference and what can be known of it.
type Part struct {
	reconciliation.Part
	// Charges is "late", "on_time" or "none": which charges are behind it.
	Charges string `json:"charges"`
	// Certain says that these charges are the part; otherwise they are
	// candidates.
	Certain bool `json:"certain"`
	// Says is that in a sentence.
	Says string `json:"says"`
}

// explain says what can be known of a part.
func explain(p *reconciliation.Part) Part {
	n := p.Count
	if n < 0 {
		n = -n
	}
	e := Part{Part: *p, Charges: ChargesOnTime}
	switch p.Kind {
	case reconciliation.PartLate:
		e.Charges, e.Certain = ChargesLate, true
		e.Says = "These charges and corrections were recorded after the month was first posted; they sum to the part."
	case reconciliation.PartMissingAtMeta:
		e.Certain = true
		e.Says = "No line of Meta's documents has this key: the part is all charges that were recorded in time."
	case reconciliation.PartMissingHere:
		e.Charges, e.Certain = ChargesNone, true
		e.Says = "Nothing was charged here in time: the part is Meta's lines alone."
	case reconciliation.PartFree:
		e.Says = fmt.Sprintf("Meta counted %d of these as free and does not say which: all charges of the key are candidates, and the part is %d times their mean price.", n, n)
	case reconciliation.PartCategory:
		if p.Count < 0 {
			e.Charges, e.Certain = ChargesNone, true
			e.Says = fmt.Sprintf("%d are here at Meta and in %s with us: open that category to see the candidates.", n, p.With)
		} else {
			e.Says = fmt.Sprintf("Meta has %d of these in %s and does not say which: all charges of the key are candidates, and the part is %d times their mean price.", n, p.With, n)
		}
	case reconciliation.PartQuantity:
		if p.Count < 0 {
			e.Charges, e.Certain = ChargesNone, true
			e.Says = fmt.Sprintf("Meta counted %d more than were charged here and names none of them: the part is %d times our mean price.", n, n)
		} else {
			e.Says = fmt.Sprintf("Meta counted %d less than were charged here and does not say which: all charges of the key are candidates, and the part is %d times their mean price.", n, n)
		}
	case reconciliation.PartTier:
		e.Certain = true
		e.Says = fmt.Sprintf("Meta priced %d in the volume tier %s; the charges show in which tier each was priced here.", n, p.With)
	case reconciliation.PartRate:
		e.Certain = true
		e.Says = fmt.Sprintf("Meta's unit price of %d is not ours; the charges show which rate card each price came from.", n)
	case reconciliation.PartCurrency:
		e.Certain = true
		e.Says = fmt.Sprintf("Meta invoiced %d in %s; each line shows its rate of exchange.", n, p.With)
	default:
		e.Charges, e.Certain = ChargesNone, true
		e.Says = "What division left, or what rounding the converted total to the minor unit made; no charge stands behind it."
	}
	return e
}
