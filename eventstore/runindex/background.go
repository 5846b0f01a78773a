package runindex

import (
	"context"
	"slices"
)

// sealTables is the goroutine that writes full tables to runs, until the
// index fails or is drained.
func (x *Index) sealTables() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.failure == nil {
		if x.sealed == nil && x.drained {
			return
		}
		if x.sealed == nil || x.backlog() >= x.opts.MaxBacklog && !x.closed {
			// The background context never ends, nor does waiting fail.
			_ = x.wait(context.Background())
			continue
		}
		t := x.sealed
		x.mu.Unlock()
		err := x.seal(t)
		if err != nil {
			_ = x.fail(err) // which the next Put reports
		}
		x.mu.Lock()
	}
}

// backlog counts the newest runs that were never merged. mu is held.
func (x *Index) backlog() int {
	n := 0
	for n < len(x.runs) && x.opts.tier(x.runs[n].entries) == 0 {
		n++
	}
	return n
}

// seal writes the table to a run and takes the run in its place.
func (x *Index) seal(t *table) error {
	w, err := x.newRun(uint64(t.count))
	if err != nil {
		return err
	}
	if err := t.each(w.add); err != nil {
		w.abandon()
		return err
	}
	r, err := w.finish()
	if err != nil {
		w.abandon()
		return err
	}
	x.disk.Lock()
	x.mu.RLock()
	runs := slices.Concat([]*run{r}, x.runs)
	x.mu.RUnlock()
	err = x.install(runs, t.checkpoint, func() { x.sealed = nil; x.stats.Seals++ })
	x.disk.Unlock()
	if err != nil {
		r.unref() // the file stays: the manifest may name it already
		return err
	}
	t.clear()
	x.mu.Lock()
	x.spare = t
	x.notify()
	x.mu.Unlock()
	return nil
}

// mergeRuns is the goroutine that merges runs, until the context ends or the
// index fails.
func (x *Index) mergeRuns(ctx context.Context) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.failure == nil && ctx.Err() == nil {
		from, to := x.opts.pickMerge(x.runs)
		if to == 0 {
			_ = x.wait(ctx) // its error ends the loop
			continue
		}
		inputs, deepest := x.runs[from:to:to], to == len(x.runs)
		x.mu.Unlock()
		if err := x.merge(ctx, inputs, deepest); err != nil && ctx.Err() == nil {
			_ = x.fail(err) // which the next Put reports
		}
		x.mu.Lock()
	}
}

// merge replaces the runs, newest first, by one. Only this goroutine removes
// runs, so they stay open.
func (x *Index) merge(ctx context.Context, inputs []*run, deepest bool) error {
	w, err := x.newRun(sumEntries(inputs))
	if err != nil {
		return err
	}
	if err := mergeRuns(ctx, w, inputs, deepest); err != nil {
		w.abandon()
		return err
	}
	var output []*run
	if w.run.entries == 0 {
		w.abandon()
	} else if r, err := w.finish(); err != nil {
		w.abandon()
		return err
	} else {
		output = append(output, r)
	}
	return x.replace(inputs, output)
}

// replace installs the output of a merge and lets go of its inputs.
func (x *Index) replace(inputs, output []*run) error {
	x.disk.Lock()
	defer x.disk.Unlock()
	x.mu.RLock()
	at := slices.Index(x.runs, inputs[0]) // newer ones may have come
	runs := slices.Concat(x.runs[:at], output, x.runs[at+len(inputs):])
	covered := x.durable
	x.mu.RUnlock()
	err := x.install(runs, covered, func() {
		x.stats.Merges++
		x.stats.MergedEntries += sumEntries(inputs)
	})
	if err != nil {
		for _, r := range output {
			r.unref() // the file stays: the manifest may name it already
		}
		return err
	}
	for _, r := range inputs {
		r.obsolete.Store(true)
		r.unref()
	}
	return nil
}
