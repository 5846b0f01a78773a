package httpapi

import (
	"context"
	"net/http"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/commandjson"
	"prepayledger/consumers/ledger"
	"prepayledger/domain"
)

// channels registers the operations of channels. Who may register and cancel
// them is not said by the rules: a channel decides whose balance pays for a
// number, so it is the provider's to do, by Finance or with a key of Finance's
// for the program that provisions numbers.
func (a *API) channels() {
	register(a, get("/accounts/{partner_id}/channels", "list_channels", "List an account's channels, and whether they may send.", "Channels"),
		access.ReadsAccount(), a.listChannels)
	register(a, get("/accounts/{partner_id}/channels/{channel_id}", "get_channel", "Show a channel, and whether it may send.", "Channels"),
		access.ReadsAccount(), a.showChannel)
	op := commandOperation(post("/accounts/{partner_id}/channels", "Channels"), "RegisterChannel", commandjson.Schema("RegisterChannel"))
	op.DefaultStatus = http.StatusCreated
	register(a, op, access.Finance(), a.registerChannel)
	commandAt[channelCommand](a, post("/accounts/{partner_id}/channels/{channel_id}/cancel", "Channels"), access.Finance(), "CancelChannel")
}

// ChannelView is a channel with what the sender on a blocked one is told.
type ChannelView struct {
	desk.ChannelLine
	Text string `json:"text,omitempty" doc:"What the sender on a blocked channel is told (R21)."`
}

// Channels are an account's channels.
type Channels struct {
	Items []ChannelView `json:"items" doc:"In the order of their ids."`
}

type channelsInput struct {
	AccountInput
	AtLeast
	State domain.ChannelState `query:"state" enum:"open,blocked,cancelled" doc:"Only those."`
}

func (a *API) listChannels(ctx context.Context, in *channelsInput) (*body[Channels], error) {
	views, err := a.channelViews(ctx, in.PartnerID, in.AtLeast)
	list := Channels{Items: []ChannelView{}}
	for _, v := range views {
		if in.State == "" || v.State == in.State {
			list.Items = append(list.Items, v)
		}
	}
	return &body[Channels]{list}, err
}

// ChannelInput is the channel of a path.
type ChannelInput struct {
	ChannelID string `path:"channel_id" minLength:"1" maxLength:"256" doc:"The channel's id." example:"CH-1"`
}

type channelInput struct {
	AccountInput
	ChannelInput
	AtLeast
}

func (a *API) showChannel(ctx context.Context, in *channelInput) (*body[*ChannelView], error) {
	v, err := a.channel(ctx, in.PartnerID, in.ChannelID, in.AtLeast)
	return &body[*ChannelView]{v}, err
}

type registered struct {
	Position
	Location string `header:"Location" doc:"Where the channel is."`
	Body     *ChannelView
}

func (a *API) registerChannel(ctx context.Context, in *CommandInput) (*registered, error) {
	cmd, err := commandjson.Decode("RegisterChannel", in.PartnerID, in.RawBody)
	if err != nil {
		return nil, err
	}
	at, err := a.do(ctx, in.PartnerID, &in.IdempotencyKey, cmd, nil)
	if err != nil {
		return nil, err
	}
	id := cmd.(*domain.RegisterChannel).ChannelID
	v, err := a.channel(ctx, in.PartnerID, id, AtLeast{})
	return &registered{at, location("accounts", in.PartnerID, "channels", id), v}, err
}

// channelCommand is a command for the channel of the path.
type channelCommand struct {
	CommandInput
	ChannelInput
}

func (in *channelCommand) placed() map[string]string {
	return map[string]string{"channel_id": in.ChannelID}
}

// channel shows one of an account's channels.
func (a *API) channel(ctx context.Context, partner, id string, at AtLeast) (*ChannelView, error) {
	views, err := a.channelViews(ctx, partner, at)
	if err != nil {
		return nil, err
	}
	for i := range views {
		if views[i].ChannelID == id {
			return &views[i], nil
		}
	}
	return nil, domain.Reject(domain.ChannelUnknown, "The account has no channel %.64q: correct the channel id.", id)
}

func (a *API) channelViews(ctx context.Context, partner string, at AtLeast) (views []ChannelView, err error) {
	found, err := a.live(ctx, partner, at)
	if err != nil {
		return nil, err
	}
	for _, l := range desk.ChannelLines(found) {
		v := ChannelView{ChannelLine: l}
		if l.State == domain.ChannelBlocked {
			v.Text = ledger.BlockedText(a.opts.Provider)
		}
		views = append(views, v)
	}
	return views, nil
}
