package journal

import (
	"errors"
	"fmt"
	"strings"

	"prepayledger/domain"
	"prepayledger/domain/bank"
	"prepayledger/domain/money"
	"prepayledger/domain/rating"
	"prepayledger/domain/reconciliation"
	"prepayledger/domain/reference"
)

// Errors of Entries.
var (
	// ErrUndecided: nobody decided what is booked for this type of event.
	ErrUndecided = errors.New("no decision what the journal books for this type of event")
	// ErrOrder: the event does not fit what came before it; the journal has
	// to be given the log from its start.
	ErrOrder = errors.New("the event does not fit those before it")
)

// Book is what is to be known of earlier events to book the next. It keeps no
// charges: its size grows with accounts, months and refunds.
type Book struct {
	partners map[string]*partner
	months   map[domain.Month]*month
}

// partner is an account of the ledger.
type partner struct {
	currency money.Currency
	months   map[domain.Month]posted
	// refunds through the processor by id, surcharges of reversed recharges
	// by theirs.
	refunds    map[string]refund
	surcharges map[string]money.Amount
}

// posted is what the runs of a month booked of it.
type posted struct{ charged, rounding money.Amount }

type refund struct {
	amount          money.Amount
	paid, cancelled bool
}

// month is a month's newest proposal, and what was booked as own cost.
type month struct {
	proposal      int
	rounding      map[string]money.Amount
	ownCost       map[money.Currency]money.Amount
	bookedOwnCost map[money.Currency]money.Amount
}

// New returns a book before the first event.
func New() *Book {
	return &Book{partners: map[string]*partner{}, months: map[domain.Month]*month{}}
}

// The prefixes of the streams that are booked.
const (
	accountPrefix = "account-"
	monthPrefix   = "reconciliation-"
)

// Entries returns the lines of the next event of a stream; none where nothing
// is booked. Events have to be given in the order of the log. It errs with
// ErrUndecided and ErrOrder.
func (b *Book) Entries(stream string, e domain.Event) ([]Line, error) {
	if silent(e) {
		return nil, nil
	}
	if m, ok := strings.CutPrefix(stream, monthPrefix); ok {
		return b.monthEntries(domain.Month(m), e)
	}
	id, ok := strings.CutPrefix(stream, accountPrefix)
	if !ok {
		return nil, fmt.Errorf("%w: %s in stream %s", ErrUndecided, e.EventType(), stream)
	}
	if opened, ok := e.(*domain.AccountOpened); ok {
		b.partners[id] = &partner{
			currency: opened.Currency, months: map[domain.Month]posted{}, refunds: map[string]refund{}, surcharges: map[string]money.Amount{},
		}
	}
	p := b.partners[id]
	if p == nil {
		return nil, fmt.Errorf("%w: %s in stream %s before its AccountOpened", ErrOrder, e.EventType(), stream)
	}
	x := &entry{partner: id, currency: p.currency}
	if !p.book(x, e) && !p.bookPayback(x, e) && !b.bookMonth(p, x, e) {
		return nil, fmt.Errorf("%w: %s", ErrUndecided, e.EventType())
	}
	return x.lines, nil
}

// silent are the events for which nothing is booked.
func silent(e domain.Event) bool {
	switch e.(type) {
	case *domain.ContractChanged, *domain.ChannelRegistered, *domain.ChannelCancelled, *domain.CardReplaced, *domain.RechargeSettingsChanged,
		*domain.BillingDetailsChanged, *domain.AlertSettingsChanged, *domain.AccountClosed:
		return true // terms, not money
	case *domain.ConversationCounted, *domain.ChargeQuarantined, *domain.QuarantineReleased:
		return true // cost the balance nothing
	case *domain.RechargeRequested, *domain.RechargeFailed, *domain.RetryCleared, *domain.RefundRetried:
		return true // no money moved
	case *domain.InvoiceIssued, *domain.CreditNoteIssued:
		return true // documents of what is booked already
	case *domain.GraceStarted, *domain.GraceEnded, *domain.AccountBlocked, *domain.AccountUnblocked, *domain.BalancePublished:
		return true // how the account stands
	case *rating.RateCardImported, *rating.MarketsImported, *rating.TierReached, *reference.NumberReserved, *reference.NumberReleased:
		return true // reference data
	case *bank.BankStatementImported, *bank.BankStatementEntries, *bank.BankStatementSealed:
		return true // only a confirmation credits (R22)
	case *reconciliation.MetaInvoiceReceived, *reconciliation.MetaInvoiceDocument, *reconciliation.MetaInvoiceLines,
		*reconciliation.MetaInvoiceSealed, *reconciliation.MetaInvoiceLineAllocated:
		return true // Meta's documents count once a month is posted
	case *reconciliation.ReconciliationLines, *reconciliation.ReconciliationProposed, *reconciliation.ReconciliationApproved,
		*reconciliation.ReconciliationCommented, *reconciliation.ReconciliationWithdrawn, *reconciliation.ApprovalLimitSet, *reconciliation.ToleranceSet:
		return true // posted by ReconciliationAdjusted
	}
	return false
}

// book books charges and payments.
func (p *partner) book(x *entry, e domain.Event) bool {
	switch e := e.(type) {
	case *domain.AccountOpened:
		x.move(Opening, PrepaymentLiability, e.CarriedOver)
	case *domain.ConversationCharged:
		x.month = e.Month
		x.move(PrepaymentLiability, MetaEstimated, e.Amount)
	case *domain.ChargeCorrected:
		x.month = e.Month
		x.move(MetaEstimated, PrepaymentLiability, e.Amount)
	case *domain.RechargeSucceeded:
		x.move(CardClearing, PrepaymentLiability, e.Amount).move(CardClearing, SurchargeRevenue, e.Surcharge)
	case *domain.PaymentConfirmed:
		x.move(Bank, PrepaymentLiability, e.Credited)
	default:
		return false
	}
	return true
}

// Booked reports whether events of a stream may be booked: others need not be
// read.
func Booked(stream string) bool {
	return strings.HasPrefix(stream, accountPrefix) || strings.HasPrefix(stream, monthPrefix)
}
