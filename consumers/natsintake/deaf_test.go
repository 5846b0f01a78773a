package natsintake_test

import (
	"bytes"
	"net"
)

// deaf dials connections on which acknowledgements are lost: what is written
// is passed on but for publishes to $JS.ACK, as if the process died before
// them.
type deaf struct{}

// Dial implements nats.CustomDialer.
func (*deaf) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return &lossy{Conn: c}, nil
}

type lossy struct{ net.Conn }

// Write implements net.Conn. NATS writes whole protocol lines at a time.
func (l *lossy) Write(p []byte) (int, error) {
	rest := p
	var kept []byte
	for {
		at := bytes.Index(rest, []byte("PUB $JS.ACK."))
		if at < 0 {
			break
		}
		kept = append(kept, rest[:at]...)
		rest = rest[at:]
		end := 0
		for range 2 { // the line of the publish, and its payload
			n := bytes.Index(rest[end:], []byte("\r\n"))
			if n < 0 {
				n = len(rest) - end - 2
			}
			end += n + 2
		}
		rest = rest[end:]
	}
	if _, err := l.Conn.Write(append(kept, rest...)); err != nil {
		return 0, err
	}
	return len(p), nil
}
