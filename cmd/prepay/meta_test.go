package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestMetaWebhook turns the routes on by their settings, and takes a webhook by
// its signature without any key.
func TestMetaWebhook(t *testing.T) {
	const body = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"2"},"statuses":[{"id":"w","status":"sent","timestamp":"1793534473","recipient_id":"5511987654321"}]}}]}]}`
	mac := hmac.New(sha256.New, []byte("the secret"))
	mac.Write([]byte(body))
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	send := func(r *running) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.HTTP+metaWebhook, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Hub-Signature-256", signature)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	data := t.TempDir()
	r := serve(t, data)
	if got := send(r); got != http.StatusNotFound {
		t.Errorf("without a secret: %d", got)
	}
	r.end()
	r = serve(t, data, "--meta-app-secret", "new", "--meta-former-app-secret", "the secret", "--meta-verify-token", "abc")
	if got := send(r); got != http.StatusOK {
		t.Errorf("with the former secret: %d", got)
	}
	res, err := http.Get(r.HTTP + metaWebhook + "?hub.mode=subscribe&hub.verify_token=abc&hub.challenge=42")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != "42" {
		t.Errorf("the challenge is answered %s %s %v", res.Status, text, err)
	}
}

// TestUploadThroughTheServer answers line by line, with everything that lies
// around the API in the running ledger.
func TestUploadThroughTheServer(t *testing.T) {
	r := serve(t, t.TempDir())
	from, body := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), waiting)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.HTTP+"/v1/usage?results=all", from)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", r.AdminKey)
	req.Header.Set("Content-Type", "application/x-ndjson")
	go func() { _, _ = fmt.Fprintln(body, `{"charge_id":"m-1"}`) }()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answers := bufio.NewReader(res.Body)
	for i := 1; i <= 3; i++ {
		if text, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(text, fmt.Sprintf(`{"line":%d,"outcome":"quarantined"`, i)) {
			t.Fatalf("answer %d: %s %v", i, text, err)
		}
		if i < 3 {
			_, _ = fmt.Fprintf(body, "{\"charge_id\":\"m-%d\"}\n", i+1)
		}
	}
	_ = body.Close()
	if text, err := io.ReadAll(answers); err != nil || !strings.HasPrefix(string(text), `{"done":true`) {
		t.Errorf("%s %v", text, err)
	}
}
