package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/eventstore/embedded"
	"prepayledger/eventstore/esdbserver"
)

// eventstoreCmd serves the embedded log alone.
type eventstoreCmd struct {
	Listen    string `help:"Address to listen at." default:"127.0.0.1:2113" placeholder:"HOST:PORT"`
	Writable  bool   `help:"Allow appends: only for a ledger that keeps its log here. A foreign append bypasses the rules."`
	TLSCert   string `help:"Certificate (PEM); with it connections are encrypted." type:"existingfile" placeholder:"FILE"`
	TLSKey    string `help:"Key of the certificate (PEM)." type:"existingfile" placeholder:"FILE"`
	Advertise string `help:"Address that clients of a cluster are told; default is where they connected." placeholder:"HOST:PORT"`
}

// Help implements kong.HelpProvider.
func (*eventstoreCmd) Help() string {
	return `Serves the event log of the data folder over the protocol of EventStoreDB and
KurrentDB, so that their official clients and tools can read and follow it; with
--writable it is the event store of other prepay processes. Read-only otherwise.

  prepay eventstore
  prepay eventstore --data log --listen 127.0.0.1:2113 --writable
  prepay --eventstore 'esdb://127.0.0.1:2113?tls=false' --data mine balance`
}

// Validate implements kong's check of a command line: exit code 2.
func (c *eventstoreCmd) Validate() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together: give both or none")
	}
	return nil
}

// Run runs the command until the context ends.
func (c *eventstoreCmd) Run(ctx context.Context, g *globals) (err error) {
	if g.EventStore != "" {
		return errors.New("--eventstore names another event store: prepay eventstore serves the log of the data folder")
	}
	if !c.Writable {
		if err := g.exists(); err != nil {
			return err
		}
	}
	opts := esdbserver.Options{Writable: c.Writable, Advertise: c.Advertise}
	if c.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return fmt.Errorf("--tls-cert %s: %w", c.TLSCert, err)
		}
		opts.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	log, err := newLogger(g)
	if err != nil {
		return err
	}
	opts.Logger = log
	if err := os.MkdirAll(g.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	store, err := embedded.Open(filepath.Join(g.Data, app.LogFolder), embedded.Options{Logger: log})
	if err != nil {
		return g.inUse(err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return c.serve(ctx, g, store, opts)
}

// serve serves the log until the context ends.
func (c *eventstoreCmd) serve(ctx context.Context, g *globals, store *embedded.Store, opts esdbserver.Options) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", c.Listen, err)
	}
	server := esdbserver.New(store, opts)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintln(g.Stdout, c.greeting(listener.Addr().String()))
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		return errors.Join(err, server.Close())
	}
	return server.Close()
}

// greeting says where it listens and how to connect.
func (c *eventstoreCmd) greeting(address string) string {
	what, settings := "read-only", "?tls=false"
	if c.Writable {
		what = "writable"
	}
	if c.TLSCert != "" {
		settings = ""
	}
	return fmt.Sprintf("The event log is served (%s) at esdb://%s%s", what, address, settings)
}

// newLogger is the logger of commands that run until they are stopped: JSON
// lines on the standard error stream.
func newLogger(g *globals) (*zap.Logger, error) {
	conf := zap.NewProductionConfig()
	if g.Stderr != os.Stderr {
		return zap.NewNop(), nil
	}
	return conf.Build()
}
