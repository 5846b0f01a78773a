package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/projections/accounts"
)

// MaxAccountRows is how many accounts a page of the list has at most (accounts).
const MaxAccountRows = 200

// AccountSort is what the list of accounts is in order of.
type AccountSort string

// The orders. Balances are compared by their figures, whatever the currency.
const (
	SortPartner  AccountSort = "partner"
	SortBalance  AccountSort = "balance"
	SortDue      AccountSort = "due"
	SortDeadline AccountSort = "deadline"
	SortActivity AccountSort = "activity"
)

// AccountSorts returns all orders; the first is the default.
func AccountSorts() []AccountSort {
	return []AccountSort{SortPartner, SortBalance, SortDue, SortDeadline, SortActivity}
}

// AccountQuery says which accounts are listed. The zero query lists all, in
// order of partner ids.
type AccountQuery struct {
	// Search is part of the partner id, of the company, or of a number.
	Search string
	// Standing and Currency may be empty for all.
	Standing domain.Standing
	Currency money.Currency
	// AtLeast and AtMost bound the balance; nil bounds nothing.
	AtLeast, AtMost *money.Amount
	// DeadlineBy lists only those that are blocked by then, unless money comes
	// (R20), and are not yet; zero lists all.
	DeadlineBy time.Time
	// FailedRecharge lists only those whose last card payment failed.
	FailedRecharge bool
	// Waiting lists only those that owe something or are blocked: what a
	// confirmation is accepted for (R22).
	Waiting bool

	Sort       AccountSort
	Descending bool
	// Offset is how many are left out at the beginning; Limit is at most
	// MaxAccountRows, which 0 is.
	Offset, Limit int
	// After is the Next of the page before; empty for the first. Unlike an
	// Offset it shows no account twice when others come and go.
	After string
	// Sees tells the accounts that may be listed; nil lists all.
	Sees func(partnerID string) bool
}

// AccountRow is an account in the list.
type AccountRow struct {
	AccountLine
	Company      string     `json:"company,omitempty"`
	Channels     int        `json:"channels"`
	BlockedSince *time.Time `json:"blocked_since,omitempty"`
	// FailedRecharge says that the last card payment failed; RetryAt is when
	// it is tried again, if it is.
	FailedRecharge bool       `json:"failed_recharge,omitempty"`
	RetryAt        *time.Time `json:"retry_at,omitempty"`
	LastEventAt    time.Time  `json:"last_event_at"`
}

// AccountPage is a page of the list.
type AccountPage struct {
	Rows []AccountRow `json:"rows"`
	// Total is how many accounts the query finds.
	Total  int `json:"total"`
	Offset int `json:"offset"`
	// Next goes on after this page; empty on the last.
	Next string `json:"next,omitempty"`
}

// ListAccounts lists accounts as the views know them. What falls due at this
// instant is worked by prepay serve, not here.
func (d *Desk) ListAccounts(ctx context.Context, q AccountQuery) (*AccountPage, error) {
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	q.Search = strings.ToLower(strings.TrimSpace(q.Search))
	found := []AccountRow{}
	d.Views.Accounts.Each(func(id string, a *accounts.Account) {
		if (q.Sees == nil || q.Sees(id)) && q.finds(a.State) {
			found = append(found, accountRow(a))
		}
	})
	q.sort(found)
	page := &AccountPage{Total: len(found), Offset: min(max(q.Offset, 0), len(found))}
	if q.After != "" {
		var err error
		if page.Offset, err = q.offsetAfter(found); err != nil {
			return nil, err
		}
	}
	if q.Limit <= 0 || q.Limit > MaxAccountRows {
		q.Limit = MaxAccountRows
	}
	last := min(page.Offset+q.Limit, len(found))
	page.Rows = found[page.Offset:last]
	if last < len(found) {
		page.Next = q.cursor(&found[last-1])
	}
	return page, nil
}

// accountRow is an account in the list; it keeps nothing of the account.
func accountRow(a *accounts.Account) AccountRow {
	s := a.State
	r := AccountRow{AccountLine: lineCopied(s), LastEventAt: a.Figures.LastEventAt, FailedRecharge: rechargeFailed(s)}
	if s.Billing != nil {
		r.Company = s.Billing.Company
	}
	for _, c := range s.Channels {
		if c.CancelledAt.IsZero() {
			r.Channels++
		}
	}
	if since := a.Figures.BlockedSince; !since.IsZero() {
		r.BlockedSince = &since
	}
	if at := s.RetryAt; !at.IsZero() {
		r.RetryAt = &at
	}
	return r
}

// lineCopied is LineOf without pointers into the account.
func lineCopied(s *domain.Account) AccountLine {
	l := LineOf(s)
	if l.NegativeSince != nil {
		since, deadline := *l.NegativeSince, *l.BlockDeadline
		l.NegativeSince, l.BlockDeadline = &since, &deadline
	}
	return l
}

// rechargeFailed says that the account's last card payment failed.
func rechargeFailed(s *domain.Account) bool {
	return s.Recharges[fmt.Sprintf("%s-R%06d", s.PartnerID, s.RechargeCount)] == domain.RechargeIsFailed
}

// finds says whether the query finds the account.
func (q *AccountQuery) finds(s *domain.Account) bool {
	switch {
	case q.Standing != "" && s.Standing() != q.Standing,
		q.Currency != "" && s.Currency != q.Currency,
		q.AtLeast != nil && s.Balance.Less(*q.AtLeast),
		q.AtMost != nil && q.AtMost.Less(s.Balance),
		q.FailedRecharge && !rechargeFailed(s),
		q.Waiting && !s.Blocked() && s.AmountDue().IsZero():
		return false
	case !q.DeadlineBy.IsZero() && (s.BlockDeadline.IsZero() || s.BlockDeadline.After(q.DeadlineBy) || s.Standing() != domain.Grace):
		return false
	}
	return q.Search == "" || q.named(s)
}

// named says whether what is searched names the account.
func (q *AccountQuery) named(s *domain.Account) bool {
	if strings.Contains(strings.ToLower(s.PartnerID), q.Search) || s.Billing != nil && strings.Contains(strings.ToLower(s.Billing.Company), q.Search) {
		return true
	}
	for _, c := range s.Channels {
		if strings.Contains(c.PhoneNumber, q.Search) || strings.EqualFold(c.ChannelID, q.Search) || strings.EqualFold(c.WABAID, q.Search) {
			return true
		}
	}
	return false
}

// sort puts rows, which are in order of partner ids, in the query's order.
func (q *AccountQuery) sort(rows []AccountRow) {
	if q.Sort == "" || q.Sort == SortPartner {
		if q.Descending {
			slices.Reverse(rows)
		}
		return
	}
	compare := q.compare()
	slices.SortFunc(rows, func(a, b AccountRow) int { return compare(&a, &b) })
}

// compare is the query's order; equal ones are in order of partner ids.
func (q *AccountQuery) compare() func(a, b *AccountRow) int {
	partners := func(a, b *AccountRow) int { return cmp.Compare(a.PartnerID, b.PartnerID) }
	order := partners
	switch q.Sort {
	case SortBalance:
		order = func(a, b *AccountRow) int { return a.Balance.Cmp(b.Balance) }
	case SortDue:
		order = func(a, b *AccountRow) int { return a.AmountDue.Cmp(b.AmountDue) }
	case SortDeadline:
		order = func(a, b *AccountRow) int { return compareTimes(a.BlockDeadline, b.BlockDeadline) }
	case SortActivity:
		order = func(a, b *AccountRow) int { return a.LastEventAt.Compare(b.LastEventAt) }
	}
	return func(a, b *AccountRow) int {
		by := order(a, b)
		if q.Descending {
			by = order(b, a)
		}
		return cmp.Or(by, partners(a, b))
	}
}

// compareTimes puts no time after all times.
func compareTimes(a, b *time.Time) int {
	if a == nil || b == nil {
		return cmp.Compare(boolInt(a == nil), boolInt(b == nil))
	}
	return a.Compare(*b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
