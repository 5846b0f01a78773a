package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/eventstore"
)

// with opens the data folder for a command and closes it afterwards.
func (g *globals) with(ctx context.Context, work func(*desk.Desk) error) (err error) {
	switch {
	case g.Server != "":
		return errNeedsFolder
	case g.opened != nil:
		return work(g.opened)
	}
	a, err := desk.Open(ctx, g.Data, app.Options{EventStore: g.EventStore, Clock: g.Now, Processor: processor(g.Payments)})
	if err != nil {
		return g.inUse(err)
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return work(a)
}

// once opens the data folder once for all that is asked and done in work; with
// --server there is nothing to open.
func (g *globals) once(ctx context.Context, work func() error) error {
	if g.Server != "" {
		return work()
	}
	return g.with(ctx, func(a *desk.Desk) error {
		g.opened = a
		defer func() { g.opened = nil }()
		return work()
	})
}

// inUse puts the lock of another process into a sentence for people.
func (g *globals) inUse(err error) error {
	if errors.Is(err, eventstore.ErrLocked) {
		return inUseError(g.Data)
	}
	return err
}

// inUseError says that another process has the folder; it matches
// eventstore.ErrLocked.
type inUseError string

// Error implements error.
func (e inUseError) Error() string {
	return fmt.Sprintf("%s is in use by another prepay: wait until it is done, or ask a running prepay serve with --server URL", string(e))
}

// Is makes errors.Is(err, eventstore.ErrLocked) true.
func (inUseError) Is(target error) bool { return target == eventstore.ErrLocked }

// read is with for commands that only look: a folder without data is an error
// that says so instead of an empty ledger.
func (g *globals) read(ctx context.Context, work func(*desk.Desk) error) error {
	if err := g.exists(); err != nil {
		return err
	}
	return g.with(ctx, work)
}

// exists refuses a folder without an event log, where that is where it is kept.
func (g *globals) exists() error {
	if g.EventStore != "" || g.Server != "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(g.Data, app.LogFolder)); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no data in %s: import something first, or name another folder with --data", g.Data)
	}
	return nil
}

// print writes v as JSON with --json, else what text makes.
func (g *globals) print(v any, text func(io.Writer)) error {
	if g.JSON {
		return writeJSON(g.Stdout, v)
	}
	text(g.Stdout)
	return nil
}

func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// readable checks all files before anything is taken from the first; - is the
// standard input.
func readable(files []string) error {
	for _, name := range files {
		if name == "-" {
			continue
		}
		info, err := os.Stat(name)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("there is no file %s: correct its name", name)
		}
		if err != nil {
			return err
		}
		if info.IsDir() {
			return fmt.Errorf("%s is a folder: name its files", name)
		}
	}
	return nil
}
