package journal

import (
	"cmp"
	"slices"

	"prepayledger/domain/money"
)

// Balance is what a trial balance says of one account in one currency.
// Amounts are signed: a debit is positive.
type Balance struct {
	Account  Account        `json:"account"`
	Currency money.Currency `json:"currency"`
	Opening  money.Amount   `json:"opening"`
	Debit    money.Amount   `json:"debit"`
	Credit   money.Amount   `json:"credit"`
	Closing  money.Amount   `json:"closing"`
}

// Trial sums lines up by account and currency.
type Trial struct{ of map[trialKey]*Balance }

type trialKey struct {
	account  Account
	currency money.Currency
}

// NewTrial returns an empty trial balance.
func NewTrial() *Trial { return &Trial{of: map[trialKey]*Balance{}} }

// Add adds a line: to the opening balance where it was booked before the
// time that is looked at.
func (t *Trial) Add(l *Line, before bool) {
	k := trialKey{l.Account, l.Currency}
	b := t.of[k]
	if b == nil {
		b = &Balance{Account: l.Account, Currency: l.Currency}
		t.of[k] = b
	}
	if before {
		b.Opening = b.Opening.Add(l.Amount)
	} else {
		b.Debit, b.Credit = b.Debit.Add(l.Debit()), b.Credit.Add(l.Credit())
	}
	b.Closing = b.Closing.Add(l.Amount)
}

// Balances are the accounts that were booked, by currency, in the order of
// Accounts.
func (t *Trial) Balances() []Balance {
	rows := make([]Balance, 0, len(t.of))
	for _, b := range t.of {
		rows = append(rows, *b)
	}
	order := Accounts()
	slices.SortFunc(rows, func(a, b Balance) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(slices.Index(order, a.Account), slices.Index(order, b.Account)))
	})
	return rows
}

// Totals are the sums of all accounts by currency. Zero, always: anything
// else is an error of this package.
func (t *Trial) Totals() map[money.Currency]money.Amount {
	totals := map[money.Currency]money.Amount{}
	for k, b := range t.of {
		totals[k.currency] = totals[k.currency].Add(b.Closing)
	}
	return totals
}
