package desk

import (
	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// MostLines is how many of the largest differences are told in sentences.
const MostLines = 10

// MonthHead is a month as it is shown, without its lines.
type MonthHead struct {
	Month         domain.Month                    `json:"month"`
	Phase         reconciliation.Phase            `json:"phase"`
	Run           int                             `json:"run,omitempty"`
	ProposedBy    string                          `json:"proposed_by,omitempty"`
	ApprovedBy    string                          `json:"approved_by,omitempty"`
	Documents     []reconciliation.DocumentRef    `json:"documents"`
	Accounts      []reconciliation.AccountSummary `json:"accounts"`
	Parts         map[reconciliation.PartKind]int `json:"parts"`
	Unallocated   []reconciliation.LineRef        `json:"unallocated"`
	OwnCost       []reconciliation.LineRef        `json:"own_cost"`
	Uninvoiced    []reconciliation.Uninvoiced     `json:"uninvoiced"`
	UninvoicedSum money.Amount                    `json:"uninvoiced_sum"`
	// Largest are the largest differences in plain sentences.
	Largest []reconciliation.Sentence `json:"largest"`
	// Tolerated are lines within a tolerance; they are posted all the same.
	Tolerated []reconciliation.Tolerated `json:"tolerated,omitempty"`
	// Limits are the approval limits that held.
	Limits     []reconciliation.CurrencySum              `json:"limits,omitempty"`
	Comments   []*reconciliation.ReconciliationCommented `json:"comments,omitempty"`
	Withdrawal *reconciliation.ReconciliationWithdrawn   `json:"withdrawal,omitempty"`

	// Tolerances are those that Tolerated is by.
	Tolerances []reconciliation.CurrencySum `json:"-"`
}

// MonthView is a month with all its lines.
type MonthView struct {
	MonthHead
	Lines map[string][]reconciliation.Line `json:"lines"`
}

// ViewOfProposal shows a proposal, and what became of it.
func ViewOfProposal(r *reconciliation.Reconciliation, p *reconciliation.Proposal) *MonthView {
	v := &MonthView{Lines: p.Lines, MonthHead: MonthHead{
		Month: p.Month, Phase: r.Phase(), Run: p.Run, ProposedBy: p.Actor, Documents: p.Documents, Accounts: p.Accounts,
		Unallocated: p.Unallocated, OwnCost: p.OwnCost, Uninvoiced: p.Uninvoiced, UninvoicedSum: p.UninvoicedSum,
	}}
	if a := r.Approval(); a != nil {
		v.ApprovedBy, v.Limits = a.Actor, a.Limits
	}
	v.Comments, v.Withdrawal, v.Tolerances = r.Comments(), r.Withdrawal(), p.Tolerances
	v.count()
	v.complete()
	return v
}

// ViewOfResult shows a month as it is now, without anything recorded.
func ViewOfResult(r *reconciliation.Result, month domain.Month, tolerances []reconciliation.CurrencySum) *MonthView {
	v := &MonthView{Lines: map[string][]reconciliation.Line{}, MonthHead: MonthHead{
		Month: month, Phase: Preview, Tolerances: tolerances, Documents: r.Documents, Unallocated: r.Unallocated,
		OwnCost: r.OwnCost, Uninvoiced: r.Uninvoiced, UninvoicedSum: r.UninvoicedSum,
	}}
	for i := range r.Accounts {
		v.Accounts = append(v.Accounts, r.Accounts[i].AccountSummary)
		v.Lines[r.Accounts[i].PartnerID] = r.Accounts[i].Lines
	}
	v.count()
	v.complete()
	return v
}

// Preview is the phase of a month that is shown as it is now, without anything
// recorded.
const Preview reconciliation.Phase = "preview"

// count counts the parts by kind and tells the largest differences.
func (v *MonthView) count() {
	v.Largest = reconciliation.Largest(v.Accounts, v.Lines, MostLines)
	v.Tolerated = reconciliation.SumTolerated(v.Accounts, v.Lines, v.Tolerances)
	v.Parts = map[reconciliation.PartKind]int{}
	for _, lines := range v.Lines {
		for i := range lines {
			for _, p := range lines[i].Parts {
				v.Parts[p.Kind]++
			}
		}
	}
}

// MonthSettings are the settings of month ends as they are shown.
type MonthSettings struct {
	Limits     []reconciliation.ApprovalLimit `json:"limits"`
	Tolerances []reconciliation.CurrencySum   `json:"tolerances"`
}
