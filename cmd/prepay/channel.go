package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain"
)

// channelCmd are the commands of channels.
type channelCmd struct {
	Register channelRegisterCmd `cmd:"" help:"Register a channel under an account."`
	Cancel   channelCancelCmd   `cmd:"" help:"Cancel a channel for ever."`
	List     channelListCmd     `cmd:"" help:"List channels and whether they may send."`
}

type channelRegisterCmd struct {
	Partner       string `arg:"" help:"Partner id."`
	Channel       string `arg:"" help:"Channel id."`
	PhoneNumber   string `help:"The number, such as +4930123456." required:""`
	PhoneNumberID string `help:"The number's id at Meta." name:"phone-number-id" required:""`
	WABA          string `help:"WhatsApp Business Account id." name:"waba" required:""`
	PaymentModel  string `help:"partner_paid or direct." enum:"partner_paid,direct" default:"partner_paid"`
	TimeZone      string `help:"The WABA's IANA time zone; default UTC."`
	who
}

// Help implements kong.HelpProvider.
func (*channelRegisterCmd) Help() string {
	return `  prepay channel register PA-1001 CH-1 --phone-number +4930123456 --phone-number-id 106540352242922 --waba 102290129340398`
}

// Run runs the command.
func (c *channelRegisterCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.RegisterChannel{
		ChannelID: c.Channel, PhoneNumber: c.PhoneNumber, PhoneNumberID: c.PhoneNumberID, WABAID: c.WABA,
		PaymentModel: domain.PaymentModel(c.PaymentModel), TimeZone: c.TimeZone,
	})
}

type channelCancelCmd struct {
	Partner string `arg:"" help:"Partner id."`
	Channel string `arg:"" help:"Channel id."`
	who
}

// Help implements kong.HelpProvider.
func (*channelCancelCmd) Help() string { return `  prepay channel cancel PA-1001 CH-1` }

// Run runs the command.
func (c *channelCancelCmd) Run(ctx context.Context, g *globals) error {
	return g.give(ctx, &c.who, c.Partner, &domain.CancelChannel{ChannelID: c.Channel})
}

type channelListCmd struct {
	Partner string `arg:"" optional:"" help:"Partner id; default all accounts."`
}

// Help implements kong.HelpProvider.
func (*channelListCmd) Help() string {
	return `  prepay channel list
  prepay channel list PA-1001 --json`
}

// Run runs the command.
func (c *channelListCmd) Run(ctx context.Context, g *globals) error {
	lines, err := c.lines(ctx, g)
	if err != nil {
		return err
	}
	return g.print(lines, func(w io.Writer) {
		t := newTable("channel", "account", "number", "id at Meta", "WABA", "paid by", "time zone", "state")
		for _, l := range lines {
			t.AppendRow(table.Row{l.ChannelID, l.PartnerID, l.PhoneNumber, l.PhoneNumberID, l.WABAID, l.PaymentModel, l.TimeZone, l.State})
		}
		fmt.Fprintln(w, t.Render())
	})
}

// lines are the channels that are asked for.
func (c *channelListCmd) lines(ctx context.Context, g *globals) ([]desk.ChannelLine, error) {
	if g.Server != "" {
		return c.remoteLines(ctx, g)
	}
	return ask(ctx, g, nil, func(a *desk.Desk) ([]desk.ChannelLine, error) {
		states, err := a.Accounts(ctx, c.Partner)
		lines := []desk.ChannelLine{}
		for _, s := range states {
			lines = append(lines, desk.ChannelLines(s)...)
		}
		return lines, err
	})
}

// remoteLines asks for the channels of one account, or of each.
func (c *channelListCmd) remoteLines(ctx context.Context, g *globals) ([]desk.ChannelLine, error) {
	partners := []string{c.Partner}
	if c.Partner == "" {
		all, err := remoteAccounts(ctx, g)
		if err != nil {
			return nil, err
		}
		partners = nil
		for i := range all {
			partners = append(partners, all[i].PartnerID)
		}
	}
	lines := []desk.ChannelLine{}
	for _, partner := range partners {
		channels, err := ask[struct{ Items []desk.ChannelLine }](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.ListChannels(ctx, partner, nil)
		}, nil)
		if err != nil {
			return nil, err
		}
		lines = append(lines, channels.Items...)
	}
	return lines, nil
}
