package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/consumers/demo"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// Instants in the story, all UTC.
const (
	storyInstant = "2 Jan 15:04:05"
	storyDay     = "2 Jan"
)

// finest is how many decimals the story's figures have at least, so that
// columns line up: no list rate in it is finer.
const finest = 6

// fine shows an amount with the story's decimals.
func fine(a money.Amount, c money.Currency) string { return a.Fixed(finest) + " " + string(c) }

// partners opens the accounts.
func (s *story) partners(ctx context.Context) error {
	s.chapter("Three partners prepay")
	if err := s.month.Open(ctx, s.app.Ledger); err != nil {
		return err
	}
	t := newTable("partner", "channels", "carried over", "recharged by", "when below", "card")
	for _, p := range s.plan.Partners {
		t.AppendRow(table.Row{
			p.ID + " " + p.Name, len(p.Channels), shown(p.CarriedOver, p.Currency), shown(p.Recharge, p.Currency), shown(p.Threshold, p.Currency), p.Card,
		})
	}
	s.print("%s", t.Render())
	return nil
}

// usage runs the month and tells what became of it.
func (s *story) usage(ctx context.Context) error {
	if err := s.month.Run(ctx, s.app.Ledger); err != nil {
		return err
	}
	s.chapter("October: conversations are deducted as they happen")
	sum := &s.month.Summary
	s.say("%d webhooks and rated charges were presented.", sum.Total())
	t := newTable("what became of them", "count")
	t.AppendRows([]table.Row{{"charged", sum.Charged}, {"counted, at no cost", sum.Free}, {"duplicates, told apart", sum.Duplicates}})
	for _, r := range domain.Reasons() {
		if n := sum.Quarantined[r.String()]; n > 0 {
			t.AppendRow(table.Row{"quarantined: " + r.String(), n})
		}
	}
	s.print("%s", t.Render())
	return nil
}

// recharges tells the card payments and how the accounts stand.
func (s *story) recharges(ctx context.Context) error {
	s.chapter("Cards are charged when balances fall below their thresholds")
	t := newTable("recharge", "when", "because", "credited", "surcharge", "card pays", "invoice")
	for _, p := range s.plan.Partners {
		if err := s.app.Fold(ctx, ledger.AccountStream(p.ID), new(rechargeRows).event(t)); err != nil {
			return err
		}
	}
	s.print("%s", t.Render())
	s.gap()
	return s.accounts(ctx)
}

// rechargeRows makes a row of each card payment; those that failed in
// succession are one row.
type rechargeRows struct {
	requested, first *domain.RechargeRequested
	failed           int
}

func (r *rechargeRows) event(t table.Writer) func(eventstore.Recorded, codec.Metadata, domain.Event) error {
	return func(_ eventstore.Recorded, _ codec.Metadata, e domain.Event) error {
		switch e := e.(type) {
		case *domain.RechargeRequested:
			r.requested = e
			if r.failed == 0 {
				r.first = e
			}
		case *domain.RechargeFailed:
			r.failed++
		case *domain.InvoiceIssued:
			r.flush(t)
			t.AppendRow(table.Row{
				e.RechargeID, e.IssuedAt.Format(storyDay), r.requested.Reason, shown(e.Prepayment, e.Currency), shown(e.Surcharge, e.Currency),
				shown(e.Total, e.Currency), e.InvoiceNumber,
			})
		case *domain.AccountBlocked:
			r.flush(t)
		}
		return nil
	}
}

// flush writes the row of what failed.
func (r *rechargeRows) flush(t table.Writer) {
	if r.failed > 0 {
		zero := shown(money.Zero(), r.first.Currency)
		t.AppendRow(table.Row{
			r.first.RechargeID, r.first.RequestedAt.Format(storyDay) + " to " + r.requested.RequestedAt.Format(storyDay), r.first.Reason, zero, zero, zero,
			fmt.Sprintf("declined, %d times", r.failed),
		})
	}
	r.failed, r.first = 0, r.requested
}

// accounts shows how the accounts stand.
func (s *story) accounts(ctx context.Context) error {
	if err := s.app.Ledger.Settle(ctx); err != nil {
		return err
	}
	t := newTable("at the month's end", "charged", "by card", "by bank", "balance", "standing")
	for _, p := range s.plan.Partners {
		a, err := s.app.Views.Accounts.Get(p.ID)
		if err != nil {
			return err
		}
		f, c := a.Figures, a.State.Currency
		t.AppendRow(table.Row{
			p.ID + " " + p.Name, fine(f.Charged, c), shown(f.Credited, c), shown(f.Confirmed, c), fine(a.State.Balance, c), a.State.Standing(),
		})
	}
	s.print("%s", t.Render())
	return nil
}

// block tells what happened to the declined card.
func (s *story) block(ctx context.Context) error {
	s.chapter("One card was declined")
	failed := 0
	at := func(t time.Time) string { return fmt.Sprintf("%15s", t.Format(storyInstant)) }
	return s.app.Fold(ctx, ledger.AccountStream(demo.DeclinedPartner), func(_ eventstore.Recorded, m codec.Metadata, e domain.Event) error {
		switch e := e.(type) {
		case *domain.RechargeFailed:
			if failed++; failed == 1 {
				s.print("%s  the card of %s is declined; it is tried again every 24 h", at(m.RecordedAt), demo.DeclinedPartner)
			}
		case *domain.GraceStarted:
			s.print("%s  the balance is negative; the block is due on %s", at(e.NegativeSince), e.BlockDeadline.Format(storyInstant))
		case *domain.AccountBlocked:
			s.print("%s  after %d declined payments every channel is blocked; %d sends are answered:", at(e.EffectiveAt), failed, s.month.Refused)
			s.say("%q", e.Text)
		case *domain.PaymentConfirmed:
			s.print("%s  %s confirms that %s arrived (%s)", at(m.RecordedAt), m.Actor, shown(e.Amount, "USD"), e.Reference)
		case *domain.AccountUnblocked:
			s.print("%s  the channels may send again", at(e.EffectiveAt))
		case *domain.CardReplaced:
			s.print("%s  another card is registered", at(m.RecordedAt))
		}
		return nil
	})
}
