package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/natsintake"
	"prepayledger/consumers/outbound"
	"prepayledger/eventstore"
)

// telemetry is what the running ledger tells of itself: metrics always, traces
// where a collector is named.
type telemetry struct {
	registry   *prometheus.Registry
	messages   *prometheus.CounterVec
	charges    *prometheus.CounterVec
	handling   *prometheus.HistogramVec
	appends    *prometheus.CounterVec
	appended   prometheus.Counter
	appending  prometheus.Histogram
	deliveries *prometheus.CounterVec
	failures   *prometheus.CounterVec
	webhooks   *prometheus.HistogramVec
	mails      *prometheus.HistogramVec
	answers    *prometheus.HistogramVec

	// Both are nil without a collector.
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
}

var _ natsintake.Observer = (*telemetry)(nil)

// latencies are the buckets of histograms: 0.25 ms to 8 s.
func latencies() []float64 { return prometheus.ExponentialBuckets(0.00025, 2, 16) }

func newTelemetry(ctx context.Context, c *settings) (*telemetry, error) {
	t := &telemetry{
		registry:   prometheus.NewRegistry(),
		messages:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "prepay_intake_messages_total", Help: "Messages worked, by subject and result."}, []string{"subject", "result"}),
		charges:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "prepay_intake_charges_total", Help: "Charges in the messages worked, by subject."}, []string{"subject"}),
		handling:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "prepay_intake_seconds", Help: "From taking a message to its answer.", Buckets: latencies()}, []string{"subject"}),
		appends:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "prepay_log_appends_total", Help: "Appends to the event log, by result."}, []string{"result"}),
		appended:   prometheus.NewCounter(prometheus.CounterOpts{Name: "prepay_log_events_total", Help: "Events appended to the event log."}),
		appending:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "prepay_log_append_seconds", Help: "One append, fsync included.", Buckets: latencies()}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "prepay_outbound_events_total", Help: "Events that an output has taken, repeats included."}, []string{"output"}),
		failures:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "prepay_outbound_failures_total", Help: "Failed deliveries; they are tried again."}, []string{"output"}),
		mails:      prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "prepay_mail_seconds", Help: "Mails handed to the SMTP server, by how they ended.", Buckets: latencies()}, []string{"outcome"}),
		webhooks:   prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "prepay_webhook_seconds", Help: "Requests to endpoints, by how they ended.", Buckets: latencies()}, []string{"endpoint", "outcome"}),
	}
	t.answers = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "prepay_http_seconds", Help: "Requests over HTTP until the answer is whole, by route and status.", Buckets: latencies()}, []string{"method", "route", "status"})
	t.registry.MustRegister(t.answers, t.messages, t.charges, t.handling, t.appends, t.appended, t.appending, t.deliveries, t.failures, t.webhooks, t.mails,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if c.OTLPEndpoint == "" {
		return t, nil
	}
	ratio, err := strconv.ParseFloat(c.TraceRatio, 64)
	if err != nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(c.OTLPEndpoint))
	if err != nil {
		return nil, err
	}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "prepay"))),
		sdktrace.WithIDGenerator(spanIDs{}), sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))),
	)
	t.tracer = t.provider.Tracer("prepay")
	return t, nil
}

// Handled implements natsintake.Observer.
func (t *telemetry) Handled(ctx context.Context, h natsintake.Handled) {
	t.messages.WithLabelValues(h.Subject, h.Result).Inc()
	t.charges.WithLabelValues(h.Subject).Add(float64(h.Charges))
	t.handling.WithLabelValues(h.Subject).Observe(h.Took.Seconds())
	if t.provider == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	_, span := t.tracer.Start(ctx, "intake "+h.Subject, trace.WithTimestamp(h.Began),
		trace.WithAttributes(attribute.String("result", h.Result), attribute.Int("charges", h.Charges)))
	span.End(trace.WithTimestamp(h.Began.Add(h.Took)))
}

// mail is told of every mail.
func (t *telemetry) mail(outcome string, took time.Duration) {
	t.mails.WithLabelValues(outcome).Observe(took.Seconds())
}

// webhook is told of every request to an endpoint.
func (t *telemetry) webhook(endpoint, outcome string, took time.Duration) {
	t.webhooks.WithLabelValues(endpoint, outcome).Observe(took.Seconds())
}

// requests measures requests over HTTP by their route, never by their path.
func (t *telemetry) requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(seen, r)
		method, route := r.Method, chi.RouteContext(r.Context()).RoutePattern()
		if route == "" { // no route of ours: neither its path nor its method may become a label
			method, route = "", "none"
		}
		t.answers.WithLabelValues(method, route, strconv.Itoa(cmp.Or(seen.Status(), http.StatusOK))).Observe(time.Since(began).Seconds())
	})
}

// watch adds what is read when it is asked for.
func (t *telemetry) watch(s *server) {
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		t.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
	}
	gauge("prepay_log_position", "Where the log ends (commit position).", nil, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		last, _ := s.lastPosition(ctx)
		return float64(last.Commit)
	})
	gauge("prepay_views_position", "How far the read models are (commit position).", nil, func() float64 {
		return float64(s.app.Views.Engine.Position().Commit)
	})
	gauge("prepay_nats_connected", "1 while NATS is connected.", nil, func() float64 {
		if s.conn.IsConnected() {
			return 1
		}
		return 0
	})
	for _, f := range s.followers {
		labels := prometheus.Labels{"output": f.output.Name()}
		gauge("prepay_outbound_position", "How far an output is (commit position).", labels, func() float64 { return float64(f.position().Commit) })
		gauge("prepay_outbound_behind_seconds", "Age of the oldest event that an output lacks.", labels, func() float64 { return f.behind().Seconds() })
		gauge("prepay_outbound_halted", "1 while an output must be mended by hand.", labels, func() float64 {
			if f.halted.Load() != nil {
				return 1
			}
			return 0
		})
	}
	t.registry.MustRegister(&standings{s.app})
}

// deliveryFailed counts a failed delivery.
func (t *telemetry) deliveryFailed(output string) { t.failures.WithLabelValues(output).Inc() }

// close sends what traces are left.
func (t *telemetry) close(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// standings counts accounts by standing when it is asked.
type standings struct{ app *desk.Desk }

func (*standings) desc() *prometheus.Desc {
	return prometheus.NewDesc("prepay_accounts", "Accounts by standing.", []string{"standing"}, nil)
}

// Describe implements prometheus.Collector.
func (s *standings) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc() }

// Collect implements prometheus.Collector.
func (s *standings) Collect(ch chan<- prometheus.Metric) {
	for standing, n := range s.app.Views.Accounts.Standings() {
		ch <- prometheus.MustNewConstMetric(s.desc(), prometheus.GaugeValue, float64(n), string(standing))
	}
}

// store puts metrics around an event store.
func (t *telemetry) store(inner eventstore.Store) eventstore.Store {
	return &measuredStore{Store: inner, telemetry: t}
}

// measuredStore measures appends.
type measuredStore struct {
	eventstore.Store
	telemetry *telemetry
}

// Append implements eventstore.Store.
func (m *measuredStore) Append(ctx context.Context, stream string, expected eventstore.Revision, events []eventstore.Event) (eventstore.Appended, error) {
	t := m.telemetry
	start := time.Now()
	end := t.appendSpans(ctx, stream, events, start)
	at, err := m.Store.Append(ctx, stream, expected, events)
	took := time.Since(start)
	end(err)
	t.appending.Observe(took.Seconds())
	t.appends.WithLabelValues(appendResult(err)).Inc()
	if err == nil {
		t.appended.Add(float64(len(events)))
	}
	return at, err
}

func appendResult(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, eventstore.ErrWrongRevision):
		return "conflict"
	case errors.Is(err, eventstore.ErrOutcomeUnknown):
		return "unknown"
	default:
		return "failed"
	}
}

// output puts metrics and traces around an output.
func (t *telemetry) output(inner outbound.Output) outbound.Output {
	return &measuredOutput{Output: inner, telemetry: t}
}

type measuredOutput struct {
	outbound.Output
	telemetry *telemetry
}

// Deliver implements outbound.Output.
func (m *measuredOutput) Deliver(ctx context.Context, changes []outbound.Change) error {
	start := time.Now()
	err := m.Output.Deliver(ctx, changes)
	if err == nil {
		m.telemetry.deliveries.WithLabelValues(m.Name()).Add(float64(len(changes)))
		m.telemetry.publishSpans(ctx, m.Name(), changes, start)
	}
	return err
}
