package statements

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
)

// ErrTie says that the movements do not sum to the balance. It is an error of
// prepay or a damaged log, never of the input.
var ErrTie = errors.New("the statement does not tie with the ledger")

// KindOf names the movement that an event is; empty for none.
func KindOf(e domain.Event) Kind {
	switch e := e.(type) {
	case *domain.AccountOpened:
		return KindCarriedOver
	case *domain.ConversationCharged:
		return KindUsage
	case *domain.ChargeCorrected:
		return KindCorrections
	case *domain.RechargeSucceeded:
		return KindRecharges
	case *domain.PaymentConfirmed:
		return KindConfirmations
	case *domain.ReconciliationAdjusted:
		return KindAdjustments
	case *domain.RefundIssued, *domain.RefundCancelled:
		return KindRefunds
	case *domain.RefundPaidOut:
		if !e.Debited.IsZero() {
			return KindRefunds
		}
	case *domain.RechargeReversed, *domain.RechargeReinstated:
		return KindReversals
	}
	return ""
}

// Folding folds an account's stream into a statement. It keeps one sum per
// kind and at most MaxDetails details, however long the stream is.
type Folding struct {
	s       *Statement
	account *domain.Account
	// atEnd is the balance that the rules fold to at the month's last event.
	atEnd      money.Amount
	sums       map[Kind]*Movement
	surcharges map[string]money.Amount
	hash       hash.Hash
}

// NewFolding begins the statement of a partner's month.
func NewFolding(partnerID, stream string, month domain.Month) *Folding {
	return &Folding{
		s:       &Statement{PartnerID: partnerID, Month: month, Estimated: true, Tie: Tie{Stream: stream}},
		account: domain.NewAccount(), sums: map[Kind]*Movement{}, surcharges: map[string]money.Amount{}, hash: sha256.New(),
	}
}

// Add takes the next event of the stream.
func (f *Folding) Add(r *eventstore.Recorded, m *codec.Metadata, e domain.Event) error {
	if err := f.account.Apply(e); err != nil {
		return fmt.Errorf("stream %s, revision %d: %w", r.Stream, r.Revision, err)
	}
	if a, ok := e.(*domain.ReconciliationAdjusted); ok && a.Month == f.s.Month {
		f.s.Adjusted = &Adjusted{Run: a.Run, Charged: a.Charged, Invoiced: a.Invoiced, Adjusted: a.Adjusted}
	}
	surcharge := f.surcharge(e)
	at := domain.MonthOf(m.RecordedAt, time.UTC)
	if at > f.s.Month {
		return nil
	}
	f.atEnd = f.account.Balance
	effect := domain.Effect(e)
	f.s.Closing = f.s.Closing.Add(effect)
	if at < f.s.Month {
		f.s.Opening = f.s.Opening.Add(effect)
		return nil
	}
	f.cover(r, m)
	f.s.Surcharges = f.s.Surcharges.Add(surcharge)
	if kind := KindOf(e); kind != "" {
		f.move(kind, effect)
		f.detail(kind, m, e, effect, surcharge)
	} else if !effect.IsZero() {
		return fmt.Errorf("%w: %s at revision %d moves the balance and is of no kind", ErrTie, r.Type, r.Revision)
	}
	return nil
}

// surcharge is what an event's card payment bore on top; negative where it
// went back.
func (f *Folding) surcharge(e domain.Event) money.Amount {
	switch e := e.(type) {
	case *domain.RechargeSucceeded:
		return e.Surcharge
	case *domain.RechargeReversed:
		f.surcharges[e.RechargeID] = e.Surcharge
		return e.Surcharge.Neg()
	case *domain.RechargeReinstated:
		return f.surcharges[e.RechargeID]
	}
	return money.Zero()
}

func (f *Folding) move(kind Kind, effect money.Amount) {
	m := f.sums[kind]
	if m == nil {
		m = &Movement{Kind: kind}
		f.sums[kind] = m
	}
	m.Count++
	m.Amount = m.Amount.Add(effect)
}

// cover takes an event into the range that the statement covers.
func (f *Folding) cover(r *eventstore.Recorded, m *codec.Metadata) {
	e := &Event{ID: r.ID, Revision: r.Revision, Position: r.Position.String(), At: m.RecordedAt}
	t := &f.s.Tie
	if t.First == nil {
		t.First = e
	}
	t.Last = e
	t.Events++
	f.hash.Write([]byte(r.ID.String() + "\n"))
	f.hash.Write(r.Data)
	f.hash.Write([]byte("\n"))
}

// detail lists a movement by itself; charges are too many.
func (f *Folding) detail(kind Kind, m *codec.Metadata, e domain.Event, effect, surcharge money.Amount) {
	reference := ""
	switch e := e.(type) {
	case *domain.ConversationCharged:
		return
	case *domain.ChargeCorrected:
		reference = e.ChargeID
	case *domain.RechargeSucceeded:
		reference = e.RechargeID
	case *domain.PaymentConfirmed:
		reference = e.Reference
	case *domain.ReconciliationAdjusted:
		reference = fmt.Sprintf("%s, run %d", e.Month, e.Run)
	case *domain.RefundIssued:
		reference = e.RefundID
	case *domain.RefundCancelled:
		reference = e.RefundID
	case *domain.RefundPaidOut:
		reference = e.RefundID
	case *domain.RechargeReversed:
		reference = e.RechargeID
	case *domain.RechargeReinstated:
		reference = e.RechargeID
	}
	if len(f.s.Details) == MaxDetails {
		f.s.DetailsOmitted++
		return
	}
	f.s.Details = append(f.s.Details, Detail{Kind: kind, RecordedAt: m.RecordedAt, Reference: reference, Amount: effect, Surcharge: surcharge})
}

// Finish returns the statement once the stream has ended. It errs with ErrTie.
func (f *Folding) Finish() (*Statement, error) {
	s := f.s
	sum := s.Opening
	for _, k := range Kinds() {
		if m := f.sums[k]; m != nil {
			s.Movements = append(s.Movements, *m)
			sum = sum.Add(m.Amount)
		}
	}
	if !sum.Equal(s.Closing) || !f.atEnd.Equal(s.Closing) {
		return nil, fmt.Errorf("%w: %s, %s: movements lead to %s, the ledger says %s", ErrTie, s.PartnerID, s.Month, sum, f.atEnd)
	}
	s.Tie.Balances = true
	s.Tie.SHA256 = hex.EncodeToString(f.hash.Sum(nil))
	s.Currency = f.account.Currency
	if b := f.account.Billing; b != nil {
		s.Name = b.Company
	}
	m := f.account.Months[s.Month]
	s.Estimated = m == nil || m.Run == 0 || m.Open
	return s, nil
}
