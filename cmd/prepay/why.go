package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/jedib0t/go-pretty/v6/table"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/consumers/why"
	"prepayledger/consumers/why/natswhy"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// accountWhyCmd tells why an account stands as it stands.
type accountWhyCmd struct {
	Partner string `arg:"" help:"Partner id."`
	Steps   bool   `help:"Show the events behind it, too."`
}

// Help implements kong.HelpProvider.
func (*accountWhyCmd) Help() string {
	return `Tells why an account is blocked, in its grace period or active: what took the
balance below zero, what was tried since, what happens next, and what ends it.

  prepay account why PA-1001
  prepay account why PA-1001 --steps
  prepay account why PA-1001 --json`
}

// Run runs the command.
func (c *accountWhyCmd) Run(ctx context.Context, g *globals) error {
	answer, err := ask(ctx, g,
		func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.GetAccountWhy(ctx, c.Partner, nil)
		},
		func(a *desk.Desk) (why.Answer, error) { return a.Why(ctx, c.Partner) })
	if err != nil {
		return err
	}
	return g.print(answer, func(w io.Writer) { writeWhy(w, &answer, c.Steps) })
}

// startWhy answers the same over NATS until the context ends.
func (s *server) startWhy(ctx context.Context) error {
	answers, err := natswhy.Listen(s.conn, s.app.Why, s.log.Named("why"))
	if err != nil {
		return err
	}
	s.run(ctx, "why", answers.Run)
	return nil
}

func writeWhy(w io.Writer, a *why.Answer, steps bool) {
	standing := string(a.Standing)
	if a.Standing == domain.Grace {
		standing = "in its grace period"
	}
	fmt.Fprintf(w, "%s is %s.\n\n", a.PartnerID, standing)
	for _, sentence := range a.Because {
		fmt.Fprintln(w, sentence)
	}
	if len(a.Next) > 0 {
		fmt.Fprintln(w, "\nWhat happens next:")
	}
	for _, n := range a.Next {
		at := ""
		if n.At != nil {
			at = n.At.Format("2006-01-02 15:04 UTC") + ": "
		}
		fmt.Fprintf(w, "  %s%s\n", at, n.Text)
	}
	if len(a.Lifts) > 0 {
		fmt.Fprintln(w, "\nWhat ends it:")
	}
	for _, l := range a.Lifts {
		fmt.Fprintf(w, "  %s\n", l)
	}
	if a.Incomplete {
		fmt.Fprintf(w, "\nOnly the last %d events were read: earlier card payments may be missing here.\n", a.EventsRead)
	}
	if !steps || len(a.Steps) == 0 {
		return
	}
	t := newTable("event", "at", "change", "balance", "revision")
	for i := range a.Steps {
		s := &a.Steps[i]
		t.AppendRow(table.Row{s.Text, s.At.Format("2006-01-02 15:04:05"), change(s.Effect, a.Currency), shown(s.BalanceAfter, a.Currency), s.Revision})
	}
	fmt.Fprintf(w, "\n%s\n", t.Render())
}

// change writes what a step did to the balance; nothing where it did nothing.
func change(effect money.Amount, c money.Currency) string {
	if effect.IsZero() {
		return ""
	}
	return shown(effect, c)
}
