package desk

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"sort"
	"time"

	"prepayledger/domain/money"
)

// ErrAccountCursor says that a cursor is not one of this list.
var ErrAccountCursor = errors.New("this is no cursor of the list of accounts in this order: give the next of the page before, as it was")

// accountCursor is the last account of a page: what it is in order of, and its
// id.
type accountCursor struct {
	Sort       AccountSort  `json:"s,omitempty"`
	Descending bool         `json:"d,omitempty"`
	PartnerID  string       `json:"p"`
	Balance    money.Amount `json:"b"`
	Deadline   *time.Time   `json:"t,omitempty"`
	LastEvent  time.Time    `json:"e,omitzero"`
}

// cursor goes on after a row.
func (q *AccountQuery) cursor(r *AccountRow) string {
	data, err := json.Marshal(accountCursor{q.Sort, q.Descending, r.PartnerID, r.Balance, r.BlockDeadline, r.LastEventAt})
	if err != nil {
		panic(err) // amounts, times and texts can be written
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// offsetAfter is how many of the rows come before the page after the query's
// cursor. The account of the cursor may stand elsewhere by now, or be gone.
func (q *AccountQuery) offsetAfter(rows []AccountRow) (int, error) {
	var c accountCursor
	data, err := base64.RawURLEncoding.DecodeString(q.After)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil || c.Sort != q.Sort || c.Descending != q.Descending {
		return 0, ErrAccountCursor
	}
	last := AccountRow{LastEventAt: c.LastEvent}
	last.PartnerID, last.Balance, last.BlockDeadline = c.PartnerID, c.Balance, c.Deadline
	if c.Balance.Sign() < 0 {
		last.AmountDue = c.Balance.Neg()
	}
	compare := q.compare()
	return sort.Search(len(rows), func(i int) bool { return compare(&rows[i], &last) > 0 }), nil
}
