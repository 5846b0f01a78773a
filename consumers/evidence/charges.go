package evidence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
	"prepayledger/eventstore"
)

// MaxCorrected is how many charges of one line that were taken back are
// remembered to mark them: about 100 bytes each. Beyond it they are still
// listed and summed, but Charge.Corrected stays false.
const MaxCorrected = 1_000_000

// The kinds of what is listed.
const (
	KindCharge     = "charge"
	KindCorrection = "correction"
	KindCounted    = "counted"
)

// Charge is one charge, correction or free count of a line.
type Charge struct {
	// Kind is "charge", "correction" (a charge taken back: its amount is
	// negative) or "counted" (at no cost).
	Kind      string `json:"kind"`
	ChargeID  string `json:"charge_id"`
	ChannelID string `json:"channel_id"`
	Country   string `json:"country,omitempty"`
	// OccurredAt decides the month, RecordedAt whether it was late.
	OccurredAt time.Time `json:"occurred_at"`
	RecordedAt time.Time `json:"recorded_at"`
	// Price is the unit price; negative for a correction.
	Price money.Amount `json:"price"`
	// RateCardID and Tier tell where the price came from; an empty card is an
	// upstream rater's price (R9).
	RateCardID string `json:"rate_card_id,omitempty"`
	Tier       string `json:"tier,omitempty"`
	// Late says that it was recorded after a run of the month was posted.
	Late bool `json:"late"`
	// Corrected says that the charge was taken back: its correction is listed,
	// too.
	Corrected bool `json:"corrected,omitempty"`
}

// Sums are what the charges and lines come to.
type Sums struct {
	OnTime reconciliation.Figure `json:"on_time"`
	Late   reconciliation.Figure `json:"late"`
	// Listed is what of it was listed.
	Listed   reconciliation.Figure `json:"listed"`
	Invoiced reconciliation.Figure `json:"invoiced"`
	// Tie says that charges and lines sum to exactly the figures that were
	// compared, so that their difference is the line's difference.
	Tie bool `json:"tie"`
	// Events is how many events of the account's stream were read.
	Events int64 `json:"events"`
}

// Source is where the charges are read.
type Source struct {
	Store eventstore.Store
	Codec *codec.Codec
	// Stream is the account's stream.
	Stream string
}

// Charges gives each the charges of the line, in the order in which they were
// recorded, and sums all of them up. What each errs with ends the reading.
func (l *Line) Charges(ctx context.Context, from Source, each func(*Charge) error) (Sums, error) {
	r := reading{line: l, from: from, reader: from.Codec.NewReader(), each: each, corrected: map[string]bool{}}
	if !l.IsRounding() {
		if err := r.stream(ctx, r.corrections, domain.TypeChargeCorrected); err != nil {
			return r.sums, err
		}
		err := r.stream(ctx, r.event, domain.TypeConversationCharged, domain.TypeConversationCounted, domain.TypeChargeCorrected, domain.TypeReconciliationAdjusted)
		if err != nil {
			return r.sums, err
		}
	}
	r.tie()
	return r.sums, nil
}

// reading is one pass over a stream.
type reading struct {
	line      *Line
	from      Source
	reader    *codec.Reader
	each      func(*Charge) error
	corrected map[string]bool
	posted    bool
	sums      Sums
}

// stream reads the account's stream and decodes the events of some types.
func (r *reading) stream(ctx context.Context, take func(codec.Metadata, domain.Event) error, types ...string) error {
	r.sums.Events = 0
	for e, err := range r.from.Store.ReadStream(ctx, r.from.Stream, 0, eventstore.Forwards) {
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", r.from.Stream, err)
		}
		r.sums.Events++
		if !oneOf(e.Type, types) {
			continue
		}
		m, err := r.reader.DecodeMetadata(e.Metadata)
		var event domain.Event
		if err == nil {
			event, err = r.reader.Decode(e.Type, m.Version, e.Data)
		}
		if err == nil {
			err = take(m, event)
		}
		if err != nil {
			return fmt.Errorf("stream %s, revision %d: %w", r.from.Stream, e.Revision, err)
		}
	}
	return nil
}

func oneOf(s string, all []string) bool {
	for i := range all {
		if all[i] == s {
			return true
		}
	}
	return false
}

// is reports whether an event is of the line.
func (r *reading) is(month domain.Month, wabaID, market, category, pricingType string) bool {
	k := &r.line.Key
	return month == r.line.Month && wabaID == k.WABAID && market == k.Market &&
		reconciliation.NormalizeCategory(category) == k.Category && reconciliation.NormalizePricingType(pricingType) == k.PricingType
}

// corrections notes what was taken back.
func (r *reading) corrections(_ codec.Metadata, e domain.Event) error {
	c, ok := e.(*domain.ChargeCorrected)
	if ok && len(r.corrected) < MaxCorrected && r.is(c.Month, c.WABAID, c.Market, c.Category, c.PricingType) {
		r.corrected[c.ChargeID] = true
	}
	return nil
}

// event takes one event of the second pass.
func (r *reading) event(m codec.Metadata, e domain.Event) error {
	switch e := e.(type) {
	case *domain.ConversationCharged:
		if r.is(e.Month, e.WABAID, e.Market, e.Category, e.PricingType) {
			return r.add(1, &Charge{
				Kind: KindCharge, ChargeID: e.ChargeID, ChannelID: e.ChannelID, Country: e.Country, OccurredAt: e.OccurredAt,
				RecordedAt: m.RecordedAt, Price: e.Amount, RateCardID: e.RateCardID, Tier: e.Tier, Corrected: r.corrected[e.ChargeID],
			})
		}
	case *domain.ConversationCounted:
		if e.Why != "direct" && r.is(e.Month, e.WABAID, e.Market, e.Category, e.PricingType) {
			return r.add(1, &Charge{
				Kind: KindCounted, ChargeID: e.ChargeID, ChannelID: e.ChannelID, Country: e.Country, OccurredAt: e.OccurredAt,
				RecordedAt: m.RecordedAt,
			})
		}
	case *domain.ChargeCorrected:
		if r.is(e.Month, e.WABAID, e.Market, e.Category, e.PricingType) {
			return r.add(-1, &Charge{
				Kind: KindCorrection, ChargeID: e.ChargeID, ChannelID: e.ChannelID, OccurredAt: e.OccurredAt,
				RecordedAt: m.RecordedAt, Price: e.Amount.Neg(),
			})
		}
	case *domain.ReconciliationAdjusted:
		r.posted = r.posted || e.Month == r.line.Month
	}
	return nil
}

// add sums a charge up and lists it where it is wanted.
func (r *reading) add(count int64, c *Charge) error {
	c.Late = r.posted
	sum := &r.sums.OnTime
	if c.Late {
		sum = &r.sums.Late
	}
	addTo(sum, count, c.Price)
	if !r.line.lists(c.Late) {
		return nil
	}
	addTo(&r.sums.Listed, count, c.Price)
	return r.each(c)
}

func addTo(f *reconciliation.Figure, count int64, amount money.Amount) {
	f.Count += count
	f.Amount = f.Amount.Add(amount)
}

// tie compares the sums with the line.
func (r *reading) tie() {
	compared := &r.line.Compared
	for i := range r.line.Invoiced {
		addTo(&r.sums.Invoiced, r.line.Invoiced[i].Volume, r.line.Invoiced[i].Amount)
	}
	if r.line.IsRounding() {
		var converted money.Amount
		for i := range r.line.Counterparts {
			converted = converted.Add(r.line.Counterparts[i].Amount)
		}
		rounded := converted.RoundHalfEven(r.line.Currency.Decimals())
		r.sums.Invoiced.Amount = rounded.Sub(converted)
	}
	charged := reconciliation.Figure{Count: r.sums.OnTime.Count + r.sums.Late.Count, Amount: r.sums.OnTime.Amount.Add(r.sums.Late.Amount)}
	r.sums.Tie = same(charged, compared.Charged) && same(r.sums.Late, compared.Late) && same(r.sums.Invoiced, compared.Invoiced)
}

func same(a, b reconciliation.Figure) bool { return a.Count == b.Count && a.Amount.Equal(b.Amount) }
