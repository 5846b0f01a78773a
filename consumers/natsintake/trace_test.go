package natsintake_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"prepayledger/consumers/natsbus"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/eventstore"
)

// TestTheSendersTraceGoesOn gives the ledger and the observer requests of
// each kind, each in a trace of its own, and others in between without one.
func TestTheSendersTraceGoesOn(t *testing.T) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample())))
	b := newBench(t, options{accounts: 1, tracer: provider.Tracer("test")})
	b.run()
	traceOf := func(n int) string { return fmt.Sprintf("4bf92f3577b34da6a3ce929d0e0e47%02x", n) }
	header := func(n int, name, flags string) nats.Header {
		return nats.Header{name: {"00-" + traceOf(n) + "-00f067aa0ba902b7-" + flags}}
	}
	for i, r := range []struct {
		subject, data string
		header        nats.Header
	}{
		{natsbus.ChargeSubject, charge("m-1", priced), header(1, "traceparent", "01")},
		{natsbus.ChargeSubject, charge("m-2", priced), header(2, "Traceparent", "01")},
		{natsbus.ChargeSubject, charge("m-3", priced), header(3, "traceparent", "00")}, // not recorded
		{natsbus.ChargeSubject, charge("m-4", priced), nil},
		{natsbus.CommandPrefix + "AddFunds", `{"partner_id":"PA-0000","actor":"a","payload":{"amount":"50"}}`, header(5, "traceparent", "01")},
	} {
		if _, err := b.nc.RequestMsg(&nats.Msg{Subject: r.subject, Data: []byte(r.data), Header: r.header}, patience); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	b.publish([]byte(charge("m-6", priced)), header(6, "traceparent", "01"))
	b.publish([]byte(charge("m-7", priced)), nil)
	b.empty()
	b.seen.wait(t, "acknowledged", 2)
	want := map[string]string{"m-1": traceOf(1), "m-2": traceOf(2), "m-3": "", "m-4": "", "m-6": traceOf(6), "m-7": ""}
	for r, err := range b.store.ReadAll(t.Context(), eventstore.Start) {
		if err != nil {
			t.Fatal(err)
		}
		m, err := codec.DecodeMetadata(r.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if m.CorrelationID != uuid.Nil {
			got = trace.TraceID(m.CorrelationID).String()
		}
		e, err := codec.New().Decode(r.Type, m.Version, r.Data)
		if err != nil {
			t.Fatal(err)
		}
		switch e := e.(type) {
		case *domain.ConversationCharged:
			if got != want[e.ChargeID] {
				t.Errorf("%s has the correlation id %q, want %q", e.ChargeID, got, want[e.ChargeID])
			}
		case *domain.RechargeRequested:
			if got != traceOf(5) {
				t.Errorf("the payment has the correlation id %q, want %q", got, traceOf(5))
			}
		}
	}
	b.observed(traceOf)
}

// observed checks what the observer was told of traces.
func (b *bench) observed(traceOf func(int) string) {
	b.t.Helper()
	b.seen.mu.Lock()
	defer b.seen.mu.Unlock()
	traces := map[string]int{}
	for i, ctx := range b.seen.traces {
		traces[trace.SpanContextFromContext(ctx).TraceID().String()]++
		if h := b.seen.handled[i]; h.Subject == "" || h.Charges > 1 || h.Bytes == 0 || h.Took <= 0 || h.Began.IsZero() {
			b.t.Errorf("told %+v", h)
		}
	}
	none := trace.SpanContextFromContext(context.Background()).TraceID().String()
	for id, n := range map[string]int{none: 2, traceOf(1): 1, traceOf(2): 1, traceOf(3): 1, traceOf(5): 1, traceOf(6): 1} {
		if traces[id] != n {
			b.t.Errorf("%d messages with the trace %s, want %d", traces[id], id, n)
		}
	}
}
