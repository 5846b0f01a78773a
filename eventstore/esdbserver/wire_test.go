package esdbserver_test

import (
	"encoding/binary"
	"net"
	"sync"
)

// watched is a listener that sees what clients do with their connections.
type watched struct {
	net.Listener
	// pings gets a value for each ping of a client, if there is room.
	pings chan struct{}

	mu           sync.Mutex
	opened, gone int
	// changed is closed and replaced when a connection is gone.
	changed chan struct{}
}

func watch(l net.Listener) *watched {
	return &watched{Listener: l, pings: make(chan struct{}, 1024), changed: make(chan struct{})}
}

// counts are how many connections were opened and how many are gone; a change
// of the latter is told by the channel.
func (w *watched) counts() (opened, gone int, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened, w.gone, w.changed
}

// Accept implements net.Listener.
func (w *watched) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.opened++
	w.mu.Unlock()
	return &watchedConn{Conn: c, l: w, skip: prefaceBytes}, nil
}

// What is known of HTTP/2's frames (RFC 9113, sections 3.4, 4.1 and 6.7).
const (
	prefaceBytes = 24
	headerBytes  = 9
	framePing    = 6
	flagAck      = 1
)

// watchedConn counts the ping frames that a client sends.
type watchedConn struct {
	net.Conn
	l *watched
	// skip is how many bytes come before the next frame, header the part of
	// that frame's header that was read.
	skip   int
	header []byte
	once   sync.Once
}

// Read implements net.Conn.
func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		if c.skip > 0 {
			skipped := min(c.skip, len(rest))
			rest, c.skip = rest[skipped:], c.skip-skipped
			continue
		}
		c.header, rest = append(c.header, rest[0]), rest[1:]
		if len(c.header) < headerBytes {
			continue
		}
		c.skip = int(binary.BigEndian.Uint32(append([]byte{0}, c.header[:3]...)))
		if c.header[3] == framePing && c.header[4]&flagAck == 0 {
			select {
			case c.l.pings <- struct{}{}:
			default:
			}
		}
		c.header = c.header[:0]
	}
	return n, err
}

// Close implements net.Conn.
func (c *watchedConn) Close() error {
	c.once.Do(func() {
		c.l.mu.Lock()
		defer c.l.mu.Unlock()
		c.l.gone++
		close(c.l.changed)
		c.l.changed = make(chan struct{})
	})
	return c.Conn.Close()
}
