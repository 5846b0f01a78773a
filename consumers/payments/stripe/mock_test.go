package stripe_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"prepayledger/consumers/payments/stripe"
)

// tools is the module that pins the tools of others that tests run.
const tools = "../../../.tools"

// mock starts Stripe's own mock, which holds requests against Stripe's OpenAPI
// description, behind a proxy that keeps what was asked and answered.
func mock(t *testing.T) (address string, seen func() []string) {
	t.Helper()
	var problem bytes.Buffer
	build := exec.CommandContext(t.Context(), "go", "-C", tools, "tool", "-n", "stripe-mock")
	build.Stderr = &problem
	path, err := build.Output()
	if err != nil {
		t.Fatalf("stripe-mock can't be built (it needs the module proxy once: make deps): %v\n%s", err, &problem)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, strings.TrimSpace(string(path)), "-http-addr", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		if _, found, ok := strings.Cut(lines.Text(), "Listening for HTTP at address: "); ok {
			address = found
		}
	}
	if address == "" {
		t.Fatal("stripe-mock does not listen")
	}
	go func() {
		for lines.Scan() { // else it blocks on its output
		}
	}()
	var mu sync.Mutex
	var requests []string
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	proxy.ModifyResponse = func(r *http.Response) error {
		mu.Lock()
		defer mu.Unlock()
		requests = append(requests, fmt.Sprintf("%s %s %d", r.Request.Method, r.Request.URL.Path, r.StatusCode))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		defer func() { requests = nil }()
		return requests
	}
}

// Every request has the shape that Stripe describes. The mock keeps nothing:
// what comes of a payment is no matter here.
func TestShapes(t *testing.T) {
	address, seen := mock(t)
	d := stripe.New(stripe.Options{Key: "sk_test_123", URL: address, Clock: func() time.Time { return start }})
	late := stripe.New(stripe.Options{Key: "sk_test_123", URL: address, Clock: func() time.Time { return start.Add(48 * time.Hour) }})
	h := &stripe.Webhook{Driver: d, Sink: &sink{}, Secret: secret}
	for _, c := range []struct {
		what string
		do   func()
		want string // requests that there must be
	}{
		{"a payment", func() { _, _, _ = d.Charge(t.Context(), "PA", request("cus_1/pm_1", "520", "EUR")) }, "POST /v1/payment_intents"},
		{"an old payment", func() { _, _, _ = late.Charge(t.Context(), "PA", request("cus_1/pm_1", "520", "EUR")) }, "GET /v1/payment_intents/search"},
		{"a refund", func() { _, _, _ = d.PayOut(t.Context(), payout(2, "20")) }, "GET /v1/refunds; POST /v1/refunds"},
		{"a link", func() { _, _ = d.CardLink(t.Context(), "PA", "", "https://prepay.example/card/done") }, "POST /v1/customers; POST /v1/checkout/sessions"},
		{"a dispute", func() { post(t, h, "charge.dispute.created", map[string]any{"id": "dp_1"}, time.Now()) }, "GET /v1/disputes/dp_1"},
		{"a look at all disputes", func() { _ = h.Sweep(t.Context()) }, "GET /v1/disputes"},
		{"a saved card", func() {
			post(t, h, "checkout.session.completed", map[string]any{"id": "cs_1", "mode": "setup", "setup_intent": "seti_1", "metadata": map[string]string{"partner_id": "PA"}}, time.Now())
		}, "GET /v1/setup_intents/seti_1"},
	} {
		c.do()
		got := strings.Join(seen(), "; ")
		for _, want := range strings.Split(c.want, "; ") {
			if !strings.Contains(got, want+" 200") {
				t.Errorf("%s: %s is not among what was asked and answered: %s", c.what, want, got)
			}
		}
		if strings.Contains(got, " 4") || strings.Contains(got, " 5") {
			t.Errorf("%s: refused: %s", c.what, got)
		}
	}
	// What is not of that shape is refused: the mock does look.
	res, err := http.PostForm(address+"/v1/payment_intents", url.Values{"amount": {"x"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode < 400 {
		t.Errorf("nonsense was answered with %d", res.StatusCode)
	}
}
