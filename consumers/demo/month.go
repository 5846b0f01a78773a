package demo

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"prepayledger/consumers/intake"
	"prepayledger/consumers/ledger"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
)

// When Finance deals with a block: on the second day after it.
const (
	daysToConfirm = 2
	confirmHour   = 14*time.Hour + 30*time.Minute
)

// topUp is what the blocked partner pays by bank beyond what is due.
const topUp = 200

// Month runs a plan through a ledger that was opened with Now as its clock and
// with Options.Exact. It is not for concurrent use.
type Month struct {
	// Summary says what became of the usage that was presented.
	Summary intake.Summary
	// Expected is the same by the plan: lines by what they become.
	Expected map[string]int64
	// Refused is how many conversations a block kept from being sent.
	Refused int64

	plan *Plan
	now  time.Time
	// blockedAt is zero until the block; confirmAt follows from it.
	blockedAt, confirmAt time.Time
	cancelled, confirmed bool
}

// NewMonth returns the month before its first instant.
func NewMonth(p *Plan) *Month {
	return &Month{plan: p, now: Start(), Expected: map[string]int64{}, Summary: intake.Summary{Quarantined: map[string]int64{}}}
}

// Now is the simulated instant.
func (m *Month) Now() time.Time { return m.now }

// At moves the simulated instant forward to t.
func (m *Month) At(t time.Time) { m.now = t }

func (m *Month) by(actor string) domain.Meta { return domain.Meta{At: m.now, Actor: actor} }

// Open imports the rates and opens accounts and channels.
func (m *Month) Open(ctx context.Context, l *ledger.Ledger) error {
	for _, c := range m.plan.Cards {
		if _, _, err := l.ImportRates(ctx, m.by(Ana), c.Name, c.Data, rating.CardOptions{Effective: Start()}); err != nil {
			return err
		}
	}
	for _, p := range m.plan.Partners {
		err := l.Do(ctx, p.ID, m.by(Ana), &domain.OpenAccount{
			PartnerID: p.ID, Currency: string(p.Currency), CarriedOver: p.CarriedOver, Card: p.Card, Threshold: &p.Threshold, RechargeAmount: &p.Recharge,
		})
		if err != nil {
			return err
		}
		for _, c := range p.Channels {
			err := l.Do(ctx, p.ID, m.by(Ana), &domain.RegisterChannel{
				ChannelID: c.ID, PhoneNumber: c.Number, PhoneNumberID: c.PhoneNumberID, WABAID: c.WABAID, PaymentModel: c.Model, TimeZone: p.TimeZone,
			})
			if err != nil {
				return err
			}
		}
	}
	return l.Settle(ctx)
}

// Run presents the month's usage; deadlines and what people do come in
// between, each at its instant.
func (m *Month) Run(ctx context.Context, l *ledger.Ledger) error {
	midnight := Start().AddDate(0, 0, 1)
	for _, b := range m.plan.Batches {
		for ; !midnight.After(b.At); midnight = midnight.AddDate(0, 0, 1) {
			m.now = midnight
			if err := l.AdvanceAll(ctx); err != nil {
				return err
			}
		}
		if err := m.people(ctx, l, b.At); err != nil {
			return err
		}
		if err := m.present(ctx, l, b); err != nil {
			return err
		}
	}
	m.now = End()
	return l.AdvanceAll(ctx)
}

// people does what people do before the instant: a channel is given up, and
// Finance confirms what the blocked partner paid by bank, who then registers
// a card that works (R22).
func (m *Month) people(ctx context.Context, l *ledger.Ledger, until time.Time) error {
	if c := m.plan.Cancelled; !m.cancelled && !c.At.After(until) {
		m.now, m.cancelled = c.At, true
		if err := l.Do(ctx, c.PartnerID, m.by(Ana), &domain.CancelChannel{ChannelID: c.ChannelID}); err != nil {
			return err
		}
		if err := l.Settle(ctx); err != nil {
			return err
		}
	}
	if m.confirmed || m.blockedAt.IsZero() || m.confirmAt.After(until) {
		return nil
	}
	m.now, m.confirmed = m.confirmAt, true
	due := money.Zero()
	if err := l.Inspect(ctx, DeclinedPartner, func(a *domain.Account) { due = a.AmountDue() }); err != nil {
		return err
	}
	err := l.Do(ctx, DeclinedPartner, m.by(Ana), &domain.ConfirmPayment{
		Reference: "BANK-" + m.now.Format("0102"), Amount: due.Add(money.FromInt(topUp)).RoundUp(2),
	})
	if err != nil {
		return err
	}
	return l.Do(ctx, DeclinedPartner, m.by(Ana), &domain.ReplaceCard{Card: "sim_ok"})
}

// present presents a batch, less what a blocked channel could not send (R20).
func (m *Month) present(ctx context.Context, l *ledger.Ledger, b Batch) error {
	m.now = b.At
	if err := m.noticeBlock(ctx, l); err != nil {
		return err
	}
	var file bytes.Buffer
	for _, line := range b.Lines {
		if line.PartnerID == DeclinedPartner && m.blocked(line.Occurred) {
			m.Refused++
			continue
		}
		m.Expected[line.Becomes]++
		file.Write(line.Data)
	}
	s, err := m.take(ctx, l, &file)
	m.Summary.Add(s)
	return err
}

// blocked reports whether the declined partner could not send at the instant.
func (m *Month) blocked(at time.Time) bool {
	return !m.blockedAt.IsZero() && !at.Before(m.blockedAt) && at.Before(m.confirmAt)
}

func (m *Month) take(ctx context.Context, l *ledger.Ledger, file *bytes.Buffer) (intake.Summary, error) {
	return intake.Import(ctx, l, m.by("meta:webhooks"), usage.Source{Name: "october.ndjson", R: file}, nil)
}

// noticeBlock learns from the account whether it is blocked by now, and plans
// Finance's answer.
func (m *Month) noticeBlock(ctx context.Context, l *ledger.Ledger) error {
	if !m.blockedAt.IsZero() {
		return nil
	}
	if err := l.Advance(ctx, DeclinedPartner, m.now); err != nil {
		return err
	}
	return l.Inspect(ctx, DeclinedPartner, func(a *domain.Account) {
		if a.OverdueBlock {
			m.blockedAt = a.BlockDeadline
			m.confirmAt = a.BlockDeadline.Truncate(24*time.Hour).AddDate(0, 0, daysToConfirm).Add(confirmHour)
		}
	})
}

// PresentLate presents the conversation that arrives after the invoice.
func (m *Month) PresentLate(ctx context.Context, l *ledger.Ledger) (intake.Summary, error) {
	m.now = m.plan.Late.At
	return m.take(ctx, l, bytes.NewBuffer(m.plan.Late.Lines[0].Data))
}

// ImportInvoice imports Meta's invoice and returns how many lines it has.
func (m *Month) ImportInvoice(ctx context.Context, l *ledger.Ledger, i *Invoice) (int, error) {
	imported, err := l.ImportMetaInvoice(ctx, m.by(Ana), "meta-2026-10.csv", strings.NewReader(i.Text), i.FX)
	if err != nil {
		return 0, err
	}
	if len(imported) != 1 {
		return 0, fmt.Errorf("the invoice has %d documents", len(imported))
	}
	return imported[0].Lines, nil
}

// AcceptStray accepts the line of nobody's WABA as own cost (R27).
func (m *Month) AcceptStray(ctx context.Context, l *ledger.Ledger, i *Invoice) error {
	return l.AllocateInvoiceLine(ctx, m.by(Ana), InvoiceID, reconciliation.AllocateInvoiceLine{Line: i.Stray, OwnCost: true})
}
