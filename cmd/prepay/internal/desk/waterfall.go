package desk

import (
	"slices"
	"strings"

	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// Waterfall leads from what was charged in a month to what Meta invoiced, in
// steps by the kind of part (R26), exactly: Charged less all steps is Invoiced.
type Waterfall struct {
	// PartnerID is empty for all accounts of the currency.
	PartnerID string                `json:"partner_id,omitempty"`
	Currency  money.Currency        `json:"currency"`
	Charged   reconciliation.Figure `json:"charged"`
	Steps     []WaterfallStep       `json:"steps"`
	Invoiced  reconciliation.Figure `json:"invoiced"`
	// Difference is charged − invoiced: the sum of the steps. PostedBefore and
	// Post are what of it was, and is to be, posted.
	Difference   money.Amount `json:"difference"`
	PostedBefore money.Amount `json:"posted_before"`
	Post         money.Amount `json:"post"`
}

// WaterfallStep is what one kind of part comes to.
type WaterfallStep struct {
	Kind reconciliation.PartKind `json:"kind"`
	// Lines counts the lines that have such a part.
	Lines int   `json:"lines"`
	Count int64 `json:"count"`
	// Amount is signed like the difference: charged − invoiced.
	Amount money.Amount `json:"amount"`
	// Left is what is left of the charged sum after this step.
	Left money.Amount `json:"left"`
}

// PartKinds are the kinds of parts in the order in which they take a
// difference.
func PartKinds() []reconciliation.PartKind {
	return []reconciliation.PartKind{
		reconciliation.PartLate, reconciliation.PartFree, reconciliation.PartCategory, reconciliation.PartMissingAtMeta, reconciliation.PartMissingHere,
		reconciliation.PartTier, reconciliation.PartQuantity, reconciliation.PartRate, reconciliation.PartCurrency, reconciliation.PartRounding,
	}
}

// Waterfalls are those of all accounts together, by currency.
func (m *Month) Waterfalls() []Waterfall { return m.currencies }

// AccountWaterfall is that of one account; false where it does not take part.
func (m *Month) AccountWaterfall(partner string) (Waterfall, bool) {
	at, found := slices.BinarySearchFunc(m.accounts, partner, func(w Waterfall, id string) int { return strings.Compare(w.PartnerID, id) })
	if !found {
		return Waterfall{}, false
	}
	return m.accounts[at], true
}

// waterfalls sums a month up, per currency and per account.
func waterfalls(summaries []reconciliation.AccountSummary, rows []MonthLine) (currencies, accounts []Waterfall) {
	accounts, currencies = []Waterfall{}, []Waterfall{}
	places := map[string]int{}
	for i := range summaries {
		s := &summaries[i]
		places[s.PartnerID] = i
		accounts = append(accounts, Waterfall{
			PartnerID: s.PartnerID, Currency: s.Currency, Charged: s.Charged, Invoiced: s.Invoiced,
			Difference: s.Difference, PostedBefore: s.PostedBefore, Post: s.Post, Steps: emptySteps(),
		})
	}
	for i := range rows {
		accounts[places[rows[i].PartnerID]].add(rows[i].Parts)
	}
	byCurrency := map[money.Currency]*Waterfall{}
	for i := range accounts {
		a := &accounts[i]
		sum := byCurrency[a.Currency]
		if sum == nil {
			sum = &Waterfall{Currency: a.Currency, Steps: emptySteps()}
			byCurrency[a.Currency] = sum
		}
		sum.join(a)
		a.finish()
	}
	for _, sum := range byCurrency {
		sum.finish()
		currencies = append(currencies, *sum)
	}
	slices.SortFunc(currencies, func(a, b Waterfall) int { return strings.Compare(string(a.Currency), string(b.Currency)) })
	slices.SortFunc(accounts, func(a, b Waterfall) int { return strings.Compare(a.PartnerID, b.PartnerID) })
	return currencies, accounts
}

func emptySteps() []WaterfallStep {
	kinds := PartKinds()
	steps := make([]WaterfallStep, len(kinds))
	for i, k := range kinds {
		steps[i].Kind = k
	}
	return steps
}

// add adds the parts of a line.
func (w *Waterfall) add(parts []reconciliation.Part) {
	for i := range w.Steps {
		s, has := &w.Steps[i], 0
		for j := range parts {
			if p := &parts[j]; p.Kind == s.Kind {
				has, s.Count, s.Amount = 1, s.Count+p.Count, s.Amount.Add(p.Amount)
			}
		}
		s.Lines += has
	}
}

// join adds another waterfall of the same currency.
func (w *Waterfall) join(o *Waterfall) {
	w.Charged = reconciliation.Figure{Count: w.Charged.Count + o.Charged.Count, Amount: w.Charged.Amount.Add(o.Charged.Amount)}
	w.Invoiced = reconciliation.Figure{Count: w.Invoiced.Count + o.Invoiced.Count, Amount: w.Invoiced.Amount.Add(o.Invoiced.Amount)}
	w.Difference, w.PostedBefore, w.Post = w.Difference.Add(o.Difference), w.PostedBefore.Add(o.PostedBefore), w.Post.Add(o.Post)
	for i := range w.Steps {
		s, t := &w.Steps[i], &o.Steps[i]
		s.Lines, s.Count, s.Amount = s.Lines+t.Lines, s.Count+t.Count, s.Amount.Add(t.Amount)
	}
}

// finish leaves steps out that nothing is in, and works out what each leaves.
func (w *Waterfall) finish() {
	w.Steps = slices.DeleteFunc(w.Steps, func(s WaterfallStep) bool { return s.Lines == 0 })
	left := w.Charged.Amount
	for i := range w.Steps {
		left = left.Sub(w.Steps[i].Amount)
		w.Steps[i].Left = left
	}
}
