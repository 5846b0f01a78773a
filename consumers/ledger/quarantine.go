package ledger

import (
	"context"
	"fmt"

	"prepayledger/domain"
)

// ReleaseQuarantined takes an entry out of the quarantine of an account or, for
// the empty owner, of what belongs to no account (R10). One that is not there
// is no error.
func (l *Ledger) ReleaseQuarantined(ctx context.Context, owner string, m domain.Meta, cmd *domain.ReleaseQuarantined) error {
	l.complete(&m)
	stream := UnassignedStream
	if owner != "" {
		stream = AccountStream(owner)
	}
	results, err := l.engine.Do(ctx, stream, Command{Meta: m, Do: cmd})
	if err != nil {
		return fmt.Errorf("release from quarantine: %w", err)
	}
	if results[0].Rejected != nil {
		return results[0].Rejected
	}
	return nil
}
