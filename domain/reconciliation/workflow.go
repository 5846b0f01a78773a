package reconciliation

import (
	"strings"
	"time"

	"prepayledger/domain"
)

// The names under which events are stored. They never change.
const (
	TypeReconciliationCommented = "ReconciliationCommented"
	TypeReconciliationWithdrawn = "ReconciliationWithdrawn"
)

// ReconciliationCommented is what somebody says about a month (R29). It
// changes nothing else.
type ReconciliationCommented struct {
	// Proposal is the newest at that time; 0 before the first.
	Proposal int       `json:"proposal"`
	Actor    string    `json:"actor"`
	Text     string    `json:"text"`
	At       time.Time `json:"at"`
}

// ReconciliationWithdrawn takes a proposal back that was not approved (R29).
type ReconciliationWithdrawn struct {
	Proposal int    `json:"proposal"`
	Run      int    `json:"run"`
	Actor    string `json:"actor"`
	Reason   string `json:"reason"`
}

// EventType implements domain.Event.
func (*ReconciliationCommented) EventType() string { return TypeReconciliationCommented }
func (*ReconciliationWithdrawn) EventType() string { return TypeReconciliationWithdrawn }

// CommentReconciliation says something about a month, at any time.
type CommentReconciliation struct{ Text string }

// WithdrawReconciliation takes the newest proposal back, by whoever proposed
// it or anybody else.
type WithdrawReconciliation struct{ Reason string }

// CommandName implements domain.Command.
func (*CommentReconciliation) CommandName() string  { return "CommentReconciliation" }
func (*WithdrawReconciliation) CommandName() string { return "WithdrawReconciliation" }

// Comments are all comments on the month, in order. They must not be changed.
func (r *Reconciliation) Comments() []*ReconciliationCommented { return r.comments }

// Withdrawal is how Latest was taken back; nil where it was not.
func (r *Reconciliation) Withdrawal() *ReconciliationWithdrawn {
	if r.phase != Withdrawn {
		return nil
	}
	return r.withdrawal
}

func (r *Reconciliation) comment(meta domain.Meta, c *CommentReconciliation) ([]domain.Event, error) {
	text := strings.TrimSpace(c.Text)
	switch {
	case meta.Actor == "":
		return nil, rejectNoActor()
	case text == "" || len(text) > MaxCommentBytes:
		return nil, domain.Reject(domain.InvalidSetting, "A comment has 1 to %d bytes.", MaxCommentBytes)
	case len(r.comments) >= MaxComments:
		return nil, domain.Reject(domain.InvalidSetting, "The month has %d comments: no more can be kept.", len(r.comments))
	}
	n := 0
	if r.latest != nil {
		n = r.latest.Proposal
	}
	return []domain.Event{&ReconciliationCommented{Proposal: n, Actor: meta.Actor, Text: text, At: meta.At}}, nil
}

func (r *Reconciliation) withdraw(meta domain.Meta, c *WithdrawReconciliation) ([]domain.Event, error) {
	reason := strings.TrimSpace(c.Reason)
	switch {
	case meta.Actor == "":
		return nil, rejectNoActor()
	case reason == "" || len(reason) > MaxCommentBytes:
		return nil, domain.Reject(domain.ReasonRequired, "Say why the proposal is withdrawn, in at most %d bytes.", MaxCommentBytes)
	case r.phase == Withdrawn:
		return nil, nil
	case r.phase == NotProposed:
		return nil, domain.Reject(domain.NothingToReconcile, "Nothing is proposed for this month: there is nothing to withdraw.")
	case r.phase != Proposed:
		return nil, domain.Reject(domain.AlreadyPosted, "Run %d of %s is %s: it can't be withdrawn. Correct what was wrong (documents, charges) and propose again: the next run posts the difference.", r.latest.Run, r.latest.Month, r.phase)
	}
	return []domain.Event{&ReconciliationWithdrawn{Proposal: r.latest.Proposal, Run: r.latest.Run, Actor: meta.Actor, Reason: reason}}, nil
}
