package web

import (
	"context"
	"sync"
)

// tasks are what pages began and that goes on without them.
type tasks struct {
	mu sync.Mutex
	wg sync.WaitGroup
	// ctx ends with the pages.
	ctx    context.Context
	cancel context.CancelFunc
	over   bool
}

func newTasks() *tasks {
	t := &tasks{}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// begin does something beside the request; false where the pages end just now.
func (t *tasks) begin(work func(ctx context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	t.wg.Go(func() { work(t.ctx) })
	return true
}

// end ends all tasks, and waits for them.
func (t *tasks) end() {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
	t.cancel()
	t.wg.Wait()
}
