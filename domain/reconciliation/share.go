package reconciliation

import (
	"cmp"
	"math/bits"
	"slices"

	"prepayledger/domain/money"
)

// shareAmount splits an amount by weights of which one at least is above zero: exact to ShareDecimals, and the last with a weight takes the rest.
func shareAmount(amount money.Amount, weights []money.Amount) []money.Amount {
	parts := make([]money.Amount, len(weights))
	total, last := money.Zero(), 0
	for i, w := range weights {
		if w.Sign() > 0 {
			total, last = total.Add(w), i
		}
	}
	rest := amount
	for i, w := range weights {
		if i == last || w.Sign() <= 0 {
			continue
		}
		parts[i], _ = amount.Mul(w).Quo(total, ShareDecimals)
		rest = rest.Sub(parts[i])
	}
	parts[last] = rest
	return parts
}

// shareCount splits a count by weights with the largest remainder; without
// any weight the last takes all.
func shareCount(count int64, weights []int64) []int64 {
	parts := make([]int64, len(weights))
	total := uint64(0)
	for _, w := range weights {
		total += uint64(max(w, 0))
	}
	if total == 0 {
		parts[len(parts)-1] = count
		return parts
	}
	sign, n := int64(1), uint64(count)
	if count < 0 {
		sign, n = -1, uint64(-count)
	}
	remainders := make([]uint64, len(weights))
	order := make([]int, len(weights))
	left := n
	for i, w := range weights {
		hi, lo := bits.Mul64(n, uint64(max(w, 0)))
		whole, rem := bits.Div64(hi, lo, total)
		parts[i], remainders[i], order[i] = sign*int64(whole), rem, i
		left -= whole
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainders[b], remainders[a]) })
	for i := range int(left) {
		parts[order[i]] += sign
	}
	return parts
}
