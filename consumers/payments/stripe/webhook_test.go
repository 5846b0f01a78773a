package stripe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v84/webhook"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/payments"
	"prepayledger/consumers/payments/manager"
	"prepayledger/consumers/payments/stripe"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore/embedded"
)

const secret = "whsec_test"

// told keeps what a sink is told.
type sink struct {
	told []string
	err  error
}

func (s *sink) tell(format string, args ...any) error {
	s.told = append(s.told, fmt.Sprintf(format, args...))
	return s.err
}

func (s *sink) RechargeOutcome(_ context.Context, partner, id string, o payments.Outcome) error {
	return s.tell("%s %s %t %s%s", partner, id, o.Succeeded, o.Reference, o.Code)
}

func (s *sink) RefundOutcome(_ context.Context, partner, id string, attempt int, o payments.Outcome) error {
	return s.tell("%s %s/%d %t", partner, id, attempt, o.Succeeded)
}

func (s *sink) Reversed(_ context.Context, partner, id, ref, reason string) error {
	return s.tell("%s %s reversed %s %s", partner, id, ref, reason)
}

func (s *sink) Reinstated(_ context.Context, partner, id, ref string) error {
	return s.tell("%s %s reinstated %s", partner, id, ref)
}

func (s *sink) CardRegistered(_ context.Context, partner, ref, card string) error {
	return s.tell("%s %s %s", partner, ref, card)
}

// post sends a signed event and returns the status.
func post(t *testing.T, h http.Handler, kind string, object any, at time.Time) int {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Appendf(nil, `{"id":"evt_1","object":"event","api_version":"2020-01-01","type":%q,"data":{"object":%s}}`, kind, raw)
	signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at})
	return send(h, body, signed.Header)
}

func send(h http.Handler, body []byte, signature string) int {
	r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(string(body)))
	r.Header.Set("Stripe-Signature", signature)
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer.Code
}

// What webhooks tell, and what they do not.
func TestWebhook(t *testing.T) {
	w := newWorld(t)
	w.charge(request("pm_1", "520", "EUR"))
	ours := w.fake.intents["pi_1"]
	declined := &intent{ID: "pi_77", Object: "payment_intent", Status: "requires_payment_method", Metadata: ours.Metadata, LastError: map[string]any{"type": "card_error", "code": "expired_card"}}
	w.fake.intents[declined.ID] = declined
	w.fake.intents["pi_78"] = &intent{ID: "pi_78", Object: "payment_intent", Status: "succeeded"}
	w.payOut(payout(1, "20"))
	w.fake.refunds = append(w.fake.refunds, &refund{ID: "re_77", Object: "refund", Status: "succeeded", PaymentIntent: "pi_1"})
	for status, id := range map[string]string{"needs_response": "dp_1", "lost": "dp_2", "won": "dp_3", "warning_needs_response": "dp_4"} {
		w.fake.disputes[id] = &dispute{ID: id, Object: "dispute", Status: status, Reason: "fraudulent", PaymentIntent: "pi_1"}
	}
	w.fake.disputes["dp_5"] = &dispute{ID: "dp_5", Object: "dispute", Status: "lost", PaymentIntent: "pi_78"}
	id := func(id string) any { return map[string]any{"id": id} }
	for _, c := range []struct {
		kind   string
		object any
		want   string
	}{
		{"payment_intent.succeeded", ours, "PA PA-R000001 true pi_1"},
		{"payment_intent.payment_failed", declined, "PA PA-R000001 false expired_card"},
		{"payment_intent.succeeded", w.fake.intents["pi_78"], ""}, // somebody else's
		{"charge.dispute.created", id("dp_1"), "PA PA-R000001 reversed dp_1 fraudulent"},
		{"charge.dispute.closed", id("dp_2"), "PA PA-R000001 reversed dp_2 fraudulent"},
		{"charge.dispute.created", id("dp_3"), "PA PA-R000001 reinstated dp_3"}, // as it is now
		{"charge.dispute.created", id("dp_4"), ""},                              // no money moved
		{"charge.dispute.created", id("dp_5"), ""},
		{"charge.refunded", map[string]any{"id": "ch_1", "payment_intent": "pi_1"}, "PA PA-F000001/1 true"},
		{"refund.failed", map[string]any{"id": "re_2", "payment_intent": "pi_1"}, "PA PA-F000001/1 true"},
		{"checkout.session.completed", map[string]any{"id": "cs_1", "mode": "setup", "setup_intent": "seti_1", "metadata": map[string]string{"partner_id": "PA"}}, "PA cs_1 cus_9/pm_9"},
		{"checkout.session.completed", map[string]any{"id": "cs_1", "mode": "payment"}, ""},
		{"customer.created", id("cus_1"), ""},
	} {
		s := &sink{}
		h := &stripe.Webhook{Driver: w.driver, Sink: s, Secret: secret}
		if got := post(t, h, c.kind, c.object, time.Now()); got != 200 || strings.Join(s.told, "; ") != c.want {
			t.Errorf("%s: %d, told %q, want %q", c.kind, got, s.told, c.want)
		}
		if c.want == "" {
			continue
		}
		s.err = errors.New("the disk is full")
		if got := post(t, h, c.kind, c.object, time.Now()); got != 503 {
			t.Errorf("%s where the ledger fails: %d", c.kind, got)
		}
		s.err = &manager.Refused{}
		if got := post(t, h, c.kind, c.object, time.Now()); got != 200 {
			t.Errorf("%s that the ledger refuses: %d", c.kind, got)
		}
	}
	if declined.Status != "canceled" {
		t.Errorf("a failure was told, and its payment is %s", declined.Status)
	}
}

// Disputes whose webhooks were lost are found; one that fails does not hide
// the others, and a refusal is final.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	w.charge(request("pm_1", "520", "EUR"))
	for id, status := range map[string]string{"dp_1": "lost", "dp_2": "warning_closed", "dp_3": "won"} {
		w.fake.disputes[id] = &dispute{ID: id, Object: "dispute", Status: status, Reason: "fraudulent", PaymentIntent: "pi_1"}
	}
	w.fake.disputes["dp_0"] = &dispute{ID: "dp_0", Object: "dispute", Status: "lost", PaymentIntent: "pi_gone"}
	s := &sink{}
	h := &stripe.Webhook{Driver: w.driver, Sink: s, Secret: secret}
	if err := h.Sweep(t.Context()); err == nil || strings.Join(s.told, "; ") != "PA PA-R000001 reversed dp_1 fraudulent; PA PA-R000001 reinstated dp_3" {
		t.Errorf("told %q, %v", s.told, err)
	}
	delete(w.fake.disputes, "dp_0")
	s.err = &manager.Refused{}
	if err := h.Sweep(t.Context()); err != nil {
		t.Errorf("refused: %v", err)
	}
	s.err = errors.New("the disk is full")
	if err := h.Sweep(t.Context()); err == nil {
		t.Error("a failure of the ledger is none of the sweep")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Run(ctx); err != nil {
		t.Error(err)
	}
}

// What is not signed by Stripe, or long ago, tells nothing.
func TestWebhookSignature(t *testing.T) {
	w := newWorld(t)
	w.charge(request("pm_1", "520", "EUR"))
	s := &sink{}
	h := &stripe.Webhook{Driver: w.driver, Sink: s, Secret: secret}
	if got := post(t, h, "payment_intent.succeeded", w.fake.intents["pi_1"], time.Now().Add(-10*time.Minute)); got != 400 {
		t.Errorf("an old one: %d", got)
	}
	for _, signature := range []string{"", "t=1,v1=00", "nonsense"} {
		if got := send(h, []byte(`{"type":"payment_intent.succeeded"}`), signature); got != 400 {
			t.Errorf("signature %q: %d", signature, got)
		}
	}
	if got := send(h, make([]byte, stripe.MaxWebhookBytes+1), ""); got != 413 {
		t.Errorf("a long one: %d", got)
	}
	if len(s.told) != 0 {
		t.Errorf("told %v", s.told)
	}
}

// clock is one that the manager's pauses move, but for while it waits for an
// answer: a request does not take an hour.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	waiting sync.RWMutex
}

// steady is a driver during whose requests time stands still.
type steady struct {
	*stripe.Driver
	clock *clock
}

func (s steady) Charge(ctx context.Context, partner string, r *domain.RechargeRequested) (payments.Outcome, bool, error) {
	s.clock.waiting.RLock()
	defer s.clock.waiting.RUnlock()
	return s.Driver.Charge(ctx, partner, r)
}

func (s steady) PayOut(ctx context.Context, p payments.Payout) (payments.Outcome, bool, error) {
	s.clock.waiting.RLock()
	defer s.clock.waiting.RUnlock()
	return s.Driver.PayOut(ctx, p)
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	if c.waiting.TryLock() {
		c.mu.Lock()
		c.now = c.now.Add(haste * d)
		c.mu.Unlock()
		c.waiting.Unlock()
	}
	runtime.Gosched()
	return ctx.Err()
}

// The sizes of the random runs.
const (
	randomRuns  = 3
	randomSteps = 80
	// leastOfEach is how many captures and payouts there must be over all runs
	// for them to mean anything.
	leastOfEach = 4
	// haste is by how much time runs faster than the manager's pauses.
	haste = 40
	// patience bounds the wait for the manager (time).
	patience = 30 * time.Second
)

// Through Stripe, with requests and answers lost, conflicts, failures of the
// server, webhooks before the answers, twice and late, and a manager that
// crashes: what was captured is what was credited, and what was paid back is
// what was refunded. The fake fails the test on a second capture or payout.
func TestMoneyIsConservedThroughStripe(t *testing.T) {
	captures, payouts := 0, 0
	for seed := range uint64(randomRuns) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			c := &clock{now: start}
			f, url := newFake(t, c.Now)
			f.rng = rand.New(rand.NewPCG(seed, 16))
			driver := stripe.New(stripe.Options{Key: "sk_test_1", URL: url, Clock: c.Now})
			store, err := embedded.Open(t.TempDir(), embedded.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			events := codec.New()
			views := ledgertest.New(store, events)
			l, err := ledger.Open(t.Context(), store, views, events, ledger.Options{Clock: c.Now, Processor: payments.Deferred{Driver: driver}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.Close)
			do := func(cmd domain.Command) error {
				return l.Do(t.Context(), "PA", domain.Meta{Actor: "finance:ana"}, cmd)
			}
			if err := do(&domain.OpenAccount{PartnerID: "PA", Currency: "EUR", CarriedOver: money.FromInt(500), Card: "cus_1/pm_fickle"}); err != nil {
				t.Fatal(err)
			}
			var m *manager.Manager
			var end func()
			total := 0
			begin := func() {
				m = manager.New(l, views, steady{driver, c}, manager.Options{Sleep: c.sleep})
				ctx, cancel := context.WithCancel(t.Context())
				var done sync.WaitGroup
				done.Go(func() { _ = m.Run(ctx) })
				end = func() { cancel(); done.Wait() }
			}
			begin()
			webhooks := func() {
				h := &stripe.Webhook{Driver: driver, Sink: m, Secret: secret}
				f.mu.Lock()
				var intents []intent
				for _, pi := range f.intents {
					intents = append(intents, *pi, *pi)
				}
				f.rng.Shuffle(len(intents), func(i, j int) { intents[i], intents[j] = intents[j], intents[i] })
				f.mu.Unlock()
				for _, pi := range intents { // copies
					kind := "payment_intent.payment_failed"
					if pi.Status == "succeeded" {
						kind = "payment_intent.succeeded"
					}
					post(t, h, kind, pi, time.Now())
					post(t, h, "charge.refunded", map[string]any{"id": "ch", "payment_intent": pi.ID}, time.Now())
				}
			}
			rng := rand.New(rand.NewPCG(seed, 17))
			progress := func(requests int) { // or until nothing is on its way
				for until := time.Now().Add(patience); requests > 0 && len(views.Pending()) > 0; runtime.Gosched() {
					f.mu.Lock()
					if len(f.requests) > 0 {
						requests -= len(f.requests)
						total += len(f.requests)
						f.requests = f.requests[:0]
					}
					f.mu.Unlock()
					if time.Now().After(until) {
						t.Fatalf("no request within %s", patience)
					}
				}
			}
			for range randomSteps {
				progress(rng.IntN(12))
				switch rng.IntN(6) {
				case 0, 1:
					_ = do(&domain.AddFunds{Amount: money.FromInt(int64(10 + rng.IntN(100)))})
				case 2:
					_ = do(&domain.Refund{Amount: money.FromInt(int64(1 + rng.IntN(20))), Reason: "end", Payout: true})
				case 3:
					webhooks()
				default:
					end()
					begin()
				}
			}
			f.mu.Lock()
			f.calm = true
			for _, re := range f.refunds {
				if re.Status == "pending" {
					re.Status = "succeeded"
					f.paid(re)
				}
			}
			f.mu.Unlock()
			c.waiting.Lock()
			c.mu.Lock()
			c.now = c.now.Add(25 * time.Hour) // failed refunds are tried again
			c.mu.Unlock()
			c.waiting.Unlock()
			for until := time.Now().Add(patience); len(views.Pending()) > 0; runtime.Gosched() {
				if time.Now().After(until) {
					t.Fatalf("still on their way after %s: %+v", patience, views.Pending())
				}
			}
			webhooks()
			end()
			a := domain.NewAccount()
			if err := l.Inspect(t.Context(), "PA", func(s *domain.Account) {
				text, _ := json.Marshal(s)
				_ = json.Unmarshal(text, a)
			}); err != nil {
				t.Fatal(err)
			}
			all, err := views.Payments(t.Context(), "PA", "")
			if err != nil {
				t.Fatal(err)
			}
			credited := 0
			for _, p := range all {
				if f.captures[p.RechargeID] != 1 {
					t.Errorf("%s was credited and captured %d times", p.RechargeID, f.captures[p.RechargeID])
				}
				credited++
			}
			if credited != len(f.captures) {
				t.Errorf("%d credited, %d captured", credited, len(f.captures))
			}
			for id, r := range a.Refunds {
				if paid := r.Status == domain.RefundIsPaid; paid != (f.payouts[id] == 1) {
					t.Errorf("refund %s is %s, paid %d times", id, r.Status, f.payouts[id])
				}
			}
			if s := m.Status(); s.Refused != 0 {
				t.Errorf("the ledger refused %d outcomes", s.Refused)
			}
			t.Logf("%d requests, %d captures, %d payouts, %d refunds", total, len(f.captures), len(f.payouts), len(a.Refunds))
			captures, payouts = captures+len(f.captures), payouts+len(f.payouts)
		})
	}
	if captures < leastOfEach || payouts < leastOfEach {
		t.Errorf("the runs were idle: %d captures, %d payouts", captures, payouts)
	}
}
