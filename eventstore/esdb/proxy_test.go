package esdb_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a driver and its server and fails as networks do.
type proxy struct {
	l net.Listener
	// muted drops what the server answers, stalled what either side sends.
	muted, stalled atomic.Bool
	// down refuses new connections.
	down atomic.Bool

	mu     sync.Mutex
	target string
	conns  map[net.Conn]bool
	// left is closed and replaced when a connection has ended.
	left chan struct{}
	wg   sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, l: l, conns: map[net.Conn]bool{}, left: make(chan struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		if p.down.Load() {
			client.Close()
			continue
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		server, err := net.Dial("tcp", target)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		p.wg.Go(func() { p.forward(server, client, nil) })
		p.wg.Go(func() { p.forward(client, server, &p.muted) })
	}
}

// forward copies until one side ends, then ends both.
func (p *proxy) forward(to, from net.Conn, muted *atomic.Bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err == nil && !p.stalled.Load() && (muted == nil || !muted.Load()) {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	p.mu.Lock()
	delete(p.conns, to)
	delete(p.conns, from)
	close(p.left)
	p.left = make(chan struct{})
	p.mu.Unlock()
}

// empty waits until no connection is left.
func (p *proxy) empty(ctx context.Context) error {
	for {
		p.mu.Lock()
		n, left := len(p.conns), p.left
		p.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-left:
		case <-ctx.Done():
			return fmt.Errorf("%d ends of connections are left: %w", n, ctx.Err())
		}
	}
}

// cut ends all connections; new ones are served.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// setTarget has new connections go elsewhere.
func (p *proxy) setTarget(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = address
}
