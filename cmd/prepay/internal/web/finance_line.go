package web

import (
	"net/http"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/consumers/evidence"
	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
)

// lineView is a line of a month, opened to the charges behind it.
type lineView struct {
	*desk.Evidence
	charges []evidence.Charge
	sums    evidence.Sums
	listed  int
	pager   ui.Pager
}

// lineURL is the page of a line of a month.
func lineURL(month domain.Month, partner string, k reconciliation.Key, part reconciliation.PartKind) string {
	return withQuery("/months/"+string(month)+"/line", "account", partner, "waba", k.WABAID, "market", k.Market, "category", k.Category,
		"type", k.PricingType, "part", string(part))
}

// csvURL is the same as a file.
func (v *lineView) csvURL() string {
	return withQuery("/months/"+string(v.Month)+"/line.csv", "account", v.PartnerID, "waba", v.WABAID, "market", v.Market, "category", v.Category,
		"type", v.PricingType, "part", string(v.Part))
}

// openLine opens the line that a page is about.
func (w *Web) openLine(q *request) (*desk.Evidence, error) {
	month, err := monthOf(q)
	if err != nil {
		return nil, err
	}
	return w.desk.OpenLine(q.Context(), evidence.Wanted{
		PartnerID: q.query("account"), Month: month, Part: reconciliation.PartKind(q.query("part")),
		Key: reconciliation.Key{WABAID: q.query("waba"), Market: q.query("market"), Category: q.query("category"), PricingType: q.query("type")},
	})
}

// line shows a line with its parts, and a page of the charges behind it. The
// account's stream is read for each page, and nothing of it is kept.
func (w *Web) line(q *request) error {
	e, err := w.openLine(q)
	if err != nil {
		return err
	}
	v := &lineView{Evidence: e}
	offset := q.offset()
	if v.sums, err = e.Charges(q.Context(), e.From, func(c *evidence.Charge) error {
		if v.listed >= offset && len(v.charges) < rowsPerPage {
			v.charges = append(v.charges, *c)
		}
		v.listed++
		return nil
	}); err != nil {
		return err
	}
	v.pager = ui.OffsetPager(q.URL, offset, rowsPerPage, len(v.charges), v.listed)
	month := "/months/" + string(e.Month)
	crumbs := append(monthsCrumbs(), ui.Crumb{Label: monthWords(e.Month), URL: month}, ui.Crumb{Label: "Lines", URL: month + "/lines"})
	return q.show(ui.Page{Title: "A line of " + monthWords(e.Month), Crumbs: crumbs}, linePage(v))
}

// lineCSV gives all charges and lines behind a line.
func (w *Web) lineCSV(q *request) error {
	e, err := w.openLine(q)
	if err != nil {
		return err
	}
	return q.download("prepay-"+string(e.Month)+"-evidence.csv", "text/csv; charset=utf-8", func(out http.ResponseWriter) error {
		return e.CSV(q.Context(), out)
	})
}
