// Package drift compares what was charged so far in a month with the pricing
// analytics of the Graph API: an early look at how far the two are apart. It
// is approximate, since Meta says that the analytics may differ from the
// invoice, and so it is never more than a preview: nothing is recorded, nothing
// is posted, and no month is reconciled by it (R24).
package drift

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"prepayledger/consumers/metainvoice"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// Channel is what a comparison needs to know of a channel.
type Channel struct {
	PartnerID string
	WABAID    string
	// PhoneNumber as registered, with or without a plus.
	PhoneNumber  string
	PaymentModel domain.PaymentModel
	// Zone is the WABA's time zone; nil is UTC.
	Zone *time.Location
}

// Charged is what was charged here, less corrections.
type Charged struct {
	PartnerID string
	Currency  money.Currency
	reconciliation.Key
	Count  int64
	Amount money.Amount
}

// Line compares one WABA, market, category and pricing type.
type Line struct {
	reconciliation.Key
	// Partners are the accounts that have the WABA.
	Partners  []string              `json:"partners"`
	Charged   reconciliation.Figure `json:"charged"`
	Analytics reconciliation.Figure `json:"analytics"`
	// Count and Amount are charged − analytics. Amount is left out where the
	// currencies differ.
	Count    int64          `json:"count"`
	Amount   *money.Amount  `json:"amount,omitempty"`
	Currency money.Currency `json:"currency,omitempty"`
	// AnalyticsCurrency is that of the analytics.
	AnalyticsCurrency money.Currency `json:"analytics_currency,omitempty"`
}

// Report is a comparison. It is approximate by nature.
type Report struct {
	Month domain.Month `json:"month"`
	// Through is the last day that counts on both sides, in the WABA's time
	// zone; empty where all of the month does.
	Through     string `json:"through,omitempty"`
	Approximate bool   `json:"approximate"`
	// From and To are what the analytics of the month cover.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Lines by the size of their difference, the largest first.
	Lines []Line `json:"lines"`
	// Uncovered are WABAs that were charged and are in no response.
	Uncovered []string `json:"uncovered,omitempty"`
	// Unknown are WABAs of the responses that no account has.
	Unknown []string `json:"unknown,omitempty"`
	// Points counts the data points that were compared; Direct those of direct
	// channels, OtherMonth those of other months, and Beyond those that reach
	// beyond the day or the month, all left out.
	Points     int `json:"points"`
	Direct     int `json:"direct"`
	OtherMonth int `json:"other_month"`
	Beyond     int `json:"beyond"`
	// Mixed are WABAs with direct channels, too, whose points do not say which
	// number they are of: what the direct ones used is among them.
	Mixed []string `json:"mixed,omitempty"`
}

// Comparison gathers both sides. It keeps sums alone, not points.
type Comparison struct {
	month domain.Month
	// end is the first day that does not count; zero without one.
	end      time.Time
	marketOf func(country string, at time.Time) string
	wabas    map[string]*waba
	lines    map[reconciliation.Key]*Line
	charged  map[string]bool
	covered  map[string]bool
	mixed    map[string]bool
	report   Report
}

// waba is who has a WABA.
type waba struct {
	zone     *time.Location
	partners []string
	paid     map[string]bool // by number
	direct   map[string]bool
}

// New begins a comparison of the month, through the given day (midnight UTC
// stands for it) or, where that is zero, of all there is. marketOf maps a
// country to its market at an instant.
func New(month domain.Month, through time.Time, channels []Channel, marketOf func(string, time.Time) string) *Comparison {
	c := &Comparison{
		month: month, marketOf: marketOf, wabas: map[string]*waba{}, lines: map[reconciliation.Key]*Line{},
		charged: map[string]bool{}, covered: map[string]bool{}, mixed: map[string]bool{},
		report: Report{Month: month, Approximate: true, Lines: []Line{}},
	}
	if !through.IsZero() {
		c.end = through.AddDate(0, 0, 1)
		c.report.Through = through.Format(time.DateOnly)
	}
	for i := range channels {
		c.channel(&channels[i])
	}
	return c
}

func (c *Comparison) channel(ch *Channel) {
	w := c.wabas[ch.WABAID]
	if w == nil {
		w = &waba{zone: ch.Zone, paid: map[string]bool{}, direct: map[string]bool{}}
		c.wabas[ch.WABAID] = w
	}
	numbers := w.paid
	if ch.PaymentModel == domain.Direct {
		numbers = w.direct
	} else if at, found := slices.BinarySearch(w.partners, ch.PartnerID); !found {
		w.partners = slices.Insert(w.partners, at, ch.PartnerID)
	}
	numbers[strings.TrimPrefix(ch.PhoneNumber, "+")] = true
}

// Counts reports whether what occurred at an instant in a WABA counts: of the
// month, and not after the last day.
func (c *Comparison) Counts(wabaID string, at time.Time) bool {
	zone := c.zone(wabaID)
	return domain.MonthOf(at, zone) == c.month && (c.end.IsZero() || at.Before(c.endIn(zone)))
}

func (c *Comparison) zone(wabaID string) *time.Location {
	if w := c.wabas[wabaID]; w != nil && w.zone != nil {
		return w.zone
	}
	return time.UTC
}

// endIn is when the last day ends in a zone.
func (c *Comparison) endIn(zone *time.Location) time.Time {
	year, month, day := c.end.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

// Charge adds what was charged here; the caller leaves out what does not
// count. Negative figures take back.
func (c *Comparison) Charge(u *Charged) {
	c.charged[u.WABAID] = true
	l := c.line(u.Key)
	l.Currency = cmp.Or(l.Currency, u.Currency)
	l.Charged.Count += u.Count
	l.Charged.Amount = l.Charged.Amount.Add(u.Amount)
	if at, found := slices.BinarySearch(l.Partners, u.PartnerID); !found {
		l.Partners = slices.Insert(l.Partners, at, u.PartnerID)
	}
}

func (c *Comparison) line(k reconciliation.Key) *Line {
	k.Category, k.PricingType = reconciliation.NormalizeCategory(k.Category), reconciliation.NormalizePricingType(k.PricingType)
	l := c.lines[k]
	if l == nil {
		l = &Line{Key: k}
		c.lines[k] = l
	}
	return l
}

// Point adds a data point of the analytics.
func (c *Comparison) Point(p *metainvoice.AnalyticsPoint) {
	c.covered[p.WABAID] = true
	w := c.wabas[p.WABAID]
	last := p.End.Add(-time.Nanosecond)
	switch {
	case domain.MonthOf(p.Start, c.zone(p.WABAID)) != c.month:
		c.report.OtherMonth++
		return
	case !c.Counts(p.WABAID, last):
		c.report.Beyond++
		return
	case w != nil && w.isDirect(p.PhoneNumber):
		c.report.Direct++
		return
	case w != nil && w.mayBeDirect(p.PhoneNumber):
		c.mixed[p.WABAID] = true
	}
	c.report.Points++
	if c.report.From.IsZero() || p.Start.Before(c.report.From) {
		c.report.From = p.Start
	}
	if p.End.After(c.report.To) {
		c.report.To = p.End
	}
	l := c.line(reconciliation.Key{
		WABAID: p.WABAID, Market: c.marketOf(p.Country, p.Start), Category: p.Category, PricingType: p.PricingType,
	})
	l.AnalyticsCurrency = p.Currency
	l.Analytics.Count += p.Volume
	l.Analytics.Amount = l.Analytics.Amount.Add(p.Cost)
}

// isDirect reports whether a number is only a direct channel's, or the whole
// WABA has no others.
func (w *waba) isDirect(number string) bool {
	return len(w.paid) == 0 || w.direct[number] && !w.paid[number]
}

// mayBeDirect reports whether nothing says whose a number is.
func (w *waba) mayBeDirect(number string) bool {
	return len(w.direct) > 0 && !w.paid[number]
}

// Report compares what was gathered.
func (c *Comparison) Report() *Report {
	r := c.report
	for id := range c.covered {
		if c.wabas[id] == nil && !c.charged[id] {
			r.Unknown = append(r.Unknown, id)
		}
	}
	for id := range c.charged {
		if !c.covered[id] {
			r.Uncovered = append(r.Uncovered, id)
		}
	}
	r.Mixed = slices.Sorted(maps.Keys(c.mixed))
	slices.Sort(r.Unknown)
	slices.Sort(r.Uncovered)
	for k, l := range c.lines {
		if !c.covered[k.WABAID] {
			continue
		}
		line := *l
		if w := c.wabas[k.WABAID]; w != nil && len(line.Partners) == 0 {
			line.Partners = w.partners
		}
		line.Count = l.Charged.Count - l.Analytics.Count
		if l.Currency == "" || l.AnalyticsCurrency == "" || l.Currency == l.AnalyticsCurrency {
			difference := l.Charged.Amount.Sub(l.Analytics.Amount)
			line.Amount = &difference
		}
		r.Lines = append(r.Lines, line)
	}
	slices.SortFunc(r.Lines, func(a, b Line) int {
		return cmp.Or(b.size().Cmp(a.size()), cmp.Compare(abs(b.Count), abs(a.Count)), a.Compare(b.Key))
	})
	return &r
}

// size is the difference without sign; lines that can't be compared come
// last.
func (l *Line) size() money.Amount {
	if l.Amount == nil {
		return money.Amount{}
	}
	return l.Amount.Abs()
}

func abs(n int64) int64 { return max(n, -n) }
