package stripe_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// keysLive is how long the fake remembers an idempotency key (time).
const keysLive = 24 * time.Hour

// fake is a Stripe: it remembers idempotency keys, has cards that behave by
// their names, and breaks as it is told. A second capture for one recharge,
// or a second payout for one refund, fails the test.
type fake struct {
	t   *testing.T
	now func() time.Time

	mu       sync.Mutex
	rng      *rand.Rand // not nil: faults at random, until calm
	calm     bool
	faults   []string // of the next POSTs: "", "500", "400", "409", "429", "lost"
	keys     map[string]*answered
	intents  map[string]*intent
	refunds  []*refund
	disputes map[string]*dispute
	captures map[string]int // by recharge id
	payouts  map[string]int // by refund id
	requests []string
	serial   int
	// refunding is the status of new refunds; "" is succeeded.
	refunding string
	// succeeded is called with each capture, before the answer; nil is nothing.
	succeeded func(*intent)
}

type answered struct {
	params string
	status int
	body   []byte
	at     time.Time
}

type intent struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Status        string            `json:"status"`
	Amount        int64             `json:"amount"`
	Currency      string            `json:"currency"`
	Metadata      map[string]string `json:"metadata"`
	LastError     map[string]any    `json:"last_payment_error"`
	PaymentMethod string            `json:"payment_method"`
	Customer      string            `json:"customer,omitempty"`
	polls         int
}

type refund struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Status        string            `json:"status"`
	Amount        int64             `json:"amount"`
	PaymentIntent string            `json:"payment_intent"`
	Metadata      map[string]string `json:"metadata"`
	FailureReason string            `json:"failure_reason,omitempty"`
}

type dispute struct {
	ID            string `json:"id"`
	Object        string `json:"object"`
	Status        string `json:"status"`
	Reason        string `json:"reason"`
	PaymentIntent string `json:"payment_intent"`
}

func newFake(t *testing.T, now func() time.Time) (*fake, string) {
	t.Helper()
	f := &fake{
		t: t, now: now, keys: map[string]*answered{}, intents: map[string]*intent{}, disputes: map[string]*dispute{},
		captures: map[string]int{}, payouts: map[string]int{},
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL
}

func (f *fake) fault() string {
	if f.rng != nil && !f.calm {
		return []string{"", "", "", "500", "409", "429", "lost", "lost"}[f.rng.IntN(8)]
	}
	if len(f.faults) == 0 {
		return ""
	}
	next := f.faults[0]
	f.faults = f.faults[1:]
	return next
}

// ServeHTTP answers as Stripe does.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.ParseForm() != nil {
		return // the request broke off: its sender has ended
	}
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	if r.Header.Get("Authorization") != "Bearer sk_test_1" {
		write(w, 401, problem("invalid_request_error", "", ""))
		return
	}
	if r.Method == http.MethodGet {
		status, body := f.get(r)
		write(w, status, body)
		return
	}
	fault := f.fault()
	switch fault {
	case "500":
		write(w, 500, problem("api_error", "", ""))
		return
	case "400": // the key with other parameters: something is wrong, but not the card
		write(w, 400, problem("idempotency_error", "", ""))
		return
	case "409":
		write(w, 409, problem("idempotency_error", "idempotency_key_in_use", ""))
		return
	case "429":
		write(w, 429, problem("invalid_request_error", "rate_limit", ""))
		return
	}
	status, body := f.once(r)
	if fault == "lost" {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = connection.Close()
		}
		return
	}
	write(w, status, body)
}

// once works a request, or repeats the answer to an earlier one of its key.
func (f *fake) once(r *http.Request) (int, any) {
	key, params := r.Header.Get("Idempotency-Key"), r.URL.Path+"?"+r.PostForm.Encode()
	if before := f.keys[key]; key != "" && before != nil && f.now().Sub(before.at) < keysLive {
		if before.params != params {
			return 400, problem("idempotency_error", "", "")
		}
		return before.status, json.RawMessage(before.body)
	}
	status, body := f.post(r)
	if key != "" && status != 404 {
		text, _ := json.Marshal(body)
		f.keys[key] = &answered{params, status, text, f.now()}
	}
	return status, body
}

func (f *fake) id(prefix string) string {
	f.serial++
	return fmt.Sprintf("%s%d", prefix, f.serial)
}

func (f *fake) post(r *http.Request) (int, any) {
	form := r.PostForm
	meta := map[string]string{}
	for k := range form {
		if name, found := strings.CutPrefix(k, "metadata["); found {
			meta[strings.TrimSuffix(name, "]")] = form.Get(k)
		}
	}
	var amount int64
	_, _ = fmt.Sscan(form.Get("amount"), &amount)
	switch path := r.URL.Path; {
	case path == "/v1/payment_intents":
		for k, want := range map[string]string{"confirm": "true", "off_session": "true", "error_on_requires_action": "true"} {
			if form.Get(k) != want {
				f.t.Errorf("%s is %q, want %s", k, form.Get(k), want)
			}
		}
		pi := &intent{ID: f.id("pi_"), Object: "payment_intent", Amount: amount, Currency: form.Get("currency"), Metadata: meta, PaymentMethod: form.Get("payment_method"), Customer: form.Get("customer")}
		return f.confirm(pi)
	case strings.HasSuffix(path, "/cancel"):
		pi := f.intents[strings.TrimSuffix(strings.TrimPrefix(path, "/v1/payment_intents/"), "/cancel")]
		if pi == nil {
			return 404, problem("invalid_request_error", "resource_missing", "")
		}
		if pi.Status == "succeeded" || pi.Status == "canceled" {
			return 400, problem("invalid_request_error", "payment_intent_unexpected_state", "")
		}
		pi.Status = "canceled"
		return 200, pi
	case path == "/v1/refunds":
		return f.refund(form.Get("payment_intent"), amount, meta)
	case path == "/v1/customers":
		return 200, map[string]any{"id": f.id("cus_"), "object": "customer"}
	case path == "/v1/checkout/sessions":
		if form.Get("mode") != "setup" || meta["partner_id"] == "" || form.Get("success_url") == "" {
			f.t.Errorf("a page for %v", form)
		}
		return 200, map[string]any{"id": f.id("cs_"), "object": "checkout.session", "url": "https://checkout.example/" + form.Get("customer")}
	}
	f.t.Errorf("the fake does not know POST %s", r.URL.Path)
	return 404, problem("invalid_request_error", "", "")
}

// confirm does what the card does by its name.
func (f *fake) confirm(pi *intent) (int, any) {
	decline := func(code, declineCode string) (int, any) {
		pi.Status = "requires_payment_method"
		pi.LastError = map[string]any{"type": "card_error", "code": code, "decline_code": declineCode}
		f.intents[pi.ID] = pi
		body := problem("card_error", code, declineCode)
		copied := *pi
		body["error"].(map[string]any)["payment_intent"] = copied
		return 402, body
	}
	switch pi.PaymentMethod {
	case "pm_missing":
		return 404, problem("invalid_request_error", "resource_missing", "")
	case "pm_declined":
		return decline("card_declined", "generic_decline")
	case "pm_poor":
		return decline("card_declined", "insufficient_funds")
	case "pm_expired":
		return decline("expired_card", "expired_card")
	case "pm_auth":
		return decline("authentication_required", "authentication_required")
	case "pm_slow":
		pi.Status = "processing"
	case "pm_fickle": // declines now and then
		if !f.calm && f.rng.IntN(3) == 0 {
			return decline("card_declined", "generic_decline")
		}
		f.capture(pi)
	default:
		f.capture(pi)
	}
	f.intents[pi.ID] = pi
	copied := *pi
	return 200, copied
}

func (f *fake) capture(pi *intent) {
	pi.Status = "succeeded"
	id := pi.Metadata["recharge_id"]
	if f.captures[id]++; f.captures[id] > 1 {
		f.t.Errorf("recharge %s was charged %d times", id, f.captures[id])
	}
	if f.succeeded != nil {
		f.succeeded(pi)
	}
}

func (f *fake) refund(payment string, amount int64, meta map[string]string) (int, any) {
	pi := f.intents[payment]
	if pi == nil {
		return 404, problem("invalid_request_error", "resource_missing", "")
	}
	left := pi.Amount
	for _, r := range f.refunds {
		if r.PaymentIntent == payment && r.Status != "failed" {
			left -= r.Amount
		}
	}
	if amount > left {
		return 400, problem("invalid_request_error", "charge_already_refunded", "")
	}
	re := &refund{ID: f.id("re_"), Object: "refund", Status: "succeeded", Amount: amount, PaymentIntent: payment, Metadata: meta}
	if f.refunding != "" {
		re.Status = f.refunding
	}
	if f.rng != nil && !f.calm {
		re.Status = []string{"succeeded", "pending", "failed"}[f.rng.IntN(3)]
	}
	if re.Status == "failed" {
		re.FailureReason = "expired_or_canceled_card"
	}
	f.refunds = append(f.refunds, re)
	f.paid(re)
	copied := *re
	return 200, copied
}

func (f *fake) paid(re *refund) {
	if re.Status != "succeeded" {
		return
	}
	id := re.Metadata["refund_id"]
	if f.payouts[id]++; f.payouts[id] > 1 {
		f.t.Errorf("refund %s was paid %d times", id, f.payouts[id])
	}
}

func (f *fake) get(r *http.Request) (int, any) {
	path := r.URL.Path
	list := func(data []any) map[string]any {
		return map[string]any{"object": "list", "data": data, "has_more": false}
	}
	switch {
	case path == "/v1/payment_intents/search":
		var found []any
		for _, pi := range f.intents {
			if r.Form.Get("query") == fmt.Sprintf("metadata['recharge_id']:'%s'", pi.Metadata["recharge_id"]) {
				found = append(found, pi)
			}
		}
		return 200, list(found)
	case path == "/v1/refunds":
		var found []any
		for _, re := range f.refunds {
			if re.PaymentIntent != r.Form.Get("payment_intent") {
				continue
			}
			if f.rng != nil && re.Status == "pending" && f.rng.IntN(2) == 0 {
				re.Status = "succeeded"
				f.paid(re)
			}
			found = append(found, re)
		}
		return 200, list(found)
	case strings.HasPrefix(path, "/v1/payment_intents/"):
		if pi := f.intents[strings.TrimPrefix(path, "/v1/payment_intents/")]; pi != nil {
			if pi.polls++; pi.Status == "processing" && pi.polls > 1 {
				f.capture(pi)
			}
			return 200, pi
		}
	case path == "/v1/disputes":
		var found []any
		for _, id := range slices.Sorted(maps.Keys(f.disputes)) {
			found = append(found, f.disputes[id])
		}
		return 200, list(found)
	case strings.HasPrefix(path, "/v1/disputes/"):
		if d := f.disputes[strings.TrimPrefix(path, "/v1/disputes/")]; d != nil {
			return 200, d
		}
	case strings.HasPrefix(path, "/v1/setup_intents/"):
		return 200, map[string]any{"id": "seti_1", "object": "setup_intent", "status": "succeeded", "customer": "cus_9", "payment_method": "pm_9"}
	}
	return 404, problem("invalid_request_error", "resource_missing", "")
}

func problem(kind, code, decline string) map[string]any {
	e := map[string]any{"type": kind, "message": "no"}
	if code != "" {
		e["code"] = code
	}
	if decline != "" {
		e["decline_code"] = decline
	}
	return map[string]any{"error": e}
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
