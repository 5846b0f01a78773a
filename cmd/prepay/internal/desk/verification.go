package desk

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"
)

// verifyFolder is where a verification builds its own read models, in the data
// folder; it is deleted afterwards.
const verifyFolder = "verify"

// VerificationState says how a verification stands.
type VerificationState string

// The states.
const (
	// VerificationNever: none was started since the program started.
	VerificationNever VerificationState = "never"
	// VerificationRunning: it is under way.
	VerificationRunning VerificationState = "running"
	// VerificationWhole: log and read models agree.
	VerificationWhole VerificationState = "whole"
	// VerificationFailed: they don't agree, or it could not be told.
	VerificationFailed VerificationState = "failed"
)

// Verification is the last verification.
type Verification struct {
	State VerificationState `json:"state"`
	// By is who started it.
	By         string     `json:"by,omitempty"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	// Result is what was found to be whole.
	Result *Verified `json:"result,omitempty"`
	// Problem is what was found instead.
	Problem string `json:"problem,omitempty"`
}

// checking is the verification in the background.
type checking struct {
	mu     sync.Mutex
	last   Verification
	cancel context.CancelFunc
	done   chan struct{}
}

// end stops a verification that is under way, and waits for that.
func (c *checking) end() {
	c.mu.Lock()
	cancel, done := c.cancel, c.done
	c.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

// Verification returns the last verification since the program started.
func (d *Desk) Verification() Verification {
	d.checking.mu.Lock()
	defer d.checking.mu.Unlock()
	v := d.checking.last
	if v.State == "" {
		v.State = VerificationNever
	}
	return v
}

// StartVerification starts a verification in the background; ErrBusy where one
// is under way. It ends with Close.
func (d *Desk) StartVerification(by string) (Verification, error) {
	c := &d.checking
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last.State == VerificationRunning {
		return c.last, Busy("A verification is under way since %s, started by %s: see its result when it is done.", c.last.StartedAt.Format(time.RFC3339), c.last.By)
	}
	ctx, cancel := context.WithCancel(context.Background())
	start := d.Ledger.Now()
	c.last = Verification{State: VerificationRunning, By: by, StartedAt: &start}
	c.cancel, c.done = cancel, make(chan struct{})
	done := c.done
	go func() { // ends with the verification, at the latest with Close
		defer close(done)
		defer cancel()
		found, err := d.Verify(ctx, filepath.Join(d.Folder, verifyFolder))
		end := d.Ledger.Now()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last.FinishedAt = &end
		switch {
		case err == nil:
			c.last.State, c.last.Result = VerificationWhole, &found
		case errors.Is(err, context.Canceled):
			c.last.State, c.last.Problem = VerificationFailed, "It was stopped, because the program was: start it again."
		default:
			c.last.State, c.last.Problem = VerificationFailed, err.Error()
		}
	}()
	return c.last, nil
}

// WaitVerification waits until no verification is under way.
func (d *Desk) WaitVerification() {
	d.checking.mu.Lock()
	done := d.checking.done
	d.checking.mu.Unlock()
	if done != nil {
		<-done
	}
}
