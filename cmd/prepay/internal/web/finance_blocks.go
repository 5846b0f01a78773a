package web

import (
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain"
)

// blockRow is a blocked account with what lifts its block.
type blockRow struct {
	desk.AccountRow
	// why is the reason that was given by hand; lifts is what lifts it.
	why, lifts string
}

// blocksView is the list of blocked accounts.
type blocksView struct {
	rows  []blockRow
	total int
	order *ui.Order
	pager ui.Pager
	now   time.Time
}

// blocks lists who is blocked, why, since when, and what lifts it.
func (w *Web) blocks(q *request) error {
	query, _ := accountQuery(q)
	query.Standing = domain.Blocked
	if q.query("sort") == "" {
		query.Sort, query.Descending = desk.SortDue, true
	}
	page, err := w.desk.ListAccounts(q.Context(), query)
	if err != nil {
		return err
	}
	v := &blocksView{total: page.Total, now: w.desk.Ledger.Now(), pager: ui.OffsetPager(q.URL, page.Offset, rowsPerPage, len(page.Rows), page.Total)}
	v.order = &ui.Order{URL: q.URL, By: string(query.Sort), Descending: query.Descending}
	for _, a := range page.Rows {
		row, err := w.blockRow(a)
		if err != nil {
			return err
		}
		v.rows = append(v.rows, row)
	}
	return q.show(ui.Page{Title: "Blocks", Live: liveAll()}, blocksPage(v, q.URL.RequestURI()))
}

// lastBlocks is how many of an account's newest blocks are looked at for the
// reason given by hand (entries).
const lastBlocks = 2

func (w *Web) blockRow(a desk.AccountRow) (blockRow, error) {
	row := blockRow{AccountRow: a}
	account, err := w.desk.Views.Accounts.Get(a.PartnerID)
	if err != nil || account == nil {
		return row, err
	}
	row.lifts = whatLifts(a.BlockedReason, account.State.Contract.UnblockPolicy)
	entries, err := w.desk.Views.Activity.Entries(a.PartnerID, 0, lastBlocks, domain.TypeAccountBlocked)
	for i := range entries {
		if row.why == "" && entries[i].Reference == string(domain.KindManual) {
			row.why = entries[i].Note
		}
	}
	if !account.State.ManualBlock {
		row.why = ""
	}
	return row, err
}
