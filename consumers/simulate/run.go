package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// Rejected is a line that the rules refused; the run went on.
type Rejected struct {
	Line    int         `json:"line"`
	Do      string      `json:"do"`
	Code    domain.Code `json:"code"`
	Message string      `json:"message"`
}

// Clock is the simulated time: it stands still between the lines.
type Clock struct{ now time.Time }

// Now returns the instant of the line that is being worked.
func (c *Clock) Now() time.Time { return c.now }

// Run is one run of a scenario.
type Run struct {
	ledger *ledger.Ledger
	store  eventstore.Store
	clock  *Clock
	files  fs.FS

	decoder    *usage.Decoder
	batch      usage.Batch
	duplicates map[string]int
	partners   []string
	rejected   []Rejected
	hour       time.Time
}

// New returns a run on a ledger that was opened with clock.Now and
// Options.Exact; files are those that the scenario names.
func New(l *ledger.Ledger, store eventstore.Store, clock *Clock, files fs.FS) *Run {
	return &Run{
		ledger: l, store: store, clock: clock, files: files,
		decoder: usage.NewDecoder(usage.Options{Markets: l.Markets()}), duplicates: map[string]int{},
	}
}

// IDs returns a source of ids that is the same in every run, for
// ledger.Options: two runs of a scenario are alike byte for byte.
func IDs() func() uuid.UUID {
	var n atomic.Uint64
	return func() uuid.UUID {
		return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "simulate-%d", n.Add(1)))
	}
}

// Scenario works all lines and then what falls due up to the last one.
func (r *Run) Scenario(ctx context.Context, in io.Reader) error {
	err := read(in, func(l line) error {
		r.clock.now = l.at
		if hour := l.at.Truncate(time.Hour); hour.After(r.hour) {
			r.hour = hour
			if err := r.advance(ctx, l.at); err != nil {
				return err
			}
		}
		return r.line(ctx, l)
	})
	if err != nil {
		return err
	}
	return r.advance(ctx, r.clock.now)
}

// advance works what fell due in all accounts.
func (r *Run) advance(ctx context.Context, to time.Time) error {
	for _, p := range r.partners {
		if err := r.ledger.Advance(ctx, p, to); err != nil {
			return err
		}
	}
	return nil
}

// line works one happening; a rejection is kept and is no error.
func (r *Run) line(ctx context.Context, l line) error {
	err := r.do(ctx, l)
	var rejection *domain.Rejection
	if errors.As(err, &rejection) {
		r.rejected = append(r.rejected, Rejected{Line: l.number, Do: l.do, Code: rejection.Code, Message: rejection.Message})
		return nil
	}
	if err != nil && !errors.Is(err, ErrScenario) {
		return fmt.Errorf("line %d, %s: %w", l.number, l.do, err)
	}
	return err
}

func (r *Run) meta(l line) domain.Meta {
	return domain.Meta{At: l.at, Actor: l.text("actor")}
}

// charge presents a Charge line.
func (r *Run) charge(ctx context.Context, l line) error {
	if _, ok := l.optional("occurred_at"); !ok {
		at, _ := json.Marshal(l.at)
		l.fields["occurred_at"] = at
	}
	r.decoder.DecodeMessage(fmt.Sprintf("line %d", l.number), l.without("at", "do"), &r.batch)
	for i := range r.batch.Items {
		if c := &r.batch.Items[i].Charge; c.Malformed != "" {
			// Times are no part of a charge's content (R8).
			c.Raw = string(l.without("at", "do", "occurred_at"))
		}
	}
	return r.present(ctx, l)
}

// webhook presents what a Webhook line holds.
func (r *Run) webhook(ctx context.Context, l line) error {
	payload := []byte(l.fields["payload"])
	var text string
	if json.Unmarshal(payload, &text) == nil {
		payload = []byte(text)
	}
	r.decoder.DecodeMessage(fmt.Sprintf("line %d", l.number), payload, &r.batch)
	return r.present(ctx, l)
}

// present hands the decoded batch to the ledger.
func (r *Run) present(ctx context.Context, l line) error {
	m := domain.Meta{At: l.at, Actor: "system:simulate"}
	for _, t := range r.batch.Tiers {
		if _, err := r.ledger.RecordTier(ctx, m, t.Change); err != nil {
			return err
		}
	}
	if len(r.batch.Items) == 0 {
		return nil
	}
	presented := make([]ledger.Presented, len(r.batch.Items))
	for i, item := range r.batch.Items {
		presented[i] = ledger.Presented{Charge: item.Charge, PhoneNumberID: item.PhoneNumberID}
	}
	outcomes, err := r.ledger.Charge(ctx, m, presented)
	if err != nil {
		return err
	}
	for i, o := range outcomes {
		if o.Charge == domain.ChargeDuplicate {
			r.duplicates[presented[i].Charge.PartnerID]++
		}
	}
	return nil
}
