package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// signature is how Meta signs, written apart from the code under test.
func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// status is a status of a message of CH-1 as Meta sends it.
func status(id, kind string) string {
	return fmt.Sprintf(`{"id":%q,"status":%q,"timestamp":"1793534473","recipient_id":"5511987654321","pricing":{"billable":true,"pricing_model":"PMP","type":"free_customer_service","category":"utility"}}`, id, kind)
}

// webhook is a payload with statuses.
func webhook(statuses ...string) string {
	return `{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"4930123456","phone_number_id":"106540352242922"},"statuses":[` +
		strings.Join(statuses, ",") + `]},"field":"messages"}]}]}`
}

// send posts a webhook.
func send(m *Meta, body, signature string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/meta", strings.NewReader(body))
	if signature != "" {
		r.Header.Set("X-Hub-Signature-256", signature)
	}
	w := httptest.NewRecorder()
	m.Receive(w, r)
	return w
}

// counts are the free charges of PA-1, and what is in quarantine of no account.
func counts(t *testing.T, a *API) (free int64, quarantined int) {
	t.Helper()
	if err := a.desk.Ledger.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := a.desk.Views.Accounts.Get("PA-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range a.desk.Views.Quarantine.Totals() {
		quarantined += int(n)
	}
	return v.Figures.FreeCount, quarantined
}

// TestSignature compares with the vector of RFC 4231 (test case 2), whose bytes
// nobody here made.
func TestSignature(t *testing.T) {
	const vector = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	body := []byte("what do ya want for nothing?")
	for _, c := range []struct {
		name      string
		secrets   []string
		signature string
		want      bool
	}{
		{"the vector", []string{"Jefe"}, vector, true},
		{"in capitals", []string{"Jefe"}, "sha256=" + strings.ToUpper(vector[7:]), true},
		{"the former secret", []string{"new", "Jefe"}, vector, true},
		{"another secret", []string{"jefe"}, vector, false},
		{"no secret", nil, vector, false},
		{"SHA-1", []string{"Jefe"}, "sha1=" + vector[7:], false},
		{"cut short", []string{"Jefe"}, vector[:len(vector)-2], false},
		{"no hex", []string{"Jefe"}, "sha256=zz", false},
		{"nothing", []string{"Jefe"}, "sha256=", false},
	} {
		if got := signed(c.secrets, c.signature, body); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestMetaReceive(t *testing.T) {
	a, _ := usageAPI(t)
	m := NewMeta(a.desk.Ledger, MetaOptions{AppSecrets: []string{"new", "former"}})
	var many []string
	for i := range 6000 { // more than a mebibyte
		many = append(many, status(fmt.Sprintf("many-%d", i), "delivered"))
	}
	for _, c := range []struct {
		name, body, secret string
		free               int64
		quarantined        int
	}{
		{"a status", webhook(status("w-1", "delivered")), "new", 1, 0},
		{"the same again, by the former secret", webhook(status("w-1", "read")), "former", 1, 0},
		{"laid out over lines", strings.ReplaceAll(webhook(status("w-2", "read")), ",", ",\n\t"), "new", 2, 0},
		{"nothing to charge", webhook(status("w-3", "sent")), "new", 2, 0},
		{"another field", `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"flows","value":{}}]}]}`, "new", 2, 0},
		{"one bad status of two", webhook(`{"id":"w-4","status":"read","pricing":{}}`, status("w-5", "read")), "new", 3, 1},
		{"no JSON", "no JSON", "new", 3, 2},
		{"a large one", webhook(many...), "new", 6003, 2},
	} {
		if w := send(m, c.body, signature(c.secret, c.body)); w.Code != 200 {
			t.Fatalf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if free, quarantined := counts(t, a); free != c.free || quarantined != c.quarantined {
			t.Errorf("%s: %d free, %d in quarantine", c.name, free, quarantined)
		}
	}
}

func TestMetaRefused(t *testing.T) {
	a, _ := usageAPI(t)
	set := MetaOptions{AppSecrets: []string{"new"}}
	body := webhook(status("w-1", "delivered"))
	for _, c := range []struct {
		name, body, signature string
		opts                  MetaOptions
		status                int
	}{
		{"not set up", body, signature("new", body), MetaOptions{}, 404},
		{"not signed", body, "", set, 401},
		{"another secret", body, signature("old", body), set, 403},
		{"another body", body + " ", signature("new", body), set, 403},
		{"the same JSON in other bytes", strings.Replace(body, `,"`, `, "`, 1), signature("new", body), set, 403},
		{"too large", strings.Repeat(" ", MaxMetaBytes+1), signature("new", strings.Repeat(" ", MaxMetaBytes+1)), set, 413},
	} {
		if w := send(NewMeta(a.desk.Ledger, c.opts), c.body, c.signature); w.Code != c.status || !strings.Contains(w.Body.String(), `"code"`) {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	m := NewMeta(a.desk.Ledger, set)
	m.under.Store(MaxMetaWebhooks)
	if w := send(m, body, signature("new", body)); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("overloaded: %d %s", w.Code, w.Body)
	}
	if free, quarantined := counts(t, a); free != 0 || quarantined != 0 {
		t.Errorf("%d free, %d in quarantine of what was refused", free, quarantined)
	}
}

func TestMetaVerify(t *testing.T) {
	a, _ := usageAPI(t)
	for _, c := range []struct {
		name, token, mode, given string
		status                   int
		body                     string
	}{
		{"right", "abc", "subscribe", "abc", 200, "1158201444<"},
		{"another token", "abc", "subscribe", "abd", 403, ""},
		{"no token", "abc", "subscribe", "", 403, ""},
		{"another mode", "abc", "unsubscribe", "abc", 403, ""},
		{"not set up", "", "subscribe", "", 404, ""},
	} {
		q := url.Values{"hub.mode": {c.mode}, "hub.verify_token": {c.given}, "hub.challenge": {"1158201444<"}}
		w := httptest.NewRecorder()
		NewMeta(a.desk.Ledger, MetaOptions{VerifyToken: c.token}).Verify(w, httptest.NewRequest(http.MethodGet, "/webhooks/meta?"+q.Encode(), nil))
		if w.Code != c.status || c.status == 200 && (w.Body.String() != c.body || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain")) {
			t.Errorf("%s: %d %s %v", c.name, w.Code, w.Body, w.Header())
		}
	}
}

// FuzzMeta has no signed body that is not taken: what can't be read is in
// quarantine, or Meta would send it for ever.
func FuzzMeta(f *testing.F) {
	for _, seed := range []string{webhook(status("w-1", "read")), "", "{}", "[]", `{"entry":[{"changes":[{"field":"account_update","value":{"volume_tier_info":{}}}]}]}`, "\xff\x00"} {
		f.Add([]byte(seed))
	}
	a, _ := usageAPI(f)
	m := NewMeta(a.desk.Ledger, MetaOptions{AppSecrets: []string{"s"}})
	f.Fuzz(func(t *testing.T, body []byte) {
		if w := send(m, string(body), signature("s", string(body))); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
