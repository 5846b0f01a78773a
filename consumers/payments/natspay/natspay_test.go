package natspay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/payments"
	"prepayledger/consumers/payments/manager"
	"prepayledger/consumers/payments/natspay"
	"prepayledger/domain"
	"prepayledger/domain/money"
)

// patience bounds the wait for the server (time).
const patience = 20 * time.Second

// connect starts a server, and connects the ledger and a payment service.
func connect(t *testing.T) (ledger, service *nats.Conn) {
	t.Helper()
	s, err := natsbus.StartServer(natsbus.ServerOptions{Dir: t.TempDir(), Host: "127.0.0.1", Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for role, conn := range map[natsbus.Role]**nats.Conn{natsbus.RolePrepay: &ledger, natsbus.RolePayments: &service} {
		if *conn, err = s.Connect(t.Context(), role); err != nil {
			t.Fatal(err)
		}
		t.Cleanup((*conn).Close)
	}
	return ledger, service
}

var request = &domain.RechargeRequested{RechargeID: "PA.1-R000001", CardTotal: money.MustParse("520.5"), Currency: "EUR", Card: "card-1"}

// What the service answers is the outcome; anything else is not known yet.
func TestCharge(t *testing.T) {
	conn, service := connect(t)
	d := natspay.New(conn)
	if _, known, err := d.Charge(t.Context(), "PA.1", request); known || !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("without a service: %t, %v", known, err)
	}
	answer := make(chan string, 1)
	asked := make(chan natspay.Request, 1)
	sub, err := service.Subscribe(natspay.RequestPrefix+"PA=2E1", func(m *nats.Msg) {
		var r natspay.Request
		if err := json.Unmarshal(m.Data, &r); err != nil {
			t.Error(err)
		}
		asked <- r
		_ = m.Respond([]byte(<-answer))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Flush(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	for _, c := range []struct {
		answer string
		want   payments.Outcome
		known  bool
		fails  bool
	}{
		{`{"status":"succeeded","reference":"x-1"}`, payments.Outcome{Succeeded: true, Reference: "x-1"}, true, false},
		{`{"status":"failed","code":"expired_card"}`, payments.Outcome{Code: "expired_card"}, true, false},
		{`{"status":"failed"}`, payments.Outcome{Code: "declined"}, true, false},
		{`{"status":"accepted"}`, payments.Outcome{}, false, false},
		{`{"status":"perhaps"}`, payments.Outcome{}, false, true},
		{`nonsense`, payments.Outcome{}, false, true},
	} {
		answer <- c.answer
		o, known, err := d.Charge(t.Context(), "PA.1", request)
		if o != c.want || known != c.known || (err != nil) != c.fails {
			t.Errorf("%s: %+v %t %v", c.answer, o, known, err)
		}
		if r := <-asked; r.ID != request.RechargeID || r.Amount.String() != "520.5" || r.Kind != "charge" || r.Card != "card-1" {
			t.Errorf("asked for %+v", r)
		}
	}
	answer <- `{"status":"succeeded","reference":"x-2"}`
	o, known, err := d.PayOut(t.Context(), payments.Payout{PartnerID: "PA.1", RefundID: "PA.1-F000001", Attempt: 2, PaymentRef: "x-1", Amount: money.FromInt(7), Currency: "EUR"})
	if !known || err != nil || o.Reference != "x-2" {
		t.Errorf("%+v %t %v", o, known, err)
	}
	if r := <-asked; r.Kind != "payout" || r.Attempt != 2 || r.PaymentRef != "x-1" {
		t.Errorf("asked for %+v", r)
	}
}

// sink keeps what it is told.
type sink struct {
	mu   sync.Mutex
	told []string
	err  error
}

func (s *sink) tell(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, fmt.Sprintf(format, args...))
	return s.err
}

func (s *sink) RechargeOutcome(_ context.Context, partner, id string, o payments.Outcome) error {
	return s.tell("charge %s %s %t %s%s", partner, id, o.Succeeded, o.Reference, o.Code)
}

func (s *sink) RefundOutcome(_ context.Context, partner, id string, attempt int, o payments.Outcome) error {
	return s.tell("payout %s %s/%d %t", partner, id, attempt, o.Succeeded)
}

func (s *sink) Reversed(_ context.Context, partner, id, ref, reason string) error {
	return s.tell("reversed %s %s %s %s", partner, id, ref, reason)
}

func (s *sink) Reinstated(_ context.Context, partner, id, ref string) error {
	return s.tell("reinstated %s %s %s", partner, id, ref)
}

// What the service tells is answered when it is taken, and says whether to
// tell it again.
func TestServe(t *testing.T) {
	conn, service := connect(t)
	s := &sink{}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := natspay.Serve(ctx, conn, s, nil); err != nil {
			t.Error(err)
		}
	})
	defer done.Wait()
	defer cancel()
	tell := func(text string) (a natspay.Answer) {
		t.Helper()
		for end := time.Now().Add(patience); ; {
			msg, err := service.Request(natspay.OutcomeSubject, []byte(text), patience)
			if errors.Is(err, nats.ErrNoResponders) && time.Now().Before(end) {
				continue // it is about to listen
			}
			if err == nil {
				err = json.Unmarshal(msg.Data, &a)
			}
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
	}
	for _, c := range []struct {
		outcome, told string
		want          natspay.Answer
	}{
		{`{"kind":"charge","partner_id":"PA","id":"R1","status":"succeeded","reference":"x"}`, "charge PA R1 true x", natspay.Answer{OK: true}},
		{`{"kind":"charge","partner_id":"PA","id":"R1","status":"accepted"}`, "", natspay.Answer{OK: true}},
		{`{"kind":"payout","partner_id":"PA","id":"F1","attempt":2,"status":"failed"}`, "payout PA F1/2 false", natspay.Answer{OK: true}},
		{`{"kind":"reversed","partner_id":"PA","id":"R1","reference":"d","code":"fraud"}`, "reversed PA R1 d fraud", natspay.Answer{OK: true}},
		{`{"kind":"reinstated","partner_id":"PA","id":"R1","reference":"d"}`, "reinstated PA R1 d", natspay.Answer{OK: true}},
		{`{"kind":"gift","id":"R1"}`, "", natspay.Answer{Final: true}},
		{`{"kind":"charge","id":"R1","status":"perhaps"}`, "", natspay.Answer{Final: true}},
		{`{`, "", natspay.Answer{Final: true}},
	} {
		s.told = nil
		got := tell(c.outcome)
		if (got.Error == "") != c.want.OK {
			t.Errorf("%s: %+v", c.outcome, got)
		}
		got.Error = ""
		want := []string{c.told}
		if c.told == "" {
			want = nil
		}
		if got != c.want || !slices.Equal(s.told, want) {
			t.Errorf("%s: %+v, told %q", c.outcome, got, s.told)
		}
	}
	const again = `{"kind":"charge","partner_id":"PA","id":"R1","status":"succeeded"}`
	s.err = errors.New("the disk is full")
	if got := tell(again); got.OK || got.Final || got.Error == "" {
		t.Errorf("where the ledger fails: %+v", got)
	}
	s.err = &manager.Refused{}
	if got := tell(again); got.OK || !got.Final {
		t.Errorf("where the ledger refuses: %+v", got)
	}
}

func TestCheckCard(t *testing.T) {
	d := natspay.New(nil)
	for card, good := range map[string]bool{"card-1": true, "tok_9": true, "": false, "4242424242424242": false, "4242 4242-4242 4242": false} {
		if err := d.CheckCard(card); (err == nil) != good {
			t.Errorf("%q: %v", card, err)
		}
	}
}
