package desk

import (
	"context"
	"maps"
	"slices"
	"strings"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
	"prepayledger/projections/accounts"
)

// MonthSummary is a month in the list of months.
type MonthSummary struct {
	Month domain.Month `json:"month"`
	// Phase is how far its newest run is: not_proposed, proposed, approved,
	// posted or withdrawn.
	Phase reconciliation.Phase `json:"phase"`
	// Run is the newest run proposed, PostedRun the newest posted; 0 is none.
	Run        int    `json:"run"`
	PostedRun  int    `json:"posted_run"`
	ProposedBy string `json:"proposed_by,omitempty"`
	ApprovedBy string `json:"approved_by,omitempty"`
	// UninvoicedSum is what was charged and is in no document, as proposed.
	UninvoicedSum money.Amount `json:"uninvoiced_sum"`
	// Documents counts Meta's documents with lines in the month, Accounts the
	// accounts with charges in it, and Open those of them in which something was
	// charged or corrected since the last run was posted.
	Documents int `json:"documents"`
	Accounts  int `json:"accounts"`
	Open      int `json:"open"`
}

// Months lists all months with charges, documents or runs, the newest first.
func (d *Desk) Months(ctx context.Context) ([]MonthSummary, error) {
	if err := d.Ledger.Settle(ctx); err != nil {
		return nil, err
	}
	all := map[domain.Month]*MonthSummary{}
	of := func(m domain.Month) *MonthSummary {
		if all[m] == nil {
			all[m] = &MonthSummary{Month: m, Phase: reconciliation.NotProposed}
		}
		return all[m]
	}
	known, err := d.Views.Months.All()
	if err != nil {
		return nil, err
	}
	for i := range known {
		k, s := &known[i], of(known[i].Month)
		s.Phase, s.Run, s.PostedRun = reconciliation.Phase(k.Phase), k.Run, k.PostedRun
		s.ProposedBy, s.ApprovedBy, s.UninvoicedSum = k.ProposedBy, k.ApprovedBy, k.Uninvoiced
	}
	documents, err := d.Views.Months.AllDocuments()
	if err != nil {
		return nil, err
	}
	for _, k := range documents {
		of(k.Month).Documents++
	}
	d.Views.Accounts.Each(func(_ string, a *accounts.Account) {
		for month, state := range a.State.Months {
			s := of(month)
			if s.Accounts++; state.Open {
				s.Open++
			}
		}
	})
	list := make([]MonthSummary, 0, len(all))
	for _, month := range slices.Backward(slices.Sorted(maps.Keys(all))) {
		list = append(list, *all[month])
	}
	return list, nil
}

// ProposeMonth records a proposal for the month (R29).
func (d *Desk) ProposeMonth(ctx context.Context, m domain.Meta, month domain.Month) error {
	return d.monthWork(ctx, m, month, "propose", func(m domain.Meta) error {
		_, err := d.Ledger.ProposeMonth(ctx, m, month)
		return err
	})
}

// ApproveMonth approves another person's proposal and posts it (R29);
// uninvoiced restates the sum of WABAs in no document (R27), nil states none.
func (d *Desk) ApproveMonth(ctx context.Context, m domain.Meta, month domain.Month, uninvoiced *money.Amount) error {
	return d.monthWork(ctx, m, month, []any{"approve", uninvoiced}, func(m domain.Meta) error {
		if _, err := d.Ledger.ApproveMonth(ctx, m, month, uninvoiced); err != nil {
			return err
		}
		return d.Ledger.Settle(ctx) // whoever posted sees the balances after it
	})
}

// PostMonth goes on with a posting that was interrupted.
func (d *Desk) PostMonth(ctx context.Context, m domain.Meta, month domain.Month) error {
	leave, err := d.monthly.enter(ctx, "Another step of a month's end")
	if err != nil {
		return err
	}
	defer leave()
	if _, err := d.Ledger.PostMonth(ctx, m, month); err != nil { // repeated, it posts nothing twice
		return err
	}
	return d.Ledger.Settle(ctx)
}

// WithdrawMonth takes a proposal back that is not approved (R29).
func (d *Desk) WithdrawMonth(ctx context.Context, m domain.Meta, month domain.Month, reason string) error {
	return d.monthWork(ctx, m, month, []any{"withdraw", reason}, func(m domain.Meta) error {
		return d.Ledger.WithdrawMonth(ctx, m, month, reason)
	})
}

// CommentMonth says something about a month.
func (d *Desk) CommentMonth(ctx context.Context, m domain.Meta, month domain.Month, text string) error {
	return d.monthWork(ctx, m, month, []any{"comment", text}, func(m domain.Meta) error {
		return d.Ledger.CommentMonth(ctx, m, month, text)
	})
}

// monthWork gives a command to a month: one at a time, each id once.
func (d *Desk) monthWork(ctx context.Context, m domain.Meta, month domain.Month, content any, give func(domain.Meta) error) error {
	leave, err := d.monthly.enter(ctx, "Another step of a month's end")
	if err != nil {
		return err
	}
	defer leave()
	return d.Once(ctx, reconciliation.Stream(month), m, content, give)
}

// MonthSettings returns who may approve how much and what is tolerated, and the
// revision of it: NoStream before the first setting.
func (d *Desk) MonthSettings(ctx context.Context) (*MonthSettings, eventstore.Revision, error) {
	s, revision, err := d.Ledger.MonthSettings(ctx)
	if err != nil {
		return nil, revision, err
	}
	return &MonthSettings{Limits: list(s.Limits()), Tolerances: list(s.Tolerances())}, revision, nil
}

// SetMonthSettings puts settings in the place of those of the revision, all or
// none of them. ErrChanged says that somebody else changed them meanwhile.
func (d *Desk) SetMonthSettings(ctx context.Context, m domain.Meta, wanted *MonthSettings, revision eventstore.Revision) error {
	s, now, err := d.Ledger.MonthSettings(ctx)
	if err != nil {
		return err
	}
	if now != revision {
		return ErrChanged
	}
	var changes []domain.Command
	for _, l := range s.Limits() {
		if !slices.ContainsFunc(wanted.Limits, func(w reconciliation.ApprovalLimit) bool {
			return strings.EqualFold(strings.TrimSpace(w.Pattern), l.Pattern) && w.Currency == l.Currency
		}) {
			changes = append(changes, &reconciliation.SetApprovalLimit{Pattern: l.Pattern, Currency: string(l.Currency)})
		}
	}
	for _, l := range wanted.Limits {
		changes = append(changes, &reconciliation.SetApprovalLimit{Pattern: l.Pattern, Currency: string(l.Currency), Max: &l.Max})
	}
	for _, t := range s.Tolerances() {
		if !slices.ContainsFunc(wanted.Tolerances, func(w reconciliation.CurrencySum) bool { return w.Currency == t.Currency }) {
			changes = append(changes, &reconciliation.SetTolerance{Currency: string(t.Currency)})
		}
	}
	for _, t := range wanted.Tolerances {
		changes = append(changes, &reconciliation.SetTolerance{Currency: string(t.Currency), Amount: t.Amount})
	}
	return d.Ledger.ReplaceMonthSettings(ctx, m, revision, changes)
}
