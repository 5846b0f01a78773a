// Package esdb keeps prepay's event log in an EventStoreDB or KurrentDB
// server or cluster.
//
// It uses the official client's connection strings and generated protocol,
// over connections of its own: one connection to each server, which mends
// itself after an outage and lives until Close. Every call goes to the leader
// and says so; a server that does not lead names the one that does, and the
// call is repeated there.
//
// An append is sent once. Where its answer is lost the error is
// ErrOutcomeUnknown, and the caller repeats it: event ids and expected
// revision make that harmless. Reads go on by themselves after a short outage.
package esdb

import (
	"context"
	"errors"
	"sync"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"go.uber.org/zap"
	"google.golang.org/grpc/metadata"

	"prepayledger/eventstore"
)

// maxRedirects bounds how often one call follows the leader.
const maxRedirects = 3

// requiresLeader asks a server that does not lead to refuse.
const requiresLeader = "requires-leader"

// Options of a store. The zero value is good for production.
type Options struct {
	// Logger takes what the operator should know; nil means silence.
	Logger *zap.Logger
}

// Store is an event log in EventStoreDB. It implements eventstore.Store.
type Store struct {
	conf  *config
	conns *connections
	log   *zap.Logger

	// life ends when Close begins: reads and subscriptions end with it.
	life context.Context
	end  context.CancelFunc

	mu      sync.Mutex
	closed  bool
	appends sync.WaitGroup
	// finished is closed when Close is done.
	finished chan struct{}
}

var _ eventstore.Store = (*Store)(nil)

// Open reads a connection string: esdb://host:port for one server,
// esdb+discover://host:port or esdb://host1:port,host2:port for a cluster,
// with the settings of the official clients (tls, tlsCaFile, tlsVerifyCert,
// userCertFile, userKeyFile, keepAliveInterval, keepAliveTimeout,
// defaultDeadline, gossipTimeout, discoveryInterval, maxDiscoverAttempts).
// Hosts are names or IP addresses, those of IPv6 in brackets. A string with
// credentials and without TLS is refused. Open does not connect; what cannot be
// reached is told by the first call. Errors are ErrInvalid.
func Open(connection string, opts Options) (*Store, error) {
	conf, err := parse(connection)
	if err != nil {
		return nil, err
	}
	if opts.Logger == nil {
		opts.Logger = zap.NewNop()
	}
	conns, err := newConnections(conf, opts.Logger)
	if err != nil {
		return nil, err
	}
	s := &Store{conf: conf, conns: conns, log: opts.Logger, finished: make(chan struct{})}
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Close implements eventstore.Store. Appends under way are waited for, which
// takes no longer than their deadline.
func (s *Store) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		s.end()
		s.appends.Wait()
		s.conns.close()
		close(s.finished)
	}
	<-s.finished
	return nil
}

// appending lets an append begin, unless Close has begun.
func (s *Store) appending() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return eventstore.ErrClosed
	}
	s.appends.Add(1)
	return nil
}

// reading is the context of a read: it ends with the caller's or with Close.
func (s *Store) reading(caller context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(caller)
	stop := context.AfterFunc(s.life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// onLeader makes a call to the leader and follows it where it has moved. The
// call may be made several times; each but the last was refused as a whole.
func (s *Store) onLeader(ctx context.Context, call func(context.Context, streams.StreamsClient) error) error {
	ctx = metadata.AppendToOutgoingContext(ctx, requiresLeader, "true")
	var err error
	for range maxRedirects + 1 {
		conn, at, connErr := s.conns.leader(ctx)
		if connErr != nil {
			return connErr
		}
		err = call(ctx, streams.NewStreamsClient(conn))
		var failed *callError
		if !errors.As(err, &failed) {
			return err
		}
		leader, elsewhere := failed.notLeader()
		if !elsewhere {
			if failed.unreachable() && ctx.Err() == nil {
				s.conns.moved(at, "") // perhaps another leads by now
			}
			return err
		}
		s.conns.moved(at, leader)
	}
	return err
}
