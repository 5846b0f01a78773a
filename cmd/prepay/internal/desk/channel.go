package desk

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"prepayledger/domain"
	"prepayledger/projections/accounts"
)

// ChannelLine is a channel for people and machines.
type ChannelLine struct {
	PartnerID     string              `json:"partner_id" doc:"The account that it belongs to."`
	ChannelID     string              `json:"channel_id" doc:"The channel's id, unique in the account."`
	PhoneNumber   string              `json:"phone_number" doc:"The hosted number, such as +34911234567."`
	PhoneNumberID string              `json:"phone_number_id" doc:"The number's id at Meta."`
	WABAID        string              `json:"waba_id" doc:"The WhatsApp Business Account's id at Meta."`
	PaymentModel  domain.PaymentModel `json:"payment_model" enum:"partner_paid,direct" doc:"Who pays Meta's charges (R5)."`
	TimeZone      string              `json:"time_zone" doc:"IANA name of the WABA's time zone (R25)."`
	State         domain.ChannelState `json:"state" enum:"open,blocked,cancelled" doc:"Whether it may send (R20)."`
	// BlockedSince is when the account was blocked; absent while the channel
	// is not.
	BlockedSince *time.Time `json:"blocked_since,omitempty" doc:"Since when it is blocked; absent while it is not."`
	CancelledAt  *time.Time `json:"cancelled_at,omitempty" doc:"When it was cancelled, for ever; absent while it lives."`
}

// ChannelLines are an account's channels in the order of their ids.
func ChannelLines(found *accounts.Account) []ChannelLine {
	a := found.State
	lines := []ChannelLine{}
	for _, id := range slices.Sorted(maps.Keys(a.Channels)) {
		c := a.Channels[id]
		l := ChannelLine{
			PartnerID: a.PartnerID, ChannelID: id, PhoneNumber: c.PhoneNumber, PhoneNumberID: c.PhoneNumberID, WABAID: c.WABAID,
			PaymentModel: c.PaymentModel, TimeZone: cmp.Or(c.TimeZone, "UTC"), State: a.ChannelState(c),
		}
		if since := found.Figures.BlockedSince; l.State == domain.ChannelBlocked && !since.IsZero() {
			l.BlockedSince = &since
		}
		if !c.CancelledAt.IsZero() {
			l.CancelledAt = &c.CancelledAt
		}
		lines = append(lines, l)
	}
	return lines
}
