package main

import (
	"context"
	_ "embed" // the rate cards
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/consumers/intake"
	"prepayledger/consumers/simulate"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

//go:embed rates-eur-sample.csv
var demoCardEUR []byte

// demoCmd tells a month.
type demoCmd struct {
	Seed          uint64 `help:"Makes the same month again." default:"7"`
	Conversations int    `help:"Conversations of the month." default:"20000"`
	Keep          string `help:"Keep the data folder here, to look at it with the other commands." type:"path" placeholder:"DIR"`
}

// Help implements kong.HelpProvider.
func (*demoCmd) Help() string {
	return `Three partners, about fifty channels and a month of conversations, made from a
seed and run through the real engine in a temporary folder: balances run down,
cards are recharged, one is declined until its account is blocked, Finance
confirms, and Meta's invoice is reconciled.

  prepay demo
  prepay demo --seed 11 --keep demo-data`
}

// Run runs the command.
func (c *demoCmd) Run(ctx context.Context, g *globals) (err error) {
	dir := c.Keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "prepay-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		return fmt.Errorf("%s is not empty: the demo starts in an empty folder", dir)
	}
	d := &demo{w: g.Stdout, plan: newDemoPlan(c.Seed, c.Conversations), now: demoStart, seed: c.Seed}
	d.app, err = openApp(ctx, dir, appOptions{clock: func() time.Time { return d.now }, ids: simulate.IDs(), exact: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.app.Close()) }()
	start := time.Now()
	if err := d.tell(ctx); err != nil {
		return err
	}
	d.say("Told in %.1f s from seed %d.", time.Since(start).Seconds(), c.Seed)
	if c.Keep != "" {
		d.say("Look around: prepay --data %s account list; … month show 2026-10 --lines; … replay account-PA-1003; … quarantine list", dir)
	} else {
		d.say("Where to look next: prepay demo --keep demo-data, then prepay --data demo-data account show PA-1003,\nmonth show 2026-10 --lines, replay account-PA-1003, quarantine list; or a scenario of your own: prepay simulate --help.")
	}
	return nil
}

// demo is a month being told.
type demo struct {
	w       io.Writer
	app     *app
	plan    *demoPlan
	now     time.Time
	seed    uint64
	summary intake.Summary
}

// Instants of the story.
var (
	demoStart = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	demoEnd   = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
)

// Persons of the story.
const (
	demoAna = "finance:ana"
	demoBen = "finance:ben"
)

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.w, format+"\n", args...) }

func (d *demo) chapter(title string) { fmt.Fprintf(d.w, "\n== %s ==\n", title) }

func (d *demo) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{d.partners, d.month, d.block, d.invoice, d.late, d.proof} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// partners opens the accounts.
func (d *demo) partners(ctx context.Context) error {
	d.chapter("Three partners prepay")
	if err := d.plan.open(ctx, d.app.ledger); err != nil {
		return err
	}
	t := newTable("partner", "channels", "carried over", "recharges", "card")
	for _, p := range d.plan.partners {
		t.AppendRow(table.Row{
			p.id + " " + p.name, len(p.channels), shown(money.MustParse(p.carried), p.currency),
			fmt.Sprintf("%s below %s", p.recharge, p.threshold), p.card,
		})
	}
	d.say("%s", t.Render())
	return nil
}

// month feeds the usage day by day; what falls due is worked in between.
func (d *demo) month(ctx context.Context) error {
	d.summary.Quarantined = map[string]int64{}
	for day := demoStart; day.Before(demoEnd); day = day.AddDate(0, 0, 1) {
		for _, at := range d.plan.instants(day) {
			d.now = at
			s, err := d.plan.present(ctx, d.app.ledger, at)
			if err != nil {
				return err
			}
			d.summary.Add(s)
		}
		if err := d.plan.happen(ctx, d.app.ledger, day); err != nil {
			return err
		}
	}
	d.now = demoEnd
	if err := d.app.ledger.AdvanceAll(ctx); err != nil {
		return err
	}
	d.chapter("October: conversations are deducted as they happen")
	d.say("%d webhook statuses and rated charges were presented.", d.summary.Total())
	t := newTable("what became of them", "count")
	t.AppendRows([]table.Row{{"charged", d.summary.Charged}, {"counted at no cost", d.summary.Free}, {"duplicates, told apart", d.summary.Duplicates}})
	for _, r := range domain.Reasons() {
		if n := d.summary.Quarantined[r.String()]; n > 0 {
			t.AppendRow(table.Row{"quarantined: " + r.String(), n})
		}
	}
	d.say("%s", t.Render())
	return d.accounts(ctx)
}

// accounts shows how the accounts stand.
func (d *demo) accounts(ctx context.Context) error {
	if err := d.app.ledger.Settle(ctx); err != nil {
		return err
	}
	t := newTable("partner", "charged", "recharged", "confirmed", "adjusted", "balance", "standing")
	for _, id := range d.app.views.accounts.Partners() {
		a, err := d.app.views.accounts.Get(id)
		if err != nil {
			return err
		}
		f, c := a.Figures, a.State.Currency
		t.AppendRow(table.Row{
			id, shown(f.Charged, c), fmt.Sprintf("%s (%d of %d)", shown(f.Credited, c), f.Succeeded, f.Requested), shown(f.Confirmed, c),
			shown(f.Adjusted, c), shown(a.State.Balance, c), a.State.Standing(),
		})
	}
	d.say("%s", t.Render())
	return nil
}

// block tells what happened to the declined card.
func (d *demo) block(ctx context.Context) error {
	d.chapter("One card was declined")
	failed := 0
	return d.app.fold(ctx, "account-"+demoBlocked, d.blockEvents(&failed))
}

// invoice reconciles Meta's invoice.
func (d *demo) invoice(ctx context.Context) error {
	d.chapter("Month end: Meta's invoice is the authority")
	d.now = demoEnd.Add(6 * time.Hour)
	text, err := d.plan.invoice(d.app.views)
	if err != nil {
		return err
	}
	if err := d.importInvoice(ctx, text); err != nil {
		return err
	}
	l := d.app.ledger
	if _, err := l.ProposeMonth(ctx, domain.Meta{Actor: demoAna}, demoMonth); err != nil {
		return err
	}
	if _, err := l.ApproveMonth(ctx, domain.Meta{Actor: demoAna}, demoMonth, nil); err != nil {
		d.say("%s proposes, and tries to approve: %s", demoAna, sentence(err))
	}
	_, err = l.ApproveMonth(ctx, domain.Meta{Actor: demoBen}, demoMonth, nil)
	d.say("%s tries to approve: %s", demoBen, sentence(err))
	if err := l.AllocateInvoiceLine(ctx, domain.Meta{Actor: demoAna}, demoInvoice, reconciliation.AllocateInvoiceLine{Line: d.plan.strayLine, OwnCost: true}); err != nil {
		return err
	}
	_, err = l.ApproveMonth(ctx, domain.Meta{Actor: demoBen}, demoMonth, nil)
	d.say("%s accepts that line as own cost. %s tries again: %s", demoAna, demoBen, sentence(err))
	preview, err := l.PreviewMonth(ctx, demoMonth)
	if err != nil {
		return err
	}
	p, err := l.ApproveMonth(ctx, domain.Meta{Actor: demoBen}, demoMonth, &preview.UninvoicedSum)
	if err != nil {
		return err
	}
	d.say("%s restates the sum, and the month is posted.\n", demoBen)
	d.differences(p)
	return d.accounts(ctx)
}

// sentence is a rejection's sentence for the story.
func sentence(err error) string {
	if err == nil {
		return "done."
	}
	_, message := explain(err)
	return message
}

// differences shows the month's differences by account and by cause.
func (d *demo) differences(p *reconciliation.Proposal) {
	t := newTable("partner", "charged", "invoiced", "difference posted")
	causes := map[reconciliation.PartKind]map[money.Currency]money.Amount{}
	for _, a := range p.Accounts {
		t.AppendRow(table.Row{a.PartnerID, shown(a.Charged.Amount, a.Currency), shown(a.Invoiced.Amount, a.Currency), shown(a.Post, a.Currency)})
		add := func(kind reconciliation.PartKind, amount money.Amount) {
			if causes[kind] == nil {
				causes[kind] = map[money.Currency]money.Amount{}
			}
			causes[kind][a.Currency] = causes[kind][a.Currency].Add(amount)
		}
		for _, line := range p.Lines[a.PartnerID] {
			for _, part := range line.Parts {
				add(part.Kind, part.Amount)
			}
		}
		if !a.Rounding.IsZero() {
			add(reconciliation.PartRounding, a.Rounding)
		}
	}
	d.say("%s\n", t.Render())
	why := newTable("because of", "EUR", "USD")
	for _, kind := range demoParts {
		if sums := causes[kind]; sums != nil {
			why.AppendRow(table.Row{kind, sums["EUR"].String(), sums["USD"].String()})
		}
	}
	d.say("%s\n", why.Render())
}

// demoParts are the causes in the order of R26.
var demoParts = [...]reconciliation.PartKind{
	reconciliation.PartLate, reconciliation.PartFree, reconciliation.PartCategory, reconciliation.PartMissingAtMeta,
	reconciliation.PartMissingHere, reconciliation.PartTier, reconciliation.PartQuantity, reconciliation.PartRate,
	reconciliation.PartCurrency, reconciliation.PartRounding,
}

// late brings a charge that arrives after the posting, and posts the delta.
func (d *demo) late(ctx context.Context) error {
	d.chapter("A webhook comes late")
	d.now = demoEnd.AddDate(0, 0, 2)
	s, err := d.plan.presentLate(ctx, d.app.ledger, d.now)
	if err != nil {
		return err
	}
	l := d.app.ledger
	if _, err := l.ProposeMonth(ctx, domain.Meta{Actor: demoAna}, demoMonth); err != nil {
		return err
	}
	preview, err := l.PreviewMonth(ctx, demoMonth)
	if err != nil {
		return err
	}
	p, err := l.ApproveMonth(ctx, domain.Meta{Actor: demoBen}, demoMonth, &preview.UninvoicedSum)
	if err != nil {
		return err
	}
	d.say("%d conversation of October arrives on 3 November and is charged; run %d posts only what it changes:\n", s.Charged, p.Run)
	d.differences(p)
	return nil
}

// proof shows that everything ties.
func (d *demo) proof(ctx context.Context) error {
	d.chapter("Proof")
	report, err := d.app.store.Verify(ctx)
	if err != nil {
		return err
	}
	preview, err := d.app.ledger.PreviewMonth(ctx, demoMonth)
	if err != nil {
		return err
	}
	for i := range preview.Accounts {
		a := &preview.Accounts[i]
		if !a.Post.IsZero() {
			return fmt.Errorf("%s: %s are left to post after the posting", a.PartnerID, a.Post)
		}
		d.say("%s: charged %s − adjusted %s = invoiced %s", a.PartnerID, shown(a.Charged.Amount, a.Currency), a.PostedBefore, shown(a.Invoiced.Amount, a.Currency))
	}
	for _, p := range d.plan.partners {
		if err := d.replays(ctx, p.id); err != nil {
			return err
		}
	}
	d.say("%d events in %d streams are whole; every account replays from its first event to its live state.\n", report.Events, report.Streams)
	return nil
}
