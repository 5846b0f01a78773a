package desk

import (
	"encoding/json"
	"sort"

	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// LinesWanted says which lines of a month are wanted, and in which order. The
// zero value wants all by account and key.
type LinesWanted struct {
	PartnerID   string
	WABAID      string
	Market      string
	Category    string
	PricingType string
	// Part wants lines that have a part of this kind.
	Part reconciliation.PartKind
	// Least is the smallest absolute difference that is wanted.
	Least money.Amount
	// Differing wants lines with a difference only.
	Differing bool
	// Largest puts the largest differences first.
	Largest bool
}

func (w *LinesWanted) fits(l *MonthLine) bool {
	switch {
	case w.PartnerID != "" && l.PartnerID != w.PartnerID, w.WABAID != "" && l.WABAID != w.WABAID, w.Market != "" && l.Market != w.Market,
		w.Category != "" && l.Category != w.Category, w.PricingType != "" && l.PricingType != w.PricingType,
		w.Differing && l.Difference.IsZero(), w.Least.Sign() > 0 && l.Difference.Abs().Less(w.Least):
		return false
	case w.Part == "":
		return true
	}
	for i := range l.Parts {
		if l.Parts[i].Kind == w.Part {
			return true
		}
	}
	return false
}

// LinesPage are some lines of a month.
type LinesPage struct {
	Items []MonthLine `json:"items"`
	// Matching counts all lines that are wanted, Lines all of the month.
	Matching int `json:"matching"`
	Lines    int `json:"lines"`
	// Next is where the next page begins; empty on the last.
	Next string `json:"next,omitempty"`
}

// Lines are at most limit of the lines that are wanted, after the place that
// the Next of the page before says; empty is the start. A place is where a line
// stands or would stand, so that it is good also where the month was read
// again meanwhile.
func (m *Month) Lines(w *LinesWanted, after string, limit int) (*LinesPage, error) {
	page := &LinesPage{Items: []MonthLine{}, Lines: len(m.rows)}
	first := 0
	if after != "" {
		place, err := placeOf(after)
		if err != nil {
			return nil, err
		}
		first = sort.Search(len(m.rows), func(i int) bool { return w.compare(m.row(w, i), place) > 0 })
	}
	for i := range m.rows {
		l := m.row(w, i)
		if !w.fits(l) {
			continue
		}
		page.Matching++
		switch {
		case i < first:
		case len(page.Items) < limit:
			page.Items = append(page.Items, *l)
		case page.Next == "":
			page.Next = placeText(&page.Items[limit-1])
		}
	}
	return page, nil
}

func (m *Month) row(w *LinesWanted, i int) *MonthLine {
	if w.Largest {
		return &m.rows[m.largest[i]]
	}
	return &m.rows[i]
}

func (w *LinesWanted) compare(l, o *MonthLine) int {
	if w.Largest {
		return l.compareSize(o)
	}
	return l.compare(o)
}

// place is where a line stands in either order.
type place struct {
	Partner    string             `json:"p"`
	Key        reconciliation.Key `json:"k"`
	Difference money.Amount       `json:"d"`
}

func placeText(l *MonthLine) string {
	text, err := json.Marshal(place{l.PartnerID, l.Key, l.Difference})
	if err != nil {
		panic("desk: a place that has no JSON: " + err.Error()) // texts and an amount always have
	}
	return string(text)
}

func placeOf(text string) (*MonthLine, error) {
	var p place
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, errCursor()
	}
	return &MonthLine{PartnerID: p.Partner, Line: reconciliation.Line{Key: p.Key, Difference: p.Difference}}, nil
}
