package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// benchRequest is a request over HTTP/1.1 as it goes over the wire: what is
// measured is the server.
func benchRequest(method, path, key string, body []byte) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: prepay\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, path, key, len(body), body)
}

// benchConn is a connection that makes one request after the other.
type benchConn struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

func dialBench(address string) (*benchConn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &benchConn{conn: conn, in: bufio.NewReader(conn)}, nil
}

// do sends a request and returns the answer's body, which is good until the next
// call; another status than 200 is an error.
func (c *benchConn) do(request []byte) ([]byte, error) {
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	status, err := c.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return nil, err
			}
		}
	}
	c.body = slices.Grow(c.body[:0], length)[:length]
	for read := 0; read < length; {
		n, err := c.in.Read(c.body[read:])
		if err != nil {
			return nil, err
		}
		read += n
	}
	if status != "HTTP/1.1 200 OK\r\n" {
		return nil, fmt.Errorf("answered %s%s", status, c.body)
	}
	return c.body, nil
}

// benchLoad is requests of several clients, each on a connection of its own.
type benchLoad struct {
	clients int
	// total is how many requests are made in all; rate is how many a second,
	// whether or not those before were answered in time; 0 is as many as can be.
	total int
	rate  float64
	// request makes the request of a number.
	request func(i int) []byte
	// check looks at an answer.
	check func(body []byte) error
}

// benchLatency is what came of it.
type benchLatency struct {
	PerS float64 `json:"per_s"`
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	// ProcessorUS is processor time of the whole process, clients and outputs
	// included, per request, in microseconds.
	ProcessorUS float64 `json:"processor_us"`
}

// run makes the requests and waits for all answers.
func (l *benchLoad) run(address string) (r benchLatency, err error) {
	var next atomic.Int64
	var group sync.WaitGroup
	took := make([][]time.Duration, l.clients)
	failures := make(chan error, l.clients)
	used, start := processorTime(), time.Now()
	for client := range l.clients {
		group.Go(func() {
			c, err := dialBench(address)
			if err != nil {
				failures <- err
				return
			}
			defer c.conn.Close()
			for i := int(next.Add(1)); i <= l.total; i = int(next.Add(1)) {
				request, began := l.request(i), time.Now()
				if l.rate > 0 {
					due := start.Add(time.Duration(float64(i) / l.rate * float64(time.Second)))
					time.Sleep(due.Sub(began))
					began = due
				}
				body, err := c.do(request)
				if err == nil && l.check != nil {
					err = l.check(body)
				}
				if err != nil {
					failures <- err
					next.Store(int64(l.total))
					return
				}
				took[client] = append(took[client], time.Since(began))
			}
		})
	}
	group.Wait()
	spent, cost := time.Since(start), processorTime()-used
	select {
	case err := <-failures:
		return r, err
	default:
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	n := float64(len(all))
	return benchLatency{
		PerS: n / spent.Seconds(), P50: all[len(all)/2].Seconds() * 1000, P99: all[len(all)*99/100].Seconds() * 1000,
		ProcessorUS: cost.Seconds() * 1e6 / n,
	}, nil
}
