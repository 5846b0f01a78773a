package desk

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"prepayledger/consumers/bankstatement"
	"prepayledger/domain"
	"prepayledger/domain/bank"
	"prepayledger/domain/money"
	"prepayledger/projections/streams"
)

const (
	// OpenStatements is how many statements the overview of payments looks at:
	// those imported last.
	OpenStatements = 20
	// MaxStatements bounds the statements that are looked through for them.
	MaxStatements = 1000
)

// WaitingAccount is an account that waits for a payment.
type WaitingAccount struct {
	AccountLine
	// Failed says that its last card payment failed; RetryAt is when the card
	// is charged again.
	Failed   bool       `json:"recharge_failed"`
	RetryAt  *time.Time `json:"retry_at,omitempty"`
	InFlight bool       `json:"recharge_in_flight"`
}

// OpenProposal is a payment on a bank statement that waits for Finance's word.
type OpenProposal struct {
	StatementID string `json:"statement_id"`
	bankstatement.Proposal
}

// PaymentsOverview is what Finance has to do with payments.
type PaymentsOverview struct {
	// Accounts with an amount due or a block, the largest sum first.
	Accounts []WaitingAccount `json:"accounts"`
	// Due sums what is due, by currency.
	Due []CurrencyDue `json:"due"`
	// Proposals of the statements imported last that are not confirmed and have
	// a match, the newest statement first. Unmatched counts payments without.
	Proposals []OpenProposal `json:"proposals"`
	Unmatched int            `json:"unmatched"`
}

// CurrencyDue is what is due in a currency.
type CurrencyDue struct {
	Currency money.Currency `json:"currency"`
	Accounts int            `json:"accounts"`
	Due      money.Amount   `json:"due"`
}

// Payments gathers the payments to confirm: who owes, and what came in.
func (d *Desk) Payments(ctx context.Context) (*PaymentsOverview, error) {
	found, err := d.Accounts(ctx, "")
	if err != nil {
		return nil, err
	}
	v := &PaymentsOverview{Accounts: []WaitingAccount{}, Due: []CurrencyDue{}, Proposals: []OpenProposal{}}
	for _, f := range found {
		if s := f.State; s.AmountDue().Sign() > 0 || s.Blocked() {
			v.wait(s)
		}
	}
	slices.SortFunc(v.Accounts, func(a, b WaitingAccount) int {
		return cmp.Or(b.AmountDue.Cmp(a.AmountDue), strings.Compare(a.PartnerID, b.PartnerID))
	})
	return v, d.openProposals(ctx, v)
}

func (v *PaymentsOverview) wait(s *domain.Account) {
	w := WaitingAccount{AccountLine: LineOf(s), InFlight: s.InFlight != nil}
	if !s.RetryAt.IsZero() {
		w.Failed, w.RetryAt = true, &s.RetryAt
	}
	v.Accounts = append(v.Accounts, w)
	if s.AmountDue().IsZero() {
		return
	}
	at, there := slices.BinarySearchFunc(v.Due, s.Currency, func(c CurrencyDue, of money.Currency) int { return strings.Compare(string(c.Currency), string(of)) })
	if !there {
		v.Due = slices.Insert(v.Due, at, CurrencyDue{Currency: s.Currency})
	}
	v.Due[at].Accounts++
	v.Due[at].Due = v.Due[at].Due.Add(s.AmountDue())
}

// bankStreams is how the names of the statements' streams begin.
func bankStreams() string { return bank.Stream("") }

// openProposals matches the statements imported last with the accounts.
func (d *Desk) openProposals(ctx context.Context, v *PaymentsOverview) error {
	statements, err := d.Views.Streams.List(bankStreams(), "", MaxStatements)
	if err != nil {
		return err
	}
	slices.SortFunc(statements, func(a, b streams.Stream) int {
		return cmp.Or(b.LastAt.Compare(a.LastAt), strings.Compare(a.Name, b.Name))
	})
	var payers []bankstatement.Account
	if len(statements) > 0 {
		if payers, err = d.payers(ctx); err != nil {
			return err
		}
	}
	for _, found := range statements[:min(len(statements), OpenStatements)] {
		s, err := d.Ledger.BankStatement(ctx, strings.TrimPrefix(found.Name, bankStreams()))
		if err != nil {
			return err
		}
		if s == nil {
			continue // its import was cut short
		}
		for _, p := range bankstatement.Propose(s, payers) {
			switch p.Status {
			case bankstatement.Proposed:
				v.Proposals = append(v.Proposals, OpenProposal{s.StatementID, p})
			case bankstatement.Unmatched:
				v.Unmatched++
			}
		}
	}
	return nil
}
