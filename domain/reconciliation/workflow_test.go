package reconciliation

import (
	"strings"
	"testing"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// set gives commands to settings and folds what they answer.
func set(t *testing.T, s *Settings, cmds ...domain.Command) {
	t.Helper()
	for _, c := range cmds {
		events, err := s.Decide(by("finance:lead"), c)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if err := s.Apply(e); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func limit(pattern, max string) *SetApprovalLimit {
	m := amt(max)
	return &SetApprovalLimit{Pattern: pattern, Currency: "EUR", Max: &m}
}

// TestApprovalLimits: the longest pattern that fits decides, an actor without
// one may not approve where there are limits, and other currencies are free.
func TestApprovalLimits(t *testing.T) {
	s := &Settings{}
	posts := []CurrencySum{{"EUR", amt("100")}, {"USD", amt("1000000")}}
	if _, err := s.allow("anyone", month, posts); err != nil {
		t.Errorf("without limits: %v", err)
	}
	set(t, s, limit("finance:*", "50"), limit("finance:b*", "100"), limit("finance:ben", "99.99"), limit("*", "1"))
	for actor, want := range map[string]domain.Code{
		"finance:ana": domain.ApprovalLimit, "finance:bob": "", " Finance:BOB ": "", "finance:ben": domain.ApprovalLimit,
		"sales:cem": domain.ApprovalLimit,
	} {
		held, err := s.allow(actor, month, posts)
		wantCode(t, err, want)
		if want == "" && (len(held) != 1 || !held[0].Amount.Equal(amt("100"))) {
			t.Errorf("%s: held %+v", actor, held)
		}
	}
	set(t, s, &SetApprovalLimit{Pattern: "*", Currency: "EUR"})
	if _, err := s.allow("sales:cem", month, posts); err == nil || !strings.Contains(err.Error(), "no approval limit is set") {
		t.Errorf("without a pattern of its own: %v", err)
	}
	if _, err := s.allow("sales:cem", month, []CurrencySum{{"EUR", money.Zero()}}); err != nil {
		t.Errorf("nothing to post: %v", err)
	}
	for _, bad := range []*SetApprovalLimit{limit("", "1"), limit("a*b", "1"), limit("**", "1"), limit("a", "-1"), {Pattern: "a", Currency: "euros"}} {
		if _, err := s.Decide(by("finance:lead"), bad); domain.RejectionCode(err) == "" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if events, err := s.Decide(by("finance:lead"), limit("FINANCE:*", "50.00")); err != nil || len(events) != 0 {
		t.Errorf("the same again: %v, %v", events, err)
	}
	_, err := s.Decide(by(""), limit("a", "1"))
	wantCode(t, err, domain.ActorRequired)
}

// TestLimitsHoldForTheAbsoluteSum: what is given back to one account does not
// offset what is taken from another.
func TestLimitsHoldForTheAbsoluteSum(t *testing.T) {
	in := one([]Usage{used("PA-1", "W1", "marketing", 10, "10"), used("PA-2", "W2", "marketing", 10, "10")},
		billed("W1", "marketing", 10, "4"), billed("W2", "marketing", 10, "16"))
	in.Accounts, in.Channels = append(in.Accounts, eur("PA-2")), append(in.Channels, paid("PA-2", "W2", "P2"))
	s := &Settings{}
	set(t, s, limit("finance:ben", "11.99"))
	r := NewReconciliation()
	apply := func(actor string, cmd domain.Command) error {
		events, err := r.Decide(by(actor), cmd)
		for _, e := range events {
			if err := r.Apply(e); err != nil {
				t.Fatal(err)
			}
		}
		return err
	}
	if err := apply("finance:ana", &ProposeReconciliation{Input: in, Settings: s}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, apply("finance:ben", &ApproveReconciliation{Settings: s}), domain.ApprovalLimit)
	set(t, s, limit("finance:ben", "12"))
	if err := apply("finance:ben", &ApproveReconciliation{Settings: s}); err != nil || len(r.Approval().Limits) != 1 {
		t.Errorf("%v, %+v", err, r.Approval())
	}
}

// TestTolerancesHideNothing: the same is posted with a tolerance and without.
func TestTolerancesHideNothing(t *testing.T) {
	in := one([]Usage{used("PA-1", "W1", "marketing", 10, "0.50"), used("PA-1", "W1", "utility", 3, "0.03")},
		billed("W1", "marketing", 10, "0.51"), billed("W1", "utility", 3, "0.06"))
	s := &Settings{}
	set(t, s, &SetTolerance{Currency: "EUR", Amount: amt("0.01")})
	proposal := func(s *Settings) *Proposal {
		r := NewReconciliation()
		events, err := r.Decide(by("finance:ana"), &ProposeReconciliation{Input: in, Settings: s})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if err := r.Apply(stored(t, e)); err != nil {
				t.Fatal(err)
			}
		}
		return r.Latest()
	}
	with, without := proposal(s), proposal(nil)
	if with.SHA256 != without.SHA256 || !with.Accounts[0].Post.Equal(without.Accounts[0].Post) {
		t.Errorf("the tolerance changed the posting: %s, %s", with.Accounts[0].Post, without.Accounts[0].Post)
	}
	sums := SumTolerated(with.Accounts, with.Lines, with.Tolerances)
	if len(sums) != 1 || sums[0].Lines != 1 || !sums[0].Sum.Equal(amt("-0.01")) {
		t.Errorf("tolerated: %+v", sums)
	}
	set(t, s, &SetTolerance{Currency: "EUR"})
	if len(s.Tolerances()) != 0 {
		t.Errorf("taken away: %+v", s.Tolerances())
	}
	_, err := s.Decide(by("finance:lead"), &SetTolerance{Currency: "EUR", Amount: amt("-1")})
	wantCode(t, err, domain.InvalidSetting)
}

// TestWithdrawal: a proposal can be withdrawn until it is approved; a posted
// run never.
func TestWithdrawal(t *testing.T) {
	in := one([]Usage{used("PA-1", "W1", "marketing", 10, "0.50")}, billed("W1", "marketing", 9, "0.45"))
	r := NewReconciliation()
	do := func(actor string, cmd domain.Command) error {
		events, err := r.Decide(by(actor), cmd)
		for _, e := range events {
			if err := r.Apply(stored(t, e)); err != nil {
				t.Fatal(err)
			}
		}
		return err
	}
	why := &WithdrawReconciliation{Reason: "memo missing"}
	wantCode(t, do("finance:ana", why), domain.NothingToReconcile)
	wantCode(t, do("finance:ana", &ProposeReconciliation{Input: in}), "")
	wantCode(t, do("finance:ana", &WithdrawReconciliation{Reason: " "}), domain.ReasonRequired)
	wantCode(t, do("", why), domain.ActorRequired)
	wantCode(t, do("finance:ana", why), "")
	wantCode(t, do("finance:ana", why), "") // again: nothing changes
	if r.Phase() != Withdrawn || r.Withdrawal() == nil || r.Postings() != nil {
		t.Errorf("phase %s", r.Phase())
	}
	wantCode(t, do("finance:ben", &ApproveReconciliation{}), domain.NothingToReconcile)
	wantCode(t, do("finance:ana", &ProposeReconciliation{Input: in}), "")
	wantCode(t, do("finance:ben", &ApproveReconciliation{}), "")
	wantCode(t, do("finance:ana", why), domain.AlreadyPosted)
	wantCode(t, do("system", &FinishPosting{}), "")
	wantCode(t, do("finance:ana", why), domain.AlreadyPosted)
	wantCode(t, do("finance:ana", &CommentReconciliation{Text: "done"}), "")
	wantCode(t, do("finance:ana", &CommentReconciliation{Text: " "}), domain.InvalidSetting)
	if len(r.Comments()) != 1 || r.Comments()[0].Proposal != 2 || r.Run() != 1 {
		t.Errorf("comments: %+v, run %d", r.Comments(), r.Run())
	}
}
