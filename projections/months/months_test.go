package months_test

import (
	"fmt"
	"testing"

	"prepayledger/domain"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/projections/months"
	"prepayledger/projections/projectionstest"
)

const october = "reconciliation-2026-10"

// TestPhases: a month shows as posted only when it is (R29); a later run
// begins again.
func TestPhases(t *testing.T) {
	l := projectionstest.New(t)
	m := months.New()
	engine := l.Follow(m)
	expect := func(want string) {
		t.Helper()
		if err := engine.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := m.Get("2026-10")
		if s := fmt.Sprint(got.Phase, " ", got.Run, " ", got.PostedRun, " ", got.ProposedBy, " ", got.ApprovedBy, " ", got.Uninvoiced); err != nil || s != want {
			t.Errorf("%s, %v; want %s", s, err, want)
		}
	}
	expect("not_proposed 0 0   0")
	l.Append(october, &reconciliation.ReconciliationAccounts{Proposal: 1})
	expect("not_proposed 0 0   0")
	l.Append(october, &reconciliation.ReconciliationProposed{Month: "2026-10", Proposal: 1, Run: 1, Actor: "ana", UninvoicedSum: money.MustParse("2.5")})
	expect("proposed 1 0 ana  2.5")
	l.Append(october, &reconciliation.ReconciliationApproved{Proposal: 1, Run: 1, Actor: "ben"})
	expect("approved 1 0 ana ben 2.5")
	l.Append(october, &reconciliation.ReconciliationPosted{Proposal: 1, Run: 1})
	expect("posted 1 1 ana ben 2.5")
	l.Append(october, &reconciliation.ReconciliationProposed{Month: "2026-10", Proposal: 2, Run: 2, Actor: "cy"})
	expect("proposed 2 1 cy  0")
	if all, err := m.All(); err != nil || len(all) != 1 || all[0].Month != "2026-10" {
		t.Errorf("all months are %+v, %v", all, err)
	}
}

// TestDocuments finds the documents with lines in a month.
func TestDocuments(t *testing.T) {
	l := projectionstest.New(t)
	l.Append("metainvoice-INV-2", &reconciliation.MetaInvoiceLines{Version: 1, First: 1, Lines: []reconciliation.InvoiceLine{{Month: "2026-10"}, {Month: "2026-09"}}})
	l.Append("metainvoice-INV-1", &reconciliation.MetaInvoiceLines{Version: 1, First: 1, Lines: []reconciliation.InvoiceLine{{Month: "2026-10"}, {Month: "2026-10"}}})
	m := months.New()
	l.Follow(m)
	for month, want := range map[string]string{"2026-10": "[INV-1 INV-2]", "2026-09": "[INV-2]", "2026-08": "[]"} {
		if got, err := m.Documents(domain.Month(month)); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", month, got, err)
		}
	}
	all, err := m.AllDocuments()
	if got := fmt.Sprint(all); err != nil || got != "[{2026-09 INV-2} {2026-10 INV-1} {2026-10 INV-2}]" {
		t.Errorf("%s, %v", got, err)
	}
}
