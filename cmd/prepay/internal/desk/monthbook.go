package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"prepayledger/consumers/monthbook"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// MonthBook gathers a month: every account as the newest run that it took part
// in left it, that of the newest proposal before its posting; a preview where
// nothing is proposed.
func (d *Desk) MonthBook(ctx context.Context, month domain.Month) (*monthbook.Month, error) {
	f := &monthFolding{state: reconciliation.NewReconciliation(), hash: sha256.New(), m: &monthbook.Month{Month: month, Lines: map[string][]reconciliation.Line{}, Runs: map[string]int{}}}
	err := d.Fold(ctx, reconciliation.Stream(month), f.add)
	if err != nil && !errors.Is(err, eventstore.ErrStreamNotFound) {
		return nil, err
	}
	m, p := f.m, f.state.Latest()
	if p == nil {
		preview, err := d.Ledger.PreviewMonth(ctx, month)
		if err != nil {
			return nil, err
		}
		if len(preview.Accounts) == 0 && len(preview.Documents) == 0 {
			return nil, domain.Reject(domain.NothingToReconcile, "There are neither charges nor documents of %s.", month)
		}
		v := ViewOfResult(preview, month, nil)
		m.Phase, m.Accounts, m.Lines, m.Documents, m.Unallocated = v.Phase, v.Accounts, v.Lines, preview.Documents, preview.Unallocated
		m.OwnCost, m.Direct, m.Uninvoiced = preview.OwnCost, preview.Direct, preview.Uninvoiced
		return m, nil
	}
	f.take(p)
	m.Phase, m.Run, m.ProposedBy, m.Documents, m.Unallocated = f.state.Phase(), p.Run, p.Actor, p.Documents, p.Unallocated
	m.OwnCost, m.Direct, m.Uninvoiced = p.OwnCost, p.Direct, p.Uninvoiced
	if approval := f.state.Approval(); approval != nil {
		m.ApprovedBy = approval.Actor
	}
	m.Tie = [][2]string{
		{"Stream", reconciliation.Stream(month)}, {"Events", fmt.Sprint(f.events)}, {"First event", f.first}, {"Last event", f.last},
		{"SHA-256 of the stream", hex.EncodeToString(f.hash.Sum(nil))}, {"What it is over", "each event's id, a line feed, its data, a line feed"},
		{"SHA-256 of the newest proposal's figures", p.SHA256},
	}
	return m, nil
}

// monthFolding folds a month's stream into its workbook.
type monthFolding struct {
	state       *reconciliation.Reconciliation
	m           *monthbook.Month
	hash        hash.Hash
	events      int
	first, last string
}

func (f *monthFolding) add(r eventstore.Recorded, _ codec.Metadata, e domain.Event) error {
	f.last = fmt.Sprintf("revision %d, position %s, id %s", r.Revision, r.Position, r.ID)
	if f.events++; f.events == 1 {
		f.first = f.last
	}
	f.hash.Write([]byte(r.ID.String() + "\n"))
	f.hash.Write(r.Data)
	f.hash.Write([]byte("\n"))
	if err := f.state.Apply(e); err != nil {
		return err
	}
	if _, posted := e.(*reconciliation.ReconciliationPosted); posted {
		f.take(f.state.Latest())
	}
	return nil
}

// take puts the accounts of a proposal in the place of their earlier selves.
func (f *monthFolding) take(p *reconciliation.Proposal) {
	if f.state.Phase() == reconciliation.Withdrawn {
		return
	}
	for i := range p.Accounts {
		a := &p.Accounts[i]
		n, found := slices.BinarySearchFunc(f.m.Accounts, a.PartnerID, func(b reconciliation.AccountSummary, id string) int { return strings.Compare(b.PartnerID, id) })
		if !found {
			f.m.Accounts = slices.Insert(f.m.Accounts, n, reconciliation.AccountSummary{})
		}
		f.m.Accounts[n], f.m.Lines[a.PartnerID], f.m.Runs[a.PartnerID] = *a, p.Lines[a.PartnerID], p.Run
	}
}
