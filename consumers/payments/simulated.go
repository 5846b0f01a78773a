package payments

import (
	"context"
	"fmt"
	"strings"
	"time"

	"prepayledger/domain"
)

// The simulated cards. The card of the request decides:
//
//	sim_ok                       succeeds at once
//	sim_declined                 is declined at once
//	sim_declined_until=INSTANT   is declined before it, succeeds from it on
//	sim_unknown_until=INSTANT    no answer before it, success from it on
const (
	simPrefix        = "sim_"
	simOK            = "sim_ok"
	simDeclined      = "sim_declined"
	simDeclinedUntil = "sim_declined_until="
	simUnknownUntil  = "sim_unknown_until="
)

// Simulated is a processor without a bank behind it. It keeps nothing: the
// outcome follows from card and instant alone.
type Simulated struct{}

// Charge implements Processor.
func (Simulated) Charge(_ context.Context, r *domain.RechargeRequested, now time.Time) (Outcome, bool, error) {
	if !strings.HasPrefix(r.Card, simPrefix) {
		return Outcome{}, false, nil // a real processor's: it may have been charged there
	}
	ok := Outcome{At: r.RequestedAt, Succeeded: true, Reference: "sim-" + r.RechargeID}
	declined := Outcome{At: r.RequestedAt, Code: "declined"}
	if r.Card == simOK {
		return ok, true, nil
	}
	if until, found := strings.CutPrefix(r.Card, simDeclinedUntil); found {
		at, err := time.Parse(time.RFC3339Nano, until)
		if err == nil && !r.RequestedAt.Before(at) {
			return ok, true, nil
		}
		return declined, true, nil
	}
	if until, found := strings.CutPrefix(r.Card, simUnknownUntil); found {
		at, err := time.Parse(time.RFC3339Nano, until)
		if err != nil {
			return declined, true, nil
		}
		if at.After(ok.At) {
			ok.At = at.UTC()
		}
		return ok, !now.Before(ok.At), nil
	}
	return declined, true, nil
}

// PayOut implements Payer: the card that was charged decides, at the instant
// at which the outcome is asked for.
func (s Simulated) PayOut(ctx context.Context, p Payout, now time.Time) (Outcome, bool, error) {
	o, known, err := s.Charge(ctx, &domain.RechargeRequested{RechargeID: p.RefundID, Card: p.Card, RequestedAt: now}, now)
	return o, known, err
}

// CheckCard implements Processor.
func (Simulated) CheckCard(card string) error {
	if card == simOK || card == simDeclined {
		return nil
	}
	for _, prefix := range []string{simDeclinedUntil, simUnknownUntil} {
		if until, found := strings.CutPrefix(card, prefix); found {
			if _, err := time.Parse(time.RFC3339Nano, until); err != nil {
				return fmt.Errorf("card %.80q: write the instant like %s2026-10-10T09:00:00Z", card, prefix)
			}
			return nil
		}
	}
	return fmt.Errorf("card %.80q is not one of sim_ok, sim_declined, sim_declined_until=INSTANT, sim_unknown_until=INSTANT", card)
}
