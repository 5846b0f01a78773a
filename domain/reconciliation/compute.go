package reconciliation

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Errors of an input that contradicts itself: failures of whoever put it
// together, not rejections.
var (
	// ErrInput is what they wrap.
	ErrInput = errors.New("reconciliation: inconsistent input")
	// ErrTooManyDocuments says that a month has more than
	// MaxDocumentsPerMonth documents.
	ErrTooManyDocuments = errors.New("reconciliation: too many documents in one month")
)

// Compute compares what was charged with what Meta invoiced (R25 to R30).
// earlier are the lines as posted by earlier runs, per partner; nil before the
// first. It answers a rejection (FXRateMissing) where a rate is missing, and
// ErrInput or ErrTooManyDocuments where the input cannot be.
func Compute(in Input, earlier map[string]Posted) (*Result, error) {
	c, err := newComputation(in)
	if err != nil {
		return nil, err
	}
	for _, d := range c.documents {
		if err := c.place(d); err != nil {
			return nil, err
		}
	}
	if err := c.missingRates(); err != nil {
		return nil, err
	}
	return c.result(earlier)
}

// computation is a run in the making.
type computation struct {
	in        Input
	documents []*Document
	directory directory
	accounts  map[string]*account
	// invoiced has the WABAs of all lines of the month.
	invoiced    map[string]bool
	unallocated []LineRef
	ownCost     []LineRef
	direct      map[directKey]*DirectTotal
	missing     []string
	missingSeen map[string]bool
	// given watches what lines give to accounts; nil where nobody does.
	given func(*account, Piece)
}

type directKey struct {
	waba     string
	currency money.Currency
}

// account is an account in the making.
type account struct {
	Account
	cells map[Key]*cell
	// wabas sums what was charged per WABA.
	wabas     map[string]Figure
	converted map[convertedKey]*Converted
	documents []string
}

type convertedKey struct {
	from               money.Currency
	rate, date, source string
}

// cell is one Key of one account in the making.
type cell struct {
	Line
	// groups are the invoice's lines by what sets their price; nil where the
	// invoice has none.
	groups map[groupKey]*group
	explained
}

// groupKey tells apart the invoice's lines of one key by what sets their
// price. The rate of exchange is empty in the account's own currency.
type groupKey struct {
	currency money.Currency
	rate     string
	tier     string
}

// group are lines of one groupKey: the amount in Meta's currency and in the
// account's.
type group struct {
	rate           money.Amount
	count          int64
	given, account money.Amount
}

func newComputation(in Input) (*computation, error) {
	c := &computation{
		in: in, directory: newDirectory(in.Channels), accounts: make(map[string]*account, len(in.Accounts)),
		invoiced: map[string]bool{}, direct: map[directKey]*DirectTotal{}, missingSeen: map[string]bool{},
	}
	for _, a := range in.Accounts {
		c.accounts[a.PartnerID] = &account{
			Account: a, cells: map[Key]*cell{}, wabas: map[string]Figure{}, converted: map[convertedKey]*Converted{},
		}
	}
	for i := range in.Channels {
		if id := in.Channels[i].PartnerID; c.accounts[id] == nil {
			return nil, fmt.Errorf("%w: channel %q of unknown account %q", ErrInput, in.Channels[i].ChannelID, id)
		}
	}
	for i := range in.Usage {
		if err := c.charge(&in.Usage[i]); err != nil {
			return nil, err
		}
	}
	c.directory.charged(in.Usage)
	for _, d := range in.Documents {
		if d.HasMonth(in.Month) {
			c.documents = append(c.documents, d)
		}
	}
	if len(c.documents) > MaxDocumentsPerMonth {
		return nil, fmt.Errorf("%w: %d in %s, at most %d", ErrTooManyDocuments, len(c.documents), in.Month, MaxDocumentsPerMonth)
	}
	slices.SortFunc(c.documents, func(a, b *Document) int { return cmp.Compare(a.InvoiceID, b.InvoiceID) })
	for i := 1; i < len(c.documents); i++ {
		if c.documents[i].InvoiceID == c.documents[i-1].InvoiceID {
			return nil, fmt.Errorf("%w: document %q is given twice", ErrInput, c.documents[i].InvoiceID)
		}
	}
	return c, nil
}

// charge adds usage to its account.
func (c *computation) charge(u *Usage) error {
	a := c.accounts[u.PartnerID]
	switch {
	case a == nil:
		return fmt.Errorf("%w: usage of unknown account %q", ErrInput, u.PartnerID)
	case u.Currency != "" && u.Currency != a.Currency:
		return fmt.Errorf("%w: usage of %s in %s, the account is in %s", ErrInput, u.PartnerID, u.Currency, a.Currency)
	}
	l := a.cell(Key{u.WABAID, u.Market, NormalizeCategory(u.Category), NormalizePricingType(u.PricingType)})
	l.Charged = l.Charged.add(u.Count, u.Amount)
	if u.Late {
		l.Late = l.Late.add(u.Count, u.Amount)
	}
	a.wabas[u.WABAID] = a.wabas[u.WABAID].add(u.Count, u.Amount)
	return nil
}

func (a *account) cell(k Key) *cell {
	l := a.cells[k]
	if l == nil {
		l = &cell{Line: Line{Key: k}}
		a.cells[k] = l
	}
	return l
}

// missingRates rejects a month whose rates of exchange are not all known
// (R30).
func (c *computation) missingRates() error {
	if len(c.missing) == 0 {
		return nil
	}
	slices.Sort(c.missing)
	return domain.Reject(domain.FXRateMissing, "Import the invoice again with its rates of exchange (from, to, rate, date, source): there is no rate for %s.", named(c.missing))
}

// result brings everything into order.
func (c *computation) result(earlier map[string]Posted) (*Result, error) {
	r := &Result{Month: c.in.Month, Unallocated: c.unallocated, OwnCost: c.ownCost}
	for _, d := range c.documents {
		r.Documents = append(r.Documents, DocumentRef{InvoiceID: d.InvoiceID, Version: d.Version, SHA256: d.SHA256})
	}
	for _, id := range sortedKeys(earlier) {
		if c.accounts[id] == nil {
			return nil, fmt.Errorf("%w: posted for unknown account %q", ErrInput, id)
		}
	}
	x := explainer{month: c.in.Month, tiers: c.in.Tiers}
	for _, id := range sortedKeys(c.accounts) {
		a := c.accounts[id]
		before := earlier[id]
		if len(a.cells) == 0 && len(before) == 0 && !a.MonthOpen {
			continue
		}
		r.Accounts = append(r.Accounts, a.result(before, &x))
		for _, w := range sortedKeys(a.wabas) {
			if f := a.wabas[w]; !f.Amount.IsZero() && !c.invoiced[w] {
				r.Uninvoiced = append(r.Uninvoiced, Uninvoiced{PartnerID: id, WABAID: w, Currency: a.Currency, Count: f.Count, Amount: f.Amount})
				r.UninvoicedSum = r.UninvoicedSum.Add(f.Amount)
			}
		}
	}
	for _, t := range c.direct {
		r.Direct = append(r.Direct, *t)
	}
	slices.SortFunc(r.Direct, func(a, b DirectTotal) int {
		return cmp.Or(cmp.Compare(a.WABAID, b.WABAID), cmp.Compare(a.Currency, b.Currency))
	})
	return r, nil
}

// result works out the account's lines, its total, and whether it takes part.
func (a *account) result(before Posted, x *explainer) AccountResult {
	r := AccountResult{TakesPart: a.MonthOpen || before == nil}
	r.PartnerID, r.Currency, r.Documents = a.PartnerID, a.Currency, a.documents
	a.round(&r)
	for k := range before {
		a.cell(k)
	}
	cells := make([]*cell, 0, len(a.cells))
	for _, l := range a.cells {
		cells = append(cells, l)
	}
	slices.SortFunc(cells, func(l, o *cell) int { return l.Key.Compare(o.Key) })
	for _, l := range cells {
		was := before[l.Key]
		l.Difference = l.Charged.Amount.Sub(l.Invoiced.Amount)
		l.PostedBefore = was.amount()
		l.Post = l.Difference.Sub(l.PostedBefore)
		if !was.Charged.Equal(l.Charged.Amount) || !was.Invoiced.Equal(l.Invoiced.Amount) {
			r.TakesPart = true
		}
	}
	x.explain(a.Currency, cells)
	r.Lines = make([]Line, len(cells))
	for i, l := range cells {
		r.Lines[i] = l.Line
		r.sum(&l.Line)
	}
	r.LineCount = len(cells)
	return r
}

// sum adds a line to the account's totals.
func (r *AccountResult) sum(l *Line) {
	if l.Free() {
		r.Free += l.Charged.Count
	} else {
		r.Charged.Count += l.Charged.Count
	}
	r.Charged.Amount = r.Charged.Amount.Add(l.Charged.Amount)
	r.Invoiced = r.Invoiced.add(l.Invoiced.Count, l.Invoiced.Amount)
	r.Difference = r.Difference.Add(l.Difference)
	r.PostedBefore = r.PostedBefore.Add(l.PostedBefore)
	r.Post = r.Post.Add(l.Post)
}

// round rounds the sum of what was converted to the minor unit, in a line of
// its own (R30).
func (a *account) round(r *AccountResult) {
	var total money.Amount
	for _, c := range a.converted {
		total = total.Add(c.Converted)
		r.FX = append(r.FX, *c)
	}
	slices.SortFunc(r.FX, func(c, o Converted) int {
		return cmp.Or(cmp.Compare(c.From, o.From), c.Rate.Cmp(o.Rate), cmp.Compare(c.Date, o.Date), cmp.Compare(c.Source, o.Source))
	})
	if n := len(r.FX) - MaxConverted; n > 0 {
		r.FX, r.FXOmitted = r.FX[:MaxConverted], n
	}
	rounded := total.RoundHalfEven(a.Currency.Decimals())
	if r.Rounding = total.Sub(rounded); !r.Rounding.IsZero() {
		l := a.cell(Key{})
		l.Invoiced.Amount = rounded.Sub(total)
	}
}
