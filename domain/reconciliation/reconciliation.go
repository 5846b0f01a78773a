package reconciliation

import (
	"fmt"
	"strings"

	"prepayledger/domain"
)

// Stream names the stream of a month's reconciliation.
func Stream(m domain.Month) string { return "reconciliation-" + string(m) }

// Phase is how far a month's newest run is.
type Phase string

const (
	// NotProposed: there is no proposal yet.
	NotProposed Phase = "not_proposed"
	// Proposed: it waits for another person's approval.
	Proposed Phase = "proposed"
	// Approved: it is being posted, or waits to be after a crash.
	Approved Phase = "approved"
	// PostedPhase: every account has its adjustment.
	PostedPhase Phase = "posted"
	// Withdrawn: the newest proposal was taken back; what earlier runs posted
	// stands.
	Withdrawn Phase = "withdrawn"
)

// Reconciliation is the state of a month, folded from its stream.
type Reconciliation struct {
	// proposals is the newest number begun, sealed or not.
	proposals int
	phase     Phase
	run       int
	latest    *Proposal
	approval  *ReconciliationApproved
	pending   *Proposal
	posted    map[string]Posted

	comments   []*ReconciliationCommented
	withdrawal *ReconciliationWithdrawn
}

// NewReconciliation returns the state before the first event.
func NewReconciliation() *Reconciliation {
	return &Reconciliation{phase: NotProposed, posted: map[string]Posted{}}
}

// Phase says how far the newest run is.
func (r *Reconciliation) Phase() Phase { return r.phase }

// Run is the number of the newest posted run; 0 before the first.
func (r *Reconciliation) Run() int { return r.run }

// Latest is the newest sealed proposal, posted or not; nil before the first.
func (r *Reconciliation) Latest() *Proposal { return r.latest }

// Approval is the approval of Latest; nil where it has none.
func (r *Reconciliation) Approval() *ReconciliationApproved { return r.approval }

// Earlier are the lines as posted, per partner: what Compute needs. It must
// not be changed.
func (r *Reconciliation) Earlier() map[string]Posted { return r.posted }

// NeedsInput reports whether an approval needs the month as it is now.
func (r *Reconciliation) NeedsInput() bool {
	return r.phase == Proposed && len(r.latest.Unallocated) > 0
}

// Posting is one account's adjustment of an approved run.
type Posting struct {
	PartnerID string
	Command   *domain.AdjustReconciliation
}

// Postings are the adjustments of a run that is approved and not yet posted,
// by partner id; nil otherwise. All of them are sent, then FinishPosting. After
// a crash they are sent again: an account takes a run once (R29).
func (r *Reconciliation) Postings() []Posting {
	if r.phase != Approved {
		return nil
	}
	postings := make([]Posting, len(r.latest.Accounts))
	for i := range r.latest.Accounts {
		a := &r.latest.Accounts[i]
		postings[i] = Posting{PartnerID: a.PartnerID, Command: &domain.AdjustReconciliation{
			Month: r.latest.Month, Run: r.latest.Run, Amount: a.Post, Charged: a.Charged.Amount,
			Invoiced: a.Invoiced.Amount, Adjusted: a.Difference, Documents: a.Documents,
		}}
	}
	return postings
}

// Apply folds an event into the state; it errs with ErrStream.
func (r *Reconciliation) Apply(e domain.Event) error {
	switch e := e.(type) {
	case *ReconciliationAccounts:
		r.begin(e.Proposal).fold(e)
		return nil
	case *ReconciliationLines:
		r.begin(e.Proposal).fold(e)
		return nil
	case *ReconciliationDetails:
		r.begin(e.Proposal).fold(e)
		return nil
	case *ReconciliationProposed:
		p := r.begin(e.Proposal)
		if r.phase == Approved || e.Run != r.run+1 {
			return fmt.Errorf("%w: proposal %d for run %d", ErrStream, e.Proposal, e.Run)
		}
		if err := p.seal(e); err != nil {
			return err
		}
		r.latest, r.pending, r.approval, r.phase = p, nil, nil, Proposed
		return nil
	case *ReconciliationApproved:
		if r.phase != Proposed || e.Proposal != r.latest.Proposal {
			return fmt.Errorf("%w: approval of proposal %d", ErrStream, e.Proposal)
		}
		r.approval, r.phase = e, Approved
		return nil
	case *ReconciliationPosted:
		if r.phase != Approved || e.Proposal != r.latest.Proposal {
			return fmt.Errorf("%w: posting of proposal %d", ErrStream, e.Proposal)
		}
		r.phase, r.run = PostedPhase, e.Run
		for i := range r.latest.Accounts {
			id := r.latest.Accounts[i].PartnerID
			r.posted[id] = r.latest.posted(id)
		}
		return nil
	case *ReconciliationCommented:
		r.comments = append(r.comments, e)
		return nil
	case *ReconciliationWithdrawn:
		if r.phase != Proposed || e.Proposal != r.latest.Proposal {
			return fmt.Errorf("%w: withdrawal of proposal %d", ErrStream, e.Proposal)
		}
		r.phase, r.withdrawal = Withdrawn, e
		return nil
	}
	return fmt.Errorf("%w: event %s in the stream of a month", ErrStream, e.EventType())
}

// begin returns the proposal that is being read. Another number abandons what
// was never sealed.
func (r *Reconciliation) begin(n int) *Proposal {
	if r.pending == nil || r.proposals != n {
		r.pending = &Proposal{Lines: map[string][]Line{}}
	}
	r.proposals = max(r.proposals, n)
	return r.pending
}

// Decide answers a command with events, none where nothing changes, or with
// a *domain.Rejection; ErrInput and ErrTooManyDocuments are failures. It
// changes nothing.
func (r *Reconciliation) Decide(meta domain.Meta, cmd domain.Command) ([]domain.Event, error) {
	switch c := cmd.(type) {
	case *ProposeReconciliation:
		return r.propose(meta, c)
	case *ApproveReconciliation:
		return r.approve(meta, c)
	case *CommentReconciliation:
		return r.comment(meta, c)
	case *WithdrawReconciliation:
		return r.withdraw(meta, c)
	case *FinishPosting:
		if r.phase != Approved {
			return nil, nil
		}
		return []domain.Event{&ReconciliationPosted{Proposal: r.latest.Proposal, Run: r.latest.Run}}, nil
	}
	return nil, domain.Reject(domain.InvalidSetting, "This version does not know the command %s for a month.", cmd.CommandName())
}

func (r *Reconciliation) propose(meta domain.Meta, c *ProposeReconciliation) ([]domain.Event, error) {
	if meta.Actor == "" {
		return nil, rejectNoActor()
	}
	result, err := r.compute(&c.Input)
	if err != nil {
		return nil, err
	}
	switch {
	case r.phase == Approved:
		return nil, domain.Reject(domain.AlreadyPosted, "Run %d of %s is approved and is being posted: finish that first.", r.latest.Run, c.Input.Month)
	case r.run > 0 && !result.Changed():
		return nil, domain.Reject(domain.AlreadyPosted, "Run %d of %s is posted and nothing has changed since.", r.run, c.Input.Month)
	}
	return proposalEvents(result, ReconciliationProposed{
		Proposal: r.proposals + 1, Run: r.run + 1, Actor: meta.Actor, Tolerances: c.Settings.tolerated(),
	}), nil
}

// compute rejects a month for which Meta has sent nothing. One that was posted
// before and whose documents have no line of it any more is computed: what
// was posted is to be taken back (R28).
func (r *Reconciliation) compute(in *Input) (*Result, error) {
	found := r.run > 0
	for _, d := range in.Documents {
		found = found || d.HasMonth(in.Month)
	}
	if !found {
		return nil, domain.Reject(domain.NothingToReconcile, "There is no document of Meta for %s: import its invoice first.", in.Month)
	}
	return Compute(*in, r.posted)
}

func (r *Reconciliation) approve(meta domain.Meta, c *ApproveReconciliation) ([]domain.Event, error) {
	switch {
	case meta.Actor == "":
		return nil, rejectNoActor()
	case r.phase == Withdrawn:
		return nil, domain.Reject(domain.NothingToReconcile, "%s withdrew the proposal of %s (%s): propose again.", r.withdrawal.Actor, r.latest.Month, r.withdrawal.Reason)
	case r.latest != nil && samePerson(meta.Actor, r.latest.Actor):
		return nil, domain.Reject(domain.SameApprover, "%s proposed this: another person has to approve it.", r.latest.Actor)
	case r.phase == NotProposed:
		return nil, domain.Reject(domain.NothingToReconcile, "Nothing is proposed for this month: propose it first.")
	case r.phase == Approved:
		return nil, nil // the posting goes on
	}
	seal, accounts, events, err := r.approvable(meta, c)
	if err != nil {
		return nil, err
	}
	if r.phase == PostedPhase {
		return nil, domain.Reject(domain.AlreadyPosted, "Run %d of %s is posted and nothing newer is proposed.", r.run, r.latest.Month)
	}
	sum := seal.UninvoicedSum
	if c.Uninvoiced == nil && !sum.IsZero() || c.Uninvoiced != nil && !c.Uninvoiced.Equal(sum) {
		return nil, domain.Reject(domain.UninvoicedCharges, "WABAs that were charged but are in no document of %s sum to %s over all accounts: restate that sum (uninvoiced) if Meta will not invoice them.", seal.Month, sum)
	}
	limits, err := c.Settings.allow(meta.Actor, seal.Month, AbsoluteSums(accounts))
	if err != nil {
		return nil, err
	}
	return append(events, &ReconciliationApproved{Proposal: seal.Proposal, Run: seal.Run, Actor: meta.Actor, Uninvoiced: sum, Limits: limits}), nil
}

// approvable is the proposal to approve. One that lists unallocated lines is
// worked out again once Finance has allocated them all. The accounts are
// those that it posts to.
func (r *Reconciliation) approvable(meta domain.Meta, c *ApproveReconciliation) (*ReconciliationProposed, []AccountSummary, []domain.Event, error) {
	if !r.NeedsInput() {
		return &r.latest.ReconciliationProposed, r.latest.Accounts, nil, nil
	}
	left := r.latest.Unallocated
	if c.Input != nil {
		now, err := r.compute(c.Input)
		if err != nil {
			return nil, nil, nil, err
		}
		if left = now.Unallocated; len(left) == 0 {
			events := proposalEvents(now, ReconciliationProposed{
				Proposal: r.proposals + 1, Run: r.run + 1, Actor: r.latest.Actor, RestatedBy: meta.Actor,
				Tolerances: c.Settings.tolerated(),
			})
			return events[len(events)-1].(*ReconciliationProposed), now.takingPart(), events, nil
		}
	}
	names := make([]string, len(left))
	for i := range left {
		names[i] = fmt.Sprintf("line %d of %s (WABA %s)", left[i].Line, left[i].InvoiceID, left[i].WABAID)
	}
	return nil, nil, nil, domain.Reject(domain.UnallocatedLines, "Allocate to a partner or accept as own cost first: %s.", named(names))
}

// samePerson compares actors without regard to case and outer blanks: R29 is
// not to be had by writing a name differently.
func samePerson(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
