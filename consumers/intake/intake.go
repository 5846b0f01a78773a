// Package intake carries usage from files into the ledger: it decodes on all
// cores, presents charges in the order of the lines, and keeps enough of them
// on their way that disk and processors are busy at the same time.
package intake

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
)

// window is how many batches (of at most 256 KiB of lines) are on their way to
// disk at once.
const window = 16

// Summary says what became of what was read.
type Summary struct {
	// Charged, Free and Duplicates count charges.
	Charged    int64 `json:"charged"`
	Free       int64 `json:"free"`
	Duplicates int64 `json:"duplicates"`
	// Quarantined counts by reason what is in quarantine now because of this
	// source; Repeated how many of them were there before.
	Quarantined map[string]int64 `json:"quarantined"`
	Repeated    int64            `json:"quarantined_before"`
	// Tiers counts volume tiers that were news.
	Tiers int64 `json:"tier_changes"`
	// Read counts lines, ignored statuses and changes.
	Read usage.Stats `json:"read"`
}

// Total is how many charges were presented.
func (s *Summary) Total() int64 {
	n := s.Charged + s.Free + s.Duplicates
	for _, q := range s.Quarantined {
		n += q
	}
	return n
}

// InQuarantine is how many charges were quarantined.
func (s *Summary) InQuarantine() (n int64) {
	for _, q := range s.Quarantined {
		n += q
	}
	return n
}

// Add adds another source's summary.
func (s *Summary) Add(o Summary) {
	s.Charged += o.Charged
	s.Free += o.Free
	s.Duplicates += o.Duplicates
	s.Repeated += o.Repeated
	s.Tiers += o.Tiers
	s.Read.Add(o.Read)
	if s.Quarantined == nil {
		s.Quarantined = map[string]int64{}
	}
	for reason, n := range maps.All(o.Quarantined) {
		s.Quarantined[reason] += n
	}
}

func (s *Summary) count(outcomes []domain.Outcome) {
	for i := range outcomes {
		switch o := &outcomes[i]; o.Charge {
		case domain.ChargeDeducted:
			s.Charged++
		case domain.ChargeFree:
			s.Free++
		case domain.ChargeDuplicate:
			s.Duplicates++
		case domain.ChargeQuarantinedResult:
			s.Quarantined[o.Reason.String()]++
			if !o.New {
				s.Repeated++
			}
		}
	}
}

// Progress is told after each batch.
type Progress struct {
	// Consumed is how many bytes of the source were read so far.
	Consumed int64
	// Presented is how many charges were presented so far.
	Presented int64
}

// Result is what became of one charge of a source, on disk.
type Result struct {
	// Line is where the charge stands, counted from 1.
	Line int
	ChargeReply
}

// Watch is told how an import goes; what is nil is not told. Its functions are
// called by the importing goroutine, which waits for them; an error ends the
// import.
type Watch struct {
	// Progress is told after each batch.
	Progress func(Progress)
	// Results is told what became of the charges of a batch, in the order of the
	// lines. The slice is used again.
	Results func([]Result) error
}

// Import is ImportWatched for those who want to know the progress at most;
// progress may be nil.
func Import(ctx context.Context, l *ledger.Ledger, m domain.Meta, src usage.Source, progress func(Progress)) (Summary, error) {
	return ImportWatched(ctx, l, m, src, Watch{Progress: progress})
}

// ImportWatched presents a source to the ledger. What it returns is on disk,
// also beside an error: a source that breaks in the middle, or a context that
// is cancelled, leaves what came before charged. Presenting it again changes
// nothing (R8).
func ImportWatched(ctx context.Context, l *ledger.Ledger, m domain.Meta, src usage.Source, watch Watch) (Summary, error) {
	m = l.NewCommand(m)
	p := pipeline{ctx: ctx, ledger: l, meta: m, watch: watch}
	p.summary.Quarantined = map[string]int64{}
	stats, err := usage.ReadAll(ctx, src, usage.Options{Markets: l.Markets()}, p.batch)
	p.summary.Read = stats
	// What is on its way counts, also when the reading ended badly.
	return p.summary, errors.Join(err, p.drain(context.WithoutCancel(ctx), 0))
}

// pipeline is one Import.
type pipeline struct {
	ctx     context.Context
	ledger  *ledger.Ledger
	meta    domain.Meta
	watch   Watch
	summary Summary
	flying  []flight
	at      Progress
	results []Result
}

// flight is a batch on its way to disk.
type flight struct {
	under     *ledger.Charging
	presented []ledger.Presented
	lines     []int // where results are watched
}

func (p *pipeline) batch(b *usage.Batch) error {
	if len(b.Tiers) > 0 {
		if err := p.tiers(b); err != nil {
			return err
		}
	}
	if len(b.Items) > 0 {
		presented := make([]ledger.Presented, len(b.Items))
		for i := range b.Items {
			presented[i] = ledger.Presented{Charge: b.Items[i].Charge, PhoneNumberID: b.Items[i].PhoneNumberID}
		}
		if err := p.drain(p.ctx, window-1); err != nil {
			return err
		}
		c, err := p.ledger.StartCharging(p.ctx, p.meta, presented)
		if err != nil {
			return err
		}
		p.flying = append(p.flying, flight{under: c, presented: presented, lines: p.lines(b)})
	}
	p.at.Consumed = b.Consumed
	p.at.Presented += int64(len(b.Items))
	if p.watch.Progress != nil {
		p.watch.Progress(p.at)
	}
	return nil
}

// lines keeps where the charges of a batch stand, for those who want to know.
func (p *pipeline) lines(b *usage.Batch) []int {
	if p.watch.Results == nil {
		return nil
	}
	lines := make([]int, len(b.Items))
	for i := range b.Items {
		lines[i] = b.Items[i].Pos.Line
	}
	return lines
}

// tiers applies volume tiers before what follows is rated.
func (p *pipeline) tiers(b *usage.Batch) error {
	if err := p.drain(p.ctx, 0); err != nil {
		return err
	}
	for _, t := range b.Tiers {
		news, err := p.ledger.RecordTier(p.ctx, p.meta, t.Change)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Pos, err)
		}
		if news {
			p.summary.Tiers++
		}
	}
	return nil
}

// drain waits until at most so many batches are on their way.
func (p *pipeline) drain(ctx context.Context, most int) error {
	for len(p.flying) > most {
		f := p.flying[0]
		outcomes, err := f.under.Wait(ctx)
		if err != nil {
			return err
		}
		p.flying = p.flying[1:]
		p.summary.count(outcomes)
		if err := p.tell(&f, outcomes); err != nil {
			return err
		}
	}
	return nil
}

// tell tells what became of a batch.
func (p *pipeline) tell(f *flight, outcomes []domain.Outcome) error {
	if p.watch.Results == nil {
		return nil
	}
	p.results = p.results[:0]
	for i := range outcomes {
		p.results = append(p.results, Result{f.lines[i], ReplyOf(&f.presented[i].Charge, &outcomes[i])})
	}
	return p.watch.Results(p.results)
}
