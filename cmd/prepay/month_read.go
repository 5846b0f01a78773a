package main

import (
	"context"
	"net/http"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain"
	"prepayledger/domain/reconciliation"
)

// month is a month with its lines: as it is now for a preview, else as it was
// proposed or posted.
func (g *globals) month(ctx context.Context, month domain.Month, preview bool) (*desk.MonthView, error) {
	if g.Server != "" {
		return g.remoteMonth(ctx, month, preview)
	}
	return ask(ctx, g, nil, func(a *desk.Desk) (*desk.MonthView, error) {
		if preview {
			result, err := a.Ledger.PreviewMonth(ctx, month)
			if err != nil {
				return nil, err
			}
			settings, _, err := a.Ledger.MonthSettings(ctx)
			if err != nil {
				return nil, err
			}
			return desk.ViewOfResult(result, month, settings.Tolerances()), nil
		}
		r, _, err := a.Ledger.Month(ctx, month)
		if err != nil {
			return nil, err
		}
		p := r.Latest()
		if p == nil {
			return nil, notProposed(month)
		}
		return desk.ViewOfProposal(r, p), nil
	})
}

func notProposed(month domain.Month) error {
	return domain.Reject(domain.NothingToReconcile, "Nothing is proposed for %s: see prepay month preview.", month)
}

// remoteMonth puts a month of the ledger at --server together: its head, the
// lists of which that has only the first, and the lines.
func (g *globals) remoteMonth(ctx context.Context, month domain.Month, preview bool) (*desk.MonthView, error) {
	head, err := ask[httpapi.Month](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
		return r.GetMonth(ctx, string(month), &apiclient.GetMonthParams{Preview: &preview})
	}, nil)
	if err != nil {
		return nil, err
	}
	if head.Phase == reconciliation.NotProposed {
		return nil, notProposed(month)
	}
	v := &desk.MonthView{MonthHead: head.MonthHead, Lines: map[string][]reconciliation.Line{}}
	if err := g.restOfMonth(ctx, month, preview, v, &head.Counts); err != nil {
		return nil, err
	}
	for i := range v.Accounts {
		v.Lines[v.Accounts[i].PartnerID] = nil
	}
	lines, err := askAll[desk.MonthLine](ctx, g, func(r *apiclient.ClientWithResponses, cursor *string) (*http.Response, error) {
		return r.ListMonthLines(ctx, string(month), &apiclient.ListMonthLinesParams{Preview: &preview, Limit: pageSize(), Cursor: cursor})
	}, nil)
	for i := range lines {
		v.Lines[lines[i].PartnerID] = append(v.Lines[lines[i].PartnerID], lines[i].Line)
	}
	return v, err
}

// restOfMonth reads the lists whose first items alone the head has.
func (g *globals) restOfMonth(ctx context.Context, month domain.Month, preview bool, v *desk.MonthView, n *httpapi.MonthCounts) (err error) {
	if len(v.Accounts) < n.Accounts {
		if v.Accounts, err = monthList[reconciliation.AccountSummary](ctx, g, month, preview, "accounts"); err != nil {
			return err
		}
	}
	if len(v.Documents) < n.Documents {
		if v.Documents, err = monthList[reconciliation.DocumentRef](ctx, g, month, preview, "documents"); err != nil {
			return err
		}
	}
	if len(v.Unallocated) < n.Unallocated {
		if v.Unallocated, err = monthList[reconciliation.LineRef](ctx, g, month, preview, "unallocated"); err != nil {
			return err
		}
	}
	if len(v.OwnCost) < n.OwnCost {
		if v.OwnCost, err = monthList[reconciliation.LineRef](ctx, g, month, preview, "own-cost"); err != nil {
			return err
		}
	}
	if len(v.Uninvoiced) < n.Uninvoiced {
		if v.Uninvoiced, err = monthList[reconciliation.Uninvoiced](ctx, g, month, preview, "uninvoiced"); err != nil {
			return err
		}
	}
	if len(v.Comments) < n.Comments {
		v.Comments, err = monthList[*reconciliation.ReconciliationCommented](ctx, g, month, preview, "comments")
	}
	return err
}

// monthList reads a list of a month.
func monthList[T any](ctx context.Context, g *globals, month domain.Month, preview bool, name string) ([]T, error) {
	return askAll[T](ctx, g, func(r *apiclient.ClientWithResponses, cursor *string) (*http.Response, error) {
		return r.Send(ctx, http.MethodGet, "/v1/months/"+string(month)+"/"+name+"?"+pageQuery(preview, cursor), nil, nil)
	}, nil)
}
