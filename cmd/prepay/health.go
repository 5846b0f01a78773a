package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
)

// checkTimeout bounds one check of health (time).
const checkTimeout = 2 * time.Second

// health says that the process answers, and whether its log does.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	s.report(w, map[string]string{"log": s.checkLog(r.Context())}, "log")
}

// readiness says whether the ledger takes work, and how each part does. What
// goes out may lie behind without it: nothing is lost by that.
func (s *server) readiness(w http.ResponseWriter, r *http.Request) {
	parts := map[string]string{"log": s.checkLog(r.Context()), "views": s.checkViews(r.Context()), "nats": s.checkNATS(), "intake": healthy}
	if !s.listening.Load() {
		parts["intake"] = "stopped"
	}
	for _, f := range s.followers {
		parts["outbound_"+f.output.Name()] = f.state()
	}
	s.report(w, parts, "log", "views", "nats", "intake")
}

// healthy is a part's state when nothing is wrong.
const healthy = "ok"

// report writes the parts; those named decide the status.
func (s *server) report(w http.ResponseWriter, parts map[string]string, decide ...string) {
	status := http.StatusOK
	for _, name := range decide {
		if parts[name] != healthy {
			status = http.StatusServiceUnavailable
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = writeJSON(w, map[string]any{"ok": status == http.StatusOK, "parts": parts})
}

// checkLog asks the log for its end.
func (s *server) checkLog(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if _, err := s.lastPosition(ctx); err != nil {
		return err.Error()
	}
	return healthy
}

// checkViews says whether the read models come to where the log ends now.
func (s *server) checkViews(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	last, err := s.lastPosition(ctx)
	if err == nil {
		err = s.app.Views.Engine.WaitFor(ctx, last)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("more than %s behind", checkTimeout)
	}
	if err != nil {
		return err.Error()
	}
	return healthy
}

// checkNATS says how the connection is.
func (s *server) checkNATS() string {
	if status := s.conn.Status(); status != nats.CONNECTED {
		return status.String()
	}
	return healthy
}

// state says how a follower does.
func (f *follower) state() string {
	if why := f.halted.Load(); why != nil {
		return "halted: " + *why
	}
	if behind := f.behind(); behind > checkTimeout {
		return fmt.Sprintf("%s behind", behind.Round(time.Second))
	}
	return healthy
}
