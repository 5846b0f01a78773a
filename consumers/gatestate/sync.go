package gatestate

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"prepayledger/consumers/gate"
	"prepayledger/domain"
	"prepayledger/eventstore"
)

// Snapshot is an account as of its newest event.
type Snapshot struct {
	// Account must not change while it is looked at.
	Account *domain.Account
	// Revision, Position and RecordedAt are those of the newest event in it.
	Revision   eventstore.Revision
	Position   eventstore.Position
	RecordedAt time.Time
	// BlockedSince is when its block began; zero if there is none, or where it
	// isn't known.
	BlockedSince time.Time
}

// Accounts yields every account once.
type Accounts func(ctx context.Context) iter.Seq2[Snapshot, error]

// Sync brings the buckets in line with the accounts: values that are missing,
// old or unreadable are written, channels and accounts that don't exist are
// deleted. Newer values than the accounts' stay. It makes missing buckets.
func (w *Writer) Sync(ctx context.Context, accounts Accounts) error {
	w.mu.Lock()
	w.channels, w.accounts = nil, nil // look again: they may be others of that name
	err := w.load(ctx)
	w.lost = w.lost && err != nil // all that lacks is written now
	w.mu.Unlock()
	if err != nil {
		return err
	}
	var channelValues, accountValues []value
	known := map[string]bool{}
	var newest eventstore.Position
	for s, err := range accounts(ctx) {
		if err != nil {
			return fmt.Errorf("accounts for the gate's buckets: %w", err)
		}
		if newest.Before(s.Position) {
			newest = s.Position
		}
		for _, v := range w.snapshotChannels(&s) {
			known["channel "+v.key()] = true
			channelValues = append(channelValues, v)
		}
		a := newAccount(&s.Account.Funds, s.BlockedSince, place{s.Revision, s.Position, s.RecordedAt})
		known["account "+a.key()] = true
		accountValues = append(accountValues, a)
	}
	if err := w.put(ctx, ofChannels, channelValues); err != nil {
		return err
	}
	if err := w.put(ctx, ofAccounts, accountValues); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.load(ctx); err != nil {
		return err
	}
	if err := w.clean(ctx, w.channels, "channel ", known, newest); err != nil {
		return err
	}
	return w.clean(ctx, w.accounts, "account ", known, newest)
}

// snapshotChannels makes the values of all channels.
func (w *Writer) snapshotChannels(s *Snapshot) (values []value) {
	at := place{s.Revision, s.Position, s.RecordedAt}
	for _, c := range s.Account.Channels {
		var since time.Time
		switch s.Account.ChannelState(c) {
		case domain.ChannelIsOver:
			since = c.CancelledAt
		case domain.ChannelBlocked:
			since = s.BlockedSince
		}
		values = append(values, newChannel(s.Account, c, since, gate.BlockedText(w.opts.Provider), at))
	}
	slices.SortFunc(values, func(a, b value) int { return strings.Compare(a.key(), b.key()) })
	return values
}

// clean deletes the keys of what doesn't exist and is older than what was
// looked at.
func (w *Writer) clean(ctx context.Context, b *bucket, kind string, known map[string]bool, newest eventstore.Position) error {
	for key, s := range b.slots {
		if key == gate.HeartbeatKey || known[kind+key] || !s.present || newest.Before(s.position) {
			continue
		}
		w.opts.Logger.Warn("a key of nothing that exists is deleted", zap.String("bucket", b.name), zap.String("key", key))
		if err := b.kv.Delete(ctx, key); err != nil {
			return fmt.Errorf("bucket %s, key %s: %w", b.name, key, err)
		}
		delete(b.slots, key) // its next write rereads the revision
	}
	return nil
}
