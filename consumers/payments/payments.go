// Package payments is the port to card processors, and the simulated one.
package payments

import (
	"context"
	"time"

	"prepayledger/domain"
)

// Outcome is how a card payment ended.
type Outcome struct {
	// At is when it ended; a processor that does not say leaves it zero.
	At time.Time
	// Succeeded says that the card was charged.
	Succeeded bool
	// Code says why not, such as "declined".
	Code string
	// Reference is the processor's own.
	Reference string
}

// Processor charges cards. Calls for one recharge id are idempotent: asking
// again never charges again (R16).
type Processor interface {
	// Charge charges the card of the request, or asks again how an earlier
	// attempt ended. Without a known outcome it reports false, and is to be
	// asked again under the same id.
	Charge(ctx context.Context, r *domain.RechargeRequested, now time.Time) (Outcome, bool, error)
	// CheckCard refuses a card reference that it can't charge, with a
	// sentence that says what is accepted.
	CheckCard(card string) error
}
