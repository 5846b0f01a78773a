package main

import (
	"context"
	"encoding/json"
	"errors"

	"prepayledger/consumers/history"
	"prepayledger/consumers/natsbus"
	"prepayledger/eventstore"
)

// subscribeCmd follows a stream over NATS.
type subscribeCmd struct {
	Stream      string `arg:"" help:"Stream, such as account-PA-1001."`
	From        int64  `help:"First revision wanted." default:"0"`
	HistoryOnly bool   `help:"End where the stream ends now."`
	natsClient
}

// Help implements kong.HelpProvider.
func (*subscribeCmd) Help() string {
	return `Writes every event of a stream as a line of JSON: first the history, from the log
of a running prepay serve, then what comes, from NATS, in order and once. What NATS
has lost is filled from the log. Without --nats-url it connects to this machine,
with the passwords of the data folder.

  prepay subscribe account-PA-1001
  prepay subscribe account-PA-1001 --history-only
  prepay subscribe account-PA-1001 --nats-url nats://nats.example:4222 --nats-creds me.creds`
}

// Run runs the command until the context ends.
func (c *subscribeCmd) Run(ctx context.Context, g *globals) error {
	nc, err := c.connect(ctx, "prepay subscribe", g.Data, natsbus.RoleSubscriber)
	if err != nil {
		return err
	}
	defer nc.Close()
	out := json.NewEncoder(g.Stdout)
	out.SetEscapeHTML(false)
	err = history.Follow(ctx, nc, c.Stream, eventstore.Revision(c.From), !c.HistoryOnly, func(e history.Event) error { return out.Encode(e) })
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // it was told to end
	}
	return err
}
