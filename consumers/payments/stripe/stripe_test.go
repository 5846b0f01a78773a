package stripe_test

import (
	"strings"
	"testing"
	"time"

	"prepayledger/consumers/payments"
	"prepayledger/consumers/payments/stripe"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

var start = time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)

// world is a driver with its Stripe.
type world struct {
	t      *testing.T
	fake   *fake
	driver *stripe.Driver
	now    time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: start}
	clock := func() time.Time { return w.now }
	f, url := newFake(t, clock)
	w.fake, w.driver = f, stripe.New(stripe.Options{Key: "sk_test_1", URL: url, Clock: clock})
	return w
}

func request(card, total, currency string) *domain.RechargeRequested {
	return &domain.RechargeRequested{RechargeID: "PA-R000001", CardTotal: money.MustParse(total), Currency: money.Currency(currency), Card: card, RequestedAt: start}
}

// charge asks once; the answer is "ok REF", "failed CODE", or "unknown".
func (w *world) charge(r *domain.RechargeRequested) string {
	w.t.Helper()
	defer w.finish()
	return told(w.driver.Charge(w.t.Context(), "PA", r))
}

// finish waits until the fake has worked the last request, also one whose
// answer was lost.
func (w *world) finish() {
	w.fake.mu.Lock()
	defer w.fake.mu.Unlock()
}

func told(o payments.Outcome, known bool, err error) string {
	switch {
	case err != nil || !known:
		return "unknown"
	case o.Succeeded:
		return "ok " + o.Reference
	default:
		return "failed " + o.Code
	}
}

// What each card comes to, in our codes; a failure can't succeed later.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct{ card, total, currency, want string }{
		{"pm_1", "520", "EUR", "ok pi_1"},
		{"cus_1/pm_1", "520.01", "USD", "ok pi_1"},
		{"pm_declined", "520", "EUR", "failed declined"},
		{"pm_poor", "520", "EUR", "failed insufficient_funds"},
		{"pm_expired", "520", "EUR", "failed expired_card"},
		{"cus_1/pm_auth", "520", "EUR", "failed authentication_required"},
		{"pm_missing", "520", "EUR", "failed card_unknown"},
		{"pm_1", "12.34", "MGA", "failed amount_not_supported"}, // two decimals, but not at Stripe
		{"pm_1", "1.234", "KWD", "failed amount_not_supported"},
	} {
		w := newWorld(t)
		for range 2 { // told again, the same
			if got := w.charge(request(c.card, c.total, c.currency)); got != c.want {
				t.Errorf("%s %s %s: %s, want %s", c.card, c.total, c.currency, got, c.want)
			}
		}
		for _, pi := range w.fake.intents {
			if pi.Status != "succeeded" && pi.Status != "canceled" {
				t.Errorf("%s: the payment is left %s", c.card, pi.Status)
			}
			if customer, _, found := strings.Cut(c.card, "/"); found != (pi.Customer != "") || found && pi.Customer != customer {
				t.Errorf("%s: of customer %q", c.card, pi.Customer)
			}
			if pi.Metadata["partner_id"] != "PA" || pi.Metadata["recharge_id"] != "PA-R000001" {
				t.Errorf("metadata %v", pi.Metadata)
			}
		}
	}
}

// Amounts are exact in the units of the currency.
func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		total, currency string
		want            int64
	}{
		{"520", "EUR", 52000}, {"0.5", "EUR", 50}, {"1234567.89", "USD", 123456789}, {"5201", "JPY", 5201}, {"3.140", "KWD", 3140}, {"12", "MGA", 12}, {"700", "ISK", 70000},
	} {
		w := newWorld(t)
		if got := w.charge(request("pm_1", c.total, c.currency)); got != "ok pi_1" {
			t.Fatalf("%s %s: %s", c.total, c.currency, got)
		}
		if pi := w.fake.intents["pi_1"]; pi.Amount != c.want || pi.Currency != strings.ToLower(c.currency) {
			t.Errorf("%s %s is %d %s, want %d", c.total, c.currency, pi.Amount, pi.Currency, c.want)
		}
	}
}

// Whatever is lost, the card is charged once (R16); the fake fails the test on
// a second capture.
func TestUnknownIsAskedAgain(t *testing.T) {
	for _, faults := range [][]string{{"500"}, {"400"}, {"409"}, {"429"}, {"lost"}, {"lost", "500", "lost", "409"}} {
		w := newWorld(t)
		w.fake.faults = faults
		got := w.charge(request("pm_1", "520", "EUR"))
		if got != "unknown" {
			t.Errorf("%v: first %s", faults, got)
		}
		for range faults { // net/http repeats some of them by itself
			if got == "unknown" {
				got = w.charge(request("pm_1", "520", "EUR"))
			}
		}
		if got != "ok pi_1" || w.fake.captures["PA-R000001"] != 1 {
			t.Errorf("%v: %s, %d captures", faults, got, w.fake.captures["PA-R000001"])
		}
	}
}

// A payment that is older than its key is found instead of made again; one
// that was never made is made.
func TestForgottenKey(t *testing.T) {
	w := newWorld(t)
	w.fake.faults = []string{"lost"}
	if got := w.charge(request("pm_1", "520", "EUR")); got != "unknown" {
		t.Fatal(got)
	}
	w.now = start.Add(50 * time.Hour)
	if got := w.charge(request("pm_1", "520", "EUR")); got != "ok pi_1" {
		t.Errorf("found as %s", got)
	}
	w = newWorld(t)
	w.now = start.Add(50 * time.Hour)
	if got := w.charge(request("pm_1", "520", "EUR")); got != "ok pi_1" {
		t.Errorf("made as %s", got)
	}
}

// A failure whose cancellation fails is not known yet; a payment that is being
// worked neither.
func TestNotFinalYet(t *testing.T) {
	w := newWorld(t)
	w.fake.faults = []string{"", "500"} // the second POST cancels
	if got := w.charge(request("pm_declined", "520", "EUR")); got != "unknown" {
		t.Errorf("a failure that was not cancelled: %s", got)
	}
	if got := w.charge(request("pm_declined", "520", "EUR")); got != "failed declined" {
		t.Errorf("then %s", got)
	}
	w = newWorld(t)
	if got := w.charge(request("pm_slow", "520", "EUR")); got != "unknown" {
		t.Errorf("being worked: %s", got)
	}
	if got := w.charge(request("pm_slow", "520", "EUR")); got != "ok pi_1" {
		t.Errorf("then %s", got)
	}
}

// A wrong key of ours is no partner's failure.
func TestWrongKeyIsNoFailure(t *testing.T) {
	_, url := newFake(t, time.Now)
	d := stripe.New(stripe.Options{Key: "sk_test_2", URL: url, Clock: func() time.Time { return start }})
	o, known, err := d.Charge(t.Context(), "PA", request("pm_1", "520", "EUR"))
	if known || err == nil || strings.Contains(err.Error(), "sk_test_2") {
		t.Errorf("%+v %t %v", o, known, err)
	}
}

func TestCheckCard(t *testing.T) {
	d := stripe.New(stripe.Options{})
	for card, good := range map[string]bool{
		"pm_1NxYz": true, "cus_9/pm_9": true, "pm_": false, "4242424242424242": false, "sim_ok": false, "cus_9": false, "cus_9/": false,
		"x_9/pm_9": false, "pm_1'": false, "pm_1/pm_2": false, "": false,
	} {
		if err := d.CheckCard(card); (err == nil) != good {
			t.Errorf("%q: %v", card, err)
		}
	}
}

func payout(attempt int, amount string) payments.Payout {
	return payments.Payout{PartnerID: "PA", RefundID: "PA-F000001", Attempt: attempt, RechargeID: "PA-R000001", PaymentRef: "pi_1", Amount: money.MustParse(amount), Currency: "EUR"}
}

func (w *world) payOut(p payments.Payout) string {
	w.t.Helper()
	defer w.finish()
	return told(w.driver.PayOut(w.t.Context(), p))
}

// Refunds are paid once, whatever is lost and however late it is asked (R36).
func TestPayOut(t *testing.T) {
	for _, faults := range [][]string{{}, {"500"}, {"409"}, {"lost"}, {"lost", "lost"}} {
		for _, later := range []time.Duration{0, 50 * time.Hour} {
			w := newWorld(t)
			w.charge(request("pm_1", "520", "EUR"))
			w.fake.faults = faults
			for _, fault := range faults {
				got := w.payOut(payout(1, "20"))
				if got != "unknown" && fault != "lost" {
					t.Fatalf("%v: %s", faults, got)
				}
				w.now = w.now.Add(later)
			}
			if got := w.payOut(payout(1, "20")); got != "ok re_2" || w.fake.payouts["PA-F000001"] != 1 || w.fake.refunds[0].Amount != 2000 {
				t.Errorf("%v %s: %s, paid %d times, %+v", faults, later, got, w.fake.payouts["PA-F000001"], w.fake.refunds[0])
			}
		}
	}
}

// A refund that failed fails again under its attempt, and is paid by the next.
func TestPayOutAgain(t *testing.T) {
	w := newWorld(t)
	w.charge(request("pm_1", "520", "EUR"))
	w.fake.refunding = "failed"
	for range 2 {
		if got := w.payOut(payout(1, "20")); got != "failed expired_or_canceled_card" {
			t.Fatal(got)
		}
	}
	w.fake.refunding = "pending"
	for range 2 {
		if got := w.payOut(payout(2, "20")); got != "unknown" {
			t.Fatal(got)
		}
	}
	w.fake.refunds[1].Status = "succeeded"
	if got := w.payOut(payout(2, "20")); got != "ok re_3" {
		t.Error(got)
	}
	if got := w.payOut(payout(3, "20")); got != "ok re_3" || len(w.fake.refunds) != 2 {
		t.Errorf("after it was paid: %s, %d refunds", got, len(w.fake.refunds))
	}
	other := payout(1, "510")
	other.RefundID = "PA-F000002"
	if got := w.payOut(other); got != "failed charge_already_refunded" {
		t.Error(got)
	}
	other.PaymentRef = "sim-1"
	if got := w.payOut(other); got != "failed payment_unknown" {
		t.Error(got)
	}
}

// A page for saving a card is made for the partner's own customer.
func TestCardLink(t *testing.T) {
	w := newWorld(t)
	for card, want := range map[string]string{"cus_7/pm_1": "https://checkout.example/cus_7", "sim_ok": "https://checkout.example/cus_1"} {
		w.fake.serial = 0
		if got, err := w.driver.CardLink(t.Context(), "PA", card, "https://prepay.example/card"); got != want || err != nil {
			t.Errorf("%s: %s, %v", card, got, err)
		}
	}
}
