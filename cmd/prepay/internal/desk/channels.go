package desk

import (
	"cmp"
	"slices"
	"time"

	"prepayledger/domain"
	"prepayledger/projections/accounts"
)

// ChannelLine is a channel with its state.
type ChannelLine struct {
	ChannelID     string              `json:"channel_id"`
	PhoneNumber   string              `json:"phone_number"`
	PhoneNumberID string              `json:"phone_number_id"`
	WABAID        string              `json:"waba_id"`
	PaymentModel  domain.PaymentModel `json:"payment_model"`
	// TimeZone is the WABA's (R25).
	TimeZone string              `json:"time_zone"`
	State    domain.ChannelState `json:"state"`
	// Since is from when it is so: the registration, the block or the
	// cancellation. It is zero where that is not known.
	Since time.Time `json:"since,omitzero"`
}

// ChannelLines lists an account's channels: those that live first, each in
// order of their ids.
func (d *Desk) ChannelLines(a *accounts.Account) ([]ChannelLine, error) {
	registered := map[string]time.Time{}
	entries, err := d.Views.Activity.Entries(a.State.PartnerID, 0, 0, domain.TypeChannelRegistered)
	for i := range entries {
		registered[entries[i].Reference] = entries[i].At
	}
	lines := make([]ChannelLine, 0, len(a.State.Channels))
	for id, c := range a.State.Channels {
		l := ChannelLine{
			ChannelID: id, PhoneNumber: c.PhoneNumber, PhoneNumberID: c.PhoneNumberID, WABAID: c.WABAID, PaymentModel: c.PaymentModel,
			TimeZone: cmp.Or(c.TimeZone, "UTC"), State: a.State.ChannelState(c), Since: registered[id],
		}
		switch {
		case l.State == domain.ChannelIsOver:
			l.Since = c.CancelledAt
		case l.State == domain.ChannelBlocked && a.Figures.BlockedSince.After(l.Since):
			l.Since = a.Figures.BlockedSince
		}
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b ChannelLine) int {
		return cmp.Or(boolInt(a.State == domain.ChannelIsOver)-boolInt(b.State == domain.ChannelIsOver), cmp.Compare(a.ChannelID, b.ChannelID))
	})
	return lines, err
}
