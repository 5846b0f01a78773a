package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

// selfSigned writes a certificate for this machine and its key, and returns
// their files.
func selfSigned(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestHTTPS serves with a certificate, and tells browsers to stay with it.
func TestHTTPS(t *testing.T) {
	cert, key := selfSigned(t, t.TempDir(), 1)
	r := serve(t, t.TempDir(), "--http-cert", cert, "--http-key", key)
	if !strings.HasPrefix(r.HTTP, "https://") {
		t.Fatal(r.HTTP)
	}
	roots := x509.NewCertPool()
	text, err := os.ReadFile(cert)
	if err != nil || !roots.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	res, err := client.Get(r.HTTP + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %s %v", res.Status, res.Proto, res.Header)
	}
	if res, err := http.Get(strings.Replace(r.HTTP, "https", "http", 1) + "/healthz"); err == nil {
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			t.Error("the same address answers without TLS")
		}
	}
}

// TestHTTPSRefused refuses half of a pair, and a file that is none.
func TestHTTPSRefused(t *testing.T) {
	cert, key := selfSigned(t, t.TempDir(), 1)
	bad := write(t, "bad.pem", "none")
	for _, args := range [][]string{{"--http-cert", cert}, {"--http-key", key}, {"--http-cert", bad, "--http-key", key}} {
		if _, errs, code := cli(t, t.TempDir(), append([]string{"config", "check"}, args...)...); code != 1 || !strings.Contains(errs, "--http-cert") {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

// TestCertificateRenewed takes a renewed certificate without a restart, and
// keeps the old one where the new one can't be read.
func TestCertificateRenewed(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := selfSigned(t, dir, 1)
	c := &certificate{certFile: certFile, keyFile: keyFile, log: zap.NewNop()}
	if err := c.load(); err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		c.lookedAt = time.Time{} // its minute is over
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	selfSigned(t, dir, 2)
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(certFile, later, later); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("serial %d", got)
	}
	if err := os.WriteFile(certFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("serial %d after a broken renewal", got)
	}
}

// TestPanicAnswered answers a request whose handler panics; the next is served.
func TestPanicAnswered(t *testing.T) {
	s := &server{log: zap.NewNop()}
	h := s.secured(s.recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a mistake of ours") })))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"code":"failed"`) || strings.Contains(w.Body.String(), "mistake") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Strict-Transport-Security") != "" {
		t.Errorf("%v", w.Header())
	}
}

// TestUnknownPaths are answered as their neighbours are: by a problem, or by a
// page. What is not there asks for nothing.
func TestUnknownPaths(t *testing.T) {
	r := serve(t, t.TempDir())
	for path, want := range map[string]string{"/v1/nothing": "application/problem+json", "/nothing": "text/html; charset=utf-8"} {
		res, err := http.Get(r.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusNotFound || res.Header.Get("Content-Type") != want {
			t.Errorf("%s: %s %s", path, res.Status, res.Header.Get("Content-Type"))
		}
	}
	res, err := http.Post(r.HTTP+"/v1/accounts/PA-1", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	if code, _ := (&running{t: t, HTTP: r.HTTP}).get("/metrics"); code != http.StatusUnauthorized {
		t.Errorf("metrics without a key: %d", code)
	}
	if code, _ := r.get("/metrics"); code != http.StatusOK {
		t.Errorf("metrics with a key: %d", code)
	}
}

// TestStopEndsStreams ends what is followed when the ledger stops: nobody who
// listens keeps it running until its time is over.
func TestStopEndsStreams(t *testing.T) {
	r := serve(t, t.TempDir())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.HTTP+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", r.AdminKey)
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := res.Body.Read(make([]byte, 1)); err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.Status, err)
	}
	stopped := make(chan int, 1)
	go func() { stopped <- r.end() }()
	select {
	case code := <-stopped:
		if code != 0 {
			t.Errorf("code %d", code)
		}
	case <-time.After(stopTimeout * 9 / 10):
		t.Error("it waits for who follows")
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Errorf("the stream was cut off, not ended: %v", err)
	}
}
