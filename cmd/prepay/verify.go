package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/projections"
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

// verified is what was found to be whole.
type verified struct {
	Events   uint64 `json:"events"`
	Appends  uint64 `json:"appends,omitempty"`
	Streams  uint64 `json:"streams"`
	Accounts int    `json:"accounts"`
	Charges  int64  `json:"charges"`
	Last     string `json:"last"`
}

// Run runs the command.
func (*verifyCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *app) error {
		report, err := verifyLog(ctx, a.store)
		if err != nil {
			return err
		}
		partners := a.views.accounts.Partners()
		for _, p := range partners {
			if err := a.verifyAccount(ctx, p); err != nil {
				return err
			}
		}
		charges, err := a.verifyViews(ctx, filepath.Join(g.Data, verifyFolder))
		if err != nil {
			return err
		}
		v := verified{report.Events, report.Appends, report.Streams, len(partners), charges, report.Last.String()}
		return g.print(v, func(w io.Writer) {
			fmt.Fprintf(w, "The log is whole: %s in %s.\n", counted(int64(v.Events), "event", "events"), counted(int64(v.Streams), "stream", "streams"))
			fmt.Fprintf(w, "Its replay gives the live state of %s and all read models.\n", counted(int64(v.Accounts), "account", "accounts"))
			fmt.Fprintf(w, "The index knows every charge of it: %d.\n", v.Charges)
		})
	})
}

// logReport is what was found in a log.
type logReport = embedded.Report

// verifyLog reads the whole log. The embedded one is also checked below its
// events: checksums, records, the index of streams.
func verifyLog(ctx context.Context, store eventstore.Store) (logReport, error) {
	if own, ok := store.(*embedded.Store); ok {
		return own.Verify(ctx)
	}
	var report logReport
	next := map[string]eventstore.Revision{}
	for r, err := range store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return report, err
		}
		if !report.Last.Before(r.Position) {
			return report, fmt.Errorf("%w: position %s follows %s", errDiffers, r.Position, report.Last)
		}
		if r.Revision != next[r.Stream] {
			return report, fmt.Errorf("%w: stream %s: revision %d follows %d", errDiffers, r.Stream, r.Revision, next[r.Stream]-1)
		}
		next[r.Stream]++
		report.Events++
		report.Last = r.Position
	}
	report.Streams = uint64(len(next))
	return report, nil
}

// verifyAccount replays an account and compares it with its live state.
func (a *app) verifyAccount(ctx context.Context, partner string) error {
	state := domain.NewAccount()
	err := a.fold(ctx, ledger.AccountStream(partner), func(_ eventstore.Recorded, _ codec.Metadata, e domain.Event) error { return state.Apply(e) })
	if err != nil {
		return err
	}
	return a.sameAsLive(partner, state)
}

// verifyViews builds all read models anew in the folder, compares them with
// the live ones, and returns how many charges the index was asked for.
func (a *app) verifyViews(ctx context.Context, folder string) (charges int64, err error) {
	if err := os.RemoveAll(folder); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	check := &indexCheck{index: a.views}
	fresh := newViews(a.store, a.views.codec)
	engine, err := projections.Open(ctx, folder, a.store, fresh.codec, fresh.models(), []projections.Sink{check}, projections.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	engine.Start()
	if err := engine.CatchUp(ctx); err != nil {
		return check.charges, err
	}
	return check.charges, sameViews(a.views.engine, engine)
}

// sameViews compares all that the models of two engines keep.
func sameViews(live, fresh *projections.Engine) error {
	one, other := sha256.New(), sha256.New()
	if err := live.Dump(one); err != nil {
		return err
	}
	if err := fresh.Dump(other); err != nil {
		return err
	}
	if [sha256.Size]byte(one.Sum(nil)) != [sha256.Size]byte(other.Sum(nil)) {
		return fmt.Errorf("%w: the read models are not what the log gives: run prepay rebuild", errDiffers)
	}
	return nil
}

// errDiffers says that something derived is not what the log gives.
var errDiffers = errors.New("verification failed")

// indexCheck looks every charge of the log up in the charge index (R8).
type indexCheck struct {
	index    ledger.Views
	charges  int64
	keys     []domain.ChargeKey
	contents []domain.ContentHash
	ids      []string
}

var _ projections.Sink = (*indexCheck)(nil)

// Checkpoint implements projections.Sink: it always begins at the start.
func (*indexCheck) Checkpoint() (eventstore.Position, error) { return eventstore.Start, nil }

// Commit implements projections.Sink.
func (*indexCheck) Commit(eventstore.Position) error { return nil }

// Apply implements projections.Sink.
func (c *indexCheck) Apply(ctx context.Context, facts []projections.Fact) error {
	c.keys, c.contents, c.ids = c.keys[:0], c.contents[:0], c.ids[:0]
	for i := range facts {
		switch e := facts[i].Event.(type) {
		case *domain.ConversationCharged:
			c.add(facts[i].PartnerID, e.ChargeID, e)
		case *domain.ConversationCounted:
			c.add(facts[i].PartnerID, e.ChargeID, e)
		}
	}
	c.charges += int64(len(c.keys))
	known := make([]bool, len(c.keys))
	err := c.index.Seen(ctx, c.keys, func(i int, s domain.Seen) {
		known[i] = s.Counted && s.Content == c.contents[i]
	})
	if err != nil {
		return err
	}
	for i, ok := range known {
		if !ok {
			return fmt.Errorf("%w: the index of charges does not know %.80q: run prepay rebuild", errDiffers, c.ids[i])
		}
	}
	return nil
}

func (c *indexCheck) add(partner, id string, e domain.Event) {
	c.keys = append(c.keys, domain.KeyOf(partner, id))
	c.contents = append(c.contents, domain.ContentOf(e))
	c.ids = append(c.ids, id)
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
	return g.read(ctx, func(a *app) error {
		events := a.views.engine.Applied()
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
	lock, err := lockData(g.Data)
	if err != nil {
		return g.inUse(err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	store, err := openStore(g.Data, g.EventStore, nil)
	if err != nil {
		return g.inUse(err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if _, err := store.Last(ctx); err != nil {
		return err
	}
	return deleteViews(g.Data)
}
