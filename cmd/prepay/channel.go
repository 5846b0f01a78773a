package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
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

// channelLine is a channel for people and machines.
type channelLine struct {
	PartnerID     string              `json:"partner_id"`
	ChannelID     string              `json:"channel_id"`
	PhoneNumber   string              `json:"phone_number"`
	PhoneNumberID string              `json:"phone_number_id"`
	WABAID        string              `json:"waba_id"`
	PaymentModel  domain.PaymentModel `json:"payment_model"`
	TimeZone      string              `json:"time_zone"`
	State         domain.ChannelState `json:"state"`
	CancelledAt   *time.Time          `json:"cancelled_at,omitempty"`
}

// channelLines are an account's channels in the order of their ids.
func channelLines(a *domain.Account) []channelLine {
	var lines []channelLine
	for _, id := range sortedKeys(a.Channels) {
		c := a.Channels[id]
		l := channelLine{
			PartnerID: a.PartnerID, ChannelID: id, PhoneNumber: c.PhoneNumber, PhoneNumberID: c.PhoneNumberID, WABAID: c.WABAID,
			PaymentModel: c.PaymentModel, TimeZone: cmp.Or(c.TimeZone, "UTC"), State: a.ChannelState(c),
		}
		if !c.CancelledAt.IsZero() {
			l.CancelledAt = &c.CancelledAt
		}
		lines = append(lines, l)
	}
	return lines
}

// Run runs the command.
func (c *channelListCmd) Run(ctx context.Context, g *globals) error {
	return g.read(ctx, func(a *desk.Desk) error {
		states, err := a.Accounts(ctx, c.Partner)
		if err != nil {
			return err
		}
		lines := []channelLine{}
		for _, s := range states {
			lines = append(lines, channelLines(s.State)...)
		}
		return g.print(lines, func(w io.Writer) {
			t := newTable("channel", "account", "number", "id at Meta", "WABA", "paid by", "time zone", "state")
			for _, l := range lines {
				t.AppendRow(table.Row{l.ChannelID, l.PartnerID, l.PhoneNumber, l.PhoneNumberID, l.WABAID, l.PaymentModel, l.TimeZone, l.State})
			}
			fmt.Fprintln(w, t.Render())
		})
	})
}
