package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	stripehook "github.com/stripe/stripe-go/v84/webhook"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/natsbus"
)

// R36: a refund is paid out to the card, by the simulated processor at once.
func TestRefundPayout(t *testing.T) {
	data := t.TempDir()
	ok(t, data, "account", "open", "PA-1", "--currency", "EUR", "--card", "sim_ok", "--carried-over", "500")
	refused(t, "refund_exceeds_payment", exitFailed, data, "account", "refund", "PA-1", "10", "--payout", "--reason", "end", "--actor", "finance:ana")
	ok(t, data, "account", "add-funds", "PA-1", "100")
	ok(t, data, "account", "refund", "PA-1", "40", "--payout", "--reason", "end", "--actor", "finance:ana")
	ok(t, data, "account", "refund", "PA-1", "5", "--recharge", "PA-1-R000001", "--reason", "end", "--actor", "finance:ana")
	v := parsed[desk.AccountView](t, data, "account", "show", "PA-1")
	if v.Balance.String() != "555" || len(v.Refunds) != 1 || v.Refunds[0].Status != "paid_out" || len(v.CreditNotes) != 2 || v.CreditNotes[0].Total.String() != "40" {
		t.Errorf("balance %s, refunds %+v, credit notes %+v", v.Balance, v.Refunds, v.CreditNotes)
	}
	if text := ok(t, data, "account", "show", "PA-1"); !strings.Contains(text, "PA-1-CN-2026-000001") || !strings.Contains(text, "paid_out") {
		t.Error(text)
	}
	refused(t, "refund_not_failed", exitFailed, data, "account", "refund-cancel", "PA-1", "PA-1-F000001", "--reason", "x", "--actor", "finance:ana")
	refused(t, "unknown_refund", exitFailed, data, "account", "refund-retry", "PA-1", "PA-1-F000009")
}

// bank is a Stripe that takes each payment once.
type bank struct {
	*httptest.Server
	captures atomic.Int32
	recharge atomic.Value // its id
}

func newBank(t *testing.T) *bank {
	t.Helper()
	b := &bank{}
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, format string, args ...any) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, format, args...)
	}
	intent := func(w http.ResponseWriter) {
		reply(w, `{"id":"pi_1","object":"payment_intent","status":"succeeded","metadata":{"partner_id":"PA-1","recharge_id":%q}}`, b.recharge.Load())
	}
	mux.HandleFunc("POST /v1/payment_intents", func(w http.ResponseWriter, r *http.Request) {
		if b.recharge.Swap(r.FormValue("metadata[recharge_id]")) == nil {
			b.captures.Add(1)
		}
		intent(w)
	})
	mux.HandleFunc("GET /v1/payment_intents/search", func(w http.ResponseWriter, _ *http.Request) { reply(w, `{"object":"list","data":[],"has_more":false}`) })
	mux.HandleFunc("GET /v1/payment_intents/pi_1", func(w http.ResponseWriter, _ *http.Request) { intent(w) })
	mux.HandleFunc("GET /v1/disputes", func(w http.ResponseWriter, _ *http.Request) { reply(w, `{"object":"list","data":[],"has_more":false}`) })
	mux.HandleFunc("GET /v1/disputes/dp_1", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, `{"id":"dp_1","object":"dispute","status":"lost","reason":"fraudulent","payment_intent":"pi_1"}`)
	})
	mux.HandleFunc("POST /v1/customers", func(w http.ResponseWriter, _ *http.Request) { reply(w, `{"id":"cus_1","object":"customer"}`) })
	mux.HandleFunc("POST /v1/checkout/sessions", func(w http.ResponseWriter, r *http.Request) {
		reply(w, `{"id":"cs_1","object":"checkout.session","url":"https://checkout.example/%s/%s"}`, r.FormValue("customer"), r.FormValue("metadata[partner_id]"))
	})
	b.Server = httptest.NewServer(mux)
	t.Cleanup(b.Close)
	return b
}

// prepay serve charges through Stripe, and takes its webhooks.
func TestServeStripe(t *testing.T) {
	const secret = "whsec_test"
	b, data := newBank(t), t.TempDir()
	flags := []string{"--payments", "stripe", "--stripe-key", "sk_test_1", "--stripe-url", b.URL, "--public-url", "https://prepay.example"}
	r := serve(t, data, append(flags, "--stripe-webhook-secret", secret)...)
	nc := r.connect(natsbus.RoleIntake)
	if a := r.ask(nc, natsbus.CommandPrefix+"OpenAccount", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"currency":"EUR","card":"cus_1/pm_1"}}`); a["ok"] != true {
		t.Fatal(a)
	}
	eventually(t, "the payment is credited", func() bool {
		_, metrics := r.get("/metrics")
		return b.captures.Load() == 1 && strings.Contains(metrics, "prepay_payments_in_flight 0")
	})
	if code, _ := r.get(cardDone); code != http.StatusOK {
		t.Errorf("the page after a card: %d", code)
	}
	body := []byte(`{"id":"evt_1","object":"event","type":"charge.dispute.closed","data":{"object":{"id":"dp_1"}}}`)
	signed := stripehook.GenerateTestSignedPayload(&stripehook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: time.Now()})
	for _, c := range []struct {
		signature string
		want      int
	}{{"", http.StatusBadRequest}, {signed.Header, http.StatusOK}, {signed.Header, http.StatusOK}} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.HTTP+stripeWebhook, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Stripe-Signature", c.signature)
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("webhook with signature %q: %d, want %d", c.signature, res.StatusCode, c.want)
		}
	}
	if code := r.end(); code != exitDone {
		t.Errorf("ended with %d", code)
	}
	v := parsed[desk.AccountView](t, data, "--payments", "stripe", "account", "show", "PA-1")
	if !v.Balance.IsZero() || v.Figures.Succeeded != 1 || v.Figures.ReversedCount != 1 || len(v.CreditNotes) != 1 || v.CreditNotes[0].Total.String() != "520" {
		t.Errorf("%+v", v)
	}
	refused(t, "sim_ok", exitFailed, data, "account", "card", "PA-1", "pm_2") // the simulated processor has no such card
	ok(t, data, "--payments", "stripe", "account", "card", "PA-1", "pm_2")
}

// prepay serve asks a payment service over NATS, and takes what it tells.
func TestServePaymentService(t *testing.T) {
	data := t.TempDir()
	r := serve(t, data, "--payments", "nats")
	service := r.connect(natsbus.RolePayments)
	asked := make(chan string, 64)
	if _, err := service.Subscribe(natsbus.PaymentPrefix+"*", func(m *nats.Msg) {
		select {
		case asked <- string(m.Data):
		default: // it is asked again and again
		}
		_ = m.Respond([]byte(`{"status":"accepted"}`))
	}); err != nil {
		t.Fatal(err)
	}
	if err := service.Flush(); err != nil {
		t.Fatal(err)
	}
	r.ask(r.connect(natsbus.RoleIntake), natsbus.CommandPrefix+"OpenAccount", `{"partner_id":"PA-1","actor":"finance:ana","payload":{"currency":"EUR","card":"tok_1"}}`)
	select {
	case request := <-asked:
		if !strings.Contains(request, `"id":"PA-1-R000001"`) || !strings.Contains(request, `"amount":"520"`) {
			t.Errorf("asked for %s", request)
		}
	case <-time.After(waiting):
		t.Fatal("the service is not asked")
	}
	for _, outcome := range []string{
		`{"kind":"charge","partner_id":"PA-1","id":"PA-1-R000001","status":"succeeded","reference":"x-1"}`,
		`{"kind":"charge","partner_id":"PA-1","id":"PA-1-R000001","status":"succeeded","reference":"x-1"}`,
		`{"kind":"reversed","partner_id":"PA-1","id":"PA-1-R000001","reference":"d-1","code":"fraud"}`,
	} {
		if a := r.ask(service, natsbus.PaymentOutcomeSubject, outcome); a["ok"] != true {
			t.Errorf("%s: %v", outcome, a)
		}
	}
	if code := r.end(); code != exitDone {
		t.Errorf("ended with %d", code)
	}
	v := parsed[desk.AccountView](t, data, "--payments", "nats", "account", "show", "PA-1")
	if !v.Balance.IsZero() || v.Figures.Succeeded != 1 || v.Figures.ReversedCount != 1 || v.InFlight != nil {
		t.Errorf("%+v", v)
	}
}

// What is missing for Stripe is named before anything is opened.
func TestStripeFlags(t *testing.T) {
	data := t.TempDir()
	for _, want := range []string{"--stripe-key", "--stripe-webhook-secret", "--public-url"} {
		refused(t, want, exitFailed, data, "--payments", "stripe", "serve")
	}
	refused(t, "--stripe-key", exitFailed, data, "account", "card-link", "PA-1")
	refused(t, "payments", exitUsage, data, "--payments", "cash", "balance")
	b := newBank(t)
	args := []string{"account", "card-link", "PA-1", "--stripe-key", "sk_test_1", "--stripe-url", b.URL, "--public-url", "https://prepay.example"}
	if got := ok(t, data, args...); got != "https://checkout.example/cus_1/PA-1\n" {
		t.Errorf("link %q", got)
	}
	var v map[string]string
	out := ok(t, data, append([]string{"--json"}, append(args, "--customer", "cus_7")...)...)
	if err := json.Unmarshal([]byte(out), &v); err != nil || v["url"] != "https://checkout.example/cus_7/PA-1" {
		t.Errorf("%s: %v", out, err)
	}
}
