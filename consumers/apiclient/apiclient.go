// Package apiclient calls the HTTP API of a running ledger. Its methods are
// generated from the OpenAPI document, each with the operation's name; New
// gives them a connection that signs requests, repeats what may be repeated,
// and returns what was not done as *Problem.
//
// Amounts are exact decimals as strings, as the API writes them: give them to a
// decimal library, never to a float. Instants are UTC.
package apiclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	// dialTimeout bounds connecting, the handshake of TLS included (time).
	dialTimeout = 10 * time.Second
	// headerTimeout is how long the answer to a request that was sent whole may
	// take to begin (time).
	headerTimeout = 2 * time.Minute
	// idleTimeout is how long a connection is kept that nobody uses (time).
	idleTimeout = 90 * time.Second
)

// Option is an option of New.
type Option func(*connection)

// WithKey sends an API key with each request. It goes to the ledger's address
// alone: redirects are not followed.
func WithKey(key string) Option { return func(c *connection) { c.key = key } }

// WithRootCAs checks the server's certificate against these instead of the
// system's.
func WithRootCAs(pool *x509.CertPool) Option { return func(c *connection) { c.roots = pool } }

// WithTransport makes the requests by another transport than New's, for tests
// and tracing. WithRootCAs has no effect then.
func WithTransport(t http.RoundTripper) Option { return func(c *connection) { c.transport = t } }

// New returns a client of the ledger at an address such as
// https://prepay.example:8443. It does not connect yet.
func New(address string, opts ...Option) (*ClientWithResponses, error) {
	c := &connection{wait: wait}
	for _, o := range opts {
		o(c)
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a ledger: write it like https://prepay.example:8443", address)
	}
	c.address = u.Scheme + "://" + u.Host
	c.http = &http.Client{Transport: c.roundTripper(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return NewClientWithResponses(strings.TrimSuffix(address, "/"), WithHTTPClient(c))
}

// roundTripper is what makes requests.
func (c *connection) roundTripper() http.RoundTripper {
	if c.transport != nil {
		return c.transport
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext, TLSHandshakeTimeout: dialTimeout,
		ResponseHeaderTimeout: headerTimeout, IdleConnTimeout: idleTimeout, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.roots},
	}
}

// NewIdempotencyKey returns a key for the Idempotency-Key of a request. Keep it
// with what the request is about, and give it again with every repetition: the
// request counts once.
func NewIdempotencyKey() *string {
	key := uuid.NewString()
	return &key
}

// ErrUnreachable says that a request got no answer. One that changes something
// may have been done nevertheless, unless it was refused a connection: repeat
// it with the same Idempotency-Key.
var ErrUnreachable = errors.New("the ledger did not answer")

// Error implements error: the sentence for people.
func (p *Problem) Error() string { return cmp.Or(p.Detail, p.Title) }

// CodeUnexpected is the code of a Problem that the client makes of an answer
// that is none of the ledger's.
const CodeUnexpected = "unexpected_answer"

// Code returns the stable code of a problem that an error is or wraps; empty
// for another error.
func Code(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// Send makes a request that has no generated method, by path with query, such
// as /v1/accounts. It is signed, repeated and judged as all are.
func (c *ClientWithResponses) Send(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	client, ok := c.ClientInterface.(*Client)
	if !ok {
		return nil, errors.New("the client was not made by New")
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(client.Server, "/")+path, body)
	if err != nil {
		return nil, err
	}
	maps.Copy(r.Header, header)
	return client.Client.Do(r)
}
