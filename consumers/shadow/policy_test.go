package shadow_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"prepayledger/consumers/ledger"
	"prepayledger/consumers/ledger/ledgertest"
	"prepayledger/consumers/shadow"
	"prepayledger/domain"
	"prepayledger/domain/codec"
	"prepayledger/domain/money"
	"prepayledger/eventstore"
	"prepayledger/eventstore/embedded"
)

// world is a ledger in simulated time.
type world struct {
	t      *testing.T
	store  eventstore.Store
	codec  *codec.Codec
	ledger *ledger.Ledger
	now    time.Time
	n      int
}

var begin = time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, card, carried string) *world {
	t.Helper()
	store, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{t: t, store: store, codec: codec.New(), now: begin}
	w.ledger, err = ledger.Open(context.Background(), store, ledgertest.New(store, w.codec), w.codec, ledger.Options{
		Clock: func() time.Time { return w.now }, Exact: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.ledger.Close)
	w.do(&domain.OpenAccount{PartnerID: "PA-1", Currency: "EUR", CarriedOver: money.MustParse(carried), Card: card})
	w.do(&domain.RegisterChannel{ChannelID: "CH-1", PhoneNumber: "+34911001234", PhoneNumberID: "P-1", WABAID: "W-1", PaymentModel: domain.PartnerPaid})
	return w
}

// do gives a command; a rejection is none of the test's business.
func (w *world) do(cmd domain.Command) {
	w.t.Helper()
	err := w.ledger.Do(context.Background(), "PA-1", domain.Meta{Actor: "finance:ana"}, cmd)
	var rejection *domain.Rejection
	if err != nil && !errors.As(err, &rejection) {
		w.t.Fatal(err)
	}
}

func (w *world) charge(amount string) {
	w.t.Helper()
	w.n++
	outcomes, err := w.ledger.Charge(context.Background(), domain.Meta{Actor: "test"}, []ledger.Presented{{Charge: domain.Charge{
		ChargeID: fmt.Sprintf("c-%d", w.n), PartnerID: "PA-1", ChannelID: "CH-1", WABAID: "W-1", Market: "Spain", Category: "marketing",
		Model: domain.PMP, PricingType: domain.PricingTypeRegular, OccurredAt: w.now, Priced: true, Amount: money.MustParse(amount), Currency: "EUR",
	}}})
	if err != nil || outcomes[0].Charge != domain.ChargeDeducted {
		w.t.Fatalf("%+v, %v", outcomes, err)
	}
}

func (w *world) account() *domain.Account {
	w.t.Helper()
	var account domain.Account
	if err := w.ledger.Inspect(context.Background(), "PA-1", func(a *domain.Account) { account = *a }); err != nil {
		w.t.Fatal(err)
	}
	return &account
}

func (w *world) replay(terms shadow.Terms) *shadow.Policy {
	w.t.Helper()
	w.account() // works what is due
	p, err := shadow.Replay(context.Background(), w.store, w.codec, ledger.AccountStream("PA-1"), w.now, terms)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func amount(s string) *money.Amount { a := money.MustParse(s); return &a }

// TestPolicyByHand: figures worked out on paper.
func TestPolicyByHand(t *testing.T) {
	w := newWorld(t, "sim_ok", "500")
	for range 10 { // 100 a day: 500, 400, … as it was, recharged below 100
		w.now = w.now.Add(domain.Day)
		w.charge("100")
	}
	w.now = w.now.Add(domain.Day)
	// As it was: at 0 the amount due is recharged (500), twice in ten days.
	p := w.replay(shadow.Terms{Threshold: amount("250"), RechargeAmount: amount("1000")})
	if p.Actual != 2 || p.Before.Recharges != 2 || p.Before.ClosingBalance.String() != "500" || p.Before.Charges != 10 {
		t.Errorf("as it was: %+v", p.Before)
	}
	// 400, 300, 200 + 1000 = 1200, 1100 … 500 after seven more charges.
	a := p.After
	if a.Recharges != 1 || a.Credited.String() != "1000" || a.ClosingBalance.String() != "500" || a.LowestBalance.String() != "200" || a.GraceTime != 0 {
		t.Errorf("under the terms: %+v", a)
	}
	// Eleven days: 500 400 300 1200 1100 1000 900 800 700 600 500 are 8000.
	if want, _ := money.FromInt(8000).Quo(money.FromInt(11), shadow.AverageDecimals); !a.AveragePrepaid.Equal(want) {
		t.Errorf("average %s, want %s", a.AveragePrepaid, want)
	}
	// 500 400 300 200 100 500 400 300 200 100 500 are 3500.
	if want, _ := money.FromInt(3500).Quo(money.FromInt(11), shadow.AverageDecimals); !p.Before.AveragePrepaid.Equal(want) {
		t.Errorf("average as it was %s, want %s", p.Before.AveragePrepaid, want)
	}
}

// TestPolicyGrace: a declined card, and a longer and a shorter grace.
func TestPolicyGrace(t *testing.T) {
	w := newWorld(t, "sim_declined", "500")
	w.now = begin.Add(domain.Day)
	w.charge("510")
	w.now = w.now.Add(10 * domain.Day)
	days := func(n int) *int { return &n }
	p := w.replay(shadow.Terms{GraceDays: days(30)})
	if b := p.Before; b.Blocks != 1 || b.GraceTime != 7*domain.Day || b.BlockedTime != 3*domain.Day || b.LowestBalance.String() != "-10" {
		t.Errorf("as it was: %+v", b)
	}
	if a := p.After; a.Blocks != 0 || a.GraceTime != 10*domain.Day || a.BlockedTime != 0 || a.Failed < 10 {
		t.Errorf("30 days: %+v", a)
	}
	if a := w.replay(shadow.Terms{GraceDays: days(0)}).After; a.Blocks != 1 || a.GraceTime != 0 || a.BlockedTime != 10*domain.Day {
		t.Errorf("no grace: %+v", a)
	}
}

// TestReplayIsWhatHappened: with the terms as they were the replay comes to
// what the ledger came to, whatever happened.
func TestReplayIsWhatHappened(t *testing.T) {
	blocks := 0
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 5))
		card := []string{"sim_ok", "sim_declined", "sim_declined_until=2026-10-14T00:00:00Z"}[rng.IntN(3)]
		w := newWorld(t, card, []string{"500", "20", "900.5"}[rng.IntN(3)])
		for range 60 {
			w.now = w.now.Add(time.Duration(1+rng.IntN(60)) * time.Hour / 2)
			switch rng.IntN(12) {
			case 0:
				w.do(&domain.AddFunds{Amount: money.FromInt(10 + rng.Int64N(300))})
			case 1:
				w.do(&domain.ConfirmPayment{Reference: fmt.Sprint("ref-", w.n), Amount: money.FromInt(1 + rng.Int64N(200))})
			case 2:
				w.do(&domain.ChangeRechargeSettings{Threshold: amount(fmt.Sprint(rng.IntN(200)))})
			case 3:
				w.do(&domain.ReplaceCard{Card: []string{"sim_ok", "sim_declined"}[rng.IntN(2)]})
			case 4:
				w.do(&domain.AdjustReconciliation{Month: "2026-09", Run: w.n + 1, Amount: money.FromInt(rng.Int64N(40) - 20)})
			case 5:
				w.do(&domain.Refund{Amount: money.FromInt(1 + rng.Int64N(20)), Reason: "goodwill"})
			default:
				w.charge(fmt.Sprintf("%d.%02d", rng.IntN(90), rng.IntN(100)))
			}
		}
		// The card of a replay is judged by the log: one that was changed
		// between two payments is not known, which is its stated limit.
		p := w.replay(shadow.Terms{})
		a := w.account()
		if p.Before.Recharges == p.Actual && !p.Before.ClosingBalance.Equal(a.Balance) {
			t.Errorf("seed %d: balance %s, replay %+v", seed, a.Balance, p.Before)
		}
		if fmt.Sprint(p.Before) != fmt.Sprint(p.After) {
			t.Errorf("seed %d: the same terms differ: %+v, %+v", seed, p.Before, p.After)
		}
		if p.Before.Recharges != p.Actual {
			t.Logf("seed %d: %d recharges, %d in the log", seed, p.Before.Recharges, p.Actual)
			t.Fail()
		}
		blocks += p.Before.Blocks
	}
	if blocks == 0 {
		t.Error("nothing was ever blocked: the test does not test")
	}
}

// TestUnknownAccount is refused.
func TestUnknownAccount(t *testing.T) {
	w := newWorld(t, "sim_ok", "500")
	_, err := shadow.Replay(context.Background(), w.store, w.codec, ledger.AccountStream("PA-2"), w.now, shadow.Terms{})
	if domain.RejectionCode(err) != domain.UnknownAccount {
		t.Error(err)
	}
}
