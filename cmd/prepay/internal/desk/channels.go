package desk

import (
	"slices"
	"time"

	"prepayledger/domain"
	"prepayledger/projections/accounts"
)

// DatedChannel is a channel with the instant from which on it is as it is.
type DatedChannel struct {
	ChannelLine
	// Since is the registration, the block or the cancellation.
	Since time.Time `json:"since"`
}

// DatedChannels lists an account's channels: those that live first, each in
// order of their ids.
func (d *Desk) DatedChannels(found *accounts.Account) ([]DatedChannel, error) {
	registered := map[string]time.Time{}
	entries, err := d.Views.Activity.Entries(found.State.PartnerID, 0, 0, domain.TypeChannelRegistered)
	for i := range entries {
		registered[entries[i].Reference] = entries[i].At
	}
	lines := []DatedChannel{}
	for _, c := range ChannelLines(found) {
		l := DatedChannel{ChannelLine: c, Since: registered[c.ChannelID]}
		switch {
		case c.CancelledAt != nil:
			l.Since = *c.CancelledAt
		case c.BlockedSince != nil && c.BlockedSince.After(l.Since):
			l.Since = *c.BlockedSince
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b DatedChannel) int {
		return boolInt(a.State == domain.ChannelIsOver) - boolInt(b.State == domain.ChannelIsOver)
	})
	return lines, err
}
