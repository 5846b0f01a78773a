package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"prepayledger/consumers/intake"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	usageview "prepayledger/projections/usage"
)

// Names of the story.
const (
	demoMonth   = domain.Month("2026-10")
	demoInvoice = "META-2026-10"
	demoBlocked = "PA-1003"
)

// demoPartner is a partner of the story.
type demoPartner struct {
	id, name, carried, card, threshold, recharge string
	currency                                     money.Currency
	channels                                     []demoChannel
}

type demoChannel struct {
	id, number, phoneNumberID, waba string
}

// demoPlan is a month made from a seed.
type demoPlan struct {
	random    *rand.Rand
	partners  []*demoPartner
	perBatch  int
	sent      [][]byte
	number    int
	strayLine int
}

// batchesPerDay is how often a day's usage arrives.
const batchesPerDay = 4

func newDemoPlan(seed uint64, conversations int) *demoPlan {
	p := &demoPlan{random: rand.New(rand.NewPCG(seed, 20261001)), perBatch: max(1, conversations/31/batchesPerDay)}
	p.partners = []*demoPartner{
		{id: "PA-1001", name: "Lumen Retail", currency: "EUR", carried: "312.40", card: "sim_ok", threshold: "150", recharge: "250"},
		{id: "PA-1002", name: "Norte Viajes", currency: "USD", carried: "520.75", card: "sim_ok", threshold: "350", recharge: "300"},
		{id: demoBlocked, name: "Kiosk Cloud", currency: "USD", carried: "95.20", card: "sim_declined", threshold: "100", recharge: "200"},
	}
	for i, n := range []int{22, 17, 11} {
		for c := range n {
			p.partners[i].channels = append(p.partners[i].channels, demoChannel{
				id: fmt.Sprintf("CH-%d-%02d", i+1, c), number: fmt.Sprintf("+4930%02d%05d", i, c),
				phoneNumberID: fmt.Sprintf("1065403522%02d%03d", i, c), waba: fmt.Sprintf("1022901293%02d%03d", i, c/2),
			})
		}
	}
	return p
}

// open imports the rates and opens accounts and channels.
func (p *demoPlan) open(ctx context.Context, l *ledger.Ledger) error {
	m := domain.Meta{At: demoStart, Actor: demoAna}
	for name, card := range map[string][]byte{"rates-usd-2026-10-01.csv": benchCard, "rates-eur-tiers-2026-10-01.csv": tiered(demoCardEUR)} {
		if _, _, err := l.ImportRates(ctx, m, name, card, rating.CardOptions{Effective: demoStart}); err != nil {
			return err
		}
	}
	for _, partner := range p.partners {
		threshold, recharge := money.MustParse(partner.threshold), money.MustParse(partner.recharge)
		open := &domain.OpenAccount{
			PartnerID: partner.id, Currency: string(partner.currency), CarriedOver: money.MustParse(partner.carried), Card: partner.card,
			Threshold: &threshold, RechargeAmount: &recharge,
		}
		if err := l.Do(ctx, partner.id, m, open); err != nil {
			return err
		}
		for _, c := range partner.channels {
			err := l.Do(ctx, partner.id, m, &domain.RegisterChannel{
				ChannelID: c.id, PhoneNumber: c.number, PhoneNumberID: c.phoneNumberID, WABAID: c.waba, PaymentModel: domain.PartnerPaid,
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// tiered writes the sample card in the layout with volume tiers, with a
// second tier for utility messages to Germany.
func tiered(card []byte) []byte {
	parsed, err := rating.ParseRateCard("rates-eur-sample.csv", card, rating.CardOptions{})
	if err != nil {
		panic(err) // the shipped sample
	}
	b := bytes.NewBufferString("market,currency,category,from_volume,to_volume,rate\n")
	for _, r := range parsed.Rates {
		if r.Market == "Germany" && r.Category == "utility" {
			cheaper, _ := r.Price.Mul(money.MustParse("0.9")).Quo(money.FromInt(1), 6)
			fmt.Fprintf(b, "%s,EUR,%s,1,250000,%s\n%s,EUR,%s,250001,MAX,%s\n", r.Market, r.Category, r.Price, r.Market, r.Category, cheaper)
			continue
		}
		fmt.Fprintf(b, "%s,EUR,%s,1,MAX,%s\n", r.Market, r.Category, r.Price)
	}
	return b.Bytes()
}

// instants are when a day's usage arrives.
func (p *demoPlan) instants(day time.Time) []time.Time {
	at := make([]time.Time, batchesPerDay)
	for i := range at {
		at[i] = day.Add(time.Duration(6+4*i)*time.Hour + time.Duration(p.random.IntN(3600))*time.Second)
	}
	return at
}

// present presents a batch of webhooks and rated charges.
func (p *demoPlan) present(ctx context.Context, l *ledger.Ledger, at time.Time) (intake.Summary, error) {
	var file bytes.Buffer
	for range p.perBatch {
		if len(p.sent) > 0 && p.random.IntN(40) == 0 { // Meta repeats itself
			file.Write(p.sent[p.random.IntN(len(p.sent))])
			continue
		}
		line := p.line(at)
		p.sent = append(p.sent, line)
		file.Write(line)
	}
	return intake.Import(ctx, l, domain.Meta{At: at, Actor: "meta:webhooks"}, usage.Source{Name: "october", R: &file}, nil)
}

var (
	demoRecipients = []string{"34611", "4915", "5511", "9198", "3361", "5255", "4477", "2782"}
	demoCategories = []string{"marketing", "marketing", "utility", "utility", "authentication", "service"}
)

// line is one conversation: most as webhooks, one in ten as a rated charge.
func (p *demoPlan) line(at time.Time) []byte {
	p.number++
	i := p.random.IntN(100)
	partner := p.partners[0]
	if i >= 45 {
		partner = p.partners[1]
	}
	if i >= 75 {
		partner = p.partners[2]
	}
	c := partner.channels[p.random.IntN(len(partner.channels))]
	recipient := fmt.Sprintf("%s%07d", demoRecipients[p.random.IntN(len(demoRecipients))], p.random.IntN(10_000_000))
	category := demoCategories[p.random.IntN(len(demoCategories))]
	when := at.Add(-time.Duration(p.random.IntN(3*3600)) * time.Second)
	id := fmt.Sprintf("wamid.DEMO%08d%06X", p.number, p.random.IntN(1<<24))
	if p.random.IntN(10) == 0 {
		return p.rated(partner, c, id, category, when)
	}
	pricing := "regular"
	if category == "service" && p.random.IntN(3) > 0 {
		pricing = "free_customer_service"
	}
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":%q,"phone_number_id":%q},"statuses":[{"id":%q,"status":"delivered","timestamp":"%d","recipient_id":%q,"pricing":{"billable":true,"pricing_model":"PMP","type":%q,"category":%q}}]},"field":"messages"}]}]}`+"\n",
		c.waba, c.number[1:], c.phoneNumberID, id, when.Unix(), recipient, pricing, category)
}

// rated is a charge of an upstream rater; some have something wrong.
func (p *demoPlan) rated(partner *demoPartner, c demoChannel, id, category string, when time.Time) []byte {
	channel, currency, amount, country := c.id, string(partner.currency), "0.05", "ES"
	switch p.random.IntN(60) {
	case 0:
		channel = "CH-nowhere"
	case 1:
		currency = "GBP"
	case 2:
		amount = "-0.05"
	case 3:
		country = "CU"
	}
	return fmt.Appendf(nil, `{"charge_id":%q,"partner_id":%q,"channel_id":%q,"waba_id":%q,"country":%q,"category":%q,"pricing_model":"PMP","occurred_at":%q,"amount":%q,"currency":%q}`+"\n",
		id, partner.id, channel, c.waba, country, category, when.Format(time.RFC3339), amount, currency)
}

// happen is what people do at the end of a day.
func (p *demoPlan) happen(ctx context.Context, l *ledger.Ledger, day time.Time) error {
	at := day.Add(22 * time.Hour)
	due, blocked := money.Zero(), false
	if err := l.Advance(ctx, demoBlocked, at); err != nil {
		return err
	}
	err := l.Inspect(ctx, demoBlocked, func(a *domain.Account) {
		due = a.AmountDue()
		for _, c := range a.Channels {
			blocked = a.OverdueBlock && a.ChannelState(c) == domain.ChannelBlocked
		}
	})
	if err != nil || !blocked || day.Weekday() != time.Friday {
		return err
	}
	// On the Friday after the block the partner has paid by bank transfer and
	// registered another card.
	m := domain.Meta{At: at, Actor: demoAna}
	paid := due.Add(money.FromInt(300)).RoundUp(2)
	if err := l.Do(ctx, demoBlocked, m, &domain.ConfirmPayment{Reference: "BANK-" + day.Format("0102"), Amount: paid}); err != nil {
		return err
	}
	return l.Do(ctx, demoBlocked, m, &domain.ReplaceCard{Card: "sim_ok"})
}

// blockEvents tells the events around the declined card.
func (d *demo) blockEvents(failed *int) func(eventstore.Recorded, codec.Metadata, domain.Event) error {
	return func(_ eventstore.Recorded, m codec.Metadata, e domain.Event) error {
		at := m.RecordedAt.Format("2 Jan 15:04:05")
		switch e := e.(type) {
		case *domain.RechargeFailed:
			*failed++
			if *failed == 1 {
				d.say("%s  the card of %s is declined; it is tried again every 24 h", at, demoBlocked)
			}
		case *domain.GraceStarted:
			d.say("%s  the balance is negative; the block is due on %s", at, e.BlockDeadline.Format("2 Jan 15:04:05"))
		case *domain.GraceEnded:
			d.say("%s  the balance is not negative any more", at)
		case *domain.AccountBlocked:
			d.say("%s  after %d declined payments every channel is blocked; senders are told:\n                 %q", at, *failed, e.Text)
		case *domain.PaymentConfirmed:
			d.say("%s  %s confirms %s received (%s)", at, m.Actor, e.Amount.Fixed(2), e.Reference)
		case *domain.AccountUnblocked:
			d.say("%s  the channels may send again", at)
		}
		return nil
	}
}

// invoiceLine is a line of Meta's invoice in the making.
type invoiceLine struct {
	waba, market, category, pricing, currency string
	count                                     int64
	amount                                    money.Amount
}

// invoice is Meta's invoice: what was charged, with every kind of variance.
func (p *demoPlan) invoice(v *views) (string, error) {
	var lines []invoiceLine
	for _, partner := range p.partners {
		rows, err := v.usage.Month(partner.id, demoMonth)
		if err != nil {
			return "", err
		}
		own := ownLines(partner, rows)
		if partner.id == "PA-1001" {
			own = p.varyEUR(own)
		} else if partner.id == "PA-1002" {
			own = p.varyUSD(own)
		}
		lines = append(lines, own...)
	}
	p.strayLine = len(lines) + 1
	lines = append(lines, invoiceLine{waba: "999000111222333", market: "Brazil", category: "marketing", pricing: "regular", currency: "USD", count: 4, amount: money.MustParse("0.25")})
	var b strings.Builder
	b.WriteString("invoice_id,document_type,billing_period,waba_id,phone_number_id,country,market,category,pricing_type,tier,volume,amount,currency\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "%s,INV,2026-10-01,%s,,,%s,%s,%s,,%d,%s,%s\n", demoInvoice, l.waba, l.market, l.category, l.pricing, l.count, l.amount, l.currency)
	}
	return b.String(), nil
}

// ownLines is what was charged, a line per WABA, market and category.
func ownLines(partner *demoPartner, rows []usageview.Row) []invoiceLine {
	var lines []invoiceLine
	for i := range rows {
		r := &rows[i]
		if !r.Charged() {
			continue
		}
		at := slices.IndexFunc(lines, func(l invoiceLine) bool {
			return l.waba == r.WABAID && l.market == r.Market && l.category == r.Category
		})
		if at < 0 {
			at = len(lines)
			lines = append(lines, invoiceLine{waba: r.WABAID, market: r.Market, category: r.Category, pricing: "regular", currency: string(partner.currency)})
		}
		count, amount := r.Net()
		lines[at].count += count
		lines[at].amount = lines[at].amount.Add(amount)
	}
	return lines
}

// price is a line's mean price, cut to cents of a cent.
func (l *invoiceLine) price() money.Amount {
	u, _ := l.amount.Quo(money.FromInt(l.count), 6)
	return u
}

// find returns the largest line of a category, from a place on.
func find(lines []invoiceLine, category, market string, skip int) *invoiceLine {
	var best *invoiceLine
	for i := range lines {
		l := &lines[i]
		if l.category == category && (market == "" || l.market == market) && l.count > 8 {
			if skip--; skip < 0 {
				best = l
				break
			}
		}
	}
	return best
}

// varyEUR changes the EUR partner's lines: quantity, a moved category, a
// volume tier, and a line in another currency.
func (p *demoPlan) varyEUR(lines []invoiceLine) []invoiceLine {
	if l := find(lines, "marketing", "Germany", 0); l != nil { // Meta counts three more
		l.amount = l.amount.Add(l.price().Times(3))
		l.count += 3
	}
	if l := find(lines, "utility", "Germany", 0); l != nil { // the second tier's rate
		l.amount = l.price().Mul(money.MustParse("0.9")).Times(l.count)
	}
	if from := find(lines, "marketing", "Brazil", 0); from != nil { // four are utility at Meta
		for i := range lines {
			to := &lines[i]
			if to.waba == from.waba && to.market == from.market && to.category == "utility" {
				from.amount, from.count = from.amount.Sub(from.price().Times(4)), from.count-4
				to.amount, to.count = to.amount.Add(to.price().Times(4)), to.count+4
				break
			}
		}
	}
	if l := find(lines, "authentication", "India", 0); l != nil { // billed in USD
		l.currency = "USD"
		l.amount, _ = l.amount.Quo(money.MustParse("0.92"), 4)
	}
	return lines
}

// varyUSD changes the USD partner's lines: a rate, free ones, lines that are
// missing on either side, and a WABA that is in no document.
func (p *demoPlan) varyUSD(lines []invoiceLine) []invoiceLine {
	if l := find(lines, "marketing", "Mexico", 0); l != nil { // another rate
		l.amount = l.price().Mul(money.MustParse("1.05")).Times(l.count)
	}
	if l := find(lines, "utility", "Brazil", 0); l != nil { // two are free at Meta
		free := *l
		free.pricing, free.count, free.amount = "free_customer_service", 2, money.Zero()
		l.amount, l.count = l.amount.Sub(l.price().Times(2)), l.count-2
		lines = append(lines, free)
	}
	if l := find(lines, "authentication", "South Africa", 1); l != nil { // missing at Meta
		gone := *l
		lines = slices.DeleteFunc(lines, func(x invoiceLine) bool { return x == gone })
	}
	waba := p.partners[1].channels[0].waba
	lines = append(lines, invoiceLine{waba: waba, market: "Poland", category: "marketing", pricing: "regular", currency: "USD", count: 5, amount: money.MustParse("0.183")}) // missing here
	last := p.partners[1].channels[len(p.partners[1].channels)-1].waba
	return slices.DeleteFunc(lines, func(x invoiceLine) bool { return x.waba == last }) // in no document
}

func (d *demo) importInvoice(ctx context.Context, text string) error {
	fx := []reconciliation.FXRate{{From: "USD", To: "EUR", Rate: money.MustParse("0.92"), Date: "2026-10-30", Source: "ECB"}}
	imported, err := d.app.ledger.ImportMetaInvoice(ctx, domain.Meta{Actor: demoAna}, "meta-2026-10.csv", strings.NewReader(text), fx)
	if err != nil {
		return err
	}
	d.say("%s imports %s with %d lines.", demoAna, imported[0].InvoiceID, imported[0].Lines)
	return nil
}

// presentLate presents one conversation of the last evening of October.
func (p *demoPlan) presentLate(ctx context.Context, l *ledger.Ledger, at time.Time) (intake.Summary, error) {
	c := p.partners[0].channels[0]
	line := fmt.Sprintf(`{"charge_id":"wamid.LATE","partner_id":"PA-1001","channel_id":%q,"waba_id":%q,"country":"DE","category":"marketing","pricing_model":"PMP","occurred_at":"2026-10-31T21:30:00Z"}`, c.id, c.waba)
	return intake.Import(ctx, l, domain.Meta{At: at, Actor: "meta:webhooks"}, usage.Source{Name: "late", R: strings.NewReader(line)}, nil)
}

// replays folds an account from its first event and compares.
func (d *demo) replays(ctx context.Context, partner string) error {
	if err := d.app.ledger.Settle(ctx); err != nil {
		return err
	}
	state := domain.NewAccount()
	err := d.app.fold(ctx, ledger.AccountStream(partner), func(_ eventstore.Recorded, _ codec.Metadata, e domain.Event) error { return state.Apply(e) })
	if err != nil {
		return err
	}
	return d.app.sameAsLive(partner, state)
}
