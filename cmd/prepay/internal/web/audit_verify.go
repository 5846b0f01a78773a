package web

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web/ui"
)

const (
	// verifyFolder is where a verification builds its own read models.
	verifyFolder = "verify-web"
	// verifyFile keeps the result of the last one.
	verifyFile = "verification.json"
)

// verification is a run of what prepay verify checks.
type verification struct {
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	// By is who began it.
	By string `json:"by"`
	// Outcome is verified, differs, busy or failed; empty while it runs.
	Outcome string `json:"outcome,omitempty"`
	// Problem says what differs.
	Problem string        `json:"problem,omitempty"`
	Found   desk.Verified `json:"found"`
}

// The outcomes.
const (
	verified       = "verified"
	verifyDiffers  = "differs"
	verifyBusy     = "busy"
	verifyFailed   = "failed"
	verifyStopped  = "The ledger was stopped meanwhile: begin again."
	verifyTooBusy  = "While everything was compared, the ledger went on. What did not move was whole; begin again when it is quieter."
	verifyNotKnown = "The ledger could not read all of it; its log says why."
)

// verifier runs one verification at a time.
type verifier struct {
	mu      sync.Mutex
	file    string
	last    *verification
	running *verification
}

// newVerifier reads the result of the last run.
func newVerifier(dataDir string) (*verifier, error) {
	v := &verifier{file: filepath.Join(dataDir, verifyFile)}
	text, err := os.ReadFile(v.file)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	last := &verification{}
	if json.Unmarshal(text, last) == nil { // one that was cut short is none
		v.last = last
	}
	return v, nil
}

// state is the last run, and the one that runs; nil for none.
func (v *verifier) state() (last, running *verification) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last, v.running
}

// begin says that a run begins; false where one runs already.
func (v *verifier) begin(r *verification) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.running != nil {
		return false
	}
	v.running = r
	return true
}

// end keeps a run's result.
func (v *verifier) end(r *verification) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last, v.running = r, nil
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(v.file, text, 0o600)
}

// verification shows the last run.
func (w *Web) verification(q *request) error {
	last, running := w.verifier.state()
	return q.show(ui.Page{Title: "Verification", Live: liveAll()}, verificationPage(last, running, w.desk.Ledger.Now()))
}

// startVerification begins a run beside the request. It changes nothing in the
// ledger.
func (w *Web) startVerification(q *request) error {
	run := &verification{StartedAt: w.desk.Ledger.Now(), By: q.who.Actor()}
	if !w.verifier.begin(run) {
		q.flash(ui.Warn, "A verification runs already.")
		return q.redirect("/audit/verification")
	}
	done := *run
	if !w.tasks.begin(func(ctx context.Context) { w.verify(ctx, &done) }) {
		return w.verifier.end(nil)
	}
	w.live.verification()
	return q.redirect("/audit/verification")
}

// verify runs a verification and keeps its result.
func (w *Web) verify(ctx context.Context, run *verification) {
	found, err := w.desk.Verify(ctx, filepath.Join(w.deps.Data, verifyFolder))
	run.Found, run.EndedAt = found, w.desk.Ledger.Now()
	switch {
	case err == nil:
		run.Outcome = verified
	case ctx.Err() != nil:
		run.Outcome, run.Problem = verifyFailed, verifyStopped
	case errors.Is(err, desk.ErrMoving):
		run.Outcome, run.Problem = verifyBusy, verifyTooBusy
	case errors.Is(err, desk.ErrDiffers):
		run.Outcome, run.Problem = verifyDiffers, err.Error()
	default:
		run.Outcome, run.Problem = verifyFailed, verifyNotKnown
	}
	if err != nil {
		w.log.Error("a verification did not succeed", zap.String("outcome", run.Outcome), zap.Error(err))
	}
	if err := w.verifier.end(run); err != nil {
		w.log.Error("the result of a verification could not be kept", zap.Error(err))
	}
	w.live.verification()
}
