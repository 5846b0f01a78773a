package reconciliation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// SettingsStream keeps the settings of month ends: who may approve how much,
// and which differences count as tolerated.
const SettingsStream = "reconciliation-settings"

// The names under which the settings' events are stored. They never change.
const (
	TypeApprovalLimitSet = "ApprovalLimitSet"
	TypeToleranceSet     = "ToleranceSet"
)

// ApprovalLimitSet says how much the actors of a pattern may approve in one
// run (R29). A later one for the same pattern and currency replaces it.
type ApprovalLimitSet struct {
	// Pattern is an actor's name, or its beginning followed by *.
	Pattern  string         `json:"actor_pattern"`
	Currency money.Currency `json:"currency"`
	// Max is the largest absolute sum; absent takes the limit away.
	Max   *money.Amount `json:"max,omitempty"`
	Actor string        `json:"actor"`
}

// ToleranceSet says up to which absolute difference of a line people need not
// look at it. It is posted all the same: a tolerance hides no cent.
type ToleranceSet struct {
	Currency money.Currency `json:"currency"`
	// Amount of zero takes the tolerance away.
	Amount money.Amount `json:"amount"`
	Actor  string       `json:"actor"`
}

// EventType implements domain.Event.
func (*ApprovalLimitSet) EventType() string { return TypeApprovalLimitSet }
func (*ToleranceSet) EventType() string     { return TypeToleranceSet }

// SetApprovalLimit sets or, without Max, takes away a limit.
type SetApprovalLimit struct {
	Pattern  string
	Currency string
	Max      *money.Amount
}

// SetTolerance sets a tolerance; zero takes it away.
type SetTolerance struct {
	Currency string
	Amount   money.Amount
}

// CommandName implements domain.Command.
func (*SetApprovalLimit) CommandName() string { return "SetApprovalLimit" }
func (*SetTolerance) CommandName() string     { return "SetTolerance" }

// ApprovalLimit is how much the actors of a pattern may approve in one run:
// the sum of the absolute adjustments of all accounts of the currency.
type ApprovalLimit struct {
	Pattern  string         `json:"actor_pattern"`
	Currency money.Currency `json:"currency"`
	Max      money.Amount   `json:"max"`
}

// Settings is the state of the settings' stream. The zero value has none.
type Settings struct {
	limits     []ApprovalLimit
	tolerances []CurrencySum
}

// Limits are all limits by currency and pattern. They must not be changed.
func (s *Settings) Limits() []ApprovalLimit { return s.limits }

// Tolerances are all tolerances by currency. They must not be changed.
func (s *Settings) Tolerances() []CurrencySum { return s.tolerances }

// Apply folds an event into the state; it errs with ErrStream.
func (s *Settings) Apply(e domain.Event) error {
	switch e := e.(type) {
	case *ApprovalLimitSet:
		at, found := s.limit(e.Currency, e.Pattern)
		s.limits = slices.Clone(s.limits)
		switch {
		case e.Max == nil && found:
			s.limits = slices.Delete(s.limits, at, at+1)
		case e.Max != nil && found:
			s.limits[at].Max = *e.Max
		case e.Max != nil:
			s.limits = slices.Insert(s.limits, at, ApprovalLimit{e.Pattern, e.Currency, *e.Max})
		}
		return nil
	case *ToleranceSet:
		at, found := slices.BinarySearchFunc(s.tolerances, e.Currency, func(t CurrencySum, c money.Currency) int { return cmp.Compare(t.Currency, c) })
		s.tolerances = slices.Clone(s.tolerances)
		if found {
			s.tolerances = slices.Delete(s.tolerances, at, at+1)
		}
		if !e.Amount.IsZero() {
			s.tolerances = slices.Insert(s.tolerances, at, CurrencySum{Currency: e.Currency, Amount: e.Amount})
		}
		return nil
	}
	return fmt.Errorf("%w: event %s in the settings of month ends", ErrStream, e.EventType())
}

func (s *Settings) limit(currency money.Currency, pattern string) (at int, found bool) {
	return slices.BinarySearchFunc(s.limits, ApprovalLimit{Pattern: pattern, Currency: currency}, func(l, w ApprovalLimit) int {
		return cmp.Or(cmp.Compare(l.Currency, w.Currency), cmp.Compare(l.Pattern, w.Pattern))
	})
}

// Decide answers a command with events, none where nothing changes, or with
// a *domain.Rejection. It changes nothing.
func (s *Settings) Decide(meta domain.Meta, cmd domain.Command) ([]domain.Event, error) {
	if meta.Actor == "" {
		return nil, rejectNoActor()
	}
	switch c := cmd.(type) {
	case *SetApprovalLimit:
		return s.setLimit(meta, c)
	case *SetTolerance:
		return s.setTolerance(meta, c)
	}
	return nil, domain.Reject(domain.InvalidSetting, "This version does not know the command %s for the settings of month ends.", cmd.CommandName())
}

func (s *Settings) setLimit(meta domain.Meta, c *SetApprovalLimit) ([]domain.Event, error) {
	pattern := strings.ToLower(strings.TrimSpace(c.Pattern))
	if pattern == "" || len(pattern) > MaxFieldBytes || strings.Contains(strings.TrimSuffix(pattern, "*"), "*") {
		return nil, domain.Reject(domain.InvalidSetting, "actor_pattern %.40q: write an actor such as finance:ana, or the beginning of several and * at its end, such as finance:*.", c.Pattern)
	}
	currency, err := money.ParseCurrency(c.Currency)
	if err != nil {
		return nil, domain.Reject(domain.UnsupportedCurrency, "%.10q is not a currency of ISO 4217: write it like EUR.", c.Currency)
	}
	if c.Max != nil && c.Max.Sign() < 0 {
		return nil, domain.Reject(domain.InvalidSetting, "max is %s; it can't be negative.", c.Max)
	}
	at, found := s.limit(currency, pattern)
	if !found && c.Max == nil || found && c.Max != nil && s.limits[at].Max.Equal(*c.Max) {
		return nil, nil
	}
	if !found && len(s.limits) >= MaxApprovalLimits {
		return nil, domain.Reject(domain.InvalidSetting, "There are %d approval limits already: take one away first.", len(s.limits))
	}
	return []domain.Event{&ApprovalLimitSet{Pattern: pattern, Currency: currency, Max: c.Max, Actor: meta.Actor}}, nil
}

func (s *Settings) setTolerance(meta domain.Meta, c *SetTolerance) ([]domain.Event, error) {
	currency, err := money.ParseCurrency(c.Currency)
	if err != nil {
		return nil, domain.Reject(domain.UnsupportedCurrency, "%.10q is not a currency of ISO 4217: write it like EUR.", c.Currency)
	}
	if c.Amount.Sign() < 0 {
		return nil, domain.Reject(domain.InvalidSetting, "The tolerance is %s; it can't be negative.", c.Amount)
	}
	if c.Amount.Equal(toleranceOf(s.tolerances, currency)) {
		return nil, nil
	}
	return []domain.Event{&ToleranceSet{Currency: currency, Amount: c.Amount, Actor: meta.Actor}}, nil
}

// tolerated are the tolerances that a proposal states.
func (s *Settings) tolerated() []CurrencySum {
	if s == nil {
		return nil
	}
	return s.tolerances
}

// toleranceOf is the tolerance in a currency, zero where there is none.
func toleranceOf(tolerances []CurrencySum, currency money.Currency) money.Amount {
	for _, t := range tolerances {
		if t.Currency == currency {
			return t.Amount
		}
	}
	return money.Zero()
}

// limitOf is what an actor may approve in a currency. limited is false where
// the currency has no limit at all; found is false where it has limits and
// none of them is the actor's. Of several patterns that fit the longest holds:
// it says most about the actor.
func (s *Settings) limitOf(actor string, currency money.Currency) (limit money.Amount, limited, found bool) {
	actor = strings.ToLower(strings.TrimSpace(actor))
	longest := -1
	for i := range s.limits {
		l := &s.limits[i]
		if l.Currency != currency {
			continue
		}
		limited = true
		beginning, several := strings.CutSuffix(l.Pattern, "*")
		fits := actor == l.Pattern || several && strings.HasPrefix(actor, beginning)
		length := len(beginning)
		if !several {
			length = MaxFieldBytes + 1 // the actor's own name beats every pattern
		}
		if fits && length > longest {
			limit, found, longest = l.Max, true, length
		}
	}
	return limit, limited, found
}

// allow rejects (approval_limit) an approval of more than the actor may
// approve, and returns the limits that held.
func (s *Settings) allow(actor string, month domain.Month, posts []CurrencySum) ([]CurrencySum, error) {
	if s == nil {
		return nil, nil
	}
	var held []CurrencySum
	for _, p := range posts {
		limit, limited, found := s.limitOf(actor, p.Currency)
		switch {
		case !limited || p.Amount.IsZero():
			continue
		case !found:
			return nil, domain.Reject(domain.ApprovalLimit, "%s may not approve adjustments in %s: no approval limit is set for this actor. Have somebody approve who has one, or set it with prepay month limits.", actor, p.Currency)
		case limit.Less(p.Amount):
			return nil, domain.Reject(domain.ApprovalLimit, "The adjustments of %s sum to %s %s without regard to sign, and %s may approve up to %s %s: have somebody with a higher limit approve it.", month, p.Amount, p.Currency, actor, limit, p.Currency)
		}
		held = append(held, CurrencySum{Currency: p.Currency, Amount: limit})
	}
	return held, nil
}

// AbsoluteSums are the sums of what is posted to accounts without regard to
// sign, per currency: what approval limits are about.
func AbsoluteSums(accounts []AccountSummary) []CurrencySum {
	sums := map[money.Currency]money.Amount{}
	for i := range accounts {
		a := &accounts[i]
		sums[a.Currency] = sums[a.Currency].Add(a.Post.Abs())
	}
	all := make([]CurrencySum, 0, len(sums))
	for _, currency := range sortedKeys(sums) {
		all = append(all, CurrencySum{Currency: currency, Amount: sums[currency]})
	}
	return all
}

// Tolerated sums the lines of one currency whose difference lies within the
// tolerance. They are posted like all others.
type Tolerated struct {
	Currency  money.Currency `json:"currency"`
	Tolerance money.Amount   `json:"tolerance"`
	Lines     int            `json:"lines"`
	// Sum is signed, Absolute is without regard to sign.
	Sum      money.Amount `json:"sum"`
	Absolute money.Amount `json:"absolute"`
}

// Within reports whether a line's difference is one that people need not look
// at; a line without difference is not.
func Within(tolerances []CurrencySum, currency money.Currency, difference money.Amount) bool {
	t := toleranceOf(tolerances, currency)
	return !difference.IsZero() && !t.Less(difference.Abs())
}

// SumTolerated sums what is tolerated, per currency that has a tolerance.
func SumTolerated(accounts []AccountSummary, lines map[string][]Line, tolerances []CurrencySum) []Tolerated {
	var all []Tolerated
	for _, t := range tolerances {
		sum := Tolerated{Currency: t.Currency, Tolerance: t.Amount}
		for i := range accounts {
			if accounts[i].Currency != t.Currency {
				continue
			}
			for j := range lines[accounts[i].PartnerID] {
				if d := lines[accounts[i].PartnerID][j].Difference; Within(tolerances, t.Currency, d) {
					sum.Lines++
					sum.Sum, sum.Absolute = sum.Sum.Add(d), sum.Absolute.Add(d.Abs())
				}
			}
		}
		all = append(all, sum)
	}
	return all
}
