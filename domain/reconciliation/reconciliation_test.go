package reconciliation

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// october is a month with a difference of 0.1.
func october() Input {
	return one([]Usage{used("PA-1", "W1", "marketing", 10, "0.5")}, billed("W1", "marketing", 8, "0.4"))
}

func propose(in Input) *ProposeReconciliation { return &ProposeReconciliation{Input: in} }

// post approves and posts what is proposed, and answers the adjustments.
func post(t *testing.T, r *Reconciliation, c *ApproveReconciliation) []Posting {
	t.Helper()
	do(t, r, "finance:ben", c)
	postings := r.Postings()
	do(t, r, "system:month", &FinishPosting{})
	return postings
}

func TestR29ProposeApprovePost(t *testing.T) {
	r := NewReconciliation()
	if r.Phase() != NotProposed || r.Postings() != nil {
		t.Error("nothing is there at first")
	}
	do(t, r, "finance:ana", propose(october()))
	p := r.Latest()
	if r.Phase() != Proposed || p.Actor != "finance:ana" || p.Run != 1 || p.Proposal != 1 || p.Month != month || len(p.Documents) != 1 || r.Postings() != nil {
		t.Fatalf("%+v", p.ReconciliationProposed)
	}
	if len(p.Post) != 1 || p.Post[0].Currency != "EUR" || !p.Post[0].Amount.Equal(amt("0.1")) {
		t.Errorf("%+v", p.Post)
	}
	if a, ok := p.Account("PA-1"); !ok || a.LineCount != 1 || parts(&p.Lines["PA-1"][0]) != "quantity 2 0.1" {
		t.Errorf("%+v", a)
	}
	if _, ok := p.Account("PA-2"); ok {
		t.Error("an account that has nothing takes part")
	}
	do(t, r, "finance:ben", &ApproveReconciliation{})
	postings := r.Postings()
	if r.Phase() != Approved || len(postings) != 1 || postings[0].PartnerID != "PA-1" || r.Run() != 0 || r.Approval().Actor != "finance:ben" {
		t.Fatalf("%s %+v", r.Phase(), postings)
	}
	c := postings[0].Command
	if c.Month != month || c.Run != 1 || !c.Amount.Equal(amt("0.1")) || !c.Charged.Equal(amt("0.5")) || !c.Invoiced.Equal(amt("0.4")) ||
		!c.Adjusted.Equal(amt("0.1")) || len(c.Documents) != 1 {
		t.Errorf("%+v", c)
	}
	do(t, r, "system:month", &FinishPosting{})
	if r.Phase() != PostedPhase || r.Run() != 1 || r.Postings() != nil || len(r.Earlier()["PA-1"]) != 1 {
		t.Errorf("%s run %d", r.Phase(), r.Run())
	}
	if events := do(t, r, "system:month", &FinishPosting{}); len(events) != 0 {
		t.Error("posting is finished once")
	}
}

// TestR29CrashWhilePosting: an approved run goes on, and nothing else begins.
func TestR29CrashWhilePosting(t *testing.T) {
	r := NewReconciliation()
	do(t, r, "finance:ana", propose(october()))
	do(t, r, "finance:ben", &ApproveReconciliation{})
	before := r.Postings()
	if events := do(t, r, "finance:ben", &ApproveReconciliation{}); len(events) != 0 {
		t.Error("approved once")
	}
	refuse(t, r, "finance:ana", propose(october()), domain.AlreadyPosted)
	after := r.Postings()
	if len(after) != 1 || after[0].Command.Run != before[0].Command.Run || !after[0].Command.Amount.Equal(before[0].Command.Amount) {
		t.Errorf("%+v", after)
	}
}

func TestR29FourEyes(t *testing.T) {
	r := NewReconciliation()
	refuse(t, r, "", propose(october()), domain.ActorRequired)
	refuse(t, r, "", &ApproveReconciliation{}, domain.ActorRequired)
	do(t, r, "finance:ana", propose(october()))
	refuse(t, r, "", &ApproveReconciliation{}, domain.ActorRequired)
	for _, ana := range []string{"finance:ana", "Finance:Ana", " finance:ana "} {
		if err := refuse(t, r, ana, &ApproveReconciliation{}, domain.SameApprover); !strings.Contains(err.Error(), "another person") {
			t.Error(err)
		}
	}
	do(t, r, "finance:ben", propose(october())) // replaces ana's
	if r.Latest().Proposal != 2 || r.Latest().Run != 1 {
		t.Errorf("%+v", r.Latest().ReconciliationProposed)
	}
	refuse(t, r, "finance:ben", &ApproveReconciliation{}, domain.SameApprover)
	do(t, r, "finance:ana", &ApproveReconciliation{})
}

func TestNothingToReconcile(t *testing.T) {
	r := NewReconciliation()
	in := october()
	in.Documents = nil
	refuse(t, r, "finance:ana", propose(in), domain.NothingToReconcile)
	in = october()
	in.Documents[0].Lines[0].Month = "2026-09"
	refuse(t, r, "finance:ana", propose(in), domain.NothingToReconcile)
	refuse(t, r, "finance:ben", &ApproveReconciliation{}, domain.NothingToReconcile)
	refuse(t, r, "finance:ben", importing(), domain.InvalidSetting)
}

// TestPostedMonthWithoutDocumentsIsTakenBack: a corrected document that has no
// line of the month any more.
func TestPostedMonthWithoutDocumentsIsTakenBack(t *testing.T) {
	r := NewReconciliation()
	do(t, r, "finance:ana", propose(october()))
	post(t, r, &ApproveReconciliation{})
	in := october()
	in.Documents = nil
	do(t, r, "finance:ana", propose(in))
	refuse(t, r, "finance:ben", &ApproveReconciliation{}, domain.UninvoicedCharges)
	sum := amt("0.5")
	got := post(t, r, &ApproveReconciliation{Uninvoiced: &sum})
	wantAmount(t, "post", got[0].Command.Amount, "0.4")
}

func TestR28AlreadyPosted(t *testing.T) {
	r := NewReconciliation()
	do(t, r, "finance:ana", propose(october()))
	post(t, r, &ApproveReconciliation{})
	refuse(t, r, "finance:ana", propose(october()), domain.AlreadyPosted)
	refuse(t, r, "finance:ben", &ApproveReconciliation{}, domain.AlreadyPosted)

	in := october()
	in.Accounts[0].MonthOpen = true // a charge came and was taken back
	do(t, r, "finance:ana", propose(in))
	if got := post(t, r, &ApproveReconciliation{}); len(got) != 1 || !got[0].Command.Amount.IsZero() || got[0].Command.Run != 2 {
		t.Errorf("%+v", got)
	}

	in = october()
	in.Documents = append(in.Documents, doc("MI-2", billed("W1", "marketing", 1, "0.05")))
	do(t, r, "finance:ana", propose(in))
	got := post(t, r, &ApproveReconciliation{})
	wantAmount(t, "run 3", got[0].Command.Amount, "-0.05")
	if got[0].Command.Run != 3 || r.Run() != 3 {
		t.Errorf("%+v", got[0].Command)
	}
	refuse(t, r, "finance:ana", propose(in), domain.AlreadyPosted)
}

func TestR30MissingRateRejectsTheProposal(t *testing.T) {
	in := october()
	in.Documents[0].Lines[0].Currency = "USD"
	r := NewReconciliation()
	refuse(t, r, "", propose(in), domain.ActorRequired)
	refuse(t, r, "finance:ana", propose(in), domain.FXRateMissing)
}

func TestR27UninvoicedIsRestated(t *testing.T) {
	in := october()
	in.Usage = append(in.Usage, used("PA-1", "W2", "marketing", 1, "0.25"))
	r := NewReconciliation()
	do(t, r, "finance:ana", propose(in))
	wrong, zero, right := amt("0.2"), amt("0"), amt("0.250")
	for _, c := range []*money.Amount{nil, &wrong, &zero} {
		if err := refuse(t, r, "finance:ben", &ApproveReconciliation{Uninvoiced: c}, domain.UninvoicedCharges); !strings.Contains(err.Error(), "0.25") {
			t.Error(err)
		}
	}
	do(t, r, "finance:ben", &ApproveReconciliation{Uninvoiced: &right})
	wantAmount(t, "restated", r.Approval().Uninvoiced, "0.25")

	quiet := NewReconciliation()
	do(t, quiet, "finance:ana", propose(october()))
	refuse(t, quiet, "finance:ben", &ApproveReconciliation{Uninvoiced: &right}, domain.UninvoicedCharges)
	do(t, quiet, "finance:ben", &ApproveReconciliation{Uninvoiced: &zero})
}

func TestR27UnallocatedLinesBlock(t *testing.T) {
	in := october()
	in.Documents[0].Lines = append(in.Documents[0].Lines, billed("NOBODY", "marketing", 7, "21"))
	r := NewReconciliation()
	do(t, r, "finance:ana", propose(in))
	if len(r.Latest().Unallocated) != 1 || !r.NeedsInput() {
		t.Fatal("the proposal does not list the line")
	}
	refuse(t, r, "finance:ana", &ApproveReconciliation{}, domain.SameApprover)
	for _, now := range []*Input{nil, &in} {
		if err := refuse(t, r, "finance:ben", &ApproveReconciliation{Input: now}, domain.UnallocatedLines); !strings.Contains(err.Error(), "line 2 of MI-1") {
			t.Error(err)
		}
	}
	allocated := in
	d := *in.Documents[0]
	d.Allocations = map[int]Allocation{2: {PartnerID: "PA-1", Actor: "finance:ana"}}
	allocated.Documents = []*Document{&d}
	do(t, r, "finance:ben", &ApproveReconciliation{Input: &allocated})
	p := r.Latest()
	if p.Actor != "finance:ana" || p.RestatedBy != "finance:ben" || p.Proposal != 2 || r.NeedsInput() {
		t.Errorf("%+v", p.ReconciliationProposed)
	}
	wantAmount(t, "post", r.Postings()[0].Command.Amount, "-20.9")
}

func TestR27OwnCostIsListedAndNotPosted(t *testing.T) {
	in := october()
	in.Documents[0].Lines = append(in.Documents[0].Lines, billed("NOBODY", "marketing", 7, "21"))
	in.Documents[0].Allocations = map[int]Allocation{2: {OwnCost: true}}
	r := NewReconciliation()
	do(t, r, "finance:ana", propose(in))
	if r.Latest().OwnCostCount != 1 {
		t.Error("own cost is not listed")
	}
	wantAmount(t, "post", post(t, r, &ApproveReconciliation{})[0].Command.Amount, "0.1")
}

// TestUnsealedProposalIsAbandoned: a crash while proposing leaves nothing that
// a reader sees, and the next proposal is whole.
func TestUnsealedProposalIsAbandoned(t *testing.T) {
	r := NewReconciliation()
	events, err := r.Decide(by("finance:ana"), propose(october()))
	if err != nil {
		t.Fatal(err)
	}
	apply(t, r, events[:len(events)-1]...)
	if r.Phase() != NotProposed {
		t.Fatal("an unsealed proposal is visible")
	}
	do(t, r, "finance:ana", propose(october()))
	if p := r.Latest(); p.Proposal != 2 || len(p.Lines["PA-1"]) != 1 || p.Run != 1 {
		t.Errorf("%+v", p.ReconciliationProposed)
	}
}

func TestReconciliationStreamThatDoesNotFit(t *testing.T) {
	events, err := NewReconciliation().Decide(by("finance:ana"), propose(october()))
	if err != nil {
		t.Fatal(err)
	}
	seal := *events[len(events)-1].(*ReconciliationProposed)
	other := seal
	other.SHA256 = "x"
	late := seal
	late.Run = 2
	lines := *events[len(events)-2].(*ReconciliationLines)
	lines.Lines = append([]Line{}, lines.Lines...)
	lines.Lines[0].Post = amt("1")
	head := func(n int, more ...domain.Event) []domain.Event { return append(events[:n:n], more...) }
	n := len(events)
	for name, events := range map[string][]domain.Event{
		"seal of nothing":  {&seal},
		"lines missing":    head(n-2, &seal),
		"another figure":   head(n-2, &lines, &seal),
		"another hash":     head(n-1, &other),
		"another run":      head(n-1, &late),
		"approved unseen":  head(n-1, &ReconciliationApproved{Proposal: 1, Run: 1}),
		"approved another": head(n, &ReconciliationApproved{Proposal: 2, Run: 1}),
		"posted too soon":  head(n, &ReconciliationPosted{Proposal: 1, Run: 1}),
		"foreign":          {&MetaInvoiceSealed{}},
	} {
		r, err := NewReconciliation(), error(nil)
		for _, e := range events {
			if err = r.Apply(e); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrStream) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLargeProposalFitsEvents: do fails where an event is too large.
func TestLargeProposalFitsEvents(t *testing.T) {
	in := Input{Month: month}
	d := doc("MI-1")
	for i := range 3_000 {
		partner, wabaID := fmt.Sprintf("PA-%04d", i), fmt.Sprintf("W%d", i)
		in.Accounts = append(in.Accounts, eur(partner))
		in.Channels = append(in.Channels, paid(partner, wabaID, "P"))
		in.Usage = append(in.Usage, used(partner, wabaID, "marketing", 3, "1"))
		d.Lines = append(d.Lines, billed("X"+wabaID, strings.Repeat("\"", MaxFieldBytes), 1, "1"))
	}
	for i := range 6_000 {
		d.Lines = append(d.Lines, billed("W1", fmt.Sprintf("%d%s", i, strings.Repeat("<", MaxFieldBytes-4)), 1, "0.333"))
	}
	in.Documents = []*Document{d}
	r := NewReconciliation()
	events := do(t, r, "finance:ana", propose(in))
	p := r.Latest()
	if len(p.Accounts) != 3_000 || len(p.Unallocated) != 3_000 || len(p.Uninvoiced) != 2_999 || len(p.Lines["PA-0001"]) != 6_001 {
		t.Errorf("%+v", p.ReconciliationProposed)
	}
	again, err := NewReconciliation().Decide(by("finance:ana"), propose(in))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := events[len(events)-1].(*ReconciliationProposed), again[len(again)-1].(*ReconciliationProposed); a.SHA256 != b.SHA256 || len(events) != len(again) {
		t.Error("the same month gives another proposal")
	}
}
