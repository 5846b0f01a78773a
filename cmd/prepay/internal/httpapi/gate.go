package httpapi

import (
	"context"
	"net/http"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/gate"
	"prepayledger/domain"
)

// gate registers the question whether a channel may send. A gateway that asks
// for each message keeps a copy of the states instead (package gate).
func (a *API) gate() {
	register(a, get("/gate", "check_gate", "Say whether a channel may send now, and what to tell the sender where it may not (R20, R21).", "Channels"),
		access.Gate(), a.checkGate)
}

// gateInput names a channel, one way or the other.
type gateInput struct {
	PhoneNumberID string `query:"phone_number_id" maxLength:"256" doc:"The number's id at Meta; or name the channel by partner_id and channel_id." example:"1065"`
	PartnerID     string `query:"partner_id" maxLength:"256" doc:"The account that the channel belongs to." example:"PA-1001"`
	ChannelID     string `query:"channel_id" maxLength:"256" doc:"The channel's id." example:"CH-1"`
}

// GateAnswer says whether a channel may send.
type GateAnswer struct {
	PartnerID  string              `json:"partner_id" doc:"The account that the channel belongs to."`
	ChannelID  string              `json:"channel_id" doc:"The channel's id, unique in the account."`
	MaySend    bool                `json:"may_send" doc:"True for open channels only."`
	State      domain.ChannelState `json:"state" enum:"open,blocked,cancelled" doc:"blocked until its account is unblocked, cancelled for ever."`
	HTTPStatus int                 `json:"http_status" doc:"What the sender is answered with: 200 where it may send, else 400."`
	Text       string              `json:"text,omitempty" doc:"What the sender on a blocked channel is told (R21)."`
}

func (a *API) checkGate(ctx context.Context, in *gateInput) (*body[*GateAnswer], error) {
	partner, id, err := a.named(in)
	if err != nil {
		return nil, err
	}
	c, err := a.channel(ctx, partner, id, AtLeast{})
	if err != nil {
		return nil, err
	}
	answer := &GateAnswer{PartnerID: partner, ChannelID: id, MaySend: c.State == domain.ChannelOpen, State: c.State, HTTPStatus: http.StatusOK, Text: c.Text}
	if !answer.MaySend {
		answer.HTTPStatus = gate.StatusRefused
	}
	return &body[*GateAnswer]{answer}, nil
}

// named is the channel that is asked for. Of the channels that ever had a
// number's id it is the one that lives, else the one that was cancelled last.
func (a *API) named(in *gateInput) (partner, id string, err error) {
	byNumber, byChannel := in.PhoneNumberID != "", in.PartnerID != "" && in.ChannelID != ""
	if byNumber == byChannel || byNumber && (in.PartnerID != "" || in.ChannelID != "") {
		return "", "", &commandjson.FieldError{Field: "phone_number_id", Problem: "name the channel by it alone, or by partner_id and channel_id"}
	}
	if byChannel {
		return in.PartnerID, in.ChannelID, nil
	}
	all := a.desk.Views.Accounts.ByPhoneNumberID(in.PhoneNumberID)
	if len(all) == 0 {
		return "", "", domain.Reject(domain.ChannelUnknown, "No channel has the phone number id %.64q: correct it.", in.PhoneNumberID)
	}
	found := all[0]
	for _, c := range all[1:] {
		if !found.CancelledAt.IsZero() && (c.CancelledAt.IsZero() || c.CancelledAt.After(found.CancelledAt)) {
			found = c
		}
	}
	return found.PartnerID, found.ChannelID, nil
}
