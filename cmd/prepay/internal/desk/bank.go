package desk

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"prepayledger/consumers/bankstatement"
	"prepayledger/domain"
)

// BankStatement is a statement for people and machines.
type BankStatement struct {
	StatementID string                   `json:"statement_id"`
	FileName    string                   `json:"file_name"`
	Format      string                   `json:"format"`
	New         bool                     `json:"new,omitempty"`
	Skipped     int                      `json:"skipped"`
	Payments    []bankstatement.Proposal `json:"payments"`
}

// BankStatement reads a statement and matches it with the accounts as they are.
func (d *Desk) BankStatement(ctx context.Context, id string) (*BankStatement, error) {
	s, err := d.Ledger.BankStatement(ctx, id)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, fmt.Errorf("there is no bank statement %.40q: import it with prepay payments propose", id)
	}
	accounts, err := d.payers(ctx)
	if err != nil {
		return nil, err
	}
	return &BankStatement{
		StatementID: s.StatementID, FileName: s.FileName, Format: s.Format, Skipped: s.Skipped, Payments: bankstatement.Propose(s, accounts),
	}, nil
}

// payers are the accounts as matching takes them.
func (d *Desk) payers(ctx context.Context) ([]bankstatement.Account, error) {
	found, err := d.Accounts(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []bankstatement.Account
	for _, f := range found {
		s := f.State
		p := bankstatement.Account{
			PartnerID: s.PartnerID, Currency: s.Currency, Due: s.AmountDue(), Blocked: s.Blocked(), References: s.References, Recharges: map[string]bool{},
		}
		for id, status := range s.Recharges {
			p.Recharges[id] = status == domain.RechargeIsCredited
		}
		invoices, err := d.Views.Accounts.Invoices(s.PartnerID)
		if err != nil {
			return nil, err
		}
		for _, i := range invoices {
			p.Invoices = append(p.Invoices, i.InvoiceNumber)
		}
		all = append(all, p)
	}
	return all, nil
}

// Proposal finds a proposal by its id.
func (d *Desk) Proposal(ctx context.Context, id string) (*bankstatement.Proposal, error) {
	statement, number, _ := strings.Cut(id, "-")
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, fmt.Errorf("%.60q is no proposal: write it like 5f2190dd26b9-3, as prepay payments propose prints it", id)
	}
	v, err := d.BankStatement(ctx, statement)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(v.Payments) {
		return nil, fmt.Errorf("statement %s has payments 1 to %d: see prepay payments list %s", statement, len(v.Payments), statement)
	}
	return &v.Payments[n-1], nil
}
