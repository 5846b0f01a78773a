package reconciliation

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Proposal is a sealed proposal as its events tell it.
type Proposal struct {
	ReconciliationProposed
	// Accounts are those that take part, by partner id.
	Accounts []AccountSummary
	// Lines of each account, in order of Key.
	Lines       map[string][]Line
	Documents   []DocumentRef
	Uninvoiced  []Uninvoiced
	Unallocated []LineRef
	OwnCost     []LineRef
	Direct      []DirectTotal
}

// fold adds one of the events that stand before the seal.
func (p *Proposal) fold(e domain.Event) {
	switch e := e.(type) {
	case *ReconciliationAccounts:
		p.Accounts = append(p.Accounts, e.Accounts...)
	case *ReconciliationLines:
		if p.Lines[e.PartnerID] == nil { // mostly all of them: no copy
			p.Lines[e.PartnerID] = slices.Clip(e.Lines)
			return
		}
		p.Lines[e.PartnerID] = append(p.Lines[e.PartnerID], e.Lines...)
	case *ReconciliationDetails:
		p.Documents = append(p.Documents, e.Documents...)
		p.Uninvoiced = append(p.Uninvoiced, e.Uninvoiced...)
		p.Unallocated = append(p.Unallocated, e.Unallocated...)
		p.OwnCost = append(p.OwnCost, e.OwnCost...)
		p.Direct = append(p.Direct, e.Direct...)
	}
}

// seal checks the seal against what stands before it.
func (p *Proposal) seal(e *ReconciliationProposed) error {
	lines := 0
	for _, l := range p.Lines {
		lines += len(l)
	}
	if e.AccountCount != len(p.Accounts) || e.LineCount != lines || e.DocumentCount != len(p.Documents) ||
		e.UnallocatedCount != len(p.Unallocated) || e.OwnCostCount != len(p.OwnCost) {
		return fmt.Errorf("%w: seal of proposal %d: accounts, lines or documents are missing", ErrStream, e.Proposal)
	}
	p.ReconciliationProposed = *e
	if p.hash() != e.SHA256 {
		return fmt.Errorf("%w: proposal %d is not what was sealed", ErrStream, e.Proposal)
	}
	return nil
}

// proposalEvents writes a result as the events of a proposal: the accounts
// that take part, their lines, what else it lists, and the seal.
func proposalEvents(r *Result, seal ReconciliationProposed) []domain.Event {
	p := &Proposal{
		Lines: map[string][]Line{}, Documents: r.Documents, Uninvoiced: r.Uninvoiced, Unallocated: r.Unallocated,
		OwnCost: r.OwnCost, Direct: r.Direct,
	}
	post := map[money.Currency]money.Amount{}
	for i := range r.Accounts {
		if a := &r.Accounts[i]; a.TakesPart {
			p.Accounts = append(p.Accounts, a.AccountSummary)
			p.Lines[a.PartnerID] = a.Lines
			seal.LineCount += len(a.Lines)
			post[a.Currency] = post[a.Currency].Add(a.Post)
		}
	}
	for _, currency := range sortedKeys(post) {
		seal.Post = append(seal.Post, CurrencySum{Currency: currency, Amount: post[currency]})
	}
	seal.Month, seal.UninvoicedSum = r.Month, r.UninvoicedSum
	seal.AccountCount, seal.DocumentCount = len(p.Accounts), len(p.Documents)
	seal.UnallocatedCount, seal.OwnCostCount = len(p.Unallocated), len(p.OwnCost)
	p.ReconciliationProposed = seal
	seal.SHA256 = p.hash()
	return append(p.before(seal.Proposal), &seal)
}

// before are the events that stand before the seal.
func (p *Proposal) before(n int) []domain.Event {
	var events []domain.Event
	add := func(e domain.Event) { events = append(events, e) }
	chunks(p.Documents, sizeOfDocument, func(_ int, v []DocumentRef) { add(&ReconciliationDetails{Proposal: n, Documents: v}) })
	chunks(p.Uninvoiced, sizeOfUninvoiced, func(_ int, v []Uninvoiced) { add(&ReconciliationDetails{Proposal: n, Uninvoiced: v}) })
	chunks(p.Unallocated, sizeOfRef, func(_ int, v []LineRef) { add(&ReconciliationDetails{Proposal: n, Unallocated: v}) })
	chunks(p.OwnCost, sizeOfRef, func(_ int, v []LineRef) { add(&ReconciliationDetails{Proposal: n, OwnCost: v}) })
	chunks(p.Direct, sizeOfDirect, func(_ int, v []DirectTotal) { add(&ReconciliationDetails{Proposal: n, Direct: v}) })
	chunks(p.Accounts, sizeOfAccount, func(_ int, v []AccountSummary) { add(&ReconciliationAccounts{Proposal: n, Accounts: v}) })
	for i := range p.Accounts {
		id := p.Accounts[i].PartnerID
		chunks(p.Lines[id], sizeOfLine, func(_ int, v []Line) { add(&ReconciliationLines{Proposal: n, PartnerID: id, Lines: v}) })
	}
	return events
}

// hash stands for every figure of the proposal.
func (p *Proposal) hash() string {
	t := &text{h: sha256.New()}
	for i := range p.Documents {
		d := &p.Documents[i]
		t.add("document").add(d.InvoiceID).int(d.Version).add(d.SHA256).end()
	}
	for i := range p.Uninvoiced {
		u := &p.Uninvoiced[i]
		t.add("uninvoiced").add(u.PartnerID).add(u.WABAID).amount(u.Amount).end()
	}
	for _, refs := range [...][]LineRef{p.Unallocated, p.OwnCost} {
		for i := range refs {
			r := &refs[i]
			t.add(r.Why).add(r.InvoiceID).int(r.Version).int(r.Line).amount(r.Amount).add(string(r.Currency)).end()
		}
	}
	for i := range p.Direct {
		d := &p.Direct[i]
		t.add("direct").add(d.WABAID).add(string(d.Currency)).amount(d.Amount).end()
	}
	for i := range p.Accounts {
		a := &p.Accounts[i]
		t.add("account").add(a.PartnerID).add(string(a.Currency)).figure(a.Charged).figure(a.Invoiced).
			amount(a.Difference).amount(a.PostedBefore).amount(a.Post).amount(a.Rounding).end()
		for j := range p.Lines[a.PartnerID] {
			t.line(&p.Lines[a.PartnerID][j])
		}
	}
	return hex.EncodeToString(t.h.Sum(nil))
}

// text feeds fields to a hash, each ended by a zero byte.
type text struct {
	h hash.Hash
	b []byte
}

func (t *text) add(s string) *text { t.b = append(append(t.b, s...), 0); return t }
func (t *text) int(n int) *text    { t.b = append(strconv.AppendInt(t.b, int64(n), 10), 0); return t }
func (t *text) amount(a money.Amount) *text {
	t.b = append(a.Append(t.b), 0)
	return t
}
func (t *text) figure(f Figure) *text { return t.int(int(f.Count)).amount(f.Amount) }
func (t *text) end() {
	t.b = append(t.b, '\n')
	t.h.Write(t.b)
	t.b = t.b[:0]
}

func (t *text) line(l *Line) {
	t.add(l.WABAID).add(l.Market).add(l.Category).add(l.PricingType).figure(l.Charged).figure(l.Invoiced).
		figure(l.Late).amount(l.Difference).amount(l.PostedBefore).amount(l.Post)
	for i := range l.Parts {
		p := &l.Parts[i]
		t.add(string(p.Kind)).int(int(p.Count)).amount(p.Amount).add(p.With)
	}
	t.end()
}

// posted are the lines of an account as the proposal leaves them.
func (p *Proposal) posted(partnerID string) Posted {
	posted := make(Posted, len(p.Lines[partnerID]))
	for i := range p.Lines[partnerID] {
		l := &p.Lines[partnerID][i]
		posted[l.Key] = PostedLine{Charged: l.Charged.Amount, Invoiced: l.Invoiced.Amount}
	}
	return posted
}

// Account finds the account of a partner; false where it does not take part.
func (p *Proposal) Account(partnerID string) (AccountSummary, bool) {
	i, ok := slices.BinarySearchFunc(p.Accounts, partnerID, func(a AccountSummary, id string) int {
		switch {
		case a.PartnerID < id:
			return -1
		case a.PartnerID > id:
			return 1
		}
		return 0
	})
	if !ok {
		return AccountSummary{}, false
	}
	return p.Accounts[i], true
}
