package web

import (
	"strconv"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

const (
	// recentMovements is how many movements the overview has (movements).
	recentMovements = 6
	// movementsPerPage is how many a page of their list has (movements).
	movementsPerPage = 50
)

// overviewView is an account at a glance.
type overviewView struct {
	*accountView
	balance desk.BalanceLine
	// outlook and spread say how long it lasts.
	outlook, spread string
	movements       []desk.MovementLine
	// today is what was used today.
	today desk.UsageSum
	// usage is nil where only what changes is asked for.
	usage  *desk.DailyUsage
	ranges []ui.NavLink
}

// accountOverview shows an account at a glance.
func (w *Web) accountOverview(q *request) error {
	v, err := q.account("Overview", "")
	if err != nil {
		return err
	}
	v.lead = "Prepaid balance of " + v.name()
	o := &overviewView{accountView: v}
	if o.balance, err = w.desk.Balance(q.Context(), &v.State.Funds, desk.AsOf{}); err != nil {
		return err
	}
	forecast, err := w.desk.Forecast(v.Account)
	if err != nil {
		return err
	}
	o.outlook, o.spread = forecast.Outlook()
	if o.movements, err = w.desk.Movements(v.PartnerID, 0, recentMovements); err != nil {
		return err
	}
	today, err := w.desk.DailyUsage(v.PartnerID, v.now, v.now)
	if err != nil {
		return err
	}
	o.today = today.Total
	if !q.htmx() {
		if err := o.readUsage(w.desk, q.query("range")); err != nil {
			return err
		}
	}
	return q.showAccount(v, overviewPage(o))
}

// The ranges of the overview's chart, in days; the other one is the month.
const (
	shortRange = 30
	longRange  = 90
	thisMonth  = "month"
)

// readUsage reads what the chart shows.
func (o *overviewView) readUsage(d *desk.Desk, chosen string) (err error) {
	from := o.now.AddDate(0, 0, 1-shortRange)
	switch chosen {
	case strconv.Itoa(longRange):
		from = o.now.AddDate(0, 0, 1-longRange)
	case thisMonth:
		from = time.Date(o.now.Year(), o.now.Month(), 1, 0, 0, 0, 0, time.UTC)
	default:
		chosen = strconv.Itoa(shortRange)
	}
	for _, r := range []struct{ name, label string }{
		{strconv.Itoa(shortRange), "30 days"}, {strconv.Itoa(longRange), "90 days"}, {thisMonth, "This month"},
	} {
		o.ranges = append(o.ranges, ui.NavLink{Label: r.label, URL: o.at + "?range=" + r.name, Current: r.name == chosen})
	}
	o.usage, err = d.DailyUsage(o.PartnerID, from, o.now)
	return err
}

// stacked is the chart of days by category.
func stacked(u *desk.DailyUsage) *ui.Chart {
	c := &ui.Chart{Kind: ui.Stacked, Dates: true, Unit: string(u.Currency), Head: "Day"}
	for i := range u.Days {
		c.X = append(c.X, u.Days[i].Day.Format(time.DateOnly))
	}
	for n, category := range u.Categories {
		s := ui.ChartSeries{Label: categoryWords(category.Name), Values: make([]*money.Amount, len(u.Days))}
		for i := range u.Days {
			s.Values[i] = &u.Days[i].ByCategory[n].Amount
		}
		c.Series = append(c.Series, s)
	}
	return c
}

// summary says in a sentence what the chart shows.
func summary(u *desk.DailyUsage) string {
	return "Usage per day from " + u.From.Format("2 January 2006") + " to " + u.To.Format("2 January 2006") + ", by category: " +
		ui.AmountText(u.Total.Amount, u.Currency) + " " + string(u.Currency) + " in all."
}

// movementsView is a page of movements.
type movementsView struct {
	*accountView
	movements []desk.MovementLine
	pager     ui.Pager
}

// accountMovements lists the movements beside conversations.
func (w *Web) accountMovements(q *request) error {
	v, err := q.account("Movements", "What changed the balance beside conversations. Conversations are under Usage.")
	if err != nil {
		return err
	}
	before, err := strconv.ParseInt(q.query("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	m := &movementsView{accountView: v}
	if m.movements, err = w.desk.Movements(v.PartnerID, eventstore.Revision(before), movementsPerPage+1); err != nil {
		return err
	}
	if len(m.movements) > movementsPerPage {
		m.movements = m.movements[:movementsPerPage]
		m.pager.Next = ui.WithQuery(q.URL, "before", strconv.FormatInt(int64(m.movements[movementsPerPage-1].Revision), 10))
	}
	if before > 0 {
		m.pager.Previous = ui.WithQuery(q.URL, "before", "")
	}
	m.pager.Text = ui.Counted(len(m.movements), "movement", "movements") + " on this page"
	return q.showAccount(v, movementsPage(m))
}

// paymentText says what the card is doing; empty where it does nothing.
func paymentText(v *accountView) (tone ui.Tone, sentence string) {
	if r := v.State.InFlight; r != nil {
		return ui.Neutral, "A card payment of " + v.sum(r.CardTotal) + " is in progress: " + v.sum(r.Amount) + " are credited as soon as the bank agrees."
	}
	if at := v.State.RetryAt; !at.IsZero() {
		return ui.Warn, "The last card payment failed. The card is charged again on " + moment(at) + ", or at once when you replace it."
	}
	return ui.Neutral, ""
}

// rechargeText says when the card is charged.
func rechargeText(v *accountView) string {
	s := v.State.Settings
	if !s.AutoRecharge {
		return "It is off: the card is only charged with what is due, once the balance is at or below zero."
	}
	pays := s.RechargeAmount.RoundUp(v.Currency.Decimals())
	return "When the balance falls below " + v.sum(s.Threshold) + ", " + v.sum(s.RechargeAmount) + " are credited, and the card pays " + v.sum(pays.Add(v.State.Surcharge(pays))) + "."
}

// usageText sums up what the chart shows.
func usageText(u *desk.DailyUsage) string {
	text := sum(u.Total.Amount, u.Currency) + " for " + ui.Counted(u.Total.Count, "conversation", "conversations")
	if u.Total.FreeCount > 0 {
		text += ", and " + ui.Count(u.Total.FreeCount) + " at no cost"
	}
	return text + ". Days are UTC."
}

func balanceWords(v *accountView) string { return "The balance is " + v.sum(v.Balance) + "." }

func dueNote(v *accountView) string {
	if v.AmountDue.Sign() == 0 {
		return "nothing to pay"
	}
	return "what the balance is below zero"
}

func publishedNote(b *desk.BalanceLine) string {
	if b.PublishedAt == nil {
		return "from the next midnight (UTC) on"
	}
	return "of " + moment(*b.PublishedAt)
}
