package desk

import (
	"context"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/projections/usage"
)

// Movement is one kind of movement of a month.
type Movement struct {
	Kind   string       `json:"kind"`
	Count  int          `json:"count"`
	Amount money.Amount `json:"amount"`
}

// Statement is an account's month.
type Statement struct {
	PartnerID string         `json:"partner_id"`
	Month     domain.Month   `json:"month"`
	Currency  money.Currency `json:"currency"`
	Opening   money.Amount   `json:"opening_balance"`
	Movements []Movement     `json:"movements"`
	Closing   money.Amount   `json:"closing_balance"`
	// Estimated says that the month is not reconciled yet (R31).
	Estimated bool         `json:"estimated"`
	Usage     []usage.Line `json:"usage"`
}

// kindOf names the movement that an event is; empty for none.
func kindOf(e domain.Event) string {
	switch e := e.(type) {
	case *domain.AccountOpened:
		return "carried over"
	case *domain.ConversationCharged:
		return "conversations"
	case *domain.ChargeCorrected:
		return "taken back"
	case *domain.RechargeSucceeded:
		return "card payments"
	case *domain.PaymentConfirmed:
		return "confirmed payments"
	case *domain.ReconciliationAdjusted:
		return "month-end differences"
	case *domain.RefundIssued, *domain.RefundCancelled:
		return "refunds"
	case *domain.RefundPaidOut:
		if e.Debited.IsZero() {
			return ""
		}
		return "refunds"
	case *domain.RechargeReversed, *domain.RechargeReinstated:
		return "card payments taken back"
	default:
		return ""
	}
}

// kinds are the movements in the order of a statement.
var kinds = [...]string{"carried over", "conversations", "taken back", "card payments", "card payments taken back", "confirmed payments", "month-end differences", "refunds"}

// Statement sums an account's month up, its usage broken down by waba, channel,
// market, category or day.
func (d *Desk) Statement(ctx context.Context, partner string, month domain.Month, by string) (*Statement, error) {
	if !d.Ledger.Exists(partner) {
		return nil, unknown(partner)
	}
	account, err := d.Views.Accounts.Get(partner)
	if err != nil {
		return nil, err
	}
	s := &Statement{PartnerID: partner, Month: month, Currency: account.State.Currency}
	s.Estimated = estimated(account.State, month)
	sums := map[string]*Movement{}
	err = d.Fold(ctx, ledger.AccountStream(partner), func(_ eventstore.Recorded, meta codec.Metadata, e domain.Event) error {
		kind, effect := kindOf(e), domain.Effect(e)
		at := domain.MonthOf(meta.RecordedAt, time.UTC)
		if kind == "" || at > month {
			return nil
		}
		s.Closing = s.Closing.Add(effect)
		if at < month {
			s.Opening = s.Opening.Add(effect)
			return nil
		}
		if sums[kind] == nil {
			sums[kind] = &Movement{Kind: kind}
		}
		sums[kind].Count++
		sums[kind].Amount = sums[kind].Amount.Add(effect)
		return nil
	})
	for _, k := range kinds {
		if sums[k] != nil {
			s.Movements = append(s.Movements, *sums[k])
		}
	}
	if err == nil {
		s.Usage, err = d.UsageLines(partner, month, by)
	}
	return s, err
}

// estimated says that the month is not reconciled, or has charges that came
// later (R31).
func estimated(a *domain.Account, month domain.Month) bool {
	m := a.Months[month]
	return m == nil || m.Run == 0 || m.Open
}

// UsageLines breaks the billing month's usage down by waba, channel, market,
// category or day; the read models have it.
func (d *Desk) UsageLines(partner string, month domain.Month, by string) ([]usage.Line, error) {
	if by == "day" {
		days, err := d.Views.Usage.Days(partner)
		if err != nil {
			return nil, err
		}
		return usage.ByDay(days, month), nil
	}
	rows, err := d.Views.Usage.Month(partner, month)
	if err != nil {
		return nil, err
	}
	return usage.Breakdown(rows, func(r *usage.Row) string {
		switch by {
		case "waba":
			return r.WABAID
		case "channel":
			return r.ChannelID
		case "market":
			return r.Market
		default:
			return r.Category
		}
	}), nil
}
