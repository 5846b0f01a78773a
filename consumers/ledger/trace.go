package ledger

import (
	"context"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"prepayledger/domain"
	"prepayledger/domain/codec"
)

// A trace goes on where no context goes: events carry it. The correlation id
// of a traced command is the id of its trace, and the span of its decision has
// the last eight bytes of the command id as its own.

// spanKey is the context key of the id that the next span is to have.
type spanKey struct{}

// SpanIDFrom returns the id that the span begun with this context is to have,
// for the tracer provider's generator of ids.
func SpanIDFrom(ctx context.Context) (trace.SpanID, bool) {
	id, ok := ctx.Value(spanKey{}).(trace.SpanID)
	return id, ok && id.IsValid()
}

// spanOf is the id of the span of a command's decision.
func spanOf(command uuid.UUID) (id trace.SpanID) {
	copy(id[:], command[8:])
	return id
}

// TraceOf returns the span of the decision that an event came from; false
// where it was not traced.
func TraceOf(m *codec.Metadata) (trace.SpanContext, bool) {
	c := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(m.CorrelationID), SpanID: spanOf(m.CommandID), TraceFlags: trace.FlagsSampled, Remote: true,
	})
	return c, c.IsValid()
}

// traced begins the span of a decision: until what it raised is on disk. It
// gives a traced command its correlation id, if it has none.
func (l *Ledger) traced(ctx context.Context, m *domain.Meta, name string, attributes ...attribute.KeyValue) (context.Context, func(error)) {
	if l.opts.Tracer == nil {
		return ctx, func(error) {}
	}
	if m.CommandID == uuid.Nil {
		m.CommandID = l.opts.IDs()
	}
	ctx, span := l.opts.Tracer.Start(context.WithValue(ctx, spanKey{}, spanOf(m.CommandID)), "decide "+name, trace.WithAttributes(attributes...))
	ctx = context.WithValue(ctx, spanKey{}, trace.SpanID{})
	if span.SpanContext().IsSampled() && m.CorrelationID == uuid.Nil {
		m.CorrelationID = uuid.UUID(span.SpanContext().TraceID())
	}
	return ctx, func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, "not done")
		}
		span.End()
	}
}
