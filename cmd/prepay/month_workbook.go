package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"prepayledger/consumers/monthbook"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// monthWorkbookCmd writes Finance's workbook of a month.
type monthWorkbookCmd struct {
	Month billingMonth `arg:"" help:"Billing month, such as 2026-10."`
	XLSX  string       `name:"xlsx" help:"File to write; - is the standard output." required:"" placeholder:"FILE"`
}

// Help implements kong.HelpProvider.
func (*monthWorkbookCmd) Help() string {
	return `Writes the newest proposal or posting of a month, or the comparison as it is now
where nothing is proposed, as a workbook: accounts, lines, parts, what is
nobody's, rates of exchange, documents, and how it ties. Sums are formulas.

  prepay month workbook 2026-10 --xlsx october.xlsx`
}

// Run runs the command.
func (c *monthWorkbookCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *app) error {
		m, err := a.monthBook(ctx, c.Month.Month)
		if err != nil {
			return err
		}
		if c.XLSX == "-" {
			return m.Write(g.Stdout)
		}
		if err := writeWhole(c.XLSX, m.Write); err != nil {
			return fmt.Errorf("--xlsx: %w", err)
		}
		return g.print(map[string]any{"month": m.Month, "phase": m.Phase, "file": c.XLSX, "accounts": len(m.Accounts)}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is written: %s, %s, %d accounts.\n", c.XLSX, m.Month, m.Phase, len(m.Accounts))
		})
	})
}

// monthBook gathers a month: every account as the newest run that it took part
// in left it, that of the newest proposal before its posting; a preview where
// nothing is proposed.
func (a *app) monthBook(ctx context.Context, month domain.Month) (*monthbook.Month, error) {
	f := &monthFolding{state: reconciliation.NewReconciliation(), hash: sha256.New(), m: &monthbook.Month{Month: month, Lines: map[string][]reconciliation.Line{}, Runs: map[string]int{}}}
	err := a.fold(ctx, reconciliation.Stream(month), f.add)
	if err != nil && !errors.Is(err, eventstore.ErrStreamNotFound) {
		return nil, err
	}
	m, p := f.m, f.state.Latest()
	if p == nil {
		preview, err := a.ledger.PreviewMonth(ctx, month)
		if err != nil {
			return nil, err
		}
		if len(preview.Accounts) == 0 && len(preview.Documents) == 0 {
			return nil, domain.Reject(domain.NothingToReconcile, "There are neither charges nor documents of %s.", month)
		}
		v := viewOfResult(preview, month, nil)
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
