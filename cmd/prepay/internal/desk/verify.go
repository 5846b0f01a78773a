package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
	"prepayledger/projections"
)

// Verified is what was found to be whole.
type Verified struct {
	Events   uint64 `json:"events"`
	Appends  uint64 `json:"appends,omitempty"`
	Streams  uint64 `json:"streams"`
	Accounts int    `json:"accounts"`
	Charges  int64  `json:"charges"`
	Last     string `json:"last"`
}

// Verify reads the whole log, replays every account, builds all read models
// anew in the folder, and looks every charge up: it proves that log and read
// models agree, or errs with ErrDiffers. It changes nothing but the folder,
// which is gone afterwards.
func (d *Desk) Verify(ctx context.Context, folder string) (Verified, error) {
	report, err := VerifyLog(ctx, d.Store)
	if err != nil {
		return Verified{}, err
	}
	partners := d.Views.Accounts.Partners()
	for _, p := range partners {
		if err := d.verifyAccount(ctx, p); err != nil {
			return Verified{}, err
		}
	}
	charges, err := d.verifyViews(ctx, folder)
	return Verified{report.Events, report.Appends, report.Streams, len(partners), charges, report.Last.String()}, err
}

// VerifyLog reads the whole log. The embedded one is also checked below its
// events: checksums, records, the index of streams.
func VerifyLog(ctx context.Context, store eventstore.Store) (embedded.Report, error) {
	if own, ok := store.(*embedded.Store); ok {
		return own.Verify(ctx)
	}
	var report embedded.Report
	next := map[string]eventstore.Revision{}
	for r, err := range store.ReadAll(ctx, eventstore.Start) {
		if err != nil {
			return report, err
		}
		if !report.Last.Before(r.Position) {
			return report, fmt.Errorf("%w: position %s follows %s", ErrDiffers, r.Position, report.Last)
		}
		if r.Revision != next[r.Stream] {
			return report, fmt.Errorf("%w: stream %s: revision %d follows %d", ErrDiffers, r.Stream, r.Revision, next[r.Stream]-1)
		}
		next[r.Stream]++
		report.Events++
		report.Last = r.Position
	}
	report.Streams = uint64(len(next))
	return report, nil
}

// verifyAccount replays an account and compares it with its live state.
func (d *Desk) verifyAccount(ctx context.Context, partner string) error {
	state, last := domain.NewAccount(), eventstore.NoStream
	err := d.Fold(ctx, ledger.AccountStream(partner), func(r eventstore.Recorded, _ codec.Metadata, e domain.Event) error {
		last = r.Revision
		return state.Apply(e)
	})
	if err != nil {
		return err
	}
	return d.sameAsLiveAt(ctx, partner, state, last)
}

// sameAsLiveAt compares a folded state with the read model's. One that went on
// meanwhile is as good as its events up to there, which are folded, too.
func (d *Desk) sameAsLiveAt(ctx context.Context, partner string, state *domain.Account, last eventstore.Revision) error {
	for range compareTries {
		if err := d.Ledger.Settle(ctx); err != nil {
			return err
		}
		live, err := d.Views.Accounts.Get(partner)
		if err != nil {
			return err
		}
		for live != nil && last < live.Revision {
			more, err := d.Events(ctx, ledger.AccountStream(partner), last+1, MaxEventRows)
			if err != nil {
				return err
			}
			for i := 0; i < len(more) && last < live.Revision; i++ {
				_, e, err := d.Event(more[i])
				if err == nil {
					err = state.Apply(e)
				}
				if err != nil {
					return err
				}
				last = more[i].Revision
			}
		}
		if live == nil || live.Revision == last {
			err := d.SameAsLive(partner, state)
			if err == nil {
				return nil
			}
			if again, e := d.Views.Accounts.Get(partner); e != nil || again == nil || again.Revision == last {
				return err
			}
		}
	}
	return ErrMoving
}

// verifyViews builds all read models anew in the folder, compares them with
// the live ones, and returns how many charges the index was asked for.
func (d *Desk) verifyViews(ctx context.Context, folder string) (charges int64, err error) {
	if err := os.RemoveAll(folder); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	check := &indexCheck{index: d.Views}
	fresh := app.NewViews(d.Store, d.Views.Codec)
	engine, err := projections.Open(ctx, folder, d.Store, fresh.Codec, fresh.Models(), []projections.Sink{check}, projections.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	engine.Start()
	if err := engine.CatchUp(ctx); err != nil {
		return check.charges, err
	}
	return check.charges, sameWhenStill(ctx, d.Views.Engine, engine)
}

// compareTries is how often the read models are compared while the ledger goes
// on (count).
const compareTries = 5

// ErrMoving says that the ledger went on while everything was compared, again and
// again: nothing can be said about the read models.
var ErrMoving = errors.New("the ledger went on meanwhile")

// sameWhenStill compares the models of two engines where they stand alike: both
// follow a log that may go on.
func sameWhenStill(ctx context.Context, live, fresh *projections.Engine) error {
	for range compareTries {
		at := live.Position()
		if err := fresh.WaitFor(ctx, at); err != nil {
			return err
		}
		err := sameViews(live, fresh)
		if err == nil {
			return nil
		}
		if live.Position() == at && fresh.Position() == at {
			return err
		}
	}
	return ErrMoving
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
		return fmt.Errorf("%w: the read models are not what the log gives: run prepay rebuild", ErrDiffers)
	}
	return nil
}

// ErrDiffers says that something derived is not what the log gives.
var ErrDiffers = errors.New("verification failed")

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
	if last := facts[len(facts)-1].Position; c.index.Indexed().Before(last) {
		if err := c.index.WaitFor(ctx, last); err != nil { // the ledger goes on meanwhile
			return err
		}
	}
	known := make([]bool, len(c.keys))
	err := c.index.Seen(ctx, c.keys, func(i int, s domain.Seen) {
		known[i] = s.Counted && s.Content == c.contents[i]
	})
	if err != nil {
		return err
	}
	for i, ok := range known {
		if !ok {
			return fmt.Errorf("%w: the index of charges does not know %.80q: run prepay rebuild", ErrDiffers, c.ids[i])
		}
	}
	return nil
}

func (c *indexCheck) add(partner, id string, e domain.Event) {
	c.keys = append(c.keys, domain.KeyOf(partner, id))
	c.contents = append(c.contents, domain.ContentOf(e))
	c.ids = append(c.ids, id)
}
