package esdb

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"prepayledger/eventstore"
)

// maxConnections bounds the servers to which connections are kept.
const maxConnections = 16

// connections keeps one connection for each server and knows which one leads.
// Connections mend themselves after an outage and are kept until Close.
type connections struct {
	conf *config
	dial []grpc.DialOption
	log  *zap.Logger

	// discovering is held by the one who looks for the leader.
	discovering chan struct{}

	mu     sync.Mutex
	leads  string // the leader's address; empty if it must be found
	open   map[string]*grpc.ClientConn
	closed bool
}

func newConnections(conf *config, log *zap.Logger) (*connections, error) {
	dial, err := conf.dialOptions()
	if err != nil {
		return nil, err
	}
	return &connections{
		conf: conf, dial: dial, log: log,
		discovering: make(chan struct{}, 1),
		open:        map[string]*grpc.ClientConn{},
	}, nil
}

// leader is the connection to the leader and its address.
func (c *connections) leader(ctx context.Context) (*grpc.ClientConn, string, error) {
	if conn, at, err := c.known(); conn != nil || err != nil {
		return conn, at, err
	}
	select {
	case c.discovering <- struct{}{}:
		defer func() { <-c.discovering }()
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	if conn, at, err := c.known(); conn != nil || err != nil { // found meanwhile
		return conn, at, err
	}
	at, err := c.discover(ctx)
	if err != nil {
		return nil, "", err
	}
	conn, err := c.to(at, true)
	return conn, at, err
}

// known is the connection to the leader if that is known; else nil.
func (c *connections) known() (*grpc.ClientConn, string, error) {
	c.mu.Lock()
	at := c.leads
	c.mu.Unlock()
	if at == "" && !c.conf.cluster {
		at = c.conf.seeds[0]
	}
	if at == "" {
		return nil, "", nil
	}
	conn, err := c.to(at, true)
	return conn, at, err
}

// to is the connection to a server, which leads or does not.
func (c *connections) to(at string, leads bool) (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, eventstore.ErrClosed
	}
	if leads {
		c.leads = at
	}
	if conn := c.open[at]; conn != nil {
		return conn, nil
	}
	c.evict()
	conn, err := grpc.NewClient(at, c.dial...)
	if err != nil {
		return nil, fmt.Errorf("%w: server %s: %w", eventstore.ErrUnavailable, at, err)
	}
	c.open[at] = conn
	return conn, nil
}

// evict makes room for one more connection.
func (c *connections) evict() {
	for at, conn := range c.open {
		if len(c.open) < maxConnections {
			return
		}
		if at != c.leads {
			conn.Close()
			delete(c.open, at)
		}
	}
}

// moved notes where the leader is, told by a server that is not; an empty
// address means that it must be found.
func (c *connections) moved(from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leads == from && c.leads != to {
		c.leads = to
		c.log.Info("event store has another leader", zap.String("was", from), zap.String("is", to))
	}
}

// discover asks the seeds who leads, again and again within the limits of the
// connection string.
func (c *connections) discover(ctx context.Context) (string, error) {
	var last error
	for attempt := range max(c.conf.MaxDiscoverAttempts, 1) {
		if attempt > 0 {
			if err := pause(ctx, time.Duration(c.conf.DiscoveryInterval)*time.Millisecond); err != nil {
				return "", err
			}
		}
		for _, seed := range c.conf.seeds {
			at, err := c.ask(ctx, seed)
			if err == nil {
				return at, nil
			}
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			last = fmt.Errorf("%s: %w", seed, err)
		}
	}
	return "", fmt.Errorf("%w: no leader of the cluster was found; check that its servers run: %w", eventstore.ErrUnavailable, last)
}

// ask reads one server's gossip.
func (c *connections) ask(ctx context.Context, seed string) (string, error) {
	conn, err := c.to(seed, false)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(c.conf.GossipTimeout, 1))*time.Second)
	defer cancel()
	info, err := gossip.NewGossipClient(conn).Read(ctx, &shared.Empty{})
	if err != nil {
		return "", err
	}
	for _, m := range info.GetMembers() {
		if m.GetIsAlive() && m.GetState() == gossip.MemberInfo_Leader {
			p := m.GetHttpEndPoint()
			return net.JoinHostPort(p.GetAddress(), strconv.FormatUint(uint64(p.GetPort()), 10)), nil
		}
	}
	return "", fmt.Errorf("none of its %d members leads", len(info.GetMembers()))
}

// close closes all connections; calls under way end.
func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for at, conn := range c.open {
		conn.Close()
		delete(c.open, at)
	}
}

// pause waits for d or the end of the context, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
