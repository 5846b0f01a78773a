package ledger

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"

	"prepayledger/domain"
	"prepayledger/eventstore"
	"prepayledger/eventstore/decider"
)

// Presented is a charge as it arrived, with what finds its channel.
type Presented struct {
	Charge domain.Charge
	// PhoneNumberID finds partner and channel where the charge names none.
	PhoneNumberID string
}

// Charging is a batch of charges on its way.
type Charging struct {
	calls  []*decider.Call[Command, Result]
	places [][]int
	total  int
	// end ends its span; a second time does nothing.
	end func(error)
}

// Charge presents charges in order and returns what became of each when it is
// on disk. The slice may be reused after Wait.
func (l *Ledger) Charge(ctx context.Context, m domain.Meta, charges []Presented) ([]domain.Outcome, error) {
	c, err := l.StartCharging(ctx, m, charges)
	if err != nil {
		return nil, err
	}
	return c.Wait(ctx)
}

// ChargeOne presents one charge and returns what became of it when it is on
// disk. Charges that many callers present at once go to disk together. It
// completes p's partner and channel; p may be used again afterwards, unless the
// context ended.
func (l *Ledger) ChargeOne(ctx context.Context, m domain.Meta, p *Presented) (o domain.Outcome, err error) {
	l.complete(&m)
	if err := l.holdBack(ctx, 1); err != nil {
		return o, err
	}
	ctx, end := l.traced(ctx, &m, "charge")
	defer func() { end(err) }()
	stream, err := l.route(ctx, p)
	if err != nil {
		return o, err
	}
	results, err := l.engine.Do(ctx, stream, Command{Meta: m, Do: &p.Charge})
	if err != nil {
		return o, fmt.Errorf("charge: %w", err)
	}
	return results[0].Outcome, nil
}

// StartCharging queues charges: those of one account are decided in the order
// in which they were queued. It waits where the charge index lags too far
// behind (MaxIndexLag).
func (l *Ledger) StartCharging(ctx context.Context, m domain.Meta, charges []Presented) (*Charging, error) {
	l.complete(&m)
	if err := l.holdBack(ctx, len(charges)); err != nil {
		return nil, err
	}
	ctx, end := l.traced(ctx, &m, "charges", attribute.Int("charges", len(charges)))
	c := &Charging{total: len(charges), end: end}
	groups := map[string]int{}
	var commands [][]Command
	var streams []string
	for i := range charges {
		stream, err := l.route(ctx, &charges[i])
		if err != nil {
			end(err)
			return nil, err
		}
		g, ok := groups[stream]
		if !ok {
			g = len(streams)
			groups[stream] = g
			streams = append(streams, stream)
			commands = append(commands, nil)
			c.places = append(c.places, nil)
		}
		commands[g] = append(commands[g], Command{Meta: m, Do: &charges[i].Charge})
		c.places[g] = append(c.places[g], i)
	}
	for g, stream := range streams {
		c.calls = append(c.calls, l.engine.Submit(stream, commands[g]))
	}
	return c, nil
}

// Wait returns what became of each charge, in the order of presentation.
func (c *Charging) Wait(ctx context.Context) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, c.total)
	for g, call := range c.calls {
		results, err := call.Wait(ctx)
		if err != nil {
			err = fmt.Errorf("charge: %w", err)
			c.end(err)
			return nil, err
		}
		for i, r := range results {
			outcomes[c.places[g][i]] = r.Outcome
		}
	}
	c.end(nil)
	return outcomes, nil
}

// Each waits as Wait does and tells of each charge by its place in the order of
// presentation, account by account: one account's failure is not another's.
func (c *Charging) Each(ctx context.Context, each func(place int, o domain.Outcome, err error)) {
	var failed error
	defer func() { c.end(failed) }()
	for g, call := range c.calls {
		results, err := call.Wait(ctx)
		if err != nil {
			err = fmt.Errorf("charge: %w", err)
			failed = err
		}
		for i, place := range c.places[g] {
			if err != nil {
				each(place, domain.Outcome{}, err)
				continue
			}
			each(place, results[i].Outcome, nil)
		}
	}
}

// route finds the stream of a charge and completes its partner and channel.
func (l *Ledger) route(ctx context.Context, p *Presented) (string, error) {
	if p.Charge.PartnerID == "" && p.PhoneNumberID != "" {
		refs, err := l.views.ChannelsByPhoneNumberID(ctx, p.PhoneNumberID)
		if err != nil {
			return "", err
		}
		if ref, ok := channelAt(refs, &p.Charge); ok {
			p.Charge.PartnerID, p.Charge.ChannelID = ref.PartnerID, ref.ChannelID
		}
	}
	p.Charge.PhoneNumberID = p.PhoneNumberID
	if l.Exists(p.Charge.PartnerID) {
		return AccountStream(p.Charge.PartnerID), nil
	}
	return UnassignedStream, nil
}

// channelAt returns the channel that had the phone number id when the charge
// occurred: the first that was cancelled after it, else the living one, else
// the last cancelled.
func channelAt(refs []ChannelRef, c *domain.Charge) (best ChannelRef, found bool) {
	for _, r := range refs {
		alive := r.CancelledAt.IsZero() || c.OccurredAt.Before(r.CancelledAt)
		bestAlive := found && (best.CancelledAt.IsZero() || c.OccurredAt.Before(best.CancelledAt))
		switch {
		case !found, alive && !bestAlive:
			best, found = r, true
		case alive && bestAlive && earlier(r, best), !alive && !bestAlive && best.CancelledAt.Before(r.CancelledAt):
			best = r
		}
	}
	return best, found
}

// earlier says that a ended before b; a living one never ends.
func earlier(a, b ChannelRef) bool {
	return !a.CancelledAt.IsZero() && (b.CancelledAt.IsZero() || a.CancelledAt.Before(b.CancelledAt))
}

// lag bounds what the charge index does not know yet. Positions say nothing
// about how many events lie between them, so charges are counted: at each half
// of MaxIndexLag those before the last half must be indexed.
type lag struct {
	charges int
	half    eventstore.Position
}

// holdBack waits while the charge index lags more than MaxIndexLag behind
// what this ledger wrote.
func (l *Ledger) holdBack(ctx context.Context, charges int) error {
	l.mu.Lock()
	l.lag.charges += charges
	if l.lag.charges < MaxIndexLag/2 {
		l.mu.Unlock()
		return nil
	}
	before := l.lag.half
	l.lag = lag{half: l.last}
	l.mu.Unlock()
	return l.views.WaitFor(ctx, before)
}
