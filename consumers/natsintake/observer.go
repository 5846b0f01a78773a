package natsintake

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Observer is told what the intake does, for metrics and traces. Its methods
// are called by several goroutines and must not block.
type Observer interface {
	// Handled tells of a request that was answered, or a message that was
	// acknowledged or put off. ctx carries the sender's trace, where it sent
	// one.
	Handled(ctx context.Context, h Handled)
}

// Handled is a message that was worked.
type Handled struct {
	// Subject is where it came in.
	Subject string
	// Result is a charge's outcome, "ok", "acknowledged", or an error's code.
	Result string
	// Charges is how many charges it held.
	Charges int
	// Bytes is its size.
	Bytes int
	// Began is when it was taken, Took how long it was worked.
	Began time.Time
	Took  time.Duration
}

// silent is the observer of those who want none.
type silent struct{}

// Handled implements Observer.
func (silent) Handled(context.Context, Handled) {}

// withTrace puts the sender's trace (W3C traceparent and tracestate) into ctx.
func withTrace(ctx context.Context, h nats.Header) context.Context {
	if len(h["traceparent"]) == 0 && len(h["Traceparent"]) == 0 {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, carrier(h))
}

// traced says that a message carries a trace that is recorded.
func traced(h nats.Header) bool {
	return trace.SpanContextFromContext(withTrace(context.Background(), h)).IsSampled()
}

// carrier lets OpenTelemetry read the headers, whose names NATS keeps as they
// were written.
type carrier nats.Header

// Get implements propagation.TextMapCarrier.
func (c carrier) Get(key string) string {
	if v := nats.Header(c).Get(key); v != "" {
		return v
	}
	return nats.Header(c).Get(string(key[0]-'a'+'A') + key[1:])
}

// Set implements propagation.TextMapCarrier.
func (c carrier) Set(key, value string) { nats.Header(c).Set(key, value) }

// Keys implements propagation.TextMapCarrier.
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for k := range c {
		keys = append(keys, k)
	}
	return keys
}
