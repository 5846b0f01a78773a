package mailer

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	texttemplate "text/template"
	"time"

	"prepayledger/consumers/notices"
	"prepayledger/domain/money"
)

// maxSubjectBytes bounds a subject's part that comes from outside.
const maxSubjectBytes = 80

// note is a notice as it is read from the stream: the fields of every kind
// that a mail speaks of.
type note struct {
	notices.Common
	notices.Payment
	notices.Channels
	NegativeSince  time.Time `json:"negative_since"`
	BlockKind      string    `json:"block_kind"`
	Reason         string    `json:"reason"`
	EffectiveAt    time.Time `json:"effective_at"`
	SenderText     string    `json:"sender_text"`
	By             string    `json:"by"`
	InvoiceNumber  string    `json:"invoice_number"`
	RechargeAmount string    `json:"recharge_amount"`
	Code           string    `json:"code"`
	RetryAt        time.Time `json:"retry_at"`
	Month          string    `json:"month"`
	Posted         string    `json:"-"`
	Charged        string    `json:"charged"`
	Invoiced       string    `json:"invoiced"`
	Adjusted       string    `json:"adjusted"`
}

// parseNote reads a notice's payload.
func parseNote(data []byte) (*note, error) {
	n := &note{}
	if err := json.Unmarshal(data, n); err != nil {
		return nil, fmt.Errorf("the notice can't be read: %w", err)
	}
	if n.Kind == "" || n.PartnerID == "" {
		return nil, fmt.Errorf("the notice lacks its kind or its partner")
	}
	n.Posted = n.Amount
	return n, nil
}

// content is what a mail says, before it is text or HTML.
type content struct {
	Subject string
	Title   string
	// Urgent colours the title: something is to be done.
	Urgent bool
	// Sentences are the notice's own.
	Sentences []string
	Rows      []row
	// Do says what to do; empty where nothing is.
	Do      string
	Partner string
	At      string
}

// row is a figure with its name.
type row struct{ Name, Value string }

// money writes an amount of the notice for people.
func (n *note) money(text string) string {
	a, err := money.Parse(text)
	if err != nil {
		return text + " " + n.Currency
	}
	return a.Fixed(money.Currency(n.Currency).Decimals()) + " " + n.Currency
}

// instant writes a point in time for people.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// left says how long it is until an instant: in days, to the nearest hour, and
// below two of them in whole hours.
func left(now, then time.Time) string {
	d := then.Sub(now)
	count, unit := int((d+30*time.Minute)/(24*time.Hour)), "day"
	switch {
	case d <= 0:
		return "now"
	case d < time.Hour:
		return "in less than an hour"
	case count < 2:
		count, unit = int(d/time.Hour), "hour"
	}
	if count != 1 {
		unit += "s"
	}
	return fmt.Sprintf("in %d %s", count, unit)
}

// contentOf says what a notice's mail says at an instant.
func contentOf(n *note, now time.Time) content {
	c := content{Partner: n.PartnerID, At: instant(n.OccurredAt), Sentences: []string{n.Text}, Urgent: true}
	due := func() { c.add("Amount due", n.money(n.AmountDue)) }
	switch n.Kind {
	case notices.LowBalance:
		c.Title = "The balance is low: " + n.money(n.Balance)
		c.add("Threshold", n.money(n.Threshold))
		c.Do = "Add funds in time, so that messages go on."
		if n.AutoRecharge && n.BlockedReason == "" {
			c.Urgent, c.Do = false, "Nothing, as long as the registered card can be charged."
		}
	case notices.RechargeFailed:
		c.Title = "A card payment of " + n.money(n.CardTotal) + " failed"
		c.add("Card payment", n.RechargeID)
		c.add("Answer of the card", n.Code)
		c.optional("Next attempt", n.RetryAt)
		c.Do = "Check or replace the card, or add funds."
	case notices.GraceStarted:
		c.Title = "The balance is negative: the channels are blocked " + left(now, n.BlockDeadline)
		due()
		c.optional("Block at", n.BlockDeadline)
		c.Do = "Settle the amount due before then."
	case notices.BlockTomorrow:
		c.Title = "The channels are blocked " + left(now, n.BlockDeadline)
		due()
		c.optional("Block at", n.BlockDeadline)
		c.add("Channels", fmt.Sprint(n.ChannelCount))
		c.Do = "Settle the amount due before then."
	default:
		c.rest(n, due)
	}
	c.add("Balance", n.money(n.Balance))
	c.Subject = fmt.Sprintf("%.*s: %s", maxSubjectBytes, n.PartnerID, c.Title)
	return c
}

// rest is contentOf for what is done already.
func (c *content) rest(n *note, due func()) {
	switch n.Kind {
	case notices.Blocked:
		c.Title = "All channels are blocked"
		due()
		c.optional("Blocked since", n.EffectiveAt)
		c.add("Channels", fmt.Sprint(n.ChannelCount))
		c.Do = "Settle the amount due; Finance lifts the block once the payment is confirmed."
		if n.BlockKind == "manual" {
			c.Do = "Ask Finance, which blocked the account by hand."
		}
	case notices.Unblocked:
		c.Title, c.Urgent = "The channels may send again", false
		c.optional("Since", n.EffectiveAt)
		c.add("Channels", fmt.Sprint(n.ChannelCount))
	case notices.GraceEnded:
		c.Title, c.Urgent = "The balance is not negative any more", false
	case notices.Recharged:
		c.Title, c.Urgent = n.money(n.Amount)+" are credited", false
		c.add("Card charged", n.money(n.CardTotal))
		c.add("Invoice", n.InvoiceNumber)
	case notices.MonthReconciled:
		c.Title, c.Urgent = fmt.Sprintf("Month %s is reconciled: %s", n.Month, n.money(n.Posted)), false
		c.add("Charged", n.money(n.Charged))
		c.add("Invoiced by Meta", n.money(n.Invoiced))
		c.add("Posted to the balance", n.money(n.Posted))
	default:
		c.Title, c.Urgent = string(n.Kind), false
	}
}

func (c *content) add(name, value string) { c.Rows = append(c.Rows, row{name, value}) }

// optional adds an instant that there is not always.
func (c *content) optional(name string, t time.Time) {
	if !t.IsZero() {
		c.add(name, instant(t))
	}
}

//go:embed mail.html
var htmlSource string

//go:embed mail.txt
var textSource string

// layouts are the two forms of every mail.
type layouts struct {
	html *template.Template
	text *texttemplate.Template
}

func newLayouts() (*layouts, error) {
	h, err := template.New("mail.html").Parse(htmlSource)
	if err != nil {
		return nil, err
	}
	t, err := texttemplate.New("mail.txt").Parse(textSource)
	return &layouts{h, t}, err
}

// mail writes a notice's mail, to nobody yet.
func (l *layouts) mail(id string, c *content, now time.Time) (*Mail, error) {
	var html, text bytes.Buffer
	if err := l.html.Execute(&html, c); err != nil {
		return nil, err
	}
	if err := l.text.Execute(&text, c); err != nil {
		return nil, err
	}
	return &Mail{ID: id, Subject: oneLine(c.Subject), Text: text.String(), HTML: html.String(), Date: now}, nil
}

// oneLine keeps a text from adding lines to a header.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

// TestMail is the mail that shows whether mails arrive. id makes its
// Message-ID.
func TestMail(id, partnerID string, now time.Time) (*Mail, error) {
	l, err := newLayouts()
	if err != nil {
		return nil, err
	}
	c := content{
		Title: "This is a test", Partner: partnerID, At: instant(now),
		Sentences: []string{"Mails about this account arrive at this address. Nothing has happened, and nothing is to be done."},
	}
	c.Subject = fmt.Sprintf("%.*s: %s", maxSubjectBytes, partnerID, c.Title)
	return l.mail(id, &c, now)
}
