package reconciliation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"prepayledger/domain/money"
)

// Sentence tells one difference to people.
type Sentence struct {
	PartnerID string `json:"partner_id"`
	Key
	Currency   money.Currency `json:"currency"`
	Difference money.Amount   `json:"difference"`
	// Text is one or more plain sentences; the same difference always has the
	// same text.
	Text string `json:"text"`
}

// Largest tells the n largest differences (by their plain figures, whatever
// the currency), the largest first; equal ones by account and key. Lines
// without difference are not told.
func Largest(accounts []AccountSummary, lines map[string][]Line, n int) []Sentence {
	type found struct {
		account *AccountSummary
		line    *Line
		size    money.Amount
	}
	var all []found
	for i := range accounts {
		a := &accounts[i]
		for j := range lines[a.PartnerID] {
			if l := &lines[a.PartnerID][j]; !l.Difference.IsZero() {
				all = append(all, found{a, l, l.Difference.Abs()})
			}
		}
	}
	slices.SortFunc(all, func(x, y found) int {
		return cmp.Or(y.size.Cmp(x.size), cmp.Compare(x.account.PartnerID, y.account.PartnerID), x.line.Key.Compare(y.line.Key))
	})
	sentences := make([]Sentence, 0, min(n, len(all)))
	for _, f := range all[:min(n, len(all))] {
		sentences = append(sentences, Sentence{
			PartnerID: f.account.PartnerID, Key: f.line.Key, Currency: f.account.Currency, Difference: f.line.Difference,
			Text: tell(f.account, f.line),
		})
	}
	return sentences
}

// tell writes a line's difference and its parts as sentences.
func tell(a *AccountSummary, l *Line) string {
	t := teller{currency: a.Currency}
	if l.IsRounding() {
		return fmt.Sprintf("%s: rounding the converted invoice to %s makes %s.", a.PartnerID, a.Currency, t.toward(l.Difference))
	}
	what := fmt.Sprintf("%s, %s in %s", l.WABAID, l.Category, orUnknown(l.Market))
	if l.Free() {
		what += " (" + l.PricingType + ")"
	}
	s := fmt.Sprintf("%s: for %s we charged %d for %s and Meta invoiced %d for %s: %s.", a.PartnerID, what,
		l.Charged.Count, t.money(l.Charged.Amount), l.Invoiced.Count, t.money(l.Invoiced.Amount), t.toward(l.Difference))
	clauses := make([]string, len(l.Parts))
	for i := range l.Parts {
		clauses[i] = t.clause(&l.Parts[i])
	}
	if len(clauses) > 0 {
		s += " That is " + strings.Join(clauses, "; ") + "."
	}
	if !l.PostedBefore.IsZero() {
		s += fmt.Sprintf(" %s of it was posted before.", t.money(l.PostedBefore))
	}
	return s
}

func orUnknown(market string) string {
	if market == "" {
		return "an unknown market"
	}
	return market
}

// teller writes amounts of one currency.
type teller struct{ currency money.Currency }

func (t teller) money(a money.Amount) string { return a.String() + " " + string(t.currency) }

// toward says in whose favour a difference is.
func (t teller) toward(difference money.Amount) string {
	if difference.Sign() < 0 {
		return t.money(difference.Abs()) + " more than we charged, to be deducted"
	}
	return t.money(difference) + " too much was charged, to be given back"
}

// clause says what a part comes from.
func (t teller) clause(p *Part) string {
	amount, n := t.money(p.Amount), p.Count
	if n < 0 {
		n = -n
	}
	switch p.Kind {
	case PartLate:
		return fmt.Sprintf("%s from %d charged after the month was reconciled", amount, n)
	case PartFree:
		return fmt.Sprintf("%s from %d that Meta counted as free", amount, n)
	case PartCategory:
		if p.Count < 0 {
			return fmt.Sprintf("%s from %d that we have in the category %s", amount, n, p.With)
		}
		return fmt.Sprintf("%s from %d that Meta has in the category %s", amount, n, p.With)
	case PartMissingAtMeta:
		return fmt.Sprintf("%s from %d that Meta's invoice does not have at all", amount, n)
	case PartMissingHere:
		return fmt.Sprintf("%s from %d that were never charged here", amount, n)
	case PartTier:
		return fmt.Sprintf("%s from %d that Meta priced in the volume tier %s", amount, n, p.With)
	case PartQuantity:
		if p.Count < 0 {
			return fmt.Sprintf("%s from %d that Meta counted and we did not", amount, n)
		}
		return fmt.Sprintf("%s from %d that we counted and Meta did not", amount, n)
	case PartRate:
		return fmt.Sprintf("%s from another price of %d", amount, n)
	case PartCurrency:
		return fmt.Sprintf("%s from the rate of exchange of %d invoiced in %s", amount, n, p.With)
	default:
		return amount + " from rounding"
	}
}
