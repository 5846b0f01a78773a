package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/demo"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// hoursToInvoice is how many hours after the month Meta's invoice is there.
const hoursToInvoice = 6

// invoice reconciles Meta's invoice.
func (s *story) invoice(ctx context.Context) error {
	s.chapter("Month end: Meta's invoice is the authority")
	s.month.At(demo.End().Add(hoursToInvoice * time.Hour))
	charged, err := s.charged()
	if err != nil {
		return err
	}
	invoice := s.plan.Invoice(charged)
	s.why = map[reconciliation.PartKind]string{reconciliation.PartLate: "charged here after the month was posted"}
	for _, v := range invoice.Variances {
		if s.why[v.Kind] != "" {
			s.why[v.Kind] += " "
		}
		s.why[v.Kind] += v.Text
	}
	lines, err := s.month.ImportInvoice(ctx, s.app.Ledger, invoice)
	if err != nil {
		return err
	}
	s.say("%s imports %s with %d lines, and proposes what to post.", demo.Ana, demo.InvoiceID, lines)
	if err := s.approve(ctx, invoice); err != nil {
		return err
	}
	if err := s.differences(ctx, s.runs[0]); err != nil {
		return err
	}
	s.gap()
	s.causes(s.runs[0])
	return nil
}

// charged is what was charged in the month, as Meta's invoice is made from it.
func (s *story) charged() ([]demo.Usage, error) {
	var charged []demo.Usage
	for _, p := range s.plan.Partners {
		rows, err := s.app.Views.Usage.Month(p.ID, demo.BillingMonth)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			r := &rows[i]
			if !r.Direct && !r.Charged() {
				continue
			}
			count, amount := r.Net()
			charged = append(charged, demo.Usage{
				PartnerID: p.ID, WABAID: r.WABAID, Market: r.Market, Category: r.Category, Direct: r.Direct, Count: count, Amount: amount,
			})
		}
	}
	return charged, nil
}

// approve shows who may not approve, and when, and then approves.
func (s *story) approve(ctx context.Context, invoice *demo.Invoice) error {
	l, ana, ben := s.app.Ledger, domain.Meta{Actor: demo.Ana}, domain.Meta{Actor: demo.Ben}
	if _, err := l.ProposeMonth(ctx, ana, demo.BillingMonth); err != nil {
		return err
	}
	_, err := l.ApproveMonth(ctx, ana, demo.BillingMonth, nil)
	if err := s.refused(demo.Ana+" tries to approve", err); err != nil {
		return err
	}
	_, err = l.ApproveMonth(ctx, ben, demo.BillingMonth, nil)
	if err := s.refused(demo.Ben+" tries", err); err != nil {
		return err
	}
	if err := s.month.AcceptStray(ctx, l, invoice); err != nil {
		return err
	}
	_, err = l.ApproveMonth(ctx, ben, demo.BillingMonth, nil)
	if err := s.refused(demo.Ana+" accepts that line as own cost, "+demo.Ben+" tries again", err); err != nil {
		return err
	}
	if err := s.post(ctx); err != nil {
		return err
	}
	s.say("%s restates that sum: the month is posted.", demo.Ben)
	for _, d := range s.runs[0].Direct {
		s.say("%d messages of direct channels (%s) are on the invoice, too: listed, never posted.", d.Volume, fine(d.Amount, d.Currency))
	}
	s.gap()
	return nil
}

// refused tells a refusal; it is an error where there was none, or another.
func (s *story) refused(who string, err error) error {
	var rejection *domain.Rejection
	if !errors.As(err, &rejection) {
		return fmt.Errorf("%s: %w", who, cmp.Or(err, errNotRefused))
	}
	_, message := explain(err)
	s.say("%s: %s", who, message)
	return nil
}

var errNotRefused = errors.New("the approval should have been refused")

// post approves and posts the newest proposal, with the sum of what is in no
// document (R27).
func (s *story) post(ctx context.Context) error {
	preview, err := s.app.Ledger.PreviewMonth(ctx, demo.BillingMonth)
	if err != nil {
		return err
	}
	p, err := s.app.Ledger.ApproveMonth(ctx, domain.Meta{Actor: demo.Ben}, demo.BillingMonth, &preview.UninvoicedSum)
	if err == nil {
		s.runs = append(s.runs, p)
	}
	return err
}

// differences shows a run by account.
func (s *story) differences(ctx context.Context, p *reconciliation.Proposal) error {
	if err := s.app.Ledger.Settle(ctx); err != nil {
		return err
	}
	t := newTable("partner", "charged", "Meta's invoice", "posted before", "posted now", "balance after")
	for _, a := range p.Accounts {
		live, err := s.app.Views.Accounts.Get(a.PartnerID)
		if err != nil {
			return err
		}
		t.AppendRow(table.Row{
			a.PartnerID, fine(a.Charged.Amount, a.Currency), fine(a.Invoiced.Amount, a.Currency),
			fine(a.PostedBefore, a.Currency), fine(a.Post, a.Currency), fine(live.State.Balance, a.Currency),
		})
	}
	s.print("%s", t.Render())
	return nil
}

// demoParts are the causes in the order of R26.
var demoParts = [...]reconciliation.PartKind{
	reconciliation.PartLate, reconciliation.PartFree, reconciliation.PartCategory, reconciliation.PartMissingAtMeta,
	reconciliation.PartMissingHere, reconciliation.PartTier, reconciliation.PartQuantity, reconciliation.PartRate,
	reconciliation.PartCurrency, reconciliation.PartRounding,
}

// causes shows a run by cause.
func (s *story) causes(p *reconciliation.Proposal) {
	type cell struct {
		kind     reconciliation.PartKind
		currency money.Currency
	}
	sums := map[cell]money.Amount{}
	for _, a := range p.Accounts {
		for _, line := range p.Lines[a.PartnerID] {
			for _, part := range line.Parts {
				at := cell{part.Kind, a.Currency}
				sums[at] = sums[at].Add(part.Amount)
			}
		}
	}
	t := newTable("because of", "EUR", "USD", "at Meta")
	right := table.ColumnConfig{Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight}
	eur, usd := right, right
	eur.Number, usd.Number = 2, 3
	t.SetColumnConfigs([]table.ColumnConfig{eur, usd})
	t.Style().Format.Footer = text.FormatDefault
	total := map[money.Currency]money.Amount{}
	for _, kind := range demoParts {
		row := table.Row{kind}
		found := false
		for _, c := range []money.Currency{"EUR", "USD"} {
			amount, some := sums[cell{kind, c}]
			if found = found || some; some {
				row = append(row, amount.Fixed(finest))
			} else {
				row = append(row, "")
			}
			total[c] = total[c].Add(amount)
		}
		if found {
			t.AppendRow(append(row, s.why[kind]))
		}
	}
	t.AppendFooter(table.Row{"together", total["EUR"].Fixed(finest), total["USD"].Fixed(finest), ""})
	s.print("%s", t.Render())
}

// late brings a charge that arrives after the posting, and posts the delta.
func (s *story) late(ctx context.Context) error {
	s.chapter("A webhook comes late")
	summary, err := s.month.PresentLate(ctx, s.app.Ledger)
	if err != nil {
		return err
	}
	if _, err := s.app.Ledger.ProposeMonth(ctx, domain.Meta{Actor: demo.Ana}, demo.BillingMonth); err != nil {
		return err
	}
	if err := s.post(ctx); err != nil {
		return err
	}
	run := s.runs[len(s.runs)-1]
	s.say("%d conversation of October arrives on %s and is charged; run %d of the month posts only what it changes:",
		summary.Charged, s.month.Now().Format("2 January"), run.Run)
	s.gap()
	return s.differences(ctx, run)
}

// proof shows that everything ties.
func (s *story) proof(ctx context.Context) error {
	s.chapter("Proof")
	report, err := desk.VerifyLog(ctx, s.app.Store)
	if err != nil {
		return err
	}
	preview, err := s.app.Ledger.PreviewMonth(ctx, demo.BillingMonth)
	if err != nil {
		return err
	}
	for i := range preview.Accounts {
		a := &preview.Accounts[i]
		if !a.Post.IsZero() || !a.Charged.Amount.Sub(a.PostedBefore).Equal(a.Invoiced.Amount) {
			return fmt.Errorf("%s: %s are left to post after the posting", a.PartnerID, a.Post)
		}
		s.print("%s: charged %s less adjusted %s = invoiced %s", a.PartnerID, fine(a.Charged.Amount, a.Currency), fine(a.PostedBefore, a.Currency), fine(a.Invoiced.Amount, a.Currency))
	}
	for _, p := range s.plan.Partners {
		if err := s.replays(ctx, p.ID); err != nil {
			return err
		}
	}
	s.say("%d events in %d streams are whole; every account replays from its first event to its live state.", report.Events, report.Streams)
	return nil
}

// replays folds an account from its first event and compares.
func (s *story) replays(ctx context.Context, partner string) error {
	if err := s.app.Ledger.Settle(ctx); err != nil {
		return err
	}
	state := domain.NewAccount()
	err := s.app.Fold(ctx, ledger.AccountStream(partner), func(_ eventstore.Recorded, _ codec.Metadata, e domain.Event) error { return state.Apply(e) })
	if err != nil {
		return err
	}
	return s.app.SameAsLive(partner, state)
}
