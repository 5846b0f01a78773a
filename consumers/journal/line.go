package journal

import (
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// Account is an account of the journal.
type Account string

// The accounts. The names are stable: bookkeeping maps them to its own.
const (
	// PrepaymentLiability is what the partners have with us: with the sign
	// turned it is the sum of their balances.
	PrepaymentLiability Account = "prepayment_liability"
	// Opening is where balances came from that were carried over (R2).
	Opening Account = "opening_balances"
	// CardClearing is what the card processor has for us (R14).
	CardClearing Account = "card_clearing"
	// Bank is what came by transfer (R22), and left by hand (R32).
	Bank Account = "bank"
	// SurchargeRevenue is the surcharge on card payments (R14).
	SurchargeRevenue Account = "surcharge_revenue"
	// MetaEstimated is what was charged and is not reconciled (R7).
	MetaEstimated Account = "meta_payable_estimated"
	// MetaFinal is what Meta invoiced, once a month is posted (R24).
	MetaFinal Account = "meta_payable_final"
	// OwnCost are Meta's lines that are the provider's own (R27).
	OwnCost Account = "own_cost"
	// RefundsPayable are refunds on their way (R36).
	RefundsPayable Account = "refunds_payable"
	// Rounding is what converted months were rounded by (R30).
	Rounding Account = "rounding"
)

// Accounts are all accounts, in the order of a trial balance.
func Accounts() []Account {
	return []Account{
		Bank, CardClearing, Opening, PrepaymentLiability, MetaEstimated, MetaFinal, RefundsPayable, SurchargeRevenue, OwnCost, Rounding,
	}
}

// Line is one line of an entry.
type Line struct {
	Account Account `json:"account"`
	// PartnerID is whose account it concerns; empty for the provider's own.
	PartnerID string         `json:"partner_id,omitempty"`
	Currency  money.Currency `json:"currency"`
	// Amount is positive for a debit, negative for a credit; never zero, never
	// rounded.
	Amount money.Amount `json:"amount"`
	// Month is the billing month (R25) that the line is about; empty where it
	// is about none.
	Month domain.Month `json:"month,omitempty"`
}

// Debit and Credit are the amount in two columns; the other one is zero.
func (l *Line) Debit() money.Amount {
	if l.Amount.Sign() > 0 {
		return l.Amount
	}
	return money.Zero()
}

// Credit is the other column.
func (l *Line) Credit() money.Amount {
	if l.Amount.Sign() < 0 {
		return l.Amount.Neg()
	}
	return money.Zero()
}

// entry gathers the lines of one event.
type entry struct {
	partner  string
	currency money.Currency
	month    domain.Month
	lines    []Line
}

// add books an amount; zero is no line.
func (e *entry) add(a Account, amount money.Amount) *entry {
	if !amount.IsZero() {
		e.lines = append(e.lines, Line{Account: a, PartnerID: e.partner, Currency: e.currency, Amount: amount, Month: e.month})
	}
	return e
}

// move books an amount from one account (debit) to another (credit).
func (e *entry) move(debit, credit Account, amount money.Amount) *entry {
	return e.add(debit, amount).add(credit, amount.Neg())
}
