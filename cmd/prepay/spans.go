package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/outbound"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// maxSpans bounds the traces that one append or delivery is shown in.
const maxSpans = 32

// spanIDs makes ids for traces and spans: random ones, but the id that the
// ledger wants for a decision, so that later spans find it.
type spanIDs struct{}

// NewIDs implements sdktrace.IDGenerator.
func (spanIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	t := trace.TraceID(uuid.New())
	return t, spanIDs{}.NewSpanID(ctx, t)
}

// NewSpanID implements sdktrace.IDGenerator.
func (spanIDs) NewSpanID(ctx context.Context, _ trace.TraceID) (id trace.SpanID) {
	if id, ok := ledger.SpanIDFrom(ctx); ok {
		return id
	}
	random := uuid.New()
	copy(id[:], random[8:])
	return id
}

// traceOf returns the decision that an event came from, the first time that
// its trace is seen.
func traceOf(m *codec.Metadata, seen map[trace.TraceID]bool) (trace.SpanContext, bool) {
	c, ok := ledger.TraceOf(m)
	if !ok || seen[c.TraceID()] {
		return c, false
	}
	seen[c.TraceID()] = true
	return c, true
}

// appendSpans shows an append in the traces of the commands that led to its
// events. The caller says how it ended.
func (t *telemetry) appendSpans(ctx context.Context, stream string, events []eventstore.Event, start time.Time) func(error) {
	if t.provider == nil {
		return func(error) {}
	}
	var spans []trace.Span
	seen := map[trace.TraceID]bool{}
	for i := range events {
		if len(spans) == maxSpans {
			break
		}
		m, err := codec.DecodeMetadata(events[i].Metadata)
		if err != nil {
			continue
		}
		if parent, ok := traceOf(&m, seen); ok {
			_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "append", trace.WithTimestamp(start),
				trace.WithAttributes(attribute.String("stream", stream), attribute.Int("events", len(events))))
			spans = append(spans, span)
		}
	}
	return func(err error) {
		for _, s := range spans {
			if err != nil {
				s.RecordError(err)
				s.SetStatus(codes.Error, appendResult(err))
			}
			s.End()
		}
	}
}

// publishSpans shows a delivery in the traces of the commands that led to what
// was delivered.
func (t *telemetry) publishSpans(ctx context.Context, output string, changes []outbound.Change, start time.Time) {
	if t.provider == nil {
		return
	}
	seen := map[trace.TraceID]bool{}
	for i := range changes {
		if len(seen) == maxSpans {
			return
		}
		if parent, ok := traceOf(&changes[i].Meta, seen); ok {
			_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "publish", trace.WithTimestamp(start),
				trace.WithAttributes(attribute.String("output", output), attribute.String("type", changes[i].Type)))
			span.End()
		}
	}
}
