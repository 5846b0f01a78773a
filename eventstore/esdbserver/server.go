// Package esdbserver serves prepay's event log over the gRPC protocol of
// EventStoreDB, so that the official clients can read and follow it.
//
// It serves reads and subscriptions of streams and of $all, the cluster's
// gossip (of one node) and, where it is told so, appends. Everything else that
// EventStoreDB has (deletes, stream metadata, persistent subscriptions,
// projections, users) is refused or unimplemented: nothing may change the
// record but an append that the rules of the ledger made.
package esdbserver

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"prepayledger/eventstore"
)

// Limits of the server.
const (
	// maxRequestBytes bounds one message of a client: more than an append may
	// hold, so that one that is too large is answered and not cut off.
	maxRequestBytes = 17 << 20
	// minKeepalive is how often a client may ping (time). The official
	// clients ping every 10 s, also without a call.
	minKeepalive = 5 * time.Second
	// maxStreams bounds the calls of one connection that run at once.
	maxStreams = 1024
	// closeGrace is how long Close waits for appends under way (time).
	closeGrace = 10 * time.Second
)

// Options of a server. The zero value serves a read-only log without TLS.
type Options struct {
	// Writable allows appends. A foreign append bypasses the rules of the
	// ledger: allow it only where this server is the event store of a ledger.
	Writable bool
	// TLS encrypts; nil means plain text.
	TLS *tls.Config
	// Advertise is the "host:port" that gossip tells clients to connect to;
	// empty means the address at which the client asked.
	Advertise string
	// Logger takes what the operator should know; nil means silence.
	Logger *zap.Logger

	// minKeepalive is the constant of that name, where a test sets no other.
	minKeepalive time.Duration
}

// Server serves one store. It neither opens nor closes it.
type Server struct {
	store eventstore.Store
	opts  Options
	log   *zap.Logger
	grpc  *grpc.Server
	id    uuid.UUID

	// life ends when Close begins: reads and subscriptions end with it.
	life      context.Context
	end       context.CancelFunc
	closeOnce sync.Once
}

// New makes a server of the store. The store's positions must number its
// events in their Commit part, as those of package embedded do: reading $all
// backwards walks over that number.
func New(store eventstore.Store, opts Options) *Server {
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	if opts.minKeepalive == 0 {
		opts.minKeepalive = minKeepalive
	}
	s := &Server{store: store, opts: opts, log: opts.Logger, id: uuid.New()}
	s.life, s.end = context.WithCancel(context.Background())
	settings := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             opts.minKeepalive,
			PermitWithoutStream: true,
		}),
	}
	settings = append(settings, grpc.UnknownServiceHandler(unimplemented))
	if opts.TLS != nil {
		settings = append(settings, grpc.Creds(credentials.NewTLS(opts.TLS)))
	}
	s.grpc = grpc.NewServer(settings...)
	streams.RegisterStreamsServer(s.grpc, &streamsService{Server: s})
	gossip.RegisterGossipServer(s.grpc, &gossipService{server: s})
	serverfeatures.RegisterServerFeaturesServer(s.grpc, &featuresService{})
	return s
}

// Serve answers the listener's connections until Close, then returns nil.
func (s *Server) Serve(l net.Listener) error {
	s.log.Info("event log served over the EventStoreDB protocol",
		zap.Stringer("address", l.Addr()), zap.Bool("writable", s.opts.Writable), zap.Bool("tls", s.opts.TLS != nil))
	return s.grpc.Serve(l)
}

// Close ends reads and subscriptions, lets appends under way finish (at most
// 10 s) and closes all connections and listeners. A second Close is a no-op.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.end()
		stop := time.AfterFunc(closeGrace, s.grpc.Stop)
		defer stop.Stop()
		s.grpc.GracefulStop()
	})
	return nil
}

// reading is the context of a read: it ends with the call or with Close.
func (s *Server) reading(call context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(call)
	stop := context.AfterFunc(s.life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// streamsService is the Streams service of the protocol.
type streamsService struct {
	streams.UnimplementedStreamsServer
	*Server
}
