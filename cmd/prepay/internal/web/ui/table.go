package ui

import "net/url"

// Column is a column of a table.
type Column struct {
	Label string
	// End aligns to the end: figures.
	End bool
	// Sort is the column's name in the parameter "sort"; empty can't be sorted.
	Sort string
}

// Order is how a table is sorted now.
type Order struct {
	// URL is that of the page, with its filters.
	URL *url.URL
	// By is the column's name, Descending its direction.
	By         string
	Descending bool
}

// link is the URL that sorts by the column, or turns its direction around.
func (o *Order) link(column string) string {
	q := o.URL.Query()
	q.Set("sort", column)
	q.Del("desc")
	q.Del("offset")
	q.Del("after")
	if o.By == column && !o.Descending {
		q.Set("desc", "1")
	}
	return (&url.URL{Path: o.URL.Path, RawPath: o.URL.RawPath, RawQuery: q.Encode()}).String()
}

// direction is aria-sort of a column.
func (o *Order) direction(column string) string {
	switch {
	case o.By != column:
		return ""
	case o.Descending:
		return "descending"
	}
	return "ascending"
}

// Pager leads to other pages of a list.
type Pager struct {
	// First, Previous and Next are URLs; empty where there is no such page, or
	// no link to it.
	First, Previous, Next string
	// Text says where the page is, such as "1 to 50 of 1 204".
	Text string
}

// WithQuery is the URL with some parameters set; empty values take them away.
func WithQuery(u *url.URL, pairs ...string) string {
	q := u.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: q.Encode()}).String()
}

// OffsetPager leads through a list that is counted: limit rows a page.
func OffsetPager(u *url.URL, offset, limit, shown, total int) Pager {
	p := Pager{Text: "none"}
	if shown > 0 {
		p.Text = Count(offset+1) + " to " + Count(offset+shown) + " of " + Count(total)
	}
	if offset > 0 {
		p.Previous = WithQuery(u, "offset", number(max(offset-limit, 0)))
	}
	if offset+shown < total {
		p.Next = WithQuery(u, "offset", number(offset+shown))
	}
	return p
}
