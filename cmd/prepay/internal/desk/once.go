package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"prepayledger/domain"
)

// BusyWait is how long heavy work waits for work of its kind that is under way
// before it is refused with ErrBusy (time).
const BusyWait = 5 * time.Second

// lane lets one at a time work; the zero lane is not usable.
type lane chan struct{}

func newLane() lane { return make(lane, 1) }

// enter waits for its turn, for BusyWait at most; leave gives it on.
func (l lane) enter(ctx context.Context, what string) (leave func(), err error) {
	timer := time.NewTimer(BusyWait)
	defer timer.Stop()
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, Busy("%s is under way already, nothing was done: try again when it is done.", what)
	}
}

// Once gives a command to a stream beside the accounts so that its id counts
// once ever: repeated with the same content it is not given again, with other
// content it is a conflict. A nil id counts each time. Whoever calls it is
// alone with the stream, as far as this process goes.
func (d *Desk) Once(ctx context.Context, stream string, m domain.Meta, content any, give func(domain.Meta) error) error {
	if m.CommandID == uuid.Nil {
		return give(m)
	}
	text, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("the content of a command for %s: %w", stream, err)
	}
	sum := sha256.Sum256(text)
	m.CommandHash = hex.EncodeToString(sum[:len(domain.ContentHash{})])
	if err := d.Ledger.Settle(ctx); err != nil {
		return err
	}
	hash, seen, err := d.Views.CommandSeen(ctx, stream, m.CommandID)
	switch {
	case err != nil:
		return err
	case !seen:
		return give(m)
	case hash != m.CommandHash:
		return domain.Reject(domain.CommandConflict, "Command %s was given before with other content: use a new id.", m.CommandID)
	}
	return nil
}
