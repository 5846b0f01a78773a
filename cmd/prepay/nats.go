package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/outbound"
	"prepayledger/consumers/publisher"
	"prepayledger/eventstore"
)

// natsCmd compares what NATS has with the log, and mends it.
type natsCmd struct {
	Verify natsVerifyCmd `cmd:"" help:"Compare the stream of events with the log."`
	Repair natsRepairCmd `cmd:"" help:"Make the stream of events anew where it is not the log's."`
}

type natsVerifyCmd struct {
	natsClient
}

// Help implements kong.HelpProvider.
func (*natsVerifyCmd) Help() string {
	return `Compares every message that the stream of events must still have with the log:
what is missing, altered, foreign, twice or out of order. Without --nats-url it
starts the data folder's own NATS server meanwhile; stop prepay serve first. It
changes nothing. Exit code 1 says that something is wrong.

  prepay nats verify
  prepay --eventstore esdb://record.example:2113 nats verify --nats-url nats://nats.example:4222`
}

// errNATSDiffers says that NATS has not what the log has.
var errNATSDiffers = errors.New("the stream of events is not the log's: run prepay nats repair")

// Run runs the command.
func (c *natsVerifyCmd) Run(ctx context.Context, g *globals) error {
	return c.with(ctx, g, func(b *workbench) error {
		report, err := publisher.Verify(ctx, b.conn, b.store, publisher.VerifyOptions{Published: b.published})
		if err != nil {
			return err
		}
		if err := g.print(report, func(w io.Writer) { describeReport(w, &report) }); err != nil {
			return err
		}
		if !report.OK() {
			return errNATSDiffers
		}
		return nil
	})
}

type natsRepairCmd struct {
	settings
	Force bool `help:"Make it anew also where nothing is wrong."`
}

// Help implements kong.HelpProvider.
func (*natsRepairCmd) Help() string {
	return `Makes a new generation of the stream of events from the log, if the current one is
not right, and lets it take the subjects over: JetStream can't fill a hole.
docs/operating/nats.md says how consumers follow. A repair that was cut short goes
on. Without --nats-url it starts the data folder's own NATS server meanwhile; stop
prepay serve first.

  prepay nats repair`
}

// Run runs the command.
func (c *natsRepairCmd) Run(ctx context.Context, g *globals) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.with(ctx, g, func(b *workbench) error {
		done, err := publisher.Repair(ctx, b.conn, b.store, publisher.RepairOptions{Streams: c.streams(), Published: b.published, Force: c.Force})
		if err != nil {
			return err
		}
		return g.print(done, func(w io.Writer) {
			describeReport(w, &done.Found)
			if done.New == "" {
				fmt.Fprintln(w, "Nothing had to be done.")
				return
			}
			fmt.Fprintf(w, "%s has %s and takes the place of %s, which can be deleted when nobody reads it any more.\n", done.New, counted(int64(done.Filled), "event", "events"), done.Old)
		})
	})
}

// describeReport writes a report for people.
func describeReport(w io.Writer, r *publisher.Report) {
	if r.Stream == "" {
		return
	}
	fmt.Fprintf(w, "%s, messages %d to %d: %d are right", r.Stream, r.First, r.Last, r.Right)
	for _, kind := range sortedKeys(r.Wrong) {
		fmt.Fprintf(w, ", %d %s", r.Wrong[kind], kind)
	}
	fmt.Fprintln(w, ".")
	if r.Unpublished > 0 {
		fmt.Fprintf(w, "%s not published yet.\n", counted(int64(r.Unpublished), "event is", "events are"))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "  %d: %s, event %s\n", p.Sequence, p.Kind, p.EventID)
	}
}

// workbench is where NATS and the log lie side by side.
type workbench struct {
	conn  *nats.Conn
	store eventstore.Store
	// published is how far the publisher knows that it came.
	published eventstore.Position
}

// with opens the log and NATS: the servers that are named, else the data
// folder's own.
func (c *natsClient) with(ctx context.Context, g *globals, work func(*workbench) error) (err error) {
	if err := g.exists(); err != nil {
		return err
	}
	lock, err := app.Lock(g.Data)
	if err != nil {
		return g.inUse(err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	b := &workbench{}
	if b.store, err = app.OpenStore(g.Data, g.EventStore, nil); err != nil {
		return g.inUse(err)
	}
	defer func() { err = errors.Join(err, b.store.Close()) }()
	if b.published, err = published(filepath.Join(g.Data, outboundFolder, "events")); err != nil {
		return err
	}
	if c.NATSURL == "" {
		server, err := natsbus.StartServer(natsbus.ServerOptions{Dir: filepath.Join(g.Data, natsFolder), Port: natsbus.RandomPort, Logger: zap.NewNop()})
		if err != nil {
			return err
		}
		defer server.Close()
		b.conn, err = server.Connect(ctx, natsbus.RolePrepay)
		if err != nil {
			return err
		}
	} else if b.conn, err = c.connect(ctx, "prepay nats", g.Data, natsbus.RoleAdmin); err != nil {
		return err
	}
	defer b.conn.Close()
	return work(b)
}

// published is the checkpoint of the publisher; Start where there is none.
func published(dir string) (p eventstore.Position, err error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return eventstore.Start, nil
	}
	out, err := outbound.Open(dir, nil, outbound.Options{})
	if err != nil {
		return eventstore.Start, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return out.Checkpoint()
}
