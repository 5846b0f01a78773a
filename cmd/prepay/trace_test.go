package main

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"prepayledger/consumers/natsbus"
)

// collected are the spans that a collector got.
type collected struct {
	t     *testing.T
	mu    sync.Mutex
	spans []*otlp.Span
}

// ServeHTTP takes what the exporter sends.
func (c *collected) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			c.t.Error(err)
			return
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &request)
	}
	if err != nil {
		c.t.Error(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// TestTraces: a request that is traced is seen in its sender's trace from the
// intake through the decision to the append and the publishing; one that is
// not leaves no spans.
func TestTraces(t *testing.T) {
	c := &collected{t: t}
	server := httptest.NewServer(c)
	defer server.Close()
	r := serve(t, filepath.Join(t.TempDir(), "data"), "--otlp-endpoint", server.URL, "--trace-ratio", "0")
	nc := r.connect(natsbus.RoleIntake)
	r.ask(nc, "prepay.command.OpenAccount", openPA1)
	const traceID, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	m := nats.NewMsg("prepay.command.Block")
	m.Data = []byte(`{"partner_id":"PA-1","actor":"finance:ana","payload":{"reason":"fraud"}}`)
	m.Header["traceparent"] = []string{"00-" + traceID + "-" + parent + "-01"}
	if _, err := nc.RequestMsg(m, waiting); err != nil {
		t.Fatal(err)
	}
	if code := r.end(); code != exitDone {
		t.Fatalf("code %d", code)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	byName := map[string]*otlp.Span{}
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) != traceID {
			t.Errorf("a span %q of trace %x", s.Name, s.TraceId)
		}
		byName[s.Name] = s
	}
	decide := byName["decide Block"]
	if decide == nil || byName["append"] == nil || byName["publish"] == nil || byName["intake prepay.command.Block"] == nil {
		t.Fatalf("spans %v", c.spans)
	}
	for name, want := range map[string]string{"decide Block": parent, "intake prepay.command.Block": parent, "append": hex.EncodeToString(decide.SpanId), "publish": hex.EncodeToString(decide.SpanId)} {
		if got := hex.EncodeToString(byName[name].ParentSpanId); got != want {
			t.Errorf("%s has the parent %s, want %s", name, got, want)
		}
	}
	if bytes.Equal(byName["append"].SpanId, decide.SpanId) || strings.Count(names(c.spans), "decide") != 1 {
		t.Errorf("spans %s", names(c.spans))
	}
}

func names(spans []*otlp.Span) string {
	var all []string
	for _, s := range spans {
		all = append(all, s.Name)
	}
	return strings.Join(all, ", ")
}
