package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"prepayledger/consumers/natsbus"
)

// stopTimeout is how long a stop may take (time): what came is finished, what
// was decided is published.
const stopTimeout = 10 * time.Second

// serveCmd runs the ledger.
type serveCmd struct {
	settings
}

// Help implements kong.HelpProvider.
func (*serveCmd) Help() string {
	return `Runs the ledger: event log, NATS server, intake of usage and commands over NATS,
publisher of events and notices, channel states for gateways, deadlines and daily
balances. State lies in the data folder. SIGTERM or Ctrl-C stops it within ten
seconds: what came is finished first.

  prepay serve
  prepay serve --config prepay.toml
  prepay serve --nats-url nats://nats.example:4222 --nats-creds prepay.creds
  prepay serve --eventstore esdb+discover://record.example:2113`
}

// Run runs the ledger until the context ends.
func (c *serveCmd) Run(ctx context.Context, g *globals) (err error) {
	if err := errors.Join(c.check(), c.paymentFlags.check(g.Payments)); err != nil {
		return err
	}
	log, err := c.logger(g.Stderr)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()
	s := &server{globals: g, settings: &c.settings, log: log}
	if err := s.start(ctx); err != nil {
		return g.inUse(errors.Join(err, s.stop()))
	}
	c.greet(g, s)
	select {
	case <-ctx.Done():
	case err = <-s.failed:
		log.Error("the ledger stops", zap.Error(err))
	}
	return errors.Join(err, s.stop())
}

// greet says where everything is.
func (c *serveCmd) greet(g *globals, s *server) {
	if g.JSON {
		said := map[string]string{"nats": s.natsURL(), "http": s.httpURL(), "data": g.Data}
		if s.adminKey != "" {
			said["admin_key"] = s.adminKey
		}
		_ = writeJSON(g.Stdout, said)
		return
	}
	fmt.Fprintf(g.Stdout, `The ledger runs.
  data     %s
  pages    %s/
  API      %s/v1 (docs/operating/http.md)
  health   %s/readyz
  NATS     %s
`, g.Data, s.httpURL(), s.httpURL(), s.httpURL(), s.natsURL())
	if s.nats != nil {
		fmt.Fprintf(g.Stdout, "  users    %s, passwords in %s\n", natsbus.Roles(), filepath.Join(s.natsDir(), "users.json"))
	}
	if s.adminKey != "" {
		fmt.Fprintf(g.Stdout, `
Nobody has access yet. This key of an administrator is shown once, keep it:

  %s

Invite yourself with it, and open the link that it prints in a browser:

  PREPAY_API_KEY=%s %s access user invite you@example.com --role admin --server %s

`, s.adminKey, s.adminKey, os.Args[0], s.httpURL())
	}
	fmt.Fprintln(g.Stdout, "Ctrl-C stops it.")
}

// logger writes to the standard error stream.
func (c *settings) logger(w io.Writer) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(c.LogLevel)
	if err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	conf := zap.NewProductionEncoderConfig()
	conf.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	conf.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(conf)
	if c.LogFormat == "console" {
		conf.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(conf)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level), zap.ErrorOutput(zapcore.Lock(os.Stderr))), nil
}
