// Package chargeindex answers "was this charge id counted before?" (R8) and
// "was this command taken before?" from sorted runs that the log fills.
package chargeindex

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/eventstore"
	"prepayledger/eventstore/runindex"
	"prepayledger/projections"
)

// What the slots of an entry mean.
const (
	slotCounted    = 1 // value 1: charged or counted as free
	slotQuarantine = 2 // value: the latest reason; 0 when it left
	slotCorrected  = 3 // value 1: taken back
	slotCommand    = 4 // content: the command's hash
)

// Index is the charge index. It implements projections.Sink.
type Index struct {
	runs    *runindex.Index
	entries []runindex.Entry
}

// Open opens the index in the folder.
func Open(ctx context.Context, dir string) (*Index, error) {
	runs, err := runindex.Open(ctx, dir, runindex.Options{})
	if err != nil {
		return nil, fmt.Errorf("open charge index: %w", err)
	}
	return &Index{runs: runs}, nil
}

// Close writes what is in memory and closes the index.
func (x *Index) Close() error { return x.runs.Close() }

// Checkpoint implements projections.Sink.
func (x *Index) Checkpoint() (eventstore.Position, error) {
	text := x.runs.Checkpoint()
	if len(text) == 0 {
		return eventstore.Start, nil
	}
	return eventstore.ParsePosition(string(text))
}

// Commit implements projections.Sink.
func (x *Index) Commit(p eventstore.Position) error { return x.runs.Commit([]byte(p.String())) }

// Apply implements projections.Sink.
func (x *Index) Apply(ctx context.Context, facts []projections.Fact) error {
	x.entries = x.entries[:0]
	for i := range facts {
		if err := x.add(&facts[i]); err != nil {
			return fmt.Errorf("charge index: stream %s, revision %d: %w", facts[i].Stream, facts[i].Revision, err)
		}
	}
	return x.runs.Put(ctx, x.entries...)
}

func (x *Index) add(f *projections.Fact) error {
	if f.Meta.CommandHash != "" {
		content, err := contentOf(f.Meta.CommandHash)
		if err != nil {
			return err
		}
		x.put(commandKey(f.Stream, f.Meta.CommandID), content, slotCommand, 1)
	}
	if f.PartnerID == "" && !f.Unassigned {
		return nil
	}
	switch e := f.Event.(type) {
	case *domain.ConversationCharged:
		x.counted(domain.KeyOf(f.PartnerID, e.ChargeID), domain.ContentOf(e), e.Released)
	case *domain.ConversationCounted:
		x.counted(domain.KeyOf(f.PartnerID, e.ChargeID), domain.ContentOf(e), e.Released)
	case *domain.ChargeQuarantined:
		reason, ok := domain.ParseReason(e.Reason)
		if !ok {
			return fmt.Errorf("unknown reason %q", e.Reason)
		}
		content := domain.ContentOf(e)
		x.put(domain.QuarantineKey(f.PartnerID, e.ChargeID, content), content, slotQuarantine, uint8(reason))
	case *domain.QuarantineReleased:
		content, err := contentOf(e.Content)
		if err != nil {
			return err
		}
		x.put(domain.QuarantineKey(f.PartnerID, e.ChargeID, content), content, slotQuarantine, 0)
	case *domain.ChargeCorrected:
		x.put(domain.KeyOf(f.PartnerID, e.ChargeID), domain.ContentHash{}, slotCorrected, 1)
	}
	return nil
}

func contentOf(text string) (c domain.ContentHash, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(c) {
		return c, fmt.Errorf("%q is not the hash of a content", text)
	}
	return domain.ContentHash(raw), nil
}

func (x *Index) counted(key domain.ChargeKey, content domain.ContentHash, released bool) {
	x.put(key, content, slotCounted, 1)
	if released {
		x.put(key, content, slotQuarantine, 0)
	}
}

func (x *Index) put(key domain.ChargeKey, content domain.ContentHash, slot, value uint8) {
	x.entries = append(x.entries, runindex.Entry{Key: runindex.Key(key), Content: content, Slot: slot, Value: value})
}

func commandKey(stream string, id uuid.UUID) domain.ChargeKey {
	sum := sha256.Sum256(append([]byte("command\x00"+stream+"\x00"), id[:]...))
	return domain.ChargeKey(sum[:16])
}

// Seen tells what is known of charge ids; found is called for the keys of
// which something is known.
func (x *Index) Seen(ctx context.Context, keys []domain.ChargeKey, found func(i int, s domain.Seen)) error {
	runKeys := make([]runindex.Key, len(keys))
	for i := range keys {
		runKeys[i] = runindex.Key(keys[i])
	}
	return x.runs.LookupAll(ctx, runKeys, func(i int, entries []runindex.Entry) error {
		var s domain.Seen
		for _, e := range entries {
			switch e.Slot {
			case slotCounted:
				s.Counted, s.Content = true, e.Content
			case slotQuarantine:
				s.Quarantined = append(s.Quarantined, domain.QuarantinedEntry{Content: e.Content, Reason: domain.Reason(e.Value)})
			case slotCorrected:
				s.Corrected = true
			}
		}
		found(i, s)
		return nil
	})
}

// CommandSeen returns the content hash of a command that the stream took.
func (x *Index) CommandSeen(ctx context.Context, stream string, id uuid.UUID) (hash string, seen bool, err error) {
	entries, err := x.runs.Lookup(ctx, nil, runindex.Key(commandKey(stream, id)))
	for _, e := range entries {
		if e.Slot == slotCommand {
			return hex.EncodeToString(e.Content[:]), true, err
		}
	}
	return "", false, err
}
