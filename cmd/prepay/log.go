package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/httpapi"
	"prepayledger/consumers/apiclient"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// replayCmd replays a stream.
type replayCmd struct {
	Stream string `arg:"" help:"Stream, such as account-PA-1001."`
}

// Help implements kong.HelpProvider.
func (*replayCmd) Help() string {
	return `Shows a stream's events in order, of an account with the balance after each, and
compares the state that they fold to with the live one.

  prepay replay account-PA-1001
  prepay replay ratecard-EUR --json`
}

// Run runs the command.
func (c *replayCmd) Run(ctx context.Context, g *globals) error {
	partner, isAccount := strings.CutPrefix(c.Stream, "account-")
	if g.Server != "" {
		return c.remote(ctx, g, isAccount)
	}
	return g.read(ctx, func(a *desk.Desk) error {
		state := domain.NewAccount()
		n := 0
		err := a.Fold(ctx, c.Stream, func(r eventstore.Recorded, m codec.Metadata, e domain.Event) error {
			line := desk.ReplayedOf(&r)
			if isAccount {
				if err := state.Apply(e); err != nil {
					return err
				}
				balance := state.Balance
				line.Balance = &balance
			}
			n++
			return g.writeReplayed(&line, m.RecordedAt)
		})
		if errors.Is(err, eventstore.ErrStreamNotFound) {
			return fmt.Errorf("there is no stream %.80q", c.Stream)
		}
		if err != nil {
			return err
		}
		if isAccount {
			if err := a.SameAsLive(partner, state); err != nil {
				return err
			}
		}
		g.endReplay(n, isAccount, "They fold to the live state.")
		return nil
	})
}

// writeReplayed shows an event.
func (g *globals) writeReplayed(line *desk.Replayed, recorded time.Time) error {
	if g.JSON {
		return writeJSON(g.Stdout, line)
	}
	balance := ""
	if line.Balance != nil {
		balance = line.Balance.String()
	}
	_, err := fmt.Fprintf(g.Stdout, "%6d  %s  %-24s %16s  %s\n", line.Revision, recorded.Format("2006-01-02T15:04:05Z"), line.Type, balance, line.Data)
	return err
}

// endReplay says how many events were shown, and of an account what they are.
func (g *globals) endReplay(n int, isAccount bool, says string) {
	if g.JSON {
		return
	}
	fmt.Fprintf(g.Stdout, "%d events.", n)
	if isAccount {
		fmt.Fprint(g.Stdout, " "+says)
	}
	fmt.Fprintln(g.Stdout)
}

// remote pages through a stream of the ledger at --server. What it folds to is
// compared with the live state by prepay replay on the data folder, and by the
// server's verification.
func (c *replayCmd) remote(ctx context.Context, g *globals, isAccount bool) error {
	n, from, limit := 0, int64(0), pageSize()
	state, events := domain.NewAccount(), codec.New()
	for {
		page, err := ask[desk.StreamPage](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.ListStreamEvents(ctx, c.Stream, &apiclient.ListStreamEventsParams{From: &from, Limit: limit})
		}, nil)
		if err != nil {
			return err
		}
		for i := range page.Items {
			m, err := codec.DecodeMetadata(page.Items[i].Metadata)
			if err != nil {
				return err
			}
			if isAccount {
				e, err := events.Decode(page.Items[i].Type, m.Version, page.Items[i].Data)
				if err == nil {
					err = state.Apply(e)
				}
				if err != nil {
					return err
				}
				balance := state.Balance
				page.Items[i].Balance = &balance
			}
			if err := g.writeReplayed(&page.Items[i], m.RecordedAt); err != nil {
				return err
			}
			n++
		}
		if page.End {
			g.endReplay(n, isAccount, "Whether they fold to the live state is not compared over --server.")
			return nil
		}
		from = int64(page.Next)
	}
}

// exportCmd are the commands that write data out.
type exportCmd struct {
	Events  exportEventsCmd  `cmd:"" help:"Write events as NDJSON."`
	Journal exportJournalCmd `cmd:"" help:"Write the double entry, or show the trial balance."`
}

type exportEventsCmd struct {
	Stream string `help:"Only of this stream."`
	Type   string `help:"Only of this type."`
	After  string `help:"Only after this position (exclusive)." placeholder:"POSITION" default:"0/0"`
	Out    string `help:"File to write; default the standard output." type:"path" short:"o"`
}

// Help implements kong.HelpProvider.
func (*exportEventsCmd) Help() string {
	return `  prepay export events --type RechargeSucceeded
  prepay export events --stream account-PA-1001 --out pa-1001.ndjson`
}

// Run runs the command.
func (c *exportEventsCmd) Run(ctx context.Context, g *globals) (err error) {
	after, err := eventstore.ParsePosition(c.After)
	if err != nil {
		return fmt.Errorf("--after: %w", err)
	}
	out := g.Stdout
	if c.Out != "" {
		file, err := os.Create(c.Out)
		if err != nil {
			return err
		}
		defer func() {
			if e := file.Close(); err == nil {
				err = e
			}
		}()
		out = file
	}
	if g.Server != "" {
		return c.remote(ctx, g, out)
	}
	return g.read(ctx, func(a *desk.Desk) error {
		for r, err := range a.Store.ReadAll(ctx, after) {
			if err != nil {
				return err
			}
			if c.Stream != "" && r.Stream != c.Stream || c.Type != "" && r.Type != c.Type {
				continue
			}
			if err := writeJSON(out, desk.ReplayedOf(&r)); err != nil {
				return err
			}
		}
		return nil
	})
}

// remote pages through the events of the ledger at --server.
func (c *exportEventsCmd) remote(ctx context.Context, g *globals, out io.Writer) error {
	query := url.Values{"after": {c.After}, "limit": {strconv.Itoa(httpapi.MaxPage)}}
	if c.Stream != "" {
		query.Set("stream", c.Stream)
	}
	if c.Type != "" {
		query.Set("type", c.Type)
	}
	for {
		page, err := ask[desk.EventsPage](ctx, g, func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.Send(ctx, http.MethodGet, "/v1/events?"+query.Encode(), http.Header{"Accept": {"application/json"}}, nil)
		}, nil)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if err := writeJSON(out, page.Items[i]); err != nil {
				return err
			}
		}
		if page.End {
			return nil
		}
		query.Set("after", page.Next)
	}
}
