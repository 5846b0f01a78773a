package rating

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"prepayledger/domain"
)

// TierChange is Meta's word that a WABA reached a volume tier (R9). Meta
// alone determines tiers: nothing is ever counted here.
type TierChange struct {
	WABAID string `json:"waba_id"`
	// Market is the region as Meta wrote it.
	Market string `json:"market"`
	// Category is as Meta wrote it, mostly in capitals.
	Category string `json:"category"`
	// Month is the effective month: the tier holds in that month only.
	Month domain.Month `json:"month"`
	// Tier is "from:to"; to may be MAX.
	Tier string `json:"tier"`
	// At is tier_update_time: the tier holds for what occurs from then on.
	At time.Time `json:"at"`
}

// ParseTier reads "from:to"; to may be MAX.
func ParseTier(text string) (from, to int64, err error) {
	left, right, _ := strings.Cut(text, ":")
	from, ok := parseVolume(left)
	if ok && strings.EqualFold(right, "MAX") {
		return from, MaxVolume, nil
	}
	to, okTo := parseVolume(right)
	if !ok || !okTo || to < from {
		return 0, 0, fmt.Errorf("%.40q is not a volume tier: write it like 250001:2000000 or 2000001:MAX", text)
	}
	return from, to, nil
}

// tierKey is what a tier belongs to, within a month; market and category in
// normal spelling.
type tierKey struct{ waba, market, category string }

// tierStep is a tier that was reached.
type tierStep struct {
	at   int64 // Unix seconds
	from int64 // the tier's lower bound
}

// tierSteps are the tiers reached, by month, each list in order of time.
type tierSteps map[domain.Month]map[tierKey][]tierStep

// with returns a copy that has the changes too. Only the months that the
// changes touch are copied. Of the same tier the earliest time holds: Meta
// repeats itself. A change whose tier can't be read is left out.
func (s tierSteps) with(changes []TierChange) tierSteps {
	next := maps.Clone(s)
	if next == nil {
		next = tierSteps{}
	}
	copied := map[domain.Month]bool{}
	for _, c := range changes {
		from, _, err := ParseTier(c.Tier)
		if err != nil {
			continue
		}
		if !copied[c.Month] {
			copied[c.Month] = true
			if next[c.Month] = maps.Clone(next[c.Month]); next[c.Month] == nil {
				next[c.Month] = map[tierKey][]tierStep{}
			}
		}
		k := tierKey{c.WABAID, NormalCategory(c.Market), NormalCategory(c.Category)}
		next[c.Month][k] = addStep(next[c.Month][k], tierStep{c.At.Unix(), from})
	}
	return next
}

// addStep returns a new list with the step in its place.
func addStep(steps []tierStep, add tierStep) []tierStep {
	out := make([]tierStep, 0, len(steps)+1)
	for _, s := range steps {
		if s.from != add.from {
			out = append(out, s)
		} else if s.at < add.at {
			add = s
		}
	}
	out = append(out, add)
	slices.SortFunc(out, func(a, b tierStep) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.from, b.from)) })
	return out
}

// at returns the lower bound of the tier that holds at the instant.
func (s tierSteps) at(month domain.Month, k tierKey, at int64) (from int64, ok bool) {
	steps := s[month][k]
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].at <= at {
			return steps[i].from, true
		}
	}
	return 0, false
}
