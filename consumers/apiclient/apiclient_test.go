package apiclient

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// patient is a client of a handler that notes its pauses instead of waiting.
func patient(t *testing.T, h http.HandlerFunc) (*ClientWithResponses, *[]time.Duration) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	pauses := &[]time.Duration{}
	// Over a connection that was used before, net/http repeats by itself.
	fresh := WithTransport(&http.Transport{DisableKeepAlives: true})
	c, err := New(s.URL, WithKey("k-1"), fresh, func(c *connection) {
		c.wait = func(_ context.Context, d time.Duration) error { *pauses = append(*pauses, d); return nil }
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, pauses
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"urn:prepay:problem:%s","title":"t","status":%d,"code":%q,"detail":"Do something."}`, code, status, code)
}

func TestProblems(t *testing.T) {
	c, pauses := patient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-API-Key") != "k-1" {
			t.Error("no key")
		}
		if strings.HasSuffix(r.URL.Path, "PA-2") {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
			return
		}
		problem(w, http.StatusNotFound, "unknown_account")
	})
	_, err := c.GetAccountWithResponse(t.Context(), "PA-1", nil)
	var p *Problem
	if !errors.As(err, &p) || p.Code != "unknown_account" || p.Status != 404 || err.Error() != "Do something." || Code(err) != "unknown_account" {
		t.Errorf("%v %+v", err, p)
	}
	if _, err = c.GetAccountWithResponse(t.Context(), "PA-2", nil); Code(err) != CodeUnexpected {
		t.Errorf("redirected: %v", err)
	}
	if len(*pauses) > 0 {
		t.Errorf("repeated after %v", *pauses)
	}
	if Code(io.EOF) != "" {
		t.Error("another error has a code")
	}
}

// TestRepeats answers twice that it is busy, and cuts one connection off.
func TestRepeats(t *testing.T) {
	var keys, bodies []string
	c, pauses := patient(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		keys, bodies = append(keys, r.Header.Get("Idempotency-Key")), append(bodies, string(body))
		switch len(keys) {
		case 1:
			w.Header().Set("Retry-After", "3")
			problem(w, http.StatusServiceUnavailable, "overloaded")
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			problem(w, http.StatusGatewayTimeout, "outcome_unknown")
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"auto_recharge":true,"threshold":"250","recharge_amount":"500"}`)
		}
	})
	threshold, key := "250", NewIdempotencyKey()
	got, err := c.ChangeRechargeSettingsWithResponse(t.Context(), "PA-1", &ChangeRechargeSettingsParams{IdempotencyKey: key}, ChangeRechargeSettingsJSONRequestBody{Threshold: &threshold})
	if err != nil || got.JSON200 == nil || got.JSON200.Threshold != "250" {
		t.Fatal(got, err)
	}
	if len(keys) != 4 {
		t.Fatalf("%d attempts", len(keys))
	}
	for i := range keys {
		if keys[i] != *key || bodies[i] != `{"threshold":"250"}` {
			t.Errorf("attempt %d: %s %s", i+1, keys[i], bodies[i])
		}
	}
	if fmt.Sprint(*pauses) != "[3s 5s 5s]" {
		t.Errorf("paused %v", *pauses)
	}
}

func TestWithoutKeyNothingIsRepeated(t *testing.T) {
	attempts := 0
	c, _ := patient(t, func(w http.ResponseWriter, _ *http.Request) {
		attempts++
		problem(w, http.StatusServiceUnavailable, "overloaded")
	})
	_, err := c.ChangeRechargeSettingsWithResponse(t.Context(), "PA-1", nil, ChangeRechargeSettingsJSONRequestBody{})
	if Code(err) != "overloaded" || attempts != 1 {
		t.Errorf("%v after %d attempts", err, attempts)
	}
	if _, err = c.GetAccountWithResponse(t.Context(), "PA-1", nil); Code(err) != "overloaded" || attempts != 1+maxAttempts {
		t.Errorf("%v after %d attempts", err, attempts)
	}
}

func TestUnreachable(t *testing.T) {
	c, pauses := patient(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := c.GetAccountWithResponse(t.Context(), "PA-1", nil); !errors.Is(err, ErrUnreachable) || len(*pauses) != maxAttempts-1 {
		t.Errorf("%v after %v", err, *pauses)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.GetAccountWithResponse(ctx, "PA-1", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestCertificates(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"partner_id":"PA-1"}`)
	}))
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	c, err := New(s.URL+"/", WithRootCAs(pool))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.GetAccountWithResponse(t.Context(), "PA-1", nil); err != nil || got.JSON200.PartnerID != "PA-1" {
		t.Error(got, err)
	}
	wait := func(context.Context, time.Duration) error { return errors.New("it is tried again") }
	if c, err = New(s.URL, func(c *connection) { c.wait = wait }); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetAccountWithResponse(t.Context(), "PA-1", nil); !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"", "prepay.example:8443", "ftp://prepay.example", "https://", "https://a b"} {
		if _, err := New(address); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}

func TestPages(t *testing.T) {
	pages := map[string][]int{"": {1, 2}, "b": {}, "c": {3}}
	after := map[string]string{"": "b", "b": "c"}
	read := func(_ context.Context, cursor *string) ([]int, *string, error) {
		at := ""
		if cursor != nil {
			at = *cursor
		}
		next := after[at]
		return pages[at], &next, nil
	}
	var got []int
	for n, err := range Pages(t.Context(), read) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Error(got)
	}
	broken := errors.New("broken")
	for n, err := range Pages(t.Context(), func(context.Context, *string) ([]int, *string, error) { return nil, nil, broken }) {
		if n != 0 || !errors.Is(err, broken) {
			t.Error(n, err)
		}
	}
}
