package bankstatement

import (
	"cmp"
	"fmt"
	"slices"

	"prepayledger/domain/bank"
	"prepayledger/domain/money"
)

// Account is what matching knows of an account.
type Account struct {
	PartnerID string
	Currency  money.Currency
	// Due is the amount due (R19); Blocked says that a block stands. One of
	// them makes a confirmation possible (R22).
	Due     money.Amount
	Blocked bool
	// Recharges and Invoices are ids that payers may name. A recharge that was
	// credited is true: what names it is another payment, to be credited too.
	Recharges map[string]bool
	Invoices  []string
	// References are of the payments that were confirmed.
	References map[string]bool
}

// waits says that the account waits for money.
func (a *Account) waits() bool { return a.Due.Sign() > 0 || a.Blocked }

// Status is what is known of an entry.
type Status string

const (
	// Proposed: there is at least one account that it may belong to.
	Proposed Status = "proposed"
	// Confirmed: an account has a payment with this reference.
	Confirmed Status = "confirmed"
	// Unmatched: nothing points to an account that waits for money.
	Unmatched Status = "unmatched"
)

// Certainty says how sure a match is.
type Certainty string

const (
	// Certain: the text names the account, and the amount is what is due.
	Certain Certainty = "certain"
	// Likely: the text names the account.
	Likely Certainty = "likely"
	// Possible: the amount is what is due there, and nowhere else.
	Possible Certainty = "possible"
	// Ambiguous: several accounts would fit; Finance chooses.
	Ambiguous Certainty = "ambiguous"
)

// Match is an account that a payment may belong to.
type Match struct {
	PartnerID string       `json:"partner_id"`
	Due       money.Amount `json:"due"`
	Certainty Certainty    `json:"certainty"`
	// Why says what was found, in words.
	Why string `json:"why"`
	// RechargeID is the card payment that the text names, where it was not
	// credited.
	RechargeID string `json:"recharge_id,omitempty"`
}

// Proposal is an entry and where it may belong.
type Proposal struct {
	// ID is <statement>-<number>, by which it is confirmed.
	ID     string `json:"id"`
	Status Status `json:"status"`
	bank.Entry
	// Matches are the accounts that it may belong to, best first.
	Matches []Match `json:"matches,omitempty"`
	// PartnerID is who had it confirmed.
	PartnerID string `json:"partner_id,omitempty"`
	// Note says why there is no match, where something is to be said.
	Note string `json:"note,omitempty"`
}

// ProposalID names the n-th entry of a statement, counted from 1.
func ProposalID(statementID string, n int) string { return fmt.Sprintf("%s-%d", statementID, n) }

// Propose matches the entries of a statement with the accounts as they are
// now. It is pure.
func Propose(s *bank.Statement, accounts []Account) []Proposal {
	m := newMatcher(accounts)
	all := make([]Proposal, len(s.Entries))
	for i := range s.Entries {
		all[i] = m.propose(ProposalID(s.StatementID, i+1), s.Entries[i])
	}
	return all
}

// matcher has the accounts and what may name them.
type matcher struct {
	accounts []Account
	// names by their letters, and how many the longest has (in bytes).
	names   map[string][]name
	longest int
}

// Kinds of names, by which reasons are told.
const (
	byPartner  = "partner id"
	byRecharge = "recharge"
	byInvoice  = "invoice"
)

// name is a text that names an account.
type name struct {
	account int
	kind    string
	text    string
}

func newMatcher(accounts []Account) *matcher {
	m := &matcher{accounts: accounts, names: map[string][]name{}}
	for i := range accounts {
		m.name(i, byPartner, accounts[i].PartnerID)
		for r := range accounts[i].Recharges {
			m.name(i, byRecharge, r)
		}
		for _, n := range accounts[i].Invoices {
			m.name(i, byInvoice, n)
		}
	}
	return m
}

func (m *matcher) name(account int, kind, text string) {
	if l := letters(text); len(l) >= minNameLetters {
		m.names[l] = append(m.names[l], name{account, kind, text})
		m.longest = max(m.longest, len(l))
	}
}

func (m *matcher) propose(id string, e bank.Entry) Proposal {
	p := Proposal{ID: id, Status: Unmatched, Entry: e}
	for i := range m.accounts {
		if m.accounts[i].References[e.Reference] {
			p.Status, p.PartnerID = Confirmed, m.accounts[i].PartnerID
			return p
		}
	}
	p.Matches, p.Note = m.byName(&e)
	if len(p.Matches) == 0 && p.Note == "" {
		p.Matches = m.byAmount(&e)
	}
	if len(p.Matches) > 0 {
		p.Status, p.Note = Proposed, ""
	}
	return p
}

// byName are the accounts that the text names. Where it names only accounts
// that can't have it, the note says so: its amount then points nowhere.
func (m *matcher) byName(e *bank.Entry) (matches []Match, note string) {
	found := m.find(e.Text + "\n" + e.EndToEndID)
	best := map[int]name{}
	for _, n := range found {
		// What names a payment says more than what names the partner, and of
		// several payments the first in order of their ids counts.
		had, ok := best[n.account]
		if !ok || had.kind == byPartner && n.kind != byPartner || n.kind != byPartner && n.text < had.text {
			best[n.account] = n
		}
	}
	for i := range m.accounts {
		n, ok := best[i]
		if !ok {
			continue
		}
		a := &m.accounts[i]
		switch {
		case a.Currency != e.Currency:
			note = fmt.Sprintf("the text names %s %s, but account %s is in %s", n.kind, n.text, a.PartnerID, a.Currency)
			continue
		case !a.waits():
			note = fmt.Sprintf("the text names %s %s, but account %s owes nothing and is not blocked", n.kind, n.text, a.PartnerID)
			continue
		}
		match := Match{PartnerID: a.PartnerID, Due: a.Due, Certainty: Likely, Why: fmt.Sprintf("the text names %s %s", n.kind, n.text)}
		if n.kind == byRecharge && !a.Recharges[n.text] {
			match.RechargeID = n.text
		}
		if a.owes(e) {
			match.Certainty, match.Why = Certain, match.Why+", and the amount is what is due"
		} else {
			match.Why += fmt.Sprintf("; due are %s", a.Due)
		}
		matches = append(matches, match)
	}
	if len(matches) > 1 {
		for i := range matches {
			matches[i].Certainty = Ambiguous
		}
	}
	return matches, note
}

// owes says that the amount is what is due, in whole minor units.
func (a *Account) owes(e *bank.Entry) bool {
	return a.Due.Sign() > 0 && a.Currency == e.Currency && e.Amount.Equal(a.Due.RoundUp(a.Currency.Decimals()))
}

// byAmount are the accounts of which exactly the amount is due.
func (m *matcher) byAmount(e *bank.Entry) (matches []Match) {
	for i := range m.accounts {
		if a := &m.accounts[i]; a.owes(e) {
			matches = append(matches, Match{PartnerID: a.PartnerID, Due: a.Due, Certainty: Possible, Why: "the amount is what is due, and the text names no account"})
		}
	}
	if len(matches) > 1 {
		for i := range matches {
			matches[i].Certainty = Ambiguous
			matches[i].Why = fmt.Sprintf("the same amount is due from %d accounts, and the text names none", len(matches))
		}
	}
	slices.SortFunc(matches, func(a, b Match) int { return cmp.Compare(a.PartnerID, b.PartnerID) })
	return matches
}
