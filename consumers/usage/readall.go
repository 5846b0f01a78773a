package usage

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
)

// blocksPerWorker is how many blocks may be under way for each decoder.
const blocksPerWorker = 3

// job is a block on its way to its batch.
type job struct {
	block Block
	batch Batch
	done  chan struct{} // has one element once the batch is filled
}

// ReadAll reads the source to its end and calls each with every batch, in
// order, from this goroutine; a batch is valid until each returns. It returns
// what was counted, also beside an error: that of each, of ctx, a HeaderError
// or a SourceError. A Read that is under way when ctx ends is waited for:
// close the source to cut it short.
func ReadAll(ctx context.Context, src Source, opts Options, each func(*Batch) error) (Stats, error) {
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	first := NewDecoder(opts)
	opts.Markets, opts.Free = first.markets, first.free // made once, shared
	ctx, stop := context.WithCancel(ctx)
	under := workers * blocksPerWorker
	p := &pipeline{work: make(chan *job, under), order: make(chan *job, under), free: make(chan *job, under)}
	for range under {
		p.free <- &job{done: make(chan struct{}, 1)}
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { p.split(ctx, NewSplitter(src)) })
	for i := range workers {
		d := first
		if i > 0 {
			d = NewDecoder(opts)
		}
		running.Go(func() { p.decode(d) })
	}
	return p.deliver(ctx, each)
}

// pipeline carries jobs from the splitter to the decoders and, in the order
// of the source, to the caller, and back to the splitter.
type pipeline struct {
	work, order, free chan *job
	err               error // why the splitter stopped; read after order is closed
}

// split fills jobs with blocks until the source or ctx ends.
func (p *pipeline) split(ctx context.Context, s *Splitter) {
	defer close(p.order)
	defer close(p.work)
	for {
		select {
		case <-ctx.Done():
			p.err = ctx.Err()
			return
		case j := <-p.free:
			if p.err = s.Next(&j.block); p.err != nil {
				return
			}
			// Neither can block: there are no more jobs than room.
			p.work <- j
			p.order <- j
		}
	}
}

// decode fills batches until the splitter stops.
func (p *pipeline) decode(d *Decoder) {
	for j := range p.work {
		d.DecodeBlock(&j.block, &j.batch)
		j.done <- struct{}{}
	}
}

// deliver calls each in order.
func (p *pipeline) deliver(ctx context.Context, each func(*Batch) error) (stats Stats, err error) {
	for j := range p.order {
		<-j.done
		if err := ctx.Err(); err != nil {
			return stats, err
		}
		if err := each(&j.batch); err != nil {
			return stats, err
		}
		stats.Add(j.batch.Stats)
		p.free <- j
	}
	if errors.Is(p.err, io.EOF) {
		return stats, nil
	}
	return stats, p.err
}
