package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
)

// verifyFolder is where verify builds its own read models; it is deleted
// afterwards.
const verifyFolder = "verify"

// verifyCmd proves that log and read models agree.
type verifyCmd struct{}

// Help implements kong.HelpProvider.
func (*verifyCmd) Help() string {
	return `Reads the whole log: checksums, numbering, the index of streams. Then replays
every account and compares it with its live state; builds all read models anew
beside the live ones and compares them byte for byte; and looks every charge up
in the index that tells duplicates apart (R8). It changes nothing.

  prepay verify`
}

// Run runs the command.
func (*verifyCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		v, err := a.Verify(ctx, filepath.Join(g.Data, verifyFolder))
		if err != nil {
			return err
		}
		return g.print(v, func(w io.Writer) {
			fmt.Fprintf(w, "The log is whole: %s in %s.\n", counted(int64(v.Events), "event", "events"), counted(int64(v.Streams), "stream", "streams"))
			fmt.Fprintf(w, "Its replay gives the live state of %s and all read models.\n", counted(int64(v.Accounts), "account", "accounts"))
			fmt.Fprintf(w, "The index knows every charge of it: %d.\n", v.Charges)
		})
	})
}

// rebuildCmd rebuilds the read models.
type rebuildCmd struct{}

// Help implements kong.HelpProvider.
func (*rebuildCmd) Help() string {
	return `Deletes everything but the event log and rebuilds it from the log. It also mends
read models that can't be opened any more.

  prepay rebuild`
}

// Run runs the command.
func (*rebuildCmd) Run(ctx context.Context, g *globals) error {
	if err := g.forgetViews(ctx); err != nil {
		return err
	}
	return g.read(ctx, func(a *desk.Desk) error {
		events := a.Views.Engine.Applied()
		return g.print(map[string]any{"events": events}, func(w io.Writer) {
			fmt.Fprintf(w, "Rebuilt from %d events.\n", events)
		})
	})
}

// forgetViews deletes what is rebuilt from the log. The log is opened
// meanwhile: without one nothing is deleted.
func (g *globals) forgetViews(ctx context.Context) (err error) {
	if err := g.exists(); err != nil {
		return err
	}
	lock, err := app.Lock(g.Data)
	if err != nil {
		return g.inUse(err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	store, err := app.OpenStore(g.Data, g.EventStore, nil)
	if err != nil {
		return g.inUse(err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if _, err := store.Last(ctx); err != nil {
		return err
	}
	return app.DeleteViews(g.Data)
}
