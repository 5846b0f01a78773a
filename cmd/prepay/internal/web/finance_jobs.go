package web

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// maxJobs bounds the jobs that are remembered (jobs); what ended first is
	// forgotten first.
	maxJobs = 100
	// jobWait is how long a page waits for a job that it began, before it
	// shows how far the job is (time).
	jobWait = 1500 * time.Millisecond
	// jobTimeout bounds a job (time).
	jobTimeout = 15 * time.Minute
)

// job is work that goes on without the page that began it.
type job struct {
	// done is closed when it ended.
	done chan struct{}
	// about is what it is about; its fields are the job's own until it ended.
	about any

	mu    sync.Mutex
	stage int
	err   error
}

// at says that a stage began.
func (j *job) at(stage int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stage = stage
}

// end says that it ended, and how.
func (j *job) end(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = err
	close(j.done)
}

// errEnding says that nothing is begun any more.
var errEnding = errors.New("the server is ending: nothing was done")

// state is how far it is; err is how it ended.
func (j *job) state() (stage int, ended bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case <-j.done:
		ended = true
	default:
	}
	return j.stage, ended, j.err
}

// jobs are those under way and the newest that ended, by name.
type jobs struct {
	mu  sync.Mutex
	all map[string]*job
	// order has the names, the oldest first.
	order []string
}

// find returns a job; nil where it is not remembered.
func (js *jobs) find(name string) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	return js.all[name]
}

// begin begins a job, unless one of this name is there already: fresh is false
// then. again begins it also where one of the name ended.
func (js *jobs) begin(name string, about any, again bool) (t *job, fresh bool) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if js.all == nil {
		js.all = map[string]*job{}
	}
	if t := js.all[name]; t != nil {
		if _, ended, _ := t.state(); !ended || !again {
			return t, false
		}
	} else {
		js.order = append(js.order, name)
	}
	t = &job{done: make(chan struct{}), about: about}
	js.all[name] = t
	js.forget()
	return t, true
}

// forget forgets jobs that ended, while there are too many.
func (js *jobs) forget() {
	for i := 0; i < len(js.order) && len(js.order) > maxJobs; {
		name := js.order[i]
		if _, ended, _ := js.all[name].state(); !ended {
			i++
			continue
		}
		delete(js.all, name)
		js.order = slices.Delete(js.order, i, i+1)
	}
}

// drop forgets a job that ended and was told.
func (js *jobs) drop(name string) {
	js.mu.Lock()
	defer js.mu.Unlock()
	delete(js.all, name)
	js.order = slices.DeleteFunc(js.order, func(n string) bool { return n == name })
}

// start does a job beside the page, and waits for it a little. It says whether
// it is a new one, whether it ended, and how.
func (w *Web) start(q *request, name string, about any, again bool, do func(context.Context, *job) error) (fresh, ended bool, err error) {
	t, fresh := w.jobs.begin(name, about, again)
	if fresh && !w.tasks.begin(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, jobTimeout)
		defer cancel()
		t.end(do(ctx, t))
	}) {
		t.end(errEnding)
	}
	timer := time.NewTimer(jobWait)
	defer timer.Stop()
	select {
	case <-t.done:
	case <-timer.C:
	case <-q.Context().Done():
		return fresh, false, q.Context().Err()
	}
	_, ended, err = t.state()
	return fresh, ended, err
}
