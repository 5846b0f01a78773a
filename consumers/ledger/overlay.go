package ledger

import (
	"context"
	"encoding/hex"
	"slices"

	"github.com/google/uuid"

	"prepayledger/domain"
	"prepayledger/eventstore"
)

// overlay is what an account decided and the charge index does not know yet.
// It is dropped generation by generation as the index catches up.
type overlay struct {
	// charges and older hold the full answer for their keys.
	charges, older map[domain.ChargeKey]domain.Seen
	// newest and oldest are the positions that the index must reach before
	// the generation can go.
	newest, oldest eventstore.Position
	// fetched are the index's answers for the keys of the batch; a key that
	// was asked for and is unknown has an empty answer.
	fetched map[domain.ChargeKey]domain.Seen
	// commands are ids of commands taken, with their content's hash. They
	// are few (people's commands) and stay.
	commands map[uuid.UUID]string
}

func newOverlay() overlay {
	return overlay{
		charges:  map[domain.ChargeKey]domain.Seen{},
		older:    map[domain.ChargeKey]domain.Seen{},
		fetched:  map[domain.ChargeKey]domain.Seen{},
		commands: map[uuid.UUID]string{},
	}
}

// maxKeptRoom is how many entries a map may have had and be cleared for reuse:
// clearing costs the room that it once had, and after a burst that is thousands
// of times what single charges need.
const maxKeptRoom = 256

// emptied returns an empty map, the given one where that is cheap.
func emptied(m map[domain.ChargeKey]domain.Seen) map[domain.ChargeKey]domain.Seen {
	if len(m) > maxKeptRoom {
		return map[domain.ChargeKey]domain.Seen{}
	}
	clear(m)
	return m
}

// appended says how far the log is with what was noted.
func (o *overlay) appended(p eventstore.Position) { o.newest = p }

// prune drops what the index knows by now.
func (o *overlay) prune(indexed eventstore.Position) {
	if indexed.Before(o.oldest) || len(o.charges) == 0 && len(o.older) == 0 {
		return
	}
	o.older, o.charges = o.charges, emptied(o.older)
	o.oldest = o.newest
}

// prefetch asks the index for all charges of a batch that the overlay does
// not answer.
func (o *overlay) prefetch(ctx context.Context, views Views, partnerID string, commands []Command) error {
	o.fetched = emptied(o.fetched)
	var keys []domain.ChargeKey
	for i := range commands {
		c, ok := commands[i].Do.(*domain.Charge)
		if !ok {
			continue
		}
		if key := domain.KeyOf(partnerID, c.ChargeID); !o.knows(key) {
			keys = append(keys, key)
			o.fetched[key] = domain.Seen{}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return views.Seen(ctx, keys, func(i int, s domain.Seen) { o.fetched[keys[i]] = s })
}

func (o *overlay) knows(key domain.ChargeKey) bool {
	if _, ok := o.charges[key]; ok {
		return true
	}
	_, ok := o.older[key]
	return ok
}

func (o *overlay) seen(ctx context.Context, views Views, key domain.ChargeKey) (domain.Seen, error) {
	if s, ok := o.charges[key]; ok {
		return s, nil
	}
	if s, ok := o.older[key]; ok {
		return s, nil
	}
	if s, ok := o.fetched[key]; ok {
		return s, nil
	}
	var answer domain.Seen
	err := views.Seen(ctx, []domain.ChargeKey{key}, func(_ int, s domain.Seen) { answer = s })
	if err == nil {
		o.fetched[key] = answer
	}
	return answer, err
}

// known is the answer for a key without asking the index: a decision asked
// it before.
func (o *overlay) known(key domain.ChargeKey) domain.Seen {
	if s, ok := o.charges[key]; ok {
		return s
	}
	if s, ok := o.older[key]; ok {
		return s
	}
	return o.fetched[key]
}

// keyOf is the key of the charge id that an event speaks of; false where it
// speaks of none.
func keyOf(partnerID string, e domain.Event) (domain.ChargeKey, bool) {
	switch e := e.(type) {
	case *domain.ConversationCharged:
		return domain.KeyOf(partnerID, e.ChargeID), true
	case *domain.ConversationCounted:
		return domain.KeyOf(partnerID, e.ChargeID), true
	case *domain.ChargeQuarantined:
		return domain.QuarantineKey(partnerID, e.ChargeID, domain.ContentOf(e)), true
	case *domain.QuarantineReleased:
		content, err := contentHash(e.Content)
		return domain.QuarantineKey(partnerID, e.ChargeID, content), err == nil
	case *domain.ChargeCorrected:
		return domain.KeyOf(partnerID, e.ChargeID), true
	default:
		return domain.ChargeKey{}, false
	}
}

// contentHash reads a hash in hex.
func contentHash(text string) (content domain.ContentHash, err error) {
	_, err = hex.Decode(content[:], []byte(text))
	return content, err
}

// fetch asks the index what it knows of an event's charge id before the event
// is noted: no decision asked for it.
func (o *overlay) fetch(ctx context.Context, views Views, partnerID string, e domain.Event) error {
	key, ok := keyOf(partnerID, e)
	if !ok {
		return nil
	}
	_, err := o.seen(ctx, views, key)
	return err
}

// note keeps what an event says of a charge id. What is known of the id must
// have been asked for.
func (o *overlay) note(partnerID string, e domain.Event) error {
	key, ok := keyOf(partnerID, e)
	if !ok {
		return nil
	}
	switch e := e.(type) {
	case *domain.ConversationCharged:
		o.counted(key, domain.ContentOf(e))
	case *domain.ConversationCounted:
		o.counted(key, domain.ContentOf(e))
	case *domain.ChargeQuarantined:
		content := domain.ContentOf(e)
		reason, ok := domain.ParseReason(e.Reason)
		if !ok {
			return domain.Reject(domain.InvalidSetting, "unknown reason %q", e.Reason)
		}
		s := o.known(key)
		s.Quarantined = append(without(s.Quarantined, content), domain.QuarantinedEntry{Content: content, Reason: reason})
		o.charges[key] = s
	case *domain.QuarantineReleased:
		content, err := contentHash(e.Content)
		if err != nil {
			return err
		}
		s := o.known(key)
		s.Quarantined = without(s.Quarantined, content)
		o.charges[key] = s
	case *domain.ChargeCorrected:
		s := o.known(key)
		s.Corrected = true
		o.charges[key] = s
	}
	return nil
}

func (o *overlay) counted(key domain.ChargeKey, content domain.ContentHash) {
	s := o.known(key)
	s.Counted, s.Content = true, content
	s.Quarantined = without(s.Quarantined, content)
	o.charges[key] = s
}

// without returns the entries without the one of this content, never
// changing the given slice: others may hold it.
func without(entries []domain.QuarantinedEntry, content domain.ContentHash) []domain.QuarantinedEntry {
	for i, q := range entries {
		if q.Content == content {
			return slices.Concat(entries[:i], entries[i+1:])
		}
	}
	return slices.Clip(entries)
}
