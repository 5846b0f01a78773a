// Package intake carries usage from files into the ledger: it decodes on all
// cores, presents charges in the order of the lines, and keeps enough of them
// on their way that disk and processors are busy at the same time.
package intake

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/usage"
	"prepayledger/domain"
)

// window is how many batches (of at most 256 KiB of lines) are on their way to
// disk at once, about.
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

// Watch is told how an import goes; what is nil is not told.
type Watch struct {
	// Progress is told after each batch that was read.
	Progress func(Progress)
	// Results is told what became of the charges of a batch as soon as it is on
	// disk, in the order of the lines, by one goroutine. While it takes its time
	// the import waits; its error ends the import. The slice is used again.
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
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := pipeline{ctx: ctx, stop: stop, ledger: l, meta: l.NewCommand(m), watch: watch, flights: make(chan flight, window-1)}
	p.summary.Quarantined = map[string]int64{}
	landed := make(chan struct{})
	go func() {
		defer close(landed)
		p.land(context.WithoutCancel(ctx))
	}()
	stats, err := usage.ReadAll(ctx, src, usage.Options{Markets: l.Markets()}, p.batch)
	close(p.flights)
	<-landed // what is on its way counts, also when the reading ended badly
	p.summary.Read, p.summary.Tiers = stats, p.news
	if p.failed != nil {
		err = p.failed // it is why the reading ended, if it did not by itself
	}
	return p.summary, err
}

// pipeline is one import. One goroutine presents batches, another waits for
// them to be on disk.
type pipeline struct {
	ctx     context.Context
	stop    context.CancelCauseFunc
	ledger  *ledger.Ledger
	meta    domain.Meta
	watch   Watch
	at      Progress
	news    int64 // tiers
	flights chan flight
	flying  sync.WaitGroup

	// What follows belongs to the goroutine that waits.
	summary Summary
	results []Result
	failed  error
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
		c, err := p.ledger.StartCharging(p.ctx, p.meta, presented)
		if err != nil {
			return err
		}
		p.flying.Add(1)
		p.flights <- flight{under: c, presented: presented, lines: p.lines(b)}
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
	p.flying.Wait()
	if err := p.ctx.Err(); err != nil {
		return err
	}
	for _, t := range b.Tiers {
		news, err := p.ledger.RecordTier(p.ctx, p.meta, t.Change)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Pos, err)
		}
		if news {
			p.news++
		}
	}
	return nil
}

// land waits for batches in their order. After a failure those that were on
// their way are still counted.
func (p *pipeline) land(ctx context.Context) {
	for f := range p.flights {
		outcomes, err := f.under.Wait(ctx)
		if err == nil {
			p.summary.count(outcomes)
			if p.failed == nil {
				err = p.tell(&f, outcomes)
			}
		}
		if err != nil && p.failed == nil {
			p.failed = err
			p.stop(err)
		}
		p.flying.Done()
	}
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
