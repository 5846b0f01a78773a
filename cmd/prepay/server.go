package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"prepayledger/cmd/prepay/internal/access"
	"prepayledger/cmd/prepay/internal/app"
	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/cmd/prepay/internal/web"
	"prepayledger/consumers/deadlines"
	"prepayledger/consumers/gatestate"
	"prepayledger/consumers/history"
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/natsintake"
	"prepayledger/consumers/notices"
	"prepayledger/consumers/outbound"
	"prepayledger/consumers/publisher"
	"prepayledger/eventstore"
)

// Folders of the running ledger, beside those of the log and what is rebuilt
// from it.
const (
	natsFolder     = "nats"
	outboundFolder = "outbound"
)

// natsTimeout is how long the first connection to NATS may take (time).
const natsTimeout = 30 * time.Second

// server is the running ledger.
type server struct {
	globals  *globals
	settings *settings
	log      *zap.Logger

	app    *desk.Desk
	access *access.Store
	// adminKey is the secret of the first key, made at the first start; it is
	// shown once and kept nowhere.
	adminKey  string
	telemetry *telemetry
	nats      *natsbus.Server // nil with --nats-url
	conn      *nats.Conn
	// intake is the connection of the intake alone: what goes out must not hold
	// answers up. It is conn's equal.
	intake    *nats.Conn
	states    *gatestate.Writer
	followers []*follower
	http      *httpServer
	pages     *web.Web
	// payments takes the webhooks of a card processor; nil is none.
	payments http.Handler

	// taking ends the intake and the deadlines, and what is streamed to those
	// who follow (ending); the rest follows.
	taking  context.CancelFunc
	ending  context.Context
	running sync.WaitGroup
	// listening says that the intake takes messages.
	listening atomic.Bool
	// failed gets what the ledger can't go on without.
	failed chan error
}

// start brings everything up in order. Where it fails, stop ends what runs.
func (s *server) start(ctx context.Context) (err error) {
	s.failed = make(chan error, 1)
	if s.telemetry, err = newTelemetry(ctx, s.settings); err != nil {
		return err
	}
	s.app, err = desk.Open(ctx, s.globals.Data, app.Options{
		EventStore: s.globals.EventStore, Clock: s.globals.Now, Provider: s.settings.Provider, Wrap: s.telemetry.store,
		Tracer: s.telemetry.tracer, Processor: processor(s.globals.Payments), Logger: s.log,
	})
	if err != nil {
		return err
	}
	if s.access, err = access.OpenData(s.globals.Data, access.Options{Clock: s.globals.Now, Logger: s.log.Named("access")}); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return err
	}
	if err := natsbus.EnsureStreams(ctx, js, s.settings.streams()); err != nil {
		return err
	}
	if err := s.follow(); err != nil {
		return err
	}
	work, taking := context.WithCancel(context.WithoutCancel(ctx))
	s.ending, s.taking = work, taking
	s.run(work, "gate states", s.states.Run)
	s.run(work, "deadlines", deadlines.New(s.app.Ledger, s.app.Views.Accounts, deadlines.Options{Logger: s.log}).Run)
	pages := history.NewServer(s.conn, s.app.Store, s.log)
	s.run(work, "history", pages.Run)
	if err := s.startWhy(work); err != nil {
		return err
	}
	s.payments = s.startPayments(work)
	if err := s.startWebhooks(work); err != nil {
		return err
	}
	if err := s.startAlerts(work); err != nil {
		return err
	}
	taken, err := jetstream.New(s.intake)
	if err != nil {
		return err
	}
	intake := natsintake.New(s.intake, taken, s.app.Ledger, natsintake.Options{Observer: s.telemetry, Logger: s.log})
	s.run(work, "intake", intake.Run)
	for _, ready := range []<-chan struct{}{pages.Ready(), intake.Ready()} {
		select {
		case <-ready:
		case err := <-s.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.listening.Store(true)
	s.telemetry.watch(s)
	if s.http, err = s.listenHTTP(); err != nil {
		return err
	}
	s.run(work, "web pages", s.pages.Run)
	s.adminKey, _, err = s.access.EnsureAdminKey(ctx)
	return err
}

// run runs a part until taking ends. A part that fails ends the ledger.
func (s *server) run(ctx context.Context, name string, part func(context.Context) error) {
	s.running.Go(func() {
		if err := part(ctx); err != nil {
			select {
			case s.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
	})
}

// connect starts the NATS server in this process, or connects to others.
func (s *server) connect(ctx context.Context) (err error) {
	c := s.settings
	ctx, cancel := context.WithTimeout(ctx, natsTimeout)
	defer cancel()
	if c.NATSURL != "" {
		if s.conn, err = natsbus.Connect(ctx, c.options("prepay", s.log)); err != nil {
			return err
		}
		s.intake, err = natsbus.Connect(ctx, c.options("prepay intake", s.log))
		return err
	}
	if s.nats, err = startNATS(s.natsDir(), c, s.log); err != nil {
		return err
	}
	if s.conn, err = s.nats.Connect(ctx, natsbus.RolePrepay); err != nil {
		return err
	}
	opts := natsbus.ConnectOptions{
		URL: s.nats.ClientURL(), User: string(natsbus.RolePrepay), Password: s.nats.Password(natsbus.RolePrepay), Name: "prepay intake", Logger: s.log,
	}
	if c.NATSCert != "" {
		s.intake, err = s.nats.Connect(ctx, natsbus.RolePrepay) // the certificate may not be for this name
	} else {
		s.intake, err = natsbus.Connect(ctx, opts) // TCP is faster here than a pipe within the process
	}
	return err
}

// startNATS starts the embedded NATS server as the settings say.
func startNATS(dir string, c *settings, log *zap.Logger) (*natsbus.Server, error) {
	host, port, err := splitAddress(c.NATSListen)
	if err != nil {
		return nil, err
	}
	opts := natsbus.ServerOptions{Dir: dir, Host: host, Port: port, Logger: log}
	if c.NATSCert != "" {
		cert, err := tls.LoadX509KeyPair(c.NATSCert, c.NATSKey)
		if err != nil {
			return nil, fmt.Errorf("--nats-cert %s: %w", c.NATSCert, err)
		}
		opts.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	return natsbus.StartServer(opts)
}

// follow starts what carries events out. Each output has a follower of its
// own: one that must be mended by hand does not stop the others.
func (s *server) follow() (err error) {
	log := s.log.Named("outbound")
	events, err := publisher.New(s.conn, s.app.Store, publisher.Options{Logger: log})
	if err != nil {
		return err
	}
	told, err := notices.NewOutput(s.conn, notices.Options{MaxAge: s.settings.EventsMaxAge, Clock: s.globals.Now, Logger: log})
	if err != nil {
		return err
	}
	s.states, err = gatestate.New(s.conn, gatestate.Options{
		Accounts: s.snapshots, Healthy: s.statesInTime, Provider: s.settings.Provider, Replicas: s.settings.NATSReplicas, Clock: s.globals.Now, Logger: log,
	})
	if err != nil {
		return err
	}
	for _, out := range []outbound.Output{events, s.states, told} {
		f := &follower{
			dir: filepath.Join(s.globals.Data, outboundFolder, out.Name()), output: s.telemetry.output(out), store: s.app.Store, codec: s.app.Views.Codec,
			failed: s.telemetry.deliveryFailed, settle: statesSettle, log: log.With(zap.String("output", out.Name())),
		}
		if out == outbound.Output(events) {
			f.settle = eventsSettle
		}
		s.followers = append(s.followers, f)
		f.start()
	}
	return nil
}

const (
	// eventsSettle is how long NATS may take to have events on disk, with room
	// (time).
	eventsSettle = 3 * natsbus.SyncInterval
	// statesSettle spares the other outputs a checkpoint for each few events
	// (time): after a crash they get what came within it again.
	statesSettle = 500 * time.Millisecond
)

// snapshots yields every account as it is now.
func (s *server) snapshots(context.Context) iter.Seq2[gatestate.Snapshot, error] {
	return func(yield func(gatestate.Snapshot, error) bool) {
		for _, id := range s.app.Views.Accounts.Partners() {
			a, err := s.app.Views.Accounts.Get(id)
			if err != nil {
				yield(gatestate.Snapshot{}, err)
				return
			}
			if a == nil {
				continue
			}
			if !yield(gatestate.Snapshot{
				Account: a.State, Revision: a.Revision, Position: a.Position, RecordedAt: a.Figures.LastEventAt, BlockedSince: a.Figures.BlockedSince,
			}, nil) {
				return
			}
		}
	}
}

// maxStatesBehind is how far the gate's states may lie behind the log's end
// before gateways are told that they are stale (time).
const maxStatesBehind = 5 * time.Second

// statesInTime says whether the gate's states follow the log.
func (s *server) statesInTime() bool {
	for _, f := range s.followers {
		if f.output.Name() == s.states.Name() {
			return f.behind() < maxStatesBehind
		}
	}
	return false
}

// stop ends everything in order, within stopTimeout: first what takes, then
// what is decided and published, the log last.
func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	s.listening.Store(false)
	if s.taking != nil {
		s.taking()
	}
	var errs []error
	parts := make(chan struct{})
	go func() { s.running.Wait(); close(parts) }()
	select {
	case <-parts:
	case <-ctx.Done():
		errs = append(errs, errors.New("what was taken was not finished in time: what was not answered comes again"))
	}
	select {
	case err := <-s.failed:
		errs = append(errs, err)
	default:
	}
	if s.app != nil && s.app.Ledger != nil {
		s.app.Ledger.Close()
	}
	for _, f := range s.followers {
		f.finish(ctx)
	}
	if s.http != nil {
		errs = append(errs, s.http.close(ctx))
	}
	for _, nc := range []*nats.Conn{s.intake, s.conn} {
		if nc != nil {
			nc.Close()
		}
	}
	if s.nats != nil {
		s.nats.Close()
	}
	if s.access != nil {
		errs = append(errs, s.access.Close())
	}
	if s.app != nil {
		errs = append(errs, s.app.Close())
	}
	if s.telemetry != nil {
		errs = append(errs, s.telemetry.close(ctx))
	}
	return errors.Join(errs...)
}

func (s *server) natsDir() string { return filepath.Join(s.globals.Data, natsFolder) }

func (s *server) natsURL() string {
	if s.nats != nil {
		return s.nats.ClientURL()
	}
	return s.settings.NATSURL
}

func (s *server) httpURL() string { return s.http.url }

// lastPosition is where the log ends; Start where it can't be asked.
func (s *server) lastPosition(ctx context.Context) (eventstore.Position, error) {
	return s.app.Store.Last(ctx)
}
