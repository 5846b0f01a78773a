package desk

import (
	"slices"
	"strings"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/money"
)

// RefundLine is a refund through the processor, for people and machines.
type RefundLine struct {
	RefundID   string              `json:"refund_id"`
	RechargeID string              `json:"recharge_id"`
	Amount     money.Amount        `json:"amount"`
	Status     domain.RefundStatus `json:"status"`
	Attempt    int                 `json:"attempt"`
	Code       string              `json:"code,omitempty"`
	RetryAt    *time.Time          `json:"retry_at,omitempty"`
}

// RefundLines lists the account's refunds through the processor, by number.
func RefundLines(a *domain.Account) (lines []RefundLine) {
	for _, r := range a.Refunds {
		l := RefundLine{RefundID: r.RefundID, RechargeID: r.RechargeID, Amount: r.Amount, Status: r.Status, Attempt: r.Attempt, Code: r.Code}
		if !r.RetryAt.IsZero() {
			l.RetryAt = &r.RetryAt
		}
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b RefundLine) int { return strings.Compare(a.RefundID, b.RefundID) })
	return lines
}
