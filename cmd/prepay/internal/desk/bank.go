package desk

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"prepayledger/consumers/bankstatement"
	"prepayledger/consumers/commandjson"
	"prepayledger/domain"
	"prepayledger/domain/bank"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
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
	var s *bank.Statement
	if domain.ValidID(id) {
		var err error
		if s, err = d.Ledger.BankStatement(ctx, id); err != nil {
			return nil, err
		}
	}
	if s == nil {
		return nil, NotFound("there is no bank statement %.40q: import it with prepay payments propose", id)
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
		return nil, NotFound("%.60q is no proposal: write it like 5f2190dd26b9-3, as prepay payments propose prints it", id)
	}
	v, err := d.BankStatement(ctx, statement)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(v.Payments) {
		return nil, NotFound("statement %s has payments 1 to %d: see prepay payments list %s", statement, len(v.Payments), statement)
	}
	return &v.Payments[n-1], nil
}

// ImportBankStatement records a statement, unless it is there, and proposes
// whose payments it has. Nothing is confirmed by it.
func (d *Desk) ImportBankStatement(ctx context.Context, m domain.Meta, cmd *bank.ImportBankStatement) (*BankStatement, error) {
	fresh, err := d.Ledger.ImportBankStatement(ctx, m, cmd)
	if err != nil {
		return nil, err
	}
	v, err := d.BankStatement(ctx, cmd.StatementID)
	if err != nil {
		return nil, err
	}
	v.New = fresh
	return v, nil
}

// Confirm confirms a proposal for an account, which has to be named where none
// or several were proposed, and returns whose it was. What was confirmed before
// is not confirmed again.
func (d *Desk) Confirm(ctx context.Context, m domain.Meta, proposal, partner string) (string, error) {
	p, err := d.Proposal(ctx, proposal)
	if err != nil {
		return "", err
	}
	owner, cmd, err := Confirmation(p, partner)
	if err != nil || cmd == nil {
		return owner, err
	}
	account, err := d.Accounts(ctx, owner)
	if err != nil {
		return "", err
	}
	if of := account[0].State.Currency; of != p.Currency {
		return "", domain.Reject(domain.UnsupportedCurrency, "The payment is in %s, account %s in %s: have it converted, and confirm what was received with prepay account confirm.", p.Currency, owner, of)
	}
	return owner, d.Ledger.Do(ctx, owner, m, cmd)
}

// Confirmation is the command that confirms a proposal, and for whom; no
// command where that was done.
func Confirmation(p *bankstatement.Proposal, partner string) (string, *domain.ConfirmPayment, error) {
	if p.Status == bankstatement.Confirmed {
		if partner != "" && partner != p.PartnerID {
			return "", nil, domain.Reject(domain.ReferenceUsed, "Reference %.64q was confirmed for account %s: each payment is confirmed once.", p.Reference, p.PartnerID)
		}
		return p.PartnerID, nil, nil
	}
	cmd := &domain.ConfirmPayment{Reference: p.Reference, Amount: p.Amount}
	at := slices.IndexFunc(p.Matches, func(m bankstatement.Match) bool { return m.PartnerID == partner })
	if partner == "" && len(p.Matches) == 1 {
		at = 0
	}
	switch {
	case at >= 0:
		cmd.RechargeID = p.Matches[at].RechargeID
		return p.Matches[at].PartnerID, cmd, nil
	case partner != "":
		return partner, cmd, nil
	case len(p.Matches) == 0:
		return "", nil, &commandjson.FieldError{Field: "partner_id", Problem: fmt.Sprintf("no account was proposed for %s: name it", p.ID)}
	default:
		return "", nil, &commandjson.FieldError{Field: "partner_id", Problem: fmt.Sprintf("several accounts were proposed for %s: name it", p.ID)}
	}
}

// BankStatementLine is a statement in the list of statements.
type BankStatementLine struct {
	StatementID string    `json:"statement_id"`
	FileName    string    `json:"file_name"`
	Format      string    `json:"format"`
	ImportedAt  time.Time `json:"imported_at"`
	ImportedBy  string    `json:"imported_by,omitempty"`
	// Payments counts the payments received.
	Payments int `json:"payments"`
	Skipped  int `json:"skipped"`
}

// BankStatements lists at most limit statements behind an id, in order of their
// ids, which are the beginnings of the files' hashes.
func (d *Desk) BankStatements(ctx context.Context, after string, limit int) ([]BankStatementLine, error) {
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	if after != "" {
		after = bank.Stream(after)
	}
	found, err := d.Views.Streams.List(bank.Stream(""), after, limit)
	if err != nil {
		return nil, err
	}
	lines := []BankStatementLine{}
	for i := range found {
		l, err := d.bankStatementLine(ctx, found[i].Name)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

func (d *Desk) bankStatementLine(ctx context.Context, stream string) (l BankStatementLine, err error) {
	err = d.Fold(ctx, stream, func(_ eventstore.Recorded, m codec.Metadata, e domain.Event) error {
		switch e := e.(type) {
		case *bank.BankStatementImported:
			l = BankStatementLine{e.StatementID, e.FileName, e.Format, e.ImportedAt, m.Actor, 0, e.Skipped}
		case *bank.BankStatementSealed:
			l.Payments = e.Count
		}
		return nil
	})
	return l, err
}
