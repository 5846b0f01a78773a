package apiclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxAttempts is how often a request is made, the first time included
	// (attempts).
	maxAttempts = 5
	// firstWait is the pause before the second attempt; each is twice the one
	// before, up to maxWait (time).
	firstWait = 200 * time.Millisecond
	maxWait   = 5 * time.Second
	// maxProblemBytes is how much of an answer that is an error is read.
	maxProblemBytes = 1 << 20
)

// idempotencyHeader makes requests that change something count once.
const idempotencyHeader = "Idempotency-Key"

// connection makes the requests of the generated client.
type connection struct {
	address   string
	key       string
	roots     *x509.CertPool
	transport http.RoundTripper
	http      *http.Client
	// wait waits, or until the context ends.
	wait func(context.Context, time.Duration) error
}

var _ HttpRequestDoer = (*connection)(nil)

// Do makes a request. It is made again, with the same Idempotency-Key, where
// that can't do harm and may help: it reads only or has such a key, its body
// can be sent again, and the ledger did not answer or was busy. An answer of
// 300 and more is returned as *Problem.
func (c *connection) Do(r *http.Request) (*http.Response, error) {
	if c.key != "" {
		r.Header.Set("X-API-Key", c.key)
	}
	pause := firstWait
	for attempt := 1; ; attempt++ {
		response, err := c.once(r)
		if err == nil || attempt == maxAttempts || !repeatable(r) || !passing(err) {
			return response, err
		}
		var busy *busyError
		if errors.As(err, &busy) {
			pause = max(pause, min(busy.after, maxWait))
		}
		if waitErr := c.wait(r.Context(), pause); waitErr != nil {
			return nil, err
		}
		pause = min(2*pause, maxWait)
		if r, err = again(r); err != nil {
			return nil, err
		}
	}
}

// once makes a request once.
func (c *connection) once(r *http.Request) (*http.Response, error) {
	response, err := c.http.Do(r)
	if err != nil {
		if ctxErr := r.Context().Err(); ctxErr != nil {
			return nil, ctxErr
		}
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, c.address, err)
	}
	if response.StatusCode < http.StatusMultipleChoices || response.StatusCode == http.StatusNotModified {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	p := c.problem(response)
	if response.StatusCode == http.StatusServiceUnavailable || response.StatusCode == http.StatusGatewayTimeout || response.StatusCode == http.StatusTooManyRequests {
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return nil, &busyError{p, time.Duration(seconds) * time.Second}
	}
	return nil, p
}

// problem reads an answer that is an error.
func (c *connection) problem(response *http.Response) *Problem {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxProblemBytes))
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	p := &Problem{}
	if err == nil && kind == "application/problem+json" && json.Unmarshal(text, p) == nil && p.Code != "" {
		return p
	}
	return &Problem{
		Type: "about:blank", Title: http.StatusText(response.StatusCode), Status: int64(response.StatusCode), Code: CodeUnexpected,
		Detail: fmt.Sprintf("%s answered %q, which a ledger does not: check the address, and what stands in between.", c.address, response.Status),
	}
}

// busyError is a problem that passes.
type busyError struct {
	*Problem
	// after is when to come again; 0 is not said.
	after time.Duration
}

// Unwrap makes errors.As find the problem.
func (e *busyError) Unwrap() error { return e.Problem }

// passing reports whether another attempt may fare better.
func passing(err error) bool {
	var busy *busyError
	var stranger *tls.CertificateVerificationError
	return errors.As(err, &busy) || errors.Is(err, ErrUnreachable) && !errors.As(err, &stranger)
}

// repeatable reports whether a request made twice counts once.
func repeatable(r *http.Request) bool {
	body := r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
	return body && (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Header.Get(idempotencyHeader) != "")
}

// again is the request once more, its body from the start.
func again(r *http.Request) (*http.Request, error) {
	next := r.Clone(r.Context())
	if r.GetBody == nil {
		return next, nil
	}
	var err error
	next.Body, err = r.GetBody()
	return next, err
}

// wait waits for a while, or until the context ends.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
